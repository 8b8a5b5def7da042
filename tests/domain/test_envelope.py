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
