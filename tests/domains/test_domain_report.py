"""The report on a domain: the outward JSON shape, and advice that mends what it found."""

from dataclasses import replace
from typing import Any

import pytest

from senddock.domain.dns_records.facts import profile_from_dns_facts
from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.profile import ExpectedRecord, ReturnPath, SendingProfile, SpfLocation
from senddock.domains.check import check_domain
from senddock.domains.name import InvalidDomain

KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
OFFICE = SendingProfile("office", "_spf.office.test", spf_location=SpfLocation.DOMAIN, selectors=("of",))
BULK = SendingProfile(
    "bulk",
    "_spf.bulk.test",
    spf_location=SpfLocation.DOMAIN,
    selectors=("k1", "k2"),
    dkim_kind="CNAME",
    dkim_records=(
        ExpectedRecord("CNAME", "k1._domainkey", "k1.<domain-with-dashes>.bulk.test"),
        ExpectedRecord("CNAME", "k2._domainkey", "k2.<domain-with-dashes>.bulk.test"),
    ),
)
RELAY = profile_from_dns_facts(
    "relay",
    {
        "spf": {"include": "relay.test", "location": "send.<domain>, not the apex", "required": True},
        "dkim": {
            "type": "TXT",
            "records": [{"name": "relay._domainkey", "value": "p=<public key shown in the dashboard>"}],
            "selectors_to_probe": ["relay"],
        },
        "return_path": {
            "type": "MX + TXT",
            "default_label": "send",
            "records": [
                {"name": "send", "type": "MX", "priority": 10, "value": "feedback.<region>.relay.test"},
                {"name": "send", "type": "TXT", "value": "v=spf1 include:relay.test ~all"},
            ],
        },
    },
)
SPF = {
    "_spf.office.test": ["TXT v=spf1 ip4:192.0.2.0/24 -all"],
    "_spf.bulk.test": ["TXT v=spf1 ip4:198.51.100.0/24 -all"],
    "relay.test": ["TXT v=spf1 ip4:203.0.113.0/24 -all"],
}
GOOD: dict[str, Any] = {
    **SPF,
    "example.test": ["TXT v=spf1 mx include:_spf.office.test include:_spf.bulk.test ~all", "MX 10 mail.example.test"],
    "mail.example.test": ["A 192.0.2.1"],
    "of._domainkey.example.test": [f"TXT {KEY}"],
    "k1._domainkey.example.test": ["CNAME k1.example-test.bulk.test"],
    "k2._domainkey.example.test": ["CNAME k2.example-test.bulk.test"],
    "k1.example-test.bulk.test": [f"TXT {KEY}"],
    "k2.example-test.bulk.test": [f"TXT {KEY}"],
    "_dmarc.example.test": ["TXT v=DMARC1; p=reject; rua=mailto:d@example.test"],
}


def shown(dns_zone, zone: dict[str, Any], domain: str = "example.test", **options: Any) -> dict[str, Any]:
    return check_domain(domain, resolver=dns_zone(zone).resolver(), **options).to_json()


