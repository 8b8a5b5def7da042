"""`/alerts`: what needs a person, acknowledging it, and how people are told."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from redis import Redis

from senddock.dispatch import alert_notices
from senddock.dispatch.alerts import Raised, open_alerts, raise_alert
from senddock.dispatch.health import Health
from senddock.domain.breaker import paused
from senddock.domain.saying import Saying, joined, plain
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.smtp_server import closed_port
from tests.web.conftest import Panel, without_tokens


@pytest.fixture
def changed(sqlite: Database) -> None:
    with sqlite.write() as session:
        raised = Raised(
            "domain:a.b", "domain", "warn", plain("a.b <has> changed"), plain("SPF is gone"), "/domains/a.b"
        )
        raise_alert(session, raised, datetime.now(UTC))


def test_open_alerts_are_listed(panel: Panel, changed: None) -> None:
    page = panel.get("/alerts")
    assert without_tokens(panel.get("/alerts", fragment=True).text) in without_tokens(page.text)
    assert "a.b &lt;has&gt; changed" in page.text
    assert "a.b &lt;has&gt; changed" in panel.get("/alerts").text


def test_every_page_shows_the_worst_and_how_many_more_there_are(panel: Panel, changed: None) -> None:
    page = panel.get("/keys").text
    assert page.count('role="alert"') == 1
    assert "No worker is running" in page
    assert "a.b &lt;has&gt; changed" not in page
    assert re.search(r'href="/alerts">\s*and one more', page)
    assert 'role="alert"' not in panel.get("/alerts").text


def test_the_strip_is_remembered_until_a_person_does_something(app: Flask, panel: Panel, sqlite: Database) -> None:
    app.config["STRIP_AGE"] = 3600
    assert "and one more" not in panel.get("/keys").text
    with sqlite.write() as session:
        raise_alert(
            session, Raised("domain:a.b", "domain", "warn", plain("gone"), plain("SPF"), "/"), datetime.now(UTC)
        )
    assert "and one more" not in panel.get("/keys").text
    panel.post("/alerts/check", form="/alerts")
    assert "and one more" in panel.get("/keys").text


@pytest.mark.parametrize("page", ["/alerts", "/smtp/1"])
def test_a_resting_provider_is_resumed_from_its_alert_and_from_its_own_page(
    panel: Panel, sqlite: Database, vault: Vault, redis: Redis, page: str
) -> None:
    bench = Bench(sqlite, vault, redis)
    bench.provider(closed_port(), "Resend", 1)
    now = datetime.now(UTC)
    Health(sqlite, redis).change(
        (1, ""), lambda known: paused(known, verdict_class="auth", text="535 no", now=now), now
    )
    panel.post("/alerts/check", form="/alerts")
    assert 'action="/smtp/1/resume"' in panel.get(page).text
    fields, headers = {"csrf_token": panel.csrf(page)}, {"Referer": f"http://localhost{page}"}
    assert panel.client.post("/smtp/1/resume", data=fields, headers=headers).headers["Location"] == page
    assert 'action="/smtp/1/resume"' not in panel.get("/smtp/1").text
    bench.close()


@pytest.mark.parametrize("fragment", [True, False])
def test_a_seen_event_moves_to_what_is_over(panel: Panel, changed: None, fragment: bool) -> None:
    answer = panel.post("/alerts/1/acknowledge", fragment=fragment, form="/alerts")
    assert answer.status_code == (200 if fragment else 303)
    assert "a.b &lt;has&gt; changed" not in panel.get("/keys").text
    assert "What is over" in panel.get("/alerts").text


def test_looking_now_finds_that_no_worker_runs(panel: Panel) -> None:
    assert "Nothing needs you" in panel.get("/alerts").text
    assert "No worker is running" in panel.post("/alerts/check", fragment=True, form="/alerts").text


def test_how_people_are_told_is_kept(panel: Panel, sqlite: Database) -> None:
    panel.post("/alerts/notices", {"email": "y"}, form="/alerts")
    with sqlite.read() as session:
        assert alert_notices.choices(session) == alert_notices.Choices(email=True, webhook=False)


def test_an_alert_that_is_not_there_is_not_found(panel: Panel) -> None:
    assert panel.post("/alerts/99/acknowledge", form="/alerts").status_code == 404


def test_an_alert_is_told_in_the_readers_language(panel: Panel, sqlite: Database) -> None:
    name = {"domain": "<i>100 % acme</i>.example"}
    what = Saying(
        "%(what)s went from %(old)s to %(new)s", {"what": "SPF", "old": Saying("pass"), "new": Saying("fail")}
    )
    with sqlite.write() as session:
        title = Saying("%(domain)s: DNS records have changed", name)
        raise_alert(session, Raised("domain:a", "domain", "warn", title, joined([what])), datetime.now(UTC))
        stored = open_alerts(session)[0]
        assert stored.title == "<i>100 % acme</i>.example: DNS records have changed"
        assert stored.text == "SPF went from pass to fail."
    text = panel.client.get("/alerts", headers={"Accept-Language": "es"}).text
    assert "&lt;i&gt;100 % acme&lt;/i&gt;.example: los registros DNS han cambiado" in text
    assert "SPF pasó de bien a falla." in text
    assert "SPF went from pass to fail." in panel.get("/alerts").text


def test_an_alert_from_before_its_words_were_kept_is_told_as_it_is(panel: Panel, sqlite: Database) -> None:
    with sqlite.write() as session:
        raised = Raised("domain:a", "domain", "warn", plain("50 % of a.b"), plain("has %(changed)s"))
        raise_alert(session, raised, datetime.now(UTC))
        open_alerts(session)[0].words = None
    text = panel.get("/alerts").text
    assert "50 % of a.b" in text
    assert "has %(changed)s" in text


def test_the_strip_is_asked_for_anew_and_says_nothing_while_it_has_not_changed(panel: Panel, changed: None) -> None:
    shown = re.search(r'hx-get="(/alerts/strip[^"]+)"', panel.get("/keys").text)
    assert shown
    address = shown.group(1).replace("&amp;", "&")
    assert panel.get(address, fragment=True).status_code == 204
    assert "No worker is running" in panel.get("/alerts/strip?place=1&known=other", fragment=True).text
    # What comes while a page is open lies over it: the page has kept no place for it.
    assert "strip-late" in panel.get("/alerts/strip?place=0&known=other", fragment=True).text
    assert "strip-late" not in panel.get("/alerts/strip?place=1&known=other", fragment=True).text
