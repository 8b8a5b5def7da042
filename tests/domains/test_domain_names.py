"""Names that people enter."""

import pytest

from senddock.domains.name import InvalidDomain, ascii_domain


@pytest.mark.parametrize(
    ("entered", "name"),
    [
        ("example.com", "example.com"),
        (" Example.COM. ", "example.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_it_writes_names_in_their_ascii_form(entered: str, name: str) -> None:
    assert ascii_domain(entered) == name


@pytest.mark.parametrize(
    "entered",
    ["", " ", "example", "a..b", ".example.com", "alice@example.com", "https://example.com", "192.0.2.1", "2001:db8::1",
     "exa mple.com", "x" * 64 + ".com", ".".join(["abcdefgh"] * 30), "exa\\mple.com", "a\x00b.com"],
)  # fmt: skip
def test_it_says_what_to_enter_instead_of_what_is_no_domain(entered: str) -> None:
    with pytest.raises(InvalidDomain, match=r"example\.com"):
        ascii_domain(entered)
