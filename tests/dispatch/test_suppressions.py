"""Suppressions: what puts an address on the list by itself, what never does, and what the list does to mail."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from senddock.dispatch import actions, streams, suppressions, webhooks
from senddock.dispatch.refusals import Refused
from senddock.dispatch.suppressed import SOME, suppressed_among
from senddock.dispatch.tally import pen_of
from senddock.models import Database, Delivery, Message, Suppression, WebhookEvent
from tests.conftest import Bench
from tests.smtp_server import reply

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _listed(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(row.address, row.origin) for row in session.scalars(select(Suppression).order_by(Suppression.id))]


def test_an_address_that_does_not_exist_is_suppressed_with_the_message_that_told(
    bench: Bench, smtp_server: Any
) -> None:
    server = smtp_server(
        {"rcpt": lambda address: reply("550 5.1.1 User unknown") if "gone" in address.lower() else None}
    )
    bench.provider(server.port)
    first = bench.submit("Gone@Example.ORG", "here@example.org")
    bench.engine.drain()
    assert _listed(bench.database) == [("gone@example.org", "bounce")]
    with bench.database.read() as session:
        row = session.scalars(select(Suppression)).one()
    assert (row.project_id, row.source_message_id) == (1, first)
    assert row.note is not None
    assert "User unknown" in row.note
    second = bench.submit("gone@example.org")
    story = bench.story(second)
    assert (story["state"], story["last_event"]) == ("suppressed", "suppressed")
    assert story["deliveries"][0]["reply"] == "The address is on the suppression list."
    bench.engine.drain()
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "452 4.2.2 Mailbox full",
        "550 5.7.1 Message rejected as spam",
        "550 5.7.26 Unauthenticated mail is not accepted",
        "554 5.7.1 Relay access denied",
        "450 4.7.1 Greylisted, try again later",
    ],
)
def test_nothing_else_suppresses_an_address(sqlite_bench: Bench, smtp_server: Any, answer: str) -> None:
    sqlite_bench.provider(smtp_server({"rcpt": reply(answer)}).port)
    sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert _listed(sqlite_bench.database) == []


def test_what_waited_when_its_address_was_suppressed_does_not_go_out_and_says_so(
    bench: Bench, smtp_server: Any
) -> None:
    server = smtp_server()
    bench.provider(server.port)
    webhooks.add(bench.database, bench.vault, "https://app.example.com/hooks", now=NOW)
    alone, mixed = bench.submit("Ana@example.org"), bench.submit("ana@example.org", "bo@example.org")
    suppressions.add(bench.database, 1, "ana@example.org", comment=None, now=datetime.now(UTC))
    bench.engine.drain()
    (taken,) = server.wait_for(1)
    assert taken.recipients == ["bo@example.org"]
    story = bench.story(alone)
    assert (story["state"], story["last_event"], story["attempts"]) == ("suppressed", "suppressed", [])
    shown = {item["recipient"]: (item["status"], item["reply"]) for item in bench.story(mixed)["deliveries"]}
    why = "The address was on the suppression list when the message was to be sent."
    assert shown["ana@example.org"] == ("suppressed", why)
    assert shown["bo@example.org"][0] == "accepted"
    with bench.database.read() as session:
        told = [
            (row.kind, row.data["message_id"]) for row in session.scalars(select(WebhookEvent)) if "text" in row.data
        ]
    assert sorted(told) == sorted([("suppressed", alone), ("suppressed", mixed), ("accepted", mixed)])


def test_a_retry_that_waits_is_stopped_by_the_list_too(bench: Bench, smtp_server: Any) -> None:
    server = smtp_server({"rcpt": reply("452 4.2.2 Mailbox full")})
    bench.provider(server.port)
    message_id = bench.submit("ana@example.org")
    bench.engine.drain()
    assert bench.story(message_id)["state"] == "deferred"
    suppressions.add(bench.database, 1, "ana@example.org", comment=None, now=datetime.now(UTC))
    with bench.database.write() as session:
        session.execute(update(Message).values(due_at=NOW))
        session.execute(update(Delivery).values(next_attempt_at=NOW))
    bench.engine.drain()
    story = bench.story(message_id)
    assert (story["state"], len(story["attempts"])) == ("suppressed", 1)


def test_sending_again_asks_for_the_address_to_be_taken_off_the_list_first(bench: Bench, smtp_server: Any) -> None:
    server = smtp_server({"rcpt": reply("550 5.1.1 User unknown")})
    bench.provider(server.port)
    failed = bench.submit("ana@example.org")
    bench.engine.drain()
    suppressed = bench.submit("ana@example.org")
    for message_id in (failed, suppressed):
        with pytest.raises(Refused, match=r"ana@example\.org is on the suppression list.*Take the address off"):
            actions.retry(bench.database, message_id, provider_id=None, by="boss@example.com")
    assert bench.story(failed)["state"] == "failed"
    suppressions.remove(bench.database, 1, "ana@example.org", datetime.now(UTC))
    server.script.clear()
    for message_id in (failed, suppressed):
        actions.retry(bench.database, message_id, provider_id=None, by="boss@example.com")
    bench.engine.drain()
    assert [bench.story(message_id)["state"] for message_id in (failed, suppressed)] == ["accepted", "accepted"]


def test_a_long_list_is_searched_and_not_read(sqlite_bench: Bench) -> None:
    with sqlite_bench.database.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {SOME['sqlite']}", (1, '["a@example.org"]')).fetchall()
    assert "(project_id=? AND address=?)" in plan[0][3]


def test_each_project_has_a_list_of_its_own(bench: Bench) -> None:
    other = streams.add_project(bench.database, "other").id
    for project_id, address in ((1, "ana@example.org"), (other, "bo@example.org"), (1, "élodie@example.org")):
        suppressions.add(bench.database, project_id, address, comment=None, now=NOW)
    asked = {
        (project_id, f"{name}@example.org") for project_id in (1, other) for name in ("ana", "bo", "eve", "élodie")
    }
    with bench.database.transaction() as connection:
        assert suppressed_among(pen_of(connection), asked) == {
            (1, "ana@example.org"), (other, "bo@example.org"), (1, "élodie@example.org"),
        }  # fmt: skip


def test_the_same_address_is_listed_once(sqlite_bench: Bench, smtp_server: Any) -> None:
    sqlite_bench.provider(smtp_server({"rcpt": reply("550 5.1.1 User unknown")}).port)
    sqlite_bench.submit("a@example.org")
    sqlite_bench.submit("a@example.org")
    sqlite_bench.engine.drain()
    assert _listed(sqlite_bench.database) == [("a@example.org", "bounce")]


def test_an_address_is_added_and_removed_by_hand(bench: Bench) -> None:
    suppressions.add(bench.database, 1, " Ana@Example.org ", comment="asked for it", now=NOW)
    assert _listed(bench.database) == [("ana@example.org", "manual")]
    with pytest.raises(Refused, match="already"):
        suppressions.add(bench.database, 1, "ana@example.org", comment=None, now=NOW)
    suppressions.remove(bench.database, 1, "ANA@example.org", NOW)
    assert _listed(bench.database) == []
    with pytest.raises(Refused, match="not on the list"):
        suppressions.remove(bench.database, 1, "ana@example.org", NOW)
    with pytest.raises(Refused, match="no project"):
        suppressions.add(bench.database, 99, "ana@example.org", comment=None, now=NOW)


@pytest.mark.parametrize(
    ("listed", "written"),
    [
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "Ana@BÜCHER.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_an_international_domain_is_suppressed_in_both_of_its_spellings(
    bench: Bench, listed: str, written: str
) -> None:
    suppressions.add(bench.database, 1, listed, comment=None, now=NOW)
    story = bench.story(bench.submit(written, "bo@example.org"))
    assert {row["recipient"].lower(): row["status"] for row in story["deliveries"]} == {
        written.lower(): "suppressed",
        "bo@example.org": "queued",
    }


def test_an_address_that_a_spreadsheet_would_run_is_the_same_after_export_and_import(sqlite: Database) -> None:
    odd = ["+tag@example.org", "-a@example.org", "=b@example.org", "'c@example.org", "'+d@example.org"]
    for address in odd:
        suppressions.add(sqlite, 1, address, comment="=1+1", now=NOW)
    text = "".join(suppressions.export_csv(sqlite, None))
    assert not any(line.startswith(("+", "-", "=")) for line in text.splitlines())
    assert suppressions.import_csv(sqlite, 1, text.encode(), NOW).known == len(odd)
    with sqlite.read() as session:
        rows = session.scalars(select(Suppression)).all()
    assert sorted(row.address for row in rows) == sorted(odd)
    assert {row.note for row in rows} == {"=1+1"}


def test_what_is_exported_can_be_imported(sqlite: Database) -> None:
    suppressions.add(sqlite, 1, "ana@example.org", comment='said "no", twice', now=NOW)
    suppressions.add(sqlite, 1, "bo@example.org", comment="=1+1", now=NOW)
    text = "".join(suppressions.export_csv(sqlite, None))
    assert "'=1+1" in text
    for address in ("ana@example.org", "bo@example.org"):
        suppressions.remove(sqlite, 1, address, NOW)
    done = suppressions.import_csv(sqlite, 1, text.encode(), NOW)
    assert (done.added, done.known, done.refused) == (2, 0, ())
    with sqlite.read() as session:
        assert (
            session.scalar(select(Suppression.note).where(Suppression.address == "ana@example.org"))
            == 'said "no", twice'
        )


@pytest.mark.parametrize(
    "text",
    [
        "a@example.org\nb@example.org\n",
        "Email,Reason\nA@example.org,x\nb@example.org,y\n",
        "\ufeffaddress\r\na@example.org\r\n\r\nb@example.org\r\na@example.org",
    ],
)
def test_files_of_other_services_are_read(sqlite: Database, text: str) -> None:
    assert suppressions.import_csv(sqlite, 1, text.encode(), NOW).added == 2
    assert {address for address, _ in _listed(sqlite)} == {"a@example.org", "b@example.org"}


def test_bad_rows_are_told_and_good_ones_are_added(sqlite: Database) -> None:
    done = suppressions.import_csv(sqlite, 1, b"a@example.org\nnonsense\nb@example.org\n", NOW)
    assert done.added == 2
    assert [line for line, _ in done.refused] == [2]
    with pytest.raises(Refused, match="UTF-8"):
        suppressions.import_csv(sqlite, 1, b"\xff\xfe\x00", NOW)


def test_pages_go_on_where_the_last_one_ended(sqlite: Database) -> None:
    suppressions.import_csv(sqlite, 1, "\n".join(f"a{n}@example.org" for n in range(25)).encode(), NOW)
    seen, before = [], None
    while True:
        with sqlite.read() as session:
            rows, before = suppressions.page(session, 1, before=before, limit=10)
        seen += [row.address for row in rows]
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 25
