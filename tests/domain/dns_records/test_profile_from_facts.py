"""The facts about a provider's records become a profile; what the facts leave open stays open."""

from typing import Any

import pytest

from senddock.domain.dns_records.facts import profile_from_dns_facts
from senddock.domain.dns_records.profile import ExpectedRecord, ReturnPath, SpfLocation

RESEND: dict[str, Any] = {
    "spf": {
        "include": "amazonses.com",
        "location": "send.<domain> (return-path subdomain), not the apex",
        "record": "v=spf1 include:amazonses.com ~all",
        "required": True,
    },
    "dkim": {
        "type": "TXT",
        "records": [{"name": "resend._domainkey", "value": "p=<public key shown in the dashboard>"}],
        "selectors_to_probe": ["resend"],
    },
    "return_path": {
        "type": "MX + TXT",
        "records": [
            {"name": "send", "type": "MX", "priority": 10, "value": "feedback-smtp.<region>.amazonses.com"},
            {"name": "send", "type": "TXT", "value": "v=spf1 include:amazonses.com ~all"},
        ],
        "default_label": "send",
    },
    "tracking": None,
}


def test_it_maps_a_provider_with_a_return_path_of_its_own() -> None:
    profile = profile_from_dns_facts("resend", RESEND)

    assert (profile.key, profile.spf_include, profile.spf_location) == (
        "resend",
        "amazonses.com",
        SpfLocation.RETURN_PATH,
    )
    assert (profile.return_path, profile.return_path_label) == (ReturnPath.LABEL, "send")
    assert profile.return_path_domain("example.com") == "send.example.com"
    assert (profile.selectors, profile.probe_selectors, profile.dkim_kind) == (("resend",), (), "TXT")
    assert [record.type for record in profile.return_path_records] == ["MX", "TXT"]


def test_it_maps_a_mailbox_host_whose_mail_comes_from_the_domain_itself() -> None:
    profile = profile_from_dns_facts(
        "hostinger",
        {
            "spf": {"include": "_spf.mail.hostinger.com", "location": "apex", "required": True},
            "dkim": {
                "type": "CNAME",
                "records": [
                    {"name": "hostingermail-a._domainkey", "value": "hostingermail-a.dkim.mail.hostinger.com"},
                ],
                "selectors_to_probe": ["hostingermail-a", "hostingermail-b"],
            },
            "return_path": {"type": "same domain", "records": [], "default_label": None},
        },
    )

    assert (profile.spf_location, profile.return_path) == (SpfLocation.DOMAIN, ReturnPath.SAME)
    assert profile.return_path_domain("example.com") == "example.com"
    assert (profile.selectors, profile.probe_selectors) == (("hostingermail-a",), ("hostingermail-b",))


@pytest.mark.parametrize(
    ("path", "kind", "label"),
    [
        ({"type": "CNAME", "records": [], "default_label": "em####"}, ReturnPath.LABEL, None),
        ({"type": "CNAME", "records": [], "default_label": "em<id>"}, ReturnPath.LABEL, None),
        ({"type": "CNAME", "records": [], "default_label": "pm-bounces"}, ReturnPath.LABEL, "pm-bounces"),
        ({"type": "CNAME", "records": [], "default_label": None}, ReturnPath.SHARED, None),
        ({"type": None, "records": [], "default_label": None}, ReturnPath.SHARED, None),
        ({"type": "MX", "records": [{"name": "@ (when …)", "type": "MX", "value": "x."}]}, ReturnPath.SAME, None),
        (None, ReturnPath.SHARED, None),
    ],
)
def test_it_tells_three_kinds_of_return_path(path: dict[str, Any] | None, kind: ReturnPath, label: str | None) -> None:
    profile = profile_from_dns_facts("x", {"spf": {"include": "spf.example.net"}, "return_path": path})

    assert (profile.return_path, profile.return_path_label) == (kind, label)


