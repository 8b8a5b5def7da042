"""Addresses that may stand on the wire, and those that may not."""

import pytest

from senddock.domain.envelope import Address, Envelope, InvalidAddress


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example",
        "first.last+tag@example.com",
        '"quoted local"@example.com',
        "a@[127.0.0.1]",
        "a@[IPv6:2001:db8::1]",
        "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc@example.com",
        "ü@example.com",
        "x@müller.de",
    ],
)
def test_it_takes_what_rfc_5321_and_6531_allow(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b", "a@", "a b@c.de", "a@b c", "a..b@c.de", ".a@c.de", "a@-b.de", "a@b..de", "a@b.de\r\nRCPT TO:<x@y.z>",
        "a@b.de\n", "a\x00@b.de", "<a@b.de>", "a@b.de>", "a" * 65 + "@b.de", "a@" + "b" * 300 + ".de", "a@b@c,d",
        "a@[999.0.0.1]", "a@[1.2.3]", "a@[IPv6:nonsense]", "a@[IPv6:1::2::3]", "a@[IPv6:127.0.0.1]", "a@[]",
    ],
)  # fmt: skip
def test_it_refuses_everything_else(text: str) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(text)


def test_the_domain_is_compared_in_lower_case_and_the_local_part_as_given() -> None:
    assert str(Address.parse("Ana@EXAMPLE.com")) == "Ana@example.com"


def test_an_international_domain_travels_in_ascii_unless_the_local_part_needs_smtputf8() -> None:
    assert Address.parse("a@müller.de").wire() == "a@xn--mller-kva.de"
    assert Address.parse("ü@müller.de").needs_smtputf8


def test_duplicate_recipients_are_kept_once_and_none_is_refused() -> None:
    assert len(Envelope.of(None, ["a@b.de", "a@B.de"]).recipients) == 1
    with pytest.raises(InvalidAddress):
        Envelope.of("a@b.de", [])


def test_an_address_literal_is_the_same_however_it_is_written_and_can_be_read_again() -> None:
    read = Address.parse("a@[ipv6:2001:DB8:0::1]")
    assert str(read) == "a@[IPv6:2001:db8::1]"
    assert Address.parse(str(read)) == read
    assert read.wire() == str(read)


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\u00a0", "\ufeff", "\u2066", "\u3000"])
@pytest.mark.parametrize("form", ["a{}b@example.com", "{}a@example.com", "a@exa{}mple.com", "a@example.com{}"])
def test_what_cannot_be_seen_in_an_address_is_named_instead_of_sent(hidden: str, form: str) -> None:
    with pytest.raises(InvalidAddress, match=f"U\\+{ord(hidden):04X}"):
        Address.parse(form.format(hidden))


@pytest.mark.parametrize("control", ["\x85", "\x9f", "\u2028", "\u2029"])
def test_ends_of_lines_beyond_ascii_are_control_characters_too(control: str) -> None:
    with pytest.raises(InvalidAddress, match="control character"):
        Address.parse(f"a{control}b@example.com")


def test_octets_that_were_no_utf_8_are_refused_in_words() -> None:
    with pytest.raises(InvalidAddress, match="UTF-8"):
        Address.parse("a\udcff@example.com")
