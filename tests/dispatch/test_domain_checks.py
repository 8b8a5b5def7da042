"""Sending domains: which they are, what a check keeps, what a change does, and who is no real failover."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from senddock.dispatch import alerts, errands, providers, sending_domains
from senddock.dispatch.domain_checks import EVERY, DomainChecker, request_due
from senddock.dispatch.errands import ErrandWorker, Tools
from senddock.dispatch.refusals import Refused
from senddock.dispatch.sender_standing import not_real_failovers, standings
from senddock.models import Database, Provider, SendingDomain
from tests.conftest import Bench

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = (
    "v=DKIM1; k=rsa; p="
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC8szkOCqfXeaQiqF9dkFvOGwJcUkwFhNsr7P0w6V6FKIPUs8kVTFrlCOM8Gvm3I6dJCoCfTzrj"
    "nTu9u5nAznbdFKH8eTqB7WYVqdOEVwLEx1mAHHEW8pKQyyP0JpsbRkKwwOjyvCo7XbHmDNxLzYNfRMIvBzmLjnbPvrD5zR2rGwIDAQAB"
)
ZONE: dict[str, Any] = {
    "acme.com": ["MX 10 mx.acme.com", "TXT v=spf1 include:_spf.google.com -all"],
    "mx.acme.com": ["A 192.0.2.9"],
    "_spf.google.com": ["TXT v=spf1 ip4:192.0.2.0/24 ~all"],
    "google._domainkey.acme.com": [f"TXT {KEY}"],
    "_dmarc.acme.com": ["TXT v=DMARC1; p=reject; rua=mailto:d@acme.com"],
}


def _provider(bench: Bench, name: str, preset: str | None = None, **values: Any) -> int:
    return bench.provider(25, name, from_email="hello@acme.com", preset=preset, **values)


def test_domains_are_known_from_providers_and_from_what_was_sent(sqlite_bench: Bench) -> None:
    _provider(sqlite_bench, "one", extra_domains=["Shop.Acme.COM"], from_policy="own")
    sqlite_bench.submit(from_="Bo <bo@münchen.example>")
    sqlite_bench.submit(from_="cy@acme.com")
    with sqlite_bench.database.read() as session:
        found = [row.name for row in sending_domains.all_domains(session, NOW)]
    assert found == ["acme.com", "shop.acme.com", "xn--mnchen-3ya.example"]


def test_a_check_tells_a_real_failover_from_one_that_breaks_dmarc(sqlite_bench: Bench, dns_zone: Any) -> None:
    google = _provider(sqlite_bench, "Google", "gmail")
    other = _provider(sqlite_bench, "Elastic", "elasticemail", priority=2)
    request_due(sqlite_bench.database, NOW)
    DomainChecker(sqlite_bench.database, dns_servers=dns_zone(ZONE).servers, now=lambda: NOW)("acme.com")
    with sqlite_bench.database.read() as session:
        judged = {item.provider_id: item.real_failover for item in standings(session, domain="acme.com")}
        broken = not_real_failovers(session)
        row = session.get(SendingDomain, "acme.com")
    assert judged == {google: True, other: False}
    assert [(number, item.domain) for number, items in broken.items() for item in items] == [(other, "acme.com")]
    assert broken[other][0].sentence.startswith("Not a real failover")
    assert row is not None
    assert (row.status, row.checked_at, row.requested_at) == ("fail", NOW, None)


def test_a_record_that_breaks_opens_an_alert_and_mending_it_closes_it(sqlite_bench: Bench, dns_zone: Any) -> None:
    _provider(sqlite_bench, "Google", "gmail")
    request_due(sqlite_bench.database, NOW)
    server = dns_zone(ZONE)
    check = DomainChecker(sqlite_bench.database, dns_servers=server.servers, now=lambda: NOW)
    check("acme.com")
    assert _open(sqlite_bench.database) == []
    server.zone = {
        **server.zone,
        "google._domainkey.acme.com": [],
        "acme.com": ["TXT v=spf1 -all", "MX 10 mx.acme.com"],
    }
    check("acme.com")
    (alert,) = _open(sqlite_bench.database)
    assert (alert.key, alert.severity) == ("domain:acme.com", "error")
    assert "Google went from pass to fail" in alert.text
    assert "The DKIM key at google._domainkey.acme.com is gone" in alert.text
    server.zone = dict(ZONE)
    check("acme.com")
    assert _open(sqlite_bench.database) == []


def test_a_name_server_that_is_silent_once_changes_nothing(sqlite_bench: Bench, dns_zone: Any) -> None:
    _provider(sqlite_bench, "Google", "gmail")
    request_due(sqlite_bench.database, NOW)
    server = dns_zone(ZONE)
    check = DomainChecker(sqlite_bench.database, dns_servers=server.servers, now=lambda: NOW)
    check("acme.com")
    server.zone = {**server.zone, "_dmarc.acme.com": "SERVFAIL"}
    check("acme.com")
    with sqlite_bench.database.read() as session:
        row = session.get(SendingDomain, "acme.com")
    assert row is not None
    assert row.report is not None
    assert (row.status, row.report["dmarc"]["policy"], len(row.report["unanswered"])) == ("pass", "reject", 1)
    assert row.requested_at == NOW + timedelta(hours=1)
    assert _open(sqlite_bench.database) == []
    # When it lasts, it is what receivers meet as well.
    check("acme.com")
    assert [alert.key for alert in _open(sqlite_bench.database)] == ["domain:acme.com"]


def test_every_domain_is_checked_anew_each_day_and_a_lost_request_is_handed_out_again(bench: Bench) -> None:
    _provider(bench, "one")
    assert request_due(bench.database, NOW) == ["acme.com"]
    assert request_due(bench.database, NOW + timedelta(seconds=30)) == []
    assert request_due(bench.database, NOW + timedelta(seconds=90)) == ["acme.com"]
    with bench.database.write() as session:
        row = session.get(SendingDomain, "acme.com")
        assert row is not None
        row.checked_at, row.requested_at = NOW, None
    assert request_due(bench.database, NOW + EVERY - timedelta(seconds=1)) == []
    assert request_due(bench.database, NOW + EVERY) == ["acme.com"]


def test_the_operators_selectors_and_label_are_used(sqlite_bench: Bench, dns_zone: Any) -> None:
    sendgrid = _provider(sqlite_bench, "SendGrid", "sendgrid")
    zone = {
        **ZONE,
        "xy._domainkey.acme.com": ["CNAME xy.domainkey.u1.wl.sendgrid.net"],
        "xy.domainkey.u1.wl.sendgrid.net": [f"TXT {KEY}"],
        "em77.acme.com": ["CNAME u1.wl.sendgrid.net"],
        "u1.wl.sendgrid.net": ["TXT v=spf1 include:sendgrid.net ~all"],
        "sendgrid.net": ["TXT v=spf1 ip4:192.0.2.0/24 ~all"],
    }
    request_due(sqlite_bench.database, NOW)
    sending_domains.set_records(sqlite_bench.database, "acme.com", sendgrid, ["XY._domainkey"], "em77")
    DomainChecker(sqlite_bench.database, dns_servers=dns_zone(zone).servers, now=lambda: NOW)("acme.com")
    with sqlite_bench.database.read() as session:
        row = session.get(SendingDomain, "acme.com")
    assert row is not None
    assert row.report is not None
    (judged,) = row.report["providers"]
    assert (judged["return_path"], judged["spf"]["passes"]) == ("em77.acme.com", True)
    assert "xy" in [key["selector"] for key in row.report["dkim"]]
    with pytest.raises(Refused, match="no label"):
        sending_domains.set_records(sqlite_bench.database, "acme.com", sendgrid, ["no spaces!"], None)


def test_a_provider_bound_to_its_own_domain_is_not_judged_for_others(sqlite_bench: Bench) -> None:
    _provider(sqlite_bench, "any")
    _provider(sqlite_bench, "own", from_policy="own", priority=2)
    _provider(sqlite_bench, "rewrite", from_policy="rewrite", priority=3)
    _provider(sqlite_bench, "off", enabled=False, priority=4)
    with sqlite_bench.database.read() as session:
        there = [sender.provider.name for sender in sending_domains.senders_for(session, "news.acme.com")]
        elsewhere = [sender.provider.name for sender in sending_domains.senders_for(session, "other.example")]
    assert (there, elsewhere) == (["any", "own", "rewrite"], ["any"])


def test_checks_are_jobs_of_the_errands_queue(sqlite_bench: Bench, redis: Any) -> None:
    done: list[str] = []
    worker = ErrandWorker(redis, Tools(check_domain=done.append, deliver_webhooks=lambda: None))
    errands.enqueue(redis, errands.check_domain, "acme.com")
    worker.work()
    errands.equip(None)
    assert done == ["acme.com"]


def test_domains_that_nobody_uses_any_more_are_dropped_but_not_entered_ones(sqlite_bench: Bench) -> None:
    provider_id = _provider(sqlite_bench, "one")
    sending_domains.enter(sqlite_bench.database, "Kept.Example", NOW)
    request_due(sqlite_bench.database, NOW)
    providers.change(sqlite_bench.database, sqlite_bench.vault, provider_id, {"from_email": "hello@new.example"})
    request_due(sqlite_bench.database, NOW)
    with sqlite_bench.database.read() as session:
        assert [row.name for row in sending_domains.all_domains(session, NOW)] == ["kept.example", "new.example"]
        assert session.get(Provider, provider_id) is not None


def _open(database: Database) -> Any:
    with database.read() as session:
        return alerts.open_alerts(session)
