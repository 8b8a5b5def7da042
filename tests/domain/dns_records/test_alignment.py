"""Alignment of the From domain with what SPF or DKIM authenticated (RFC 7489 section 3.1)."""

import pytest

from senddock.domain.dns_records.alignment import aligned


def last_two_labels(name: str) -> str:
    return ".".join(name.split(".")[-2:])


@pytest.mark.parametrize(
    ("author", "authenticated", "strict", "expected"),
    [
        ("example.com", "example.com", True, True),
        ("example.com", "EXAMPLE.com.", True, True),
        ("example.com", "send.example.com", False, True),
        ("example.com", "send.example.com", True, False),
        ("news.example.com", "example.com", False, True),
        ("news.example.com", "example.com", True, False),
        ("example.com", "amazonses.com", False, False),
        ("example.com", "badexample.com", False, False),
    ],
)
def test_relaxed_compares_organisations_and_strict_compares_names(
    author: str, authenticated: str, strict: bool, expected: bool
) -> None:
    assert aligned(author, authenticated, last_two_labels, strict=strict) is expected
