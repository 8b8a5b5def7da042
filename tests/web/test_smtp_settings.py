"""SMTP Settings: the form of the user documentation, the list, and a password that never comes back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from senddock.dispatch import connection_tests, providers
from senddock.dispatch.connection_tests import Runner
from senddock.dispatch.health import Health
from senddock.dispatch.slowdowns import Slowdowns
from senddock.domain.breaker import Phase, paused
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.smtp_server import ScriptedSMTP, closed_port
from tests.web.conftest import Panel

SECRET = "hunter2-hunter2-hunter2"
FORM: dict[str, Any] = {
    "name": "AWS SES Production", "host": "smtp.example.com", "port": "587", "encryption": "starttls", "username": "me",
    "password": SECRET, "from_email": "hello@myapp.com", "from_name": "MyApp Team", "priority": "1", "enabled": "y",
    "from_policy": "any",
}  # fmt: skip


def test_an_empty_list_tells_the_next_step(panel: Panel) -> None:
    assert "Add your first provider" in panel.get("/smtp").text


def test_a_provider_is_added_edited_and_its_password_never_shown(panel: Panel, sqlite: Database, vault: Vault) -> None:
    answer = panel.post("/smtp/new", FORM, form="/smtp/new")
    assert answer.status_code == 303
    (row,) = providers.all_providers(sqlite)
    assert row.password_sealed is not None
    assert vault.open(row.password_sealed, table="provider", row=str(row.id), column="password") == SECRET.encode()
    for path in ("/smtp", f"/smtp/{row.id}", "/?all=1", f"/smtp/{row.id}/delete"):
        assert SECRET not in panel.get(path).text
    assert row.password_fingerprint in panel.get(f"/smtp/{row.id}").text
    panel.post(f"/smtp/{row.id}", {**FORM, "password": "", "name": "SES"}, form=f"/smtp/{row.id}")
    (kept,) = providers.all_providers(sqlite)
    assert (kept.name, kept.password_sealed) == ("SES", row.password_sealed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "Give the provider a name"),
        ({"host": "https://smtp.example.com"}, "without https://"),
        ({"port": "99999"}, "1 to 65535"),
        ({"from_email": "nobody"}, "From email is not usable"),
        ({"from_email": "me@gmail.com"}, "public mailbox domain"),
        ({"encryption": "none"}, "only for local development"),
        ({"per_day": "0"}, "whole number from 1"),
        ({"priority": "0"}, "tried first"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_its_field(
    panel: Panel, sqlite: Database, change: dict[str, str], words: str
) -> None:
    answer = panel.post("/smtp/new", {**FORM, **change}, form="/smtp/new")
    assert answer.status_code == 422
    assert words in answer.text
    assert SECRET not in answer.text
    assert providers.count(sqlite) == 0


def test_no_encryption_to_a_public_host_has_to_be_confirmed_in_words(panel: Panel, sqlite: Database) -> None:
    assert (
        panel.post("/smtp/new", {**FORM, "encryption": "none", "plain_confirmed": "y"}, form="/smtp/new").status_code
        == 303
    )
    local = {**FORM, "encryption": "none", "host": "127.0.0.1", "port": "1025"}
    assert panel.post("/smtp/new", local, form="/smtp/new").status_code == 303
    assert providers.count(sqlite) == 2


def test_contradicting_port_and_encryption_are_remarked_while_typing(panel: Panel) -> None:
    answer = panel.post(
        "/smtp/advice", {**FORM, "port": "465", "from_email": "noreply@myapp.com"}, fragment=True, form="/smtp/new"
    )
    assert "Choose SSL" in answer.text
    assert "looks like spam" in answer.text
    assert "<html" not in answer.text


def test_a_preset_fills_the_form(panel: Panel) -> None:
    page = panel.get("/smtp/new?preset=resend").text
    assert 'value="smtp.resend.com"' in page
    assert 'value="465"' in page
    assert "begins with re_" in page


def test_the_order_default_and_deletion_are_the_operators(panel: Panel, sqlite: Database, vault: Vault) -> None:
    values = {"host": "127.0.0.1", "port": 25, "encryption": "none", "from_email": "a@b.de"}
    ids = [
        providers.add(sqlite, vault, {**values, "name": name, "priority": n}, "p4ss").id
        for n, name in enumerate("abc", 1)
    ]

    def order() -> list[str]:
        return [row.name for row in providers.all_providers(sqlite)]

    panel.post(f"/smtp/{ids[2]}/up", form="/smtp")
    assert order() == ["a", "c", "b"]
    assert "DEFAULT" in panel.post(f"/smtp/{ids[1]}/default", fragment=True, form="/smtp").text
    assert order() == ["b", "a", "c"]
    panel.post(f"/smtp/{ids[0]}/disable", form="/smtp")
    assert "disabled" in panel.get("/smtp").text
    assert "password is erased" in panel.get(f"/smtp/{ids[1]}/delete").text
    panel.post(f"/smtp/{ids[1]}/delete", form="/smtp")
    assert order() == ["a", "c"]
    with sqlite.read() as session:
        from senddock.models import Provider

        gone = session.get(Provider, ids[1])
        assert gone is not None
        assert (gone.name, gone.password_sealed) == ("b", None)


@pytest.mark.parametrize(
    ("path", "page_only"), [("/smtp", "<h1>SMTP Settings"), ("/smtp/new", "<h1>Add SMTP Provider")]
)
def test_the_page_contains_its_fragment(panel: Panel, path: str, page_only: str) -> None:
    page, fragment = panel.read(path), panel.read(path, fragment=True)
    assert fragment.strip() in page
    assert page_only in page
    assert page_only not in fragment
    assert "HX-Request" in panel.get(path, fragment=True).headers["Vary"]


def test_script_in_names_and_answers_shows_as_text(panel: Panel, sqlite: Database, vault: Vault) -> None:
    evil = "<script>alert(1)</script>"
    values = {
        "name": evil,
        "host": "127.0.0.1",
        "port": 25,
        "encryption": "none",
        "from_email": "a@b.de",
        "from_name": evil,
    }
    row = providers.add(sqlite, vault, values, None)
    for path in ("/smtp", f"/smtp/{row.id}", "/?all=1", f"/smtp/{row.id}/delete"):
        text = panel.get(path).text
        assert evil not in text
        assert "&lt;script&gt;" in text


def run(sqlite: Database, vault: Vault, test_id: str) -> Any:
    Runner(sqlite, vault, dns_servers=(), greet_as="localhost")(test_id)
    found = connection_tests.get(sqlite, test_id)
    assert found is not None
    return found


def test_a_connection_test_of_unsaved_values_is_queued_carried_out_and_shown(
    panel: Panel, sqlite: Database, vault: Vault, redis: Any, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server(users={"me": SECRET})
    values = {
        **FORM,
        "host": "127.0.0.1",
        "port": str(server.port),
        "encryption": "none",
        "recipient": "ana@example.org",
    }
    answer = panel.post("/smtp/test", values, fragment=True, form="/smtp/new")
    assert "No worker is running" in answer.text
    assert redis.llen("rq:queue:senddock") == 1
    job = b"".join(value for key in redis.scan_iter("rq:job:*") for value in redis.hgetall(key).values())
    assert SECRET.encode() not in job
    test_id = answer.text.split("/smtp/tests/")[1].split('"')[0]
    found = run(sqlite, vault, test_id)
    assert found.state == "succeeded", found.report
    assert found.sealed_settings is None
    page = panel.get(f"/smtp/tests/{test_id}").text
    assert "✅ Connection successful" in page
    assert SECRET not in page
    assert "hx-trigger" not in page.split('id="test"')[1].split(">")[0], "it is over: nothing is polled any more"
    (taken,) = server.wait_for(1)
    assert taken.recipients == ["ana@example.org"]


def test_a_failed_test_says_what_why_and_what_next(panel: Panel, sqlite: Database, vault: Vault) -> None:
    values = {"name": "x", "host": "127.0.0.1", "port": closed_port(), "encryption": "none", "from_email": "a@b.de"}
    row = providers.add(sqlite, vault, values, None)
    where = panel.post(f"/smtp/{row.id}/test", form="/smtp").headers["Location"]
    run(sqlite, vault, where.rsplit("/", 1)[1])
    page = panel.get(where).text
    assert "Connection refused" in page
    assert "Try port 2525 or 465" in page
    assert "telnet 127.0.0.1" in page


def test_a_test_can_be_stopped_and_a_refused_one_says_why(panel: Panel, sqlite: Database, vault: Vault) -> None:
    values = {"name": "x", "host": "127.0.0.1", "port": 25, "encryption": "none", "from_email": "a@b.de"}
    row = providers.add(sqlite, vault, values, None)
    where = panel.post(f"/smtp/{row.id}/test", form="/smtp").headers["Location"]
    assert "Stopped before it began." in panel.post(f"{where}/cancel", fragment=True, form="/smtp").text
    assert run(sqlite, vault, where.rsplit("/", 1)[1]).state == "cancelled"
    assert (
        "Give the provider a name"
        in panel.post("/smtp/test", {**FORM, "name": ""}, fragment=True, form="/smtp/new").text
    )


def test_a_stored_password_is_not_sent_to_a_changed_host(
    sqlite: Database, vault: Vault, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    evil = smtp_server(users={"me": SECRET})
    values = {
        "name": "x",
        "host": "localhost",
        "port": 587,
        "encryption": "none",
        "from_email": "a@b.de",
        "username": "me",
    }
    row = providers.add(sqlite, vault, values, SECRET)
    changed = {**values, "host": "127.0.0.1", "port": evil.port}
    test_id = connection_tests.start(sqlite, vault, values=changed, provider_id=row.id)
    run(sqlite, vault, test_id)
    assert all("AUTH" not in line or SECRET not in line for line in evil.commands)
    import base64

    assert not any(base64.b64encode(f"\0me\0{SECRET}".encode()).decode() in line for line in evil.commands)


def test_an_old_password_is_remarked(panel: Panel, sqlite: Database, vault: Vault) -> None:
    from datetime import timedelta

    from senddock.models import Provider

    values = {"name": "x", "host": "127.0.0.1", "port": 25, "encryption": "none", "from_email": "a@b.de"}
    row = providers.add(sqlite, vault, values, SECRET)
    with sqlite.write() as session:
        kept = session.get(Provider, row.id)
        assert kept is not None
        kept.password_set_at = datetime.now(UTC) - timedelta(days=91)
    assert "rotate it every 3–6 months" in panel.get(f"/smtp/{row.id}").text


def _add(sqlite: Database, vault: Vault, *names: str) -> list[int]:
    given = {"host": "127.0.0.1", "port": 2525, "encryption": "none", "from_email": "us@example.com"}
    return [
        providers.add(sqlite, vault, {**given, "name": name, "priority": number}, None).id
        for number, name in enumerate(names, 1)
    ]


def test_a_whole_new_order_is_stored_and_shown(panel: Panel, sqlite: Database, vault: Vault) -> None:
    one, two, three = _add(sqlite, vault, "one", "two", "three")
    text = panel.post("/smtp/order", {"id": [three, one]}, fragment=True, form="/smtp").text
    assert [row.id for row in providers.all_providers(sqlite)] == [three, one, two]
    assert text.index("three") < text.index("one") < text.index("two")
    assert panel.post("/smtp/order", {"id": ["x", one]}, form="/smtp").status_code == 303


def test_region_and_plan_fill_host_and_limits_and_nothing_else(panel: Panel) -> None:
    page = panel.get("/smtp/new?preset=ses")
    assert "eu-west-1" in page.text
    host = "email-smtp.eu-west-1.amazonaws.com"
    data = {**FORM, "preset": "ses", "region": host, "plan": "production"}
    filled = panel.post("/smtp/fill", data, fragment=True, form="/smtp/new").text
    assert f'value="{host}"' in filled
    assert SECRET not in filled
    assert 'id="from_email"' not in filled, "what was typed stays in the page"


def test_the_advanced_settings_are_kept_and_their_faults_are_shown(
    panel: Panel, sqlite: Database, vault: Vault
) -> None:
    data = {**FORM, "timeout_connect": "3", "day_reset_hour": "9", "day_zone": "Europe/Madrid", "per_day": "500",
            "extra_domains": "a.example, b.example", "transactional_reserve": "20"}  # fmt: skip
    panel.post("/smtp/new", data, form="/smtp/new")
    (row,) = providers.all_providers(sqlite)
    assert (row.timeouts, row.extra_domains) == ({"connect": 3.0}, ["a.example", "b.example"])
    assert (row.day_reset_hour, row.day_zone, row.transactional_reserve) == (9, "Europe/Madrid", 20)
    page = panel.get(f"/smtp/{row.id}").text
    assert 'value="a.example, b.example"' in page
    assert 'value="Europe/Madrid"' in page
    for change, words in (
        ({"day_zone": "Mars/Base"}, "There is no time zone"),
        ({"day_reset_hour": "24"}, "from 0 to 23"),
        ({"timeout_tls": "0"}, "from 1 to 600 seconds"),
        ({"transactional_reserve": "95"}, "from 0 to 90"),
        ({"extra_domains": "not a domain"}, "is not a domain"),
    ):
        answer = panel.post(f"/smtp/{row.id}", {**data, **change}, form=f"/smtp/{row.id}")
        assert answer.status_code == 422, change
        assert words in answer.text, change
        assert '<details class="limits" id="advanced" open>' in answer.text


def test_an_old_password_asks_to_be_rotated(panel: Panel, sqlite: Database, vault: Vault) -> None:
    panel.post("/smtp/new", FORM, form="/smtp/new")
    with sqlite.write() as session:
        row = session.get(type(providers.all_providers(sqlite)[0]), 1)
        assert row is not None
        row.password_set_at = datetime.now(UTC) - timedelta(days=91)
    assert "91 days old" in panel.get("/smtp").text
    assert "rotate it every 3–6 months" in panel.get("/smtp/1").text


def test_a_test_is_there_again_after_a_reload(panel: Panel, sqlite: Database, vault: Vault) -> None:
    (one,) = _add(sqlite, vault, "one")
    panel.post(f"/smtp/{one}/test", FORM, fragment=True, form="/smtp")
    assert "No worker is running" in panel.get(f"/smtp/{one}").text
    assert "No worker is running" in panel.get(f"/smtp/{one}").text
    panel.post("/smtp/test", FORM, fragment=True, form="/smtp")
    assert "No worker is running" in panel.get("/smtp/new").text


def test_a_paused_provider_is_resumed_from_the_list(panel: Panel, sqlite: Database, vault: Vault) -> None:
    row = providers.add(
        sqlite,
        vault,
        {"name": "SES", "host": "127.0.0.1", "port": 25, "encryption": "none", "from_email": "a@b.de"},
        None,
    )
    assert "/resume" not in panel.get("/smtp").text
    health = Health(sqlite, None)
    now = datetime.now(UTC)
    health.change(
        (row.id, ""), lambda known: paused(known, verdict_class="auth", text="535 account suspended", now=now), now
    )
    page = panel.get("/smtp").text
    assert "paused" in page
    assert f"/smtp/{row.id}/resume" in page
    panel.post(f"/smtp/{row.id}/resume", form="/smtp")
    assert "It sends again from now on." in panel.get("/smtp").text
    assert Health(sqlite, None).get((row.id, "")).phase is Phase.CLOSED


def test_a_slowed_provider_says_its_pace_and_when_it_recovers(panel: Panel, sqlite: Database, vault: Vault) -> None:
    row = providers.add(
        sqlite,
        vault,
        {
            "name": "SES", "host": "127.0.0.1", "port": 25, "encryption": "none", "from_email": "a@b.de", "per_second": 14,
        },
        None,
    )  # fmt: skip
    Slowdowns(sqlite).note(row, 14.0, datetime.now(UTC))
    page = panel.get("/smtp").text
    assert "slowed down" in page
    assert "pace 7." in page
    assert "recovers" in page


def test_a_test_has_room_for_its_whole_way_before_a_worker_takes_it_up(
    panel: Panel, sqlite: Database, vault: Vault
) -> None:
    (one,) = _add(sqlite, vault, "one")
    page = panel.post(f"/smtp/{one}/test", FORM, fragment=True, form="/smtp").text
    stages = ["DNS", "Connect", "Greeting", "EHLO", "TLS", "EHLO", "Sign in", "Sender"]
    assert re.findall(r'<span class="stage">([^<]+)</span>', page) == stages
    where = page.split('hx-post="')[1].split('"')[0]
    stopped = panel.post(where, fragment=True, form="/smtp").text
    assert stopped.count('aria-label="not reached"') == len(stages)


def test_a_suggested_port_leads_to_the_form_with_it(panel: Panel, sqlite: Database, vault: Vault) -> None:
    (one,) = _add(sqlite, vault, "one")
    page = panel.get(f"/smtp/{one}?port=465&encryption=ssl").text
    assert re.search(r'id="port"[^>]*value="465"', page)
    assert re.search(r'<input checked [^>]*value="ssl"', page)
    assert re.search(r'id="port"[^>]*value="2525"', panel.get(f"/smtp/{one}?port=x&encryption=y").text)
