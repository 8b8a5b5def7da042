"""A provider whose mail would fail DMARC is marked wherever it stands as a failover, from the stored report alone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from senddock.dispatch import providers
from senddock.models import Database, SendingDomain
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.web.conftest import Panel

WHY = "Not a real failover: mail for acme.com would fail DMARC (p=reject) and is refused. SPF: <no>."
SHOWN_WHY = WHY.replace("<no>", "&lt;no&gt;")
MARK, FIRST_MARK = "not a real failover for acme.com", "fails DMARC for acme.com"


@pytest.fixture
def mail(sqlite: Database, vault: Vault) -> Iterator[Bench]:
    bench = Bench(sqlite, vault, None)
    for priority, name in enumerate(("Resend", "Elastic"), 1):
        bench.provider(2525, name, from_email="hello@acme.com", priority=priority)
    yield bench
    bench.close()


def report(mail: Bench, *broken: int, domain: str = "acme.com") -> None:
    """Keep a report in which the providers ``broken`` would break DMARC and the others pass."""
    items: list[dict[str, Any]] = [
        {
            "provider": str(number),
            "status": "fail" if number in broken else "pass",
            "would_break_dmarc": number in broken,
            "verdict": WHY if number in broken else "Mail for acme.com passes DMARC by SPF and by DKIM.",
        }
        for number in (1, 2)
    ]
    now = datetime.now(UTC)
    with mail.database.write() as session:
        session.merge(
            SendingDomain(
                name=domain, created_at=now, checked_at=now, status="fail", report={"providers": items}, changes=[]
            )
        )


@pytest.mark.parametrize("address", ["/smtp", "/smtp/2", "/routing", "/routing/streams/1"])
def test_it_is_marked_with_the_why_and_a_way_to_the_records(panel: Panel, mail: Bench, address: str) -> None:
    report(mail, 2)
    main = panel.get(address).text.split("<main")[1]
    assert main.count(MARK) == (2 if address == "/routing" else 1)
    assert SHOWN_WHY in main
    assert 'href="/domains/acme.com"' in main


@pytest.mark.parametrize("address", ["/smtp", "/smtp/2", "/routing", "/routing/streams/1"])
def test_nothing_is_marked_while_all_is_well_or_nothing_is_known(panel: Panel, mail: Bench, address: str) -> None:
    assert MARK not in panel.get(address).text
    report(mail)
    assert MARK not in panel.get(address).text


def test_the_first_provider_is_nobodys_failover_and_marked_as_failing(panel: Panel, mail: Bench) -> None:
    report(mail, 1)
    for address in ("/smtp", "/routing", "/routing/streams/1"):
        text = panel.get(address).text
        assert FIRST_MARK in text
        assert MARK not in text


def test_a_provider_that_may_not_send_for_the_domain_any_more_is_not_marked(
    panel: Panel, mail: Bench, vault: Vault
) -> None:
    report(mail, 2)
    providers.change(mail.database, vault, 2, {"from_policy": "own", "from_email": "hello@other.example"})
    assert MARK not in panel.get("/smtp").text
    assert SHOWN_WHY not in panel.get("/smtp/2").text


def test_a_disabled_provider_is_no_failover_to_judge(panel: Panel, mail: Bench) -> None:
    report(mail, 2)
    providers.set_enabled(mail.database, 2, enabled=False)
    assert MARK not in panel.get("/smtp").text


def test_the_simulator_says_which_of_those_that_would_follow_is_not_real(panel: Panel, mail: Bench) -> None:
    report(mail, 2)
    text = panel.get("/routing/simulate?from=hello@acme.com&to=ana@example.org&stream=1").text
    assert "Elastic is not a real failover." in text
    assert SHOWN_WHY in text
    assert 'href="/domains/acme.com"' in text
    report(mail, 1)
    text = panel.get("/routing/simulate?to=ana@example.org&stream=1").text
    assert "Mail through Resend would fail DMARC." in text


def test_the_simulator_judges_a_rewritten_from_by_the_domain_that_is_seen(
    panel: Panel, mail: Bench, vault: Vault
) -> None:
    report(mail, 1)
    providers.change(mail.database, vault, 1, {"from_policy": "rewrite"})
    text = panel.get("/routing/simulate?from=me@other.example&to=ana@example.org&stream=1").text
    assert "Mail through Resend would fail DMARC." in text


def test_a_long_list_of_domains_is_cut(panel: Panel, mail: Bench) -> None:
    for number in range(5):
        report(mail, 2, domain=f"d{number}.example")
    assert "and 2 domains more" in panel.get("/smtp").text
