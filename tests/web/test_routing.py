"""Routing: orders are edited step by step, with and without JavaScript, previewed before they are saved; why is told."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from senddock.dispatch import providers, routes, streams
from senddock.dispatch.health import Health
from senddock.domain.breaker import paused
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, closed_port
from tests.web.conftest import Panel


@pytest.fixture
def mail(sqlite: Database, vault: Vault, redis: Redis) -> Iterator[Bench]:
    """An engine beside the panel, with three providers."""
    made = Bench(sqlite, vault, redis)
    for number, name in enumerate(("AWS SES", "Resend", "Hostinger"), 1):
        made.provider(closed_port(), name, number)
    yield made
    made.close()


def preview(text: str) -> str:
    found = re.search(r'id="route-preview"[^>]*>(.*?)(?: <span|</p>)', text, re.S)
    assert found, text
    return found.group(1)


def form(*rows: tuple[int, int, int], **values: str) -> dict[str, object]:
    data: dict[str, object] = {"provider": [str(row[0]) for row in rows], **values}
    for provider_id, priority, weight in rows:
        data[f"priority-{provider_id}"], data[f"weight-{provider_id}"] = str(priority), str(weight)
    return data


def test_without_a_provider_the_page_tells_the_next_step(panel: Panel) -> None:
    assert "Add a provider" in panel.get("/routing").text


def test_one_application_never_sees_the_word_project(panel: Panel, mail: Bench) -> None:
    for path in ("/routing", "/routing/streams/1", "/routing/simulate", "/routing/experiments"):
        page = re.sub(r"<[^>]*>", " ", panel.get(path).text)
        assert "project" not in page.lower(), path
    streams.add_project(mail.database, "shop")
    assert "shop" in panel.get("/routing").text
    assert "Add a project" in panel.get("/routing").text


def test_the_list_shows_each_order_and_contains_its_fragment(panel: Panel, mail: Bench) -> None:
    routes.set_routes(mail.database, 2, [(1, 1, 70), (2, 1, 30), (3, 2, 100)])
    page = panel.get("/routing").text
    assert "1 AWS SES, then 2 Resend, then 3 Hostinger" in page
    assert "1 AWS SES 70 % · Resend 30 %, then 2 Hostinger" in page
    assert panel.get("/routing", fragment=True).text.strip()[:60] in page


def test_each_button_is_one_step_that_is_previewed_and_not_saved(panel: Panel, mail: Bench) -> None:
    start = form((1, 1, 70), (2, 2, 30), (3, 3, 100))
    for words, line in (
        ("up:2", "1 AWS SES 70 % · Resend 30 %, then 2 Hostinger, then it waits"),
        ("remove:2", "1 AWS SES, then 2 Hostinger, then it waits"),
        ("before:3:1", "1 Hostinger, then 2 AWS SES, then 3 Resend, then it waits"),
        ("last:1", "1 Resend, then 2 Hostinger, then 3 AWS SES, then it waits"),
        ("join:3:1", "1 AWS SES 41.2 % · Hostinger 58.8 %, then 2 Resend, then it waits"),
        ("nonsense:9", "1 AWS SES, then 2 Resend, then 3 Hostinger, then it waits"),
    ):
        answer = panel.post("/routing/streams/1/draft", {**start, "op": words}, fragment=True)
        assert (answer.status_code, preview(answer.text)) == (200, line)
        assert "not saved" in answer.text
    page = panel.post("/routing/streams/1/draft", {**start, "op": "up:2"})
    assert "<html" in page.text, "without JavaScript the same button answers with the page"
    gone = panel.post("/routing/streams/1/draft", {**form((1, 1, 5)), "op": "add", "absent": "3"})
    assert preview(gone.text).startswith("1 AWS SES, then 2 Hostinger")
    with mail.database.read() as session:
        assert not routes.order_of(session, 1).own


def test_a_saved_order_holds_and_can_be_given_up(panel: Panel, mail: Bench) -> None:
    saved = panel.post("/routing/streams/1/routes", form((2, 1, 1), (1, 1, 3)))
    assert saved.status_code == 303
    with mail.database.read() as session:
        order = routes.order_of(session, 1)
    assert {(item.name, item.priority, item.weight) for item in order.routes} == {("Resend", 1, 1), ("AWS SES", 1, 3)}
    wrong = panel.post("/routing/streams/1/routes", form((1, 1, 0)))
    assert (wrong.status_code, "whole number from 1 to 1000" in wrong.text) == (422, True)
    panel.post("/routing/streams/1/routes", {**form((1, 1, 5)), "op": "standard"})
    with mail.database.read() as session:
        assert not routes.order_of(session, 1).own
    assert panel.get("/routing/streams/99").status_code == 404


def test_streams_are_added_and_changed(panel: Panel, mail: Bench) -> None:
    assert panel.post("/routing/streams", {"name": "receipts", "kind": "transactional"}).status_code == 303
    assert "Order of receipts" in panel.get("/routing/streams/3").text
    panel.post("/routing/streams", {"name": "receipts", "kind": "transactional"})
    assert "There is a stream" in panel.get("/routing").text
    panel.post(
        "/routing/streams/3/settings",
        {"kind": "marketing", "on_uncertain": "hold", "max_age_seconds": "12", "patience_seconds": "9"},
    )
    with mail.database.read() as session:
        row = streams.get_stream(session, 3)
    assert (row.kind, row.on_uncertain, row.max_age_seconds, row.patience_seconds) == ("marketing", "hold", 43200, 9)


def test_the_simulator_knows_breakers_limits_senders_and_what_comes_next(
    panel: Panel, mail: Bench, redis: Redis, vault: Vault
) -> None:
    now = datetime.now(UTC)
    Health(mail.database, redis).change(
        (1, ""), lambda known: paused(known, verdict_class="auth", text="535 no", now=now), now
    )
    providers.change(mail.database, vault, 2, {"from_policy": "own"})
    asked = "/routing/simulate?from=me@other.example&to=ana@example.org&stream=1&size=2000"
    text = panel.get(asked).text
    for words in (
        "<strong>Hostinger</strong>",
        "not AWS SES: paused until a person acts: Wrong username or password (535 no)",
        "not Resend: may not send from other.example",
        "other.example has not been checked yet",
        "if that fails, it waits",
    ):
        assert words in text, words
    assert panel.get(asked, fragment=True).text.strip()[:60] in text
    providers.change(mail.database, vault, 3, {"per_hour": 1})
    from senddock.dispatch.pace import Grant, Pace

    row = providers.get(mail.database, 3)
    assert isinstance(Pace(mail.database, redis).take(row, transactional=True, now=now), Grant)
    for _ in range(2):
        text = panel.get(asked).text
        assert "It would wait until" in text
        assert "limit per hour is used up" in text
    wrong = panel.get("/routing/simulate?to=nobody", fragment=True)
    assert (wrong.status_code, "is not an address" in wrong.text) == (422, True)


def test_asking_takes_nothing_from_a_limit(panel: Panel, mail: Bench, vault: Vault) -> None:
    providers.change(mail.database, vault, 1, {"per_hour": 1})
    for _ in range(3):
        assert "<strong>AWS SES</strong>" in panel.get("/routing/simulate?to=ana@example.org&stream=1").text


def test_a_message_tells_the_same_explanation_as_the_simulator(
    panel: Panel, sqlite: Database, vault: Vault, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    bench = Bench(sqlite, vault, None)
    bench.provider(closed_port(), "Off", 1, enabled=False)
    bench.provider(smtp_server().port, "<b>On</b>", 2)
    asked = panel.get("/routing/simulate?from=us@example.com&to=a@example.org&stream=1").text
    message_id = bench.submit("a@example.org")
    bench.engine.drain()
    bench.close()
    told = panel.get(f"/logs/{message_id}").text
    for words in ("priority 2: no provider before it can take the message now", "not Off: disabled"):
        assert words in asked
        assert words in told
    assert "<b>On</b>" not in asked + told


def test_an_experiment_is_started_watched_and_ended(panel: Panel, mail: Bench) -> None:
    given = {"name": "SES or Resend", "stream": "1", "share-1": "50", "share-2": "50", "share-3": "0",
             "metric": "hard_bounce", "days": "14", "minimum": "500"}  # fmt: skip
    wrong = panel.post("/routing/experiments", {**given, "share-2": "0", "minimum": "7"})
    assert wrong.status_code == 422
    assert "two to four arms" in wrong.text
    assert "at least 100" in wrong.text
    assert panel.post("/routing/experiments", given).status_code == 303
    page = panel.get("/routing/experiments/1").text
    assert "Nothing has been counted yet" in page
    assert panel.get("/routing/experiments/1", fragment=True).text.strip()[:60] in page
    assert "SES or Resend" in panel.get("/routing/experiments").text
    assert panel.post("/routing/experiments/1/end").status_code == 303
    assert "every 10s" not in panel.get("/routing/experiments/1").text
    assert panel.get("/routing/experiments/7").status_code == 404
