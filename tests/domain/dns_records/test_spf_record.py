"""SPF records are taken apart as RFC 7208 sections 4.5, 4.6 and 12 say."""

from ipaddress import ip_network

import pytest

from senddock.domain.dns_records.spf_record import parse_spf, spf_texts


@pytest.mark.parametrize(
    ("text", "is_spf"),
    [
        ("v=spf1", True),
        ("v=spf1 -all", True),
        ("V=SPF1 -all", True),
        ("v=spf10 -all", False),
        ("v=spf1-all", False),
        ("v=spf1\t-all", False),
        (" v=spf1 -all", False),
        ("spf2.0/pra -all", False),
        ("google-site-verification=v=spf1 ", False),
    ],
)
def test_it_tells_spf_records_by_their_version_section(text: str, is_spf: bool) -> None:
    assert spf_texts([text]) == ([text] if is_spf else [])


def test_it_reads_qualifiers_targets_and_prefixes() -> None:
    record = parse_spf("v=spf1 a:mail.example.com/24//64 -mx ?include:_spf.example.net ip4:192.0.2.7/24 ~all")

    a, mx, include, ip4, everybody = record.mechanisms
    assert (a.name, a.qualifier, a.target, a.prefix4, a.prefix6) == ("a", "+", "mail.example.com", 24, 64)
    assert (mx.name, mx.qualifier, mx.target, mx.prefix4) == ("mx", "-", None, 32)
    assert (include.qualifier, include.target) == ("?", "_spf.example.net")
    assert ip4.network == ip_network("192.0.2.0/24")
    assert everybody.qualifier == record.all_qualifier == "~"
    assert record.errors == ()


def test_it_keeps_modifiers_and_passes_over_unknown_ones() -> None:
    record = parse_spf("v=spf1 ra=postmaster redirect=_spf.example.com")

    assert record.redirect == "_spf.example.com"
    assert record.mechanisms == ()
    assert record.errors == ()


@pytest.mark.parametrize(
    "term",
    [
        "ip4:192.0.2.256",
        "ip4:192.0.2.1/33",
        "ip4:192.0.2.1/08",
        "ip4:192.0.2.1//32",
        "ip4:2001:db8::1",
        "ip4",
        "ip6:192.0.2.1",
        "ip6:2001:db8::/129",
        "all:example.com",
        "all/8",
        "a:",
        "a:example.com/33",
        "mx//129",
        "include",
        "include:",
        "include:localhost",
        "include:example.123",
        "include:example.com/24",
        "exists:%{x}.example.com",
        "exists:%(i).example.com",
        "exists:%{i0}.example.com",
        "exists:%{c}.example.com",
        "includes:example.com",
        "ipv4:192.0.2.1",
        "redirect=",
        "exp=a.example.com exp=b.example.com",
        "redirect=a.example.com redirect=b.example.com",
        "include:ex\u00e4mple.com",
        "=all",
    ],
)
def test_it_names_what_receivers_cannot_read(term: str) -> None:
    record = parse_spf(f"v=spf1 {term} -all")

    assert len(record.errors) == 1
    assert record.all_qualifier == "-"


@pytest.mark.parametrize(
    "term",
    [
        "a/0",
        "a//64",
        "mx:example.com/24",
        "ptr",
        "ptr:example.com",
        "exists:%{ir}.%{v}._spf.%{d2}",
        "exists:%{l1r-+}._spf.%{d}",
        "exists:%%.%_.%-.example.com",
        "include:%{d}",
        "include:example.com.",
        "include:_spf.xn--mnchen-3ya.example",
        "ip6:2001:db8::/32",
        "moo.cow_far-out=man:dog/cat",
    ],
)
def test_it_reads_every_form_the_grammar_allows(term: str) -> None:
    assert parse_spf(f"v=spf1 {term} -all").errors == ()