@pytest.mark.parametrize(
    ("location", "required", "expected"),
    [
        ("apex", True, SpfLocation.DOMAIN),
        ("the sending (sub)domain itself", True, SpfLocation.DOMAIN),
        ("apex, no longer required", False, SpfLocation.NOT_NEEDED),
        ("not needed with the CNAME set-up", False, SpfLocation.NOT_NEEDED),
        ("bounce domain / optional", False, SpfLocation.RETURN_PATH),
        (None, None, SpfLocation.NOT_NEEDED),
    ],
)
def test_it_tells_where_the_include_belongs(location: str | None, required: bool | None, expected: SpfLocation) -> None:
    profile = profile_from_dns_facts("x", {"spf": {"location": location, "required": required}})

    assert profile.spf_location is expected


def test_it_keeps_regional_includes_as_alternatives_of_the_documented_one() -> None:
    spf = {"include": "zoho.com (zohomail.com, zoho.eu by region)", "record": "v=spf1 include:zohomail.com ~all"}

    assert profile_from_dns_facts("zoho", {"spf": spf}).includes == ("zohomail.com", "zoho.com", "zoho.eu")


@pytest.mark.parametrize(
    ("marks", "unconfirmed"),
    [
        ({"confidence": "high", "memory_fields": ["dkim.value_prefix", "tracking"]}, set()),
        ({"confidence": "medium", "memory_fields": ["all values"]}, {"spf", "dkim", "return_path"}),
        ({"confidence": "memory"}, {"spf", "dkim", "return_path"}),
        ({"memory_fields": ["spf include", "dkim selectors"]}, {"spf", "dkim"}),
        ({"memory_fields": ["spf"]}, {"spf"}),
        ({"memory_fields": ["SPF source path"]}, set()),
        ({"memory_fields": ["CNAME values"]}, {"dkim"}),
        ({"memory_fields": ["include/CNAME values"]}, {"spf", "dkim"}),
        ({"memory_fields": ["selector name", "bounce value"]}, {"dkim", "return_path"}),
        ({"spf": {"confidence": "memory"}}, {"spf"}),
        ({"dkim": {"confidence": "memory (a third-party page)"}}, {"dkim"}),
    ],
)
def test_it_keeps_in_mind_what_rests_on_memory(marks: dict[str, Any], unconfirmed: set[str]) -> None:
    assert profile_from_dns_facts("x", marks).unconfirmed == unconfirmed


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("TXT", "k=rsa; p=…", True),
        ("TXT", "shared key, same for every domain", False),
        ("TXT", "as shown", False),
        ("CNAME", "dkim.example.net", True),
        ("CNAME", "…", False),
    ],
)
def test_a_value_told_in_words_becomes_a_place_to_fill(kind: str, value: str, kept: bool) -> None:
    dkim = {"type": kind, "records": [{"name": "s._domainkey", "value": value}]}

    (record,) = profile_from_dns_facts("x", {"dkim": dkim}).dkim_records

    assert record.value == (value if kept else "<value shown by the provider>")


def test_it_takes_no_selector_that_only_the_provider_knows() -> None:
    dkim = {
        "type": "CNAME",
        "records": [{"name": "<token1>._domainkey", "value": "<token1>.dkim.amazonses.com"}],
        "selectors_to_probe": ["s<account id>", "20*pm (date + pm)", "pm"],
        "alt_type": "TXT mail._domainkey",
    }

    profile = profile_from_dns_facts("x", {"dkim": dkim})

    assert (profile.selectors, profile.probe_selectors) == ((), ("pm",))
    assert profile.dkim_kind == "TXT or CNAME"


@pytest.mark.parametrize(
    ("value", "found", "matches"),
    [
        ("b1.<domain-with-dashes>.dkim.brevo.com", "b1.example-com.dkim.brevo.com", True),
        ("b1.<domain-with-dashes>.dkim.brevo.com", "b1.other-com.dkim.brevo.com", False),
        ("fm1.<domain>.dkim.fmhosted.com", "FM1.example.com.dkim.fmhosted.com.", True),
        ("u<NNN>.wl<NNN>.sendgrid.net", "u123.wl045.sendgrid.net", True),
        ("u<NNN>.wl<NNN>.sendgrid.net", "u123.wl045.sendgrid.net.evil.example", False),
        ("<token1>.dkim.amazonses.com", "a.b.dkim.amazonses.com", False),
        ("…", "anything.example", True),
    ],
)
def test_an_expected_value_matches_whatever_its_places_may_hold(value: str, found: str, matches: bool) -> None:
    assert ExpectedRecord("CNAME", "x", value).matches(found, "example.com") is matches
