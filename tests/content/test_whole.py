"""Address fields of a message that arrives whole: the short way reads what the standard library's parser reads."""

from email.utils import getaddresses

from hypothesis import given
from hypothesis import strategies as st

from senddock.content.whole import WholeMessage, _mailboxes

_PIECES = st.sampled_from(
    ["ana", "bo", "@", "example.org", ".", "<", ">", " ", "  ", ",", ";", ":", '"', "\\", "(", ")", "[", "]",
     "=?utf-8?q?Gr=C3=BC?=", "=", "?", "_", "'", "-", "+", "%", "ü", "\t", "Team", "a@b.example", "<ana@example.org>"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=9).map("".join))
def test_the_short_way_reads_what_the_long_one_does(text: str) -> None:
    assert list(_mailboxes(text)) == getaddresses([text])


def test_fields_of_several_people_and_encoded_names_are_read() -> None:
    message = WholeMessage(
        b"From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <us@example.com>\r\nTo: Ana Maria <ana@example.org>,\r\n"
        b' "O\'Neil, Bo" <bo@example.org>\r\nTo: eve@example.org\r\nCc: nonsense\r\n\r\nx'
    )
    assert message.mailboxes("from") == [("Grüße", "us@example.com")]
    assert message.mailboxes("to") == [
        ("Ana Maria", "ana@example.org"), ("O'Neil, Bo", "bo@example.org"), ("", "eve@example.org"),
    ]  # fmt: skip
    assert message.mailboxes("cc", "reply-to") == []
