"""`/domains`: the list, one domain's report, what to publish, and checks with and without JavaScript."""

from typing import Any

import pytest
from redis import Redis

from senddock.dispatch import providers
from senddock.dispatch.domain_checks import DomainChecker
from senddock.dispatch.errands import ErrandWorker, Tools, equip
from senddock.models import Database, SendingDomain
from senddock.secrets.vault import Vault
from tests.web.conftest import Panel, without_tokens

ZONE: dict[str, Any] = {
    "acme.com": ["MX 10 mx.acme.com", "TXT v=spf1 include:_spf.google.com -all"],
    "mx.acme.com": ["A 192.0.2.9"],
    "_spf.google.com": ["TXT v=spf1 ip4:192.0.2.0/24 ~all"],
    "_spf.elasticemail.com": ["TXT v=spf1 ip4:198.51.100.0/24 ~all"],
    "_dmarc.acme.com": ["TXT v=DMARC1; p=reject; rua=mailto:<b>@acme.com"],
}


@pytest.fixture
def google(sqlite: Database, vault: Vault) -> int:
    values = {"name": "Google", "host": "smtp.gmail.com", "port": 587, "encryption": "starttls", "preset": "gmail"}
    return providers.add(sqlite, vault, {**values, "from_email": "hello@acme.com"}, None).id


@pytest.fixture
def elastic(sqlite: Database, vault: Vault) -> int:
    values = {"name": "Elastic <i>", "host": "smtp.elasticemail.com", "port": 587, "encryption": "starttls"}
    values |= {"preset": "elasticemail", "from_email": "hello@acme.com", "priority": 2}
    return providers.add(sqlite, vault, values, None).id


@pytest.fixture
def checked(sqlite: Database, google: int, elastic: int, redis: Redis, dns_zone: Any) -> Any:
    """Carries out the checks that were asked for, as the clock's process does."""
    checker = DomainChecker(sqlite, dns_servers=dns_zone(ZONE).servers)
    worker = ErrandWorker(redis, Tools(check_domain=checker, deliver_webhooks=lambda: None))
    yield worker.work
    equip(None)


def test_a_domain_of_a_provider_is_listed_before_its_first_check(panel: Panel, google: int) -> None:
    page = panel.get("/domains")
    assert "acme.com" in page.text
    assert "Not checked yet" in page.text
    assert without_tokens(panel.get("/domains", fragment=True).text) in without_tokens(page.text)


def test_check_now_is_a_job_whose_report_arrives_by_itself(panel: Panel, checked: Any) -> None:
    started = panel.post("/domains/acme.com/check", fragment=True, form="/domains")
    assert "looking the records up" in started.text
    assert 'hx-trigger="every 1s"' in started.text
    checked()
    report = panel.get("/domains/acme.com", fragment=True).text
    assert without_tokens(report) in without_tokens(panel.get("/domains/acme.com").text)
    assert "every 1s" not in report
    assert "not a real failover" in report
    assert "Google" in report
    assert "2 of 10 look-ups" not in report
    assert "1 of 10 look-ups" in report


def test_without_javascript_the_check_leads_back_to_the_page(panel: Panel, checked: Any) -> None:
    answer = panel.post("/domains/acme.com/check", form="/domains")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/domains/acme.com")
    checked()
    assert "p=reject" in panel.get("/domains").text


def test_the_merged_spf_record_can_be_copied(panel: Panel, checked: Any) -> None:
    panel.post("/domains/acme.com/check", form="/domains")
    checked()
    text = panel.get("/domains/acme.com").text
    merged = "v=spf1 include:_spf.google.com include:_spf.elasticemail.com -all"
    assert f'data-copy="{merged}"' in text
    assert "A name may have one SPF record only" in text


def test_what_dns_and_people_say_is_untrusted_text(panel: Panel, checked: Any) -> None:
    panel.post("/domains/acme.com/check", form="/domains")
    checked()
    text = panel.get("/domains/acme.com").text + panel.get("/domains").text
    assert "<b>@acme.com" not in text
    assert "&lt;b&gt;@acme.com" in text
    assert "Elastic <i>" not in text


def test_a_domain_can_be_entered_and_forgotten(panel: Panel, sqlite: Database) -> None:
    wrong = panel.post("/domains", {"name": "https://x.example/"}, form="/domains")
    assert wrong.status_code == 422
    assert "is not a domain name" in wrong.text
    answer = panel.post("/domains", {"name": "Shop.Example"}, form="/domains")
    assert answer.headers["Location"] == "/domains/shop.example"
    assert "looking the records up" in panel.get("/domains/shop.example").text
    panel.post("/domains/shop.example/forget", form="/domains")
    with sqlite.read() as session:
        assert session.get(SendingDomain, "shop.example") is None
    assert panel.get("/domains/shop.example").status_code == 404


def test_own_selectors_are_kept_and_asked_for(panel: Panel, google: int, checked: Any) -> None:
    panel.post(
        f"/domains/acme.com/providers/{google}", {"selectors": "g2026", "return_path_label": ""}, form="/domains"
    )
    checked()
    text = panel.get("/domains/acme.com").text
    assert 'value="g2026"' in text
    assert "g2026._domainkey.acme.com" in text