def advised(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    assert all(item["why"].endswith(".") for item in report["advice"])
    return {(item["type"], item["name"]): item["value"] for item in report["advice"]}


def test_a_domain_in_order_passes_and_asks_for_nothing(dns_zone) -> None:
    report = shown(dns_zone, GOOD, providers=[OFFICE, BULK])

    assert report["domain"] == "example.test"
    assert report["spf"]["status"] == "pass"
    assert report["spf"]["record"] == GOOD["example.test"][0].removeprefix("TXT ")
    assert (report["spf"]["lookups"], report["spf"]["problems"]) == (3, [])
    assert [(item["selector"], item["status"], item["record"]) for item in report["dkim"]] == [
        ("of", "pass", KEY),
        ("k1", "pass", KEY),
        ("k2", "pass", KEY),
    ]
    assert report["dmarc"]["status"] == "pass"
    assert report["dmarc"]["policy"] == "reject"
    assert report["dmarc"]["record"] == "v=DMARC1; p=reject; rua=mailto:d@example.test"
    assert report["mx"] == [{"priority": 10, "host": "mail.example.test"}]
    assert [item["would_break_dmarc"] for item in report["providers"]] == [False, False]
    assert report["advice"] == []


def test_an_empty_domain_is_told_everything_to_publish(dns_zone) -> None:
    report = shown(dns_zone, SPF, providers=[OFFICE, BULK, RELAY])

    assert report["spf"]["status"] == report["dmarc"]["status"] == "missing"
    assert {item["status"] for item in report["dkim"]} == {"missing"}
    assert advised(report) == {
        ("TXT", "example.test"): "v=spf1 include:_spf.office.test include:_spf.bulk.test ~all",
        ("CNAME", "k1._domainkey.example.test"): "k1.example-test.bulk.test",
        ("CNAME", "k2._domainkey.example.test"): "k2.example-test.bulk.test",
        ("MX", "send.example.test"): "10 feedback.<region>.relay.test",
        ("TXT", "send.example.test"): "v=spf1 include:relay.test ~all",
        ("TXT", "relay._domainkey.example.test"): "p=<public key shown in the dashboard>",
        ("TXT", "_dmarc.example.test"): "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.test",
    }


def test_what_rests_on_memory_is_advised_with_a_word_of_caution(dns_zone) -> None:
    doubtful = replace(BULK, name="Bulk Mail", unconfirmed=frozenset({"spf", "dkim"}))

    report = shown(dns_zone, SPF, providers=[OFFICE, doubtful])

    reasons = {item["name"]: item["why"] for item in report["advice"]}
    assert "Compare _spf.bulk.test with" in reasons["example.test"]
    assert "not confirmed" in reasons["k1._domainkey.example.test"]
    assert reasons["k1._domainkey.example.test"].startswith("Bulk Mail")
    assert "not confirmed" not in reasons["_dmarc.example.test"]


def test_following_the_advice_makes_the_domain_pass(dns_zone) -> None:
    zone: dict[str, Any] = dict(GOOD)
    for name in ("example.test", "k2._domainkey.example.test", "_dmarc.example.test"):
        del zone[name]
    before = shown(dns_zone, zone, providers=[OFFICE, BULK])
    for (kind, name), value in advised(before).items():
        zone[name] = [f"{kind} {value}"]

    after = check_domain("example.test", providers=[OFFICE, BULK], resolver=dns_zone(zone).resolver())

    assert before["spf"]["status"] == "missing"
    assert after.status is Status.PASS
    assert after.advice == ()


def test_a_provider_missing_from_the_record_fails_it_and_the_merged_record_is_advised(dns_zone) -> None:
    zone = {**GOOD, "example.test": ["TXT v=spf1 mx include:_spf.office.test -all", "MX 10 mail.example.test"]}

    report = shown(dns_zone, zone, providers=[OFFICE, BULK])

    assert report["spf"]["status"] == "fail"
    assert "_spf.bulk.test" in report["spf"]["problems"][0]
    assert advised(report) == {
        ("TXT", "example.test"): "v=spf1 mx include:_spf.office.test include:_spf.bulk.test -all"
    }


def test_two_records_are_merged_into_one(dns_zone) -> None:
    zone = {
        **GOOD,
        "example.test": ["TXT v=spf1 mx include:_spf.office.test ~all", "TXT v=spf1 include:_spf.bulk.test ~all"],
    }

    report = shown(dns_zone, zone, providers=[OFFICE, BULK])

    assert report["spf"]["status"] == "fail"
    words = advised(report)["TXT", "example.test"].split()
    assert (words[0], words[-1]) == ("v=spf1", "~all")
    assert set(words[1:-1]) == {"mx", "include:_spf.office.test", "include:_spf.bulk.test"}
    assert "delete the others" in report["advice"][0]["why"]


def test_a_merged_record_that_costs_too_much_comes_with_a_warning(dns_zone) -> None:
    hosts = " ".join(f"a:h{number}.test" for number in range(9))
    zone = {**GOOD, **{f"h{number}.test": ["A 192.0.2.1", "AAAA 2001:db8::1"] for number in range(9)}}
    zone["example.test"] = [f"TXT v=spf1 include:relay.test {hosts} ~all"]

    report = shown(dns_zone, zone, providers=[OFFICE, RELAY])

    why = report["advice"][0]["why"]
    assert "needs 11 DNS look-ups" in why
    assert "include:relay.test can be left out" in why


def test_a_record_that_lists_the_addresses_itself_passes_with_a_warning(dns_zone) -> None:
    zone = {**GOOD, "example.test": ["TXT v=spf1 ip4:192.0.2.0/24 ~all"]}

    report = shown(dns_zone, zone, providers=[OFFICE])

    assert report["spf"]["status"] == "warn"
    assert "will not follow" in report["spf"]["problems"][0]
    assert report["providers"][0]["spf"]["passes"] is True


def test_keys_that_cannot_be_used_are_listed_with_what_should_stand_there(dns_zone) -> None:
    zone = {**GOOD, "k1.example-test.bulk.test": ["TXT v=DKIM1; p="]}

    report = shown(dns_zone, zone, providers=[BULK])

    assert [item["status"] for item in report["dkim"]] == ["fail", "pass"]
    assert report["dkim"][0]["revoked"] is True
    assert ("CNAME", "k1._domainkey.example.test") in advised(report)
    assert report["providers"][0]["would_break_dmarc"] is False


def test_the_operators_selectors_are_reported_and_guesses_only_when_they_hold_a_key(dns_zone) -> None:
    report = shown(dns_zone, GOOD, selectors=["mine", " OF "], probe_selectors=["k1", "nothing"])

    assert [(item["selector"], item["status"]) for item in report["dkim"]] == [
        ("mine", "missing"),
        ("of", "pass"),
        ("k1", "pass"),
    ]


def test_without_providers_the_records_are_judged_by_themselves(dns_zone) -> None:
    report = shown(dns_zone, {"example.test": ["MX 10 mail.example.test"]})

    assert (report["spf"]["status"], report["dmarc"]["status"], report["dkim"]) == ("missing", "missing", [])
    assert advised(report)["TXT", "example.test"] == "v=spf1 mx ~all"


def test_a_name_server_that_fails_everywhere_leads_to_no_advice(dns_zone) -> None:
    zone = {"example.test": "SERVFAIL", "_dmarc.example.test": "SERVFAIL", "of._domainkey.example.test": "SERVFAIL"}

    report = shown(dns_zone, zone, providers=[OFFICE])

    assert (report["spf"]["status"], report["dmarc"]["status"], report["dkim"][0]["status"]) == ("warn", "warn", "warn")
    assert report["providers"][0]["would_break_dmarc"] is None
    assert report["mx_problems"]
    assert report["advice"] == []


def test_a_truncated_record_is_read_over_tcp(dns_zone) -> None:
    networks = " ".join(f"ip4:198.51.100.{number}" for number in range(120))
    zone = {**GOOD, "example.test": [f"TXT v=spf1 include:_spf.office.test {networks} ~all", "MX 10 mail.example.test"]}

    report = shown(dns_zone, zone, providers=[OFFICE])

    assert report["spf"]["status"] == "pass"
    assert report["spf"]["record"].endswith("ip4:198.51.100.119 ~all")


def test_a_domain_with_letters_beyond_ascii_is_asked_for_in_its_ascii_form(dns_zone) -> None:
    zone = {name.replace("example.test", "xn--mnchen-3ya.test"): records for name, records in GOOD.items()}

    report = shown(dns_zone, zone, "München.test", providers=[OFFICE])

    assert (report["domain"], report["entered"]) == ("xn--mnchen-3ya.test", "München.test")
    assert report["dmarc"]["policy"] == "reject"
    assert report["spf"]["lookups"] == 3


def test_a_policy_without_reports_is_advised_with_an_address_added(dns_zone) -> None:
    zone = {**GOOD, "_dmarc.example.test": ["TXT v=DMARC1; p=none;"]}

    report = shown(dns_zone, zone, providers=[OFFICE])

    assert report["dmarc"]["status"] == "warn"
    assert advised(report) == {
        ("TXT", "_dmarc.example.test"): "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.test"
    }


@pytest.mark.parametrize(
    ("records", "mx", "words"),
    [
        (["MX 20 b.test", "MX 10 a.test"], [10, 20], None),
        (["A 192.0.2.1"], [], None),
        (["MX 0 ."], [0], "takes no mail"),
        (["TXT hello"], [], "neither an MX"),
    ],
)
def test_mail_exchanges_are_listed_and_their_absence_is_named(
    dns_zone, records: list[str], mx: list[int], words: str | None
) -> None:
    report = shown(dns_zone, {"example.test": records})

    assert [item["priority"] for item in report["mx"]] == mx
    assert (words is None) is (report["mx_problems"] == [])
    assert words is None or words in report["mx_problems"][0]


def test_two_failovers_for_one_domain_are_told_apart(dns_zone) -> None:
    unaligned = replace(OFFICE, key="unaligned", return_path=ReturnPath.SHARED, selectors=("none",))

    report = check_domain("example.test", providers=[OFFICE, unaligned], resolver=dns_zone(GOOD).resolver())

    assert [item.would_break_dmarc for item in report.providers] == [False, True]
    assert report.status is Status.FAIL


def test_what_is_no_domain_is_refused_before_anything_is_asked(dns_zone) -> None:
    server = dns_zone({})

    with pytest.raises(InvalidDomain):
        check_domain("alice@example.test", resolver=server.resolver())

    assert server.asked == []
