"""The DMARC policy of a domain as RFC 7489 finds it: its own record, or that of its organisational domain."""

from typing import Any

import pytest

from senddock.domain.dns_records.finding import Status
from senddock.domains.dmarc import find_policy
from senddock.domains.name import organisational_domain

WEAK = "TXT v=DMARC1; p=none; rua=mailto:d@example.co.uk"
STRONG = "TXT v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.co.uk"


@pytest.mark.parametrize(
    ("zone", "domain", "policy", "found_at"),
    [
        ({"_dmarc.example.co.uk": [STRONG]}, "example.co.uk", "reject", "example.co.uk"),
        ({"_dmarc.example.co.uk": [STRONG]}, "mail.example.co.uk", "quarantine", "example.co.uk"),
        (
            {"_dmarc.example.co.uk": ["TXT v=DMARC1; p=reject; rua=mailto:d@example.co.uk"]},
            "a.b.example.co.uk",
            "reject",
            "example.co.uk",
        ),
        (
            {"_dmarc.mail.example.co.uk": [WEAK], "_dmarc.example.co.uk": [STRONG]},
            "mail.example.co.uk",
            "none",
            "mail.example.co.uk",
        ),
        ({"_dmarc.example.co.uk": ["TXT v=spf1 -all", STRONG]}, "example.co.uk", "reject", "example.co.uk"),
        (
            {"_dmarc.example.co.uk": ["CNAME d.host.test"], "d.host.test": [STRONG]},
            "example.co.uk",
            "reject",
            "example.co.uk",
        ),
    ],
)
def test_it_finds_the_policy_that_holds(
    dns_zone, zone: dict[str, Any], domain: str, policy: str, found_at: str
) -> None:
    found = find_policy(dns_zone(zone).resolver(), domain, organisational_domain)

    assert (found.policy, found.found_at, found.status) == (policy, found_at, Status.PASS)


def test_it_never_asks_a_public_suffix(dns_zone) -> None:
    server = dns_zone({"_dmarc.co.uk": [STRONG]})

    found = find_policy(server.resolver(), "example.co.uk", organisational_domain)

    assert found.status is Status.MISSING
    assert [name for _, name, _ in server.asked] == ["_dmarc.example.co.uk"]


def test_two_records_leave_no_policy(dns_zone) -> None:
    zone = {"_dmarc.example.test": ["TXT v=DMARC1; p=none", "TXT v=DMARC1; p=reject"]}

    found = find_policy(dns_zone(zone).resolver(), "example.test", organisational_domain)

    assert (found.status, found.policy) == (Status.FAIL, None)
    assert "2 DMARC records" in found.to_json()["problems"][0]


def test_a_record_with_the_wrong_version_is_named_and_passed_over(dns_zone) -> None:
    zone = {"_dmarc.a.example.test": ["TXT v=dmarc1; p=none"], "_dmarc.example.test": ["TXT v=DMARC1; p=reject"]}

    found = find_policy(dns_zone(zone).resolver(), "a.example.test", organisational_domain)

    assert (found.policy, found.found_at, found.status) == ("reject", "example.test", Status.FAIL)


@pytest.mark.parametrize("broken", ["_dmarc.a.example.test", "_dmarc.example.test"])
def test_an_unanswered_question_is_not_a_missing_record(dns_zone, broken: str) -> None:
    found = find_policy(dns_zone({broken: "SERVFAIL"}).resolver(), "a.example.test", organisational_domain)

    assert (found.status, found.policy, found.unanswered) == (Status.WARN, None, True)


@pytest.mark.parametrize(("agreed", "status"), [(True, Status.PASS), (False, Status.WARN)])
def test_reports_to_another_domain_need_its_consent(dns_zone, agreed: bool, status: Status) -> None:
    zone: dict[str, Any] = {"_dmarc.example.test": ["TXT v=DMARC1; p=reject; rua=mailto:x@reports.other.test"]}
    if agreed:
        zone["example.test._report._dmarc.reports.other.test"] = ["TXT v=DMARC1;"]

    found = find_policy(dns_zone(zone).resolver(), "example.test", organisational_domain)

    assert found.status is status


@pytest.mark.parametrize(
    ("name", "organisation"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("Mail.Example.co.uk.", "example.co.uk"),
        ("someone.github.io", "someone.github.io"),
        ("a.someone.github.io", "someone.github.io"),
        ("co.uk", "co.uk"),
        ("x.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
    ],
)
def test_the_organisational_domain_comes_from_the_public_suffix_list(name: str, organisation: str) -> None:
    assert organisational_domain(name) == organisation
