"""What stored reports say of providers, on both databases and in time for every page."""

from datetime import UTC, datetime
from typing import Any

from senddock.dispatch.sender_standing import not_real_failovers, standings
from senddock.models import Provider, SendingDomain
from tests.conftest import Bench

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _keep(bench: Bench, name: str, status: str | None, *verdicts: tuple[int, str, bool | None]) -> None:
    items = [
        {"provider": str(number), "status": judged, "would_break_dmarc": breaks, "verdict": f"{name} through {number}"}
        for number, judged, breaks in verdicts
    ]
    report: dict[str, Any] | None = {"providers": items, "spf": {"tree": {}}} if status else None
    with bench.database.write() as session:
        session.add(
            SendingDomain(
                name=name, created_at=NOW, checked_at=NOW if status else None, status=status, report=report, changes=[]
            )
        )


def test_reports_are_read_by_domain_and_by_provider(bench: Bench) -> None:
    _keep(bench, "a.example", "fail", (1, "pass", False), (2, "fail", True))
    _keep(bench, "b.example", "warn", (1, "warn", None))
    _keep(bench, "new.example", None)
    _keep(bench, "nobody.example", "pass")
    with bench.database.read() as session:
        assert [(item.domain, item.provider_id, item.real_failover) for item in standings(session)] == [
            ("a.example", 1, True), ("a.example", 2, False), ("b.example", 1, True),
        ]  # fmt: skip
        assert [item.sentence for item in standings(session, domain="b.example")] == ["b.example through 1"]
        assert [item.domain for item in standings(session, provider_id=2)] == ["a.example"]
        assert [item.status for item in standings(session, status="warn")] == ["warn"]
        (one,) = standings(session, domain="b.example")
        assert (one.checked_at, one.would_break_dmarc) == (NOW, None)


def test_only_enabled_providers_that_may_send_for_a_domain_are_marked(bench: Bench) -> None:
    for name, priority in (("any", 1), ("off", 2), ("own", 3)):
        bench.provider(25, name, priority=priority, **({"from_policy": "own"} if name == "own" else {}))
    with bench.database.write() as session:
        row = session.get(Provider, 2)
        assert row is not None
        row.enabled = False
    _keep(bench, "a.example", "fail", *((number, "fail", True) for number in (1, 2, 3)))
    _keep(bench, "mail.example.com", "fail", (3, "fail", True))
    with bench.database.read() as session:
        found = not_real_failovers(session)
    assert {number: [item.domain for item in items] for number, items in found.items()} == {
        1: ["a.example"], 3: ["mail.example.com"],
    }  # fmt: skip
