"""Raw mail with lines longer than servers take: encoded anew where they are, and byte for byte the same elsewhere."""

import email
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senddock.content.invalid import InvalidContent
from senddock.content.long_lines import DEEPEST, LONGEST, shortened, unfoldable

LONG = b"x" * 100_000
_lines = st.lists(st.binary(max_size=30).filter(lambda line: not set(line) & set(b"\r\n")), max_size=5)


def longest(raw: bytes) -> int:
    return max(map(len, raw.split(b"\r\n")))


def decoded(raw: bytes) -> list[bytes]:
    return [
        bytes(part.get_payload(decode=True)) for part in email.message_from_bytes(raw).walk() if not part.is_multipart()
    ]


@settings(max_examples=100, deadline=None)
@given(_lines, _lines)
def test_a_text_with_a_long_line_is_the_same_text_afterwards(before: list[bytes], after: list[bytes]) -> None:
    body = b"\r\n".join([*before, LONG, *after]) + b"\r\n"
    raw = b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body
    made = shortened(raw)
    assert longest(made) <= LONGEST
    assert decoded(made)[0].replace(b"\r\n", b"\n") == body.replace(b"\r\n", b"\n")


def test_only_the_part_with_the_long_line_changes() -> None:
    calendar = b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n \tfolded \r\nEND:VCALENDAR\r\n"
    html = b"Content-Type: text/html\r\n\r\n<p>" + LONG + b"</p>\r\n"
    data = b"Content-Type: application/x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + LONG
    raw = b'From: a@b.de\r\nContent-Type: multipart/mixed; boundary="b=1"\r\n\r\npreamble\r\n'
    raw += b"".join(b"--b=1\r\n" + part + b"\r\n" for part in (calendar, html, data)) + b"--b=1--\r\nepilogue\r\n"
    made = shortened(raw)
    assert longest(made) <= LONGEST
    assert calendar in made
    assert made.startswith(raw[: raw.index(calendar)])
    assert made.endswith(b"--b=1--\r\nepilogue\r\n")
    assert [part.rstrip() for part in decoded(made)] == [part.rstrip() for part in decoded(raw)]


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: x\r\n\r\nshort\r\n",
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n" + LONG + b"\r\n--s--\r\n",
    ],
    ids=["short", "signed"],
)
def test_what_is_short_or_signed_stays(raw: bytes) -> None:
    assert shortened(raw) is raw


def test_a_forwarded_message_is_shortened_inside() -> None:
    inner = b"Subject: in\r\nContent-Type: text/plain\r\n\r\n" + LONG + b"\r\n"
    made = shortened(b"Content-Type: message/rfc822\r\n\r\n" + inner)
    assert longest(made) <= LONGEST
    assert decoded(made)[0].strip() == LONG


@pytest.mark.parametrize("before", [b"", b"x" * 78 + b"\r\n", b"x" * 998 + b"\r\n", b"\r\n" * 700])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\nlast\r\n"])
@pytest.mark.parametrize(("octets", "kept"), [(997, True), (998, True), (999, False), (1000, False), (2001, False)])
def test_998_octets_are_the_last_that_stay_wherever_the_line_is(
    before: bytes, end: bytes, octets: int, kept: bool
) -> None:
    raw = b"From: us@example.com\r\nSubject: x\r\n\r\n" + before + b"y" * octets + end
    assert (shortened(raw) is raw) == kept


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=900), min_size=3, max_size=12), st.sampled_from([" ", "  ", "\t"]))
def test_a_long_header_line_is_folded_where_it_has_spaces_and_reads_the_same(words: list[str], between: str) -> None:
    value = between.join(words)
    raw = f"X-List: {value}\r\nSubject: x\r\n\r\nshort\r\n".encode()
    made = shortened(raw)
    assert longest(made) <= LONGEST
    assert made.replace(b"\r\n", b"") == raw.replace(b"\r\n", b""), "nothing but line ends is added"
    assert all(line.strip() for line in made.split(b"\r\n\r\n")[0].split(b"\r\n")), "no line of spaces alone"
    assert email.message_from_bytes(made)["x-list"].replace("\r\n", "") == value
    assert unfoldable(made) is None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda _, inner: b"Content-Type: message/rfc822\r\n\r\n" + inner,
        lambda number, inner: (
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) + inner
        ),
    ],
    ids=["messages", "parts"],
)
def test_a_long_line_deep_within_parts_is_shortened_or_refused_in_words(wrap: Callable[[int, bytes], bytes]) -> None:
    raw = b"\r\n" + LONG + b"\r\n"
    for number in range(DEEPEST):
        raw = wrap(number, raw)
    assert longest(shortened(raw)) <= LONGEST
    for number in range(DEEPEST, 3000):
        raw = wrap(number, raw)
    with pytest.raises(InvalidContent, match="nests so deep"):
        shortened(raw)


def test_a_header_line_without_a_space_is_named() -> None:
    assert unfoldable(shortened(b"Subject: " + LONG + b"\r\n\r\nshort\r\n")) == ("subject", len(LONG) + 1)
    assert unfoldable(b"Subject: x\r\n\r\n" + LONG) is None
