"""DKIM keys looked up at their selectors."""

import pytest

from senddock.domain.dns_records.finding import Status
from senddock.domains.dkim import find_keys

ED25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_it_follows_the_providers_cname_to_the_key(dns_zone) -> None:
    server = dns_zone(
        {"s1._domainkey.example.test": ["CNAME s1.u1.provider.test"], "s1.u1.provider.test": [f"TXT {ED25519}"]}
    )

    (found,) = find_keys(server.resolver(), "example.test", ["s1"])

    assert (found.status, found.usable, found.record) == (Status.PASS, True, ED25519)
    assert found.to_json()["cname"] == ["s1.u1.provider.test"]
    assert found.to_json()["key_type"] == "ed25519"


def test_it_joins_a_key_in_several_strings(dns_zone) -> None:
    server = dns_zone(
        {"s1._domainkey.example.test": ['TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyW" "QHOg7hcvPapiMlrwIaaPcHURo="']}
    )

    (found,) = find_keys(server.resolver(), "example.test", ["s1"])

    assert (found.record, found.usable) == (ED25519, True)


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        ([], Status.MISSING, "no TXT record"),
        (["TXT v=spf1 -all"], Status.MISSING, "no DKIM key"),
        (["CNAME gone.provider.test"], Status.MISSING, "gone.provider.test, which does not exist"),
        (["TXT v=DKIM1; p="], Status.FAIL, "revoked"),
        ([f"TXT {ED25519}", "TXT v=DKIM1; p="], Status.FAIL, "2 keys"),
        ("SERVFAIL", Status.WARN, "nothing is known"),
    ],
)
def test_it_says_why_there_is_no_key(dns_zone, records: list[str] | str, status: Status, words: str) -> None:
    server = dns_zone({"s1._domainkey.example.test": records})

    (found,) = find_keys(server.resolver(), "example.test", ["s1"])

    assert (found.status, found.usable) == (status, False)
    assert words in found.findings[0].text


def test_it_looks_at_each_selector_once_and_at_no_empty_one(dns_zone) -> None:
    server = dns_zone({})

    found = find_keys(server.resolver(), "example.test", ["s1", "S1", " s1 ", ""])

    assert [item.name for item in found] == ["s1._domainkey.example.test"]
