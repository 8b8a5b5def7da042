"""SPF for one sending address, as a receiver evaluates it."""

from typing import Any

import pytest

from senddock.domains.spf import SpfResult, check_host


@pytest.mark.parametrize(
    ("record", "ip", "result"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.77", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "198.51.100.1", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 ~all", "198.51.100.1", "softfail"),
        ("v=spf1 ip4:192.0.2.0/24 ?all", "198.51.100.1", "neutral"),
        ("v=spf1 ip4:192.0.2.0/24", "198.51.100.1", "neutral"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.77", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("v=spf1 a:host.test -all", "192.0.2.10", "pass"),
        ("v=spf1 a:host.test/24 -all", "192.0.2.200", "pass"),
        ("v=spf1 a:host.test -all", "2001:db8::10", "pass"),
        ("v=spf1 mx -all", "192.0.2.10", "pass"),
        ("v=spf1 include:soft.test -all", "192.0.2.5", "pass"),
        ("v=spf1 include:soft.test -all", "192.0.2.6", "fail"),
        ("v=spf1 redirect=soft.test", "192.0.2.6", "softfail"),
        ("v=spf1 exists:%{ir}.%{v}.list.test -all", "192.0.2.3", "pass"),
        ("v=spf1 exists:%{ir}.%{v}.list.test -all", "192.0.2.4", "fail"),
        ("v=spf1 exists:%{l1r-}.%{o}.users.test -all", "192.0.2.4", "pass"),
        ("v=spf1 ptr:host.test -all", "192.0.2.10", "pass"),
        ("v=spf1 ptr:host.test -all", "192.0.2.11", "fail"),
        ("v=spf1 exists:%{p}.named.test -all", "192.0.2.10", "pass"),
        ("v=spf1 exists:%{h}.helo.test -all", "192.0.2.10", "pass"),
        ("v=spf1 include:missing.test -all", "192.0.2.1", "permerror"),
        ("v=spf1 redirect=missing.test", "192.0.2.1", "permerror"),
        ("v=spf1 ip4:nonsense -all", "192.0.2.1", "permerror"),
        ("v=spf1 include:broken.test -all", "192.0.2.1", "temperror"),
        ("v=spf1 a:broken.test -all", "192.0.2.1", "temperror"),
        ("v=spf1 ip4:192.0.2.1 include:broken.test -all", "192.0.2.1", "pass"),
        ("v=spf1 include:example.test -all", "192.0.2.1", "permerror"),
        ("v=spf1 a:x1.test a:x2.test -all", "192.0.2.1", "fail"),
        ("v=spf1 a:x1.test a:x2.test a:x3.test -all", "192.0.2.1", "permerror"),
    ],
)
def test_it_ends_as_a_receiver_does(dns_zone, record: str, ip: str, result: str) -> None:
    server = dns_zone(
        {
            "example.test": [f"TXT {record}", "MX 10 host.test"],
            "host.test": ["A 192.0.2.10", "AAAA 2001:db8::10"],
            "soft.test": ["TXT v=spf1 ip4:192.0.2.5 ~all"],
            "broken.test": "SERVFAIL",
            "3.2.0.192.in-addr.list.test": ["A 127.0.0.2"],
            "alice.example.test.users.test": ["A 127.0.0.2"],
            "10.2.0.192.in-addr.arpa": ["PTR liar.test", "PTR host.test"],
            "liar.test": ["A 203.0.113.1"],
            "host.test.named.test": ["A 127.0.0.2"],
            "mail.example.test.helo.test": ["A 127.0.0.2"],
        }
    )

    evaluation = check_host(
        server.resolver(), ip, "example.test", sender="alice-news@example.test", helo="mail.example.test"
    )

    assert evaluation.result.value == result, evaluation.why
    assert evaluation.why


@pytest.mark.parametrize(
    ("records", "result"), [([], "none"), (["TXT v=spf1 a -all", "TXT v=spf1 mx -all"], "permerror")]
)
def test_it_needs_exactly_one_record(dns_zone, records: list[str], result: str) -> None:
    evaluation = check_host(dns_zone({"example.test": records}).resolver(), "192.0.2.1", "example.test")

    assert evaluation.result.value == result


@pytest.mark.parametrize(("before", "result"), [(9, SpfResult.PASS), (10, SpfResult.PERMERROR)])
def test_it_stops_at_the_eleventh_lookup_and_not_before(dns_zone, before: int, result: SpfResult) -> None:
    names = " ".join(f"include:i{number}.test" for number in range(before))
    zone: dict[str, Any] = {f"i{number}.test": ["TXT v=spf1 -all"] for number in range(before)}
    zone["example.test"] = [f"TXT v=spf1 {names} a:host.test -all"]
    zone["host.test"] = ["A 192.0.2.10"]

    evaluation = check_host(dns_zone(zone).resolver(), "192.0.2.10", "example.test")

    assert evaluation.result is result


def test_a_match_before_the_limit_passes_although_the_record_as_a_whole_is_over_it(dns_zone) -> None:
    names = " ".join(f"a:h{number}.test" for number in range(12))
    zone: dict[str, Any] = {f"h{number}.test": ["A 203.0.113.1"] for number in range(12)}
    zone["example.test"] = [f"TXT v=spf1 a:host.test {names} -all"]
    zone["host.test"] = ["A 192.0.2.10"]

    evaluation = check_host(dns_zone(zone).resolver(), "192.0.2.10", "example.test")

    assert (evaluation.result, evaluation.lookups) == (SpfResult.PASS, 1)


def test_it_refuses_what_is_no_address(dns_zone) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        check_host(dns_zone({}).resolver(), "nonsense", "example.test")
