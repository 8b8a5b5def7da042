"""Logs: the list, one message's story, and content that is shown without being trusted."""

import html
import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from senddock.dispatch import log_list
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import Mail, submission_of
from senddock.domain.log_filter import LogFilter
from senddock.models import Database, Message
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, closed_port, reply
from tests.web.conftest import Panel

EVIL = "<script>alert(1)</script>"


def test_an_empty_log_tells_the_next_step(panel: Panel) -> None:
    assert "Send a test message" in panel.get("/logs").text
    assert "No message fits" in panel.get("/logs?state=failed").text


def test_one_message_tells_its_whole_story(panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]) -> None:
    server = smtp_server()
    mail.provider(closed_port(), "AWS SES", 1)
    mail.provider(server.port, "Resend", 2)
    message_id = mail.submit("ana@example.org", subject="Reset your password")
    mail.engine.drain()
    row = panel.get("/logs").text
    for words in ("ana@example.org", "Reset your password", "accepted", "Resend", "fallback"):
        assert words in row
    page = panel.get(f"/logs/{message_id}").text
    for words in ("attempt 1 · AWS SES", "Connection refused", "→ next provider", "attempt 2 · Resend", "250 2.0.0 Ok",
                  "already tried in this round", "via fallback"):  # fmt: skip
        assert words in page
    assert panel.get(f"/logs/{message_id}", fragment=True).text.strip()[:40] in page


def test_a_remark_made_when_a_message_was_taken_stands_on_its_page(panel: Panel, mail: Bench) -> None:
    marketing = submission_of(
        Mail(to=["ana@example.org"], subject="News", from_="us@example.com", text="Look.\n"),
        Channel(1, 2, "api", kind="marketing"),
        datetime.now(UTC),
    )
    remarked = mail.outbox.submit([marketing]).ids[0]
    assert "A marketing message without `List-Unsubscribe`" in panel.get(f"/logs/{remarked}").text
    assert "`List-Unsubscribe`" not in panel.get(f"/logs/{mail.submit()}").text


def test_filters_stand_in_the_address_bar(panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]) -> None:
    server = smtp_server({"rcpt": lambda to: reply("550 5.1.1 No such user") if to.startswith("gone") else None})
    provider_id = mail.provider(server.port)
    mail.submit("gone@example.org", subject="One")
    mail.submit("ana@example.org", subject="Two", stream_id=2)
    mail.engine.drain()
    for query, shown, hidden in (
        ("state=failed", "One", "Two"),
        ("state=accepted", "Two", "One"),
        ("stream=2", "Two", "One"),
        ("verdict=recipient_permanent", "One", "Two"),
        ("text=gone@example.org", "One", "Two"),
        ("text=two", "Two", "One"),
    ):
        text = panel.get(f"/logs?{query}", fragment=True).text
        assert f">{shown}<" in text, query
        assert f">{hidden}<" not in text, query
    assert ">One<" in panel.get(f"/logs?provider={provider_id}").text
    assert panel.get("/logs?provider=x&since=nonsense").status_code == 200


def test_the_live_tail_brings_only_what_is_newer(panel: Panel, mail: Bench) -> None:
    first = mail.submit(subject="Old")
    assert panel.get(f"/logs/new?than={first}", fragment=True).status_code == 204
    mail.submit(subject="New")
    text = panel.get(f"/logs/new?than={first}", fragment=True).text
    assert ">New<" in text
    assert ">Old<" not in text
    assert 'id="log-poll"' in text


def test_a_shown_row_goes_on_in_place(panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]) -> None:
    mail.provider(smtp_server().port)
    message_id = mail.submit(subject="One")
    shown = f"{message_id}:queued:0"
    assert f'value="{shown}"' in panel.get("/logs").text
    assert panel.get(f"/logs/new?than={message_id}&open={shown}", fragment=True).status_code == 204
    mail.engine.drain()
    text = panel.get(f"/logs/new?than={message_id}&open={shown}&open=nonsense", fragment=True).text
    assert f'<tr id="m-{message_id}" hx-swap-oob="true">' in text
    assert "accepted" in text
    assert 'name="open"' not in text, "what is over is not asked about again"


def test_times_in_the_filter_are_kept_and_narrow(panel: Panel, mail: Bench) -> None:
    mail.submit(subject="Now")
    assert ">Now<" in panel.get("/logs?since=2020-01-01T00:00").text
    page = panel.get("/logs?until=2020-01-01T00:00Z")
    assert ">Now<" not in page.text
    assert 'value="2020-01-01T00:00"' in page.text
    assert "until=2020-01-01T00:00:00" in page.text, "the export's address carries the filter"


def test_an_accepted_message_is_sent_once_more_as_a_message_of_its_own(
    panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    first, second = smtp_server(), smtp_server()
    mail.provider(first.port, "one", 1)
    chosen = mail.provider(second.port, "two", 2)
    message_id = mail.submit("a@example.org", "b@example.org", subject="Invoice")
    mail.engine.drain()
    page = f"/logs/{message_id}"
    assert "Send a copy" in panel.get(page).text
    where = panel.post(f"{page}/copy", {"provider": str(chosen)}, form=page).headers["Location"]
    assert where != page
    mail.engine.drain()
    second.wait_for(1)
    copy, original = second.taken[0], first.taken[0]
    assert copy.recipients == original.recipients
    header = {line.split(b":")[0]: line for line in copy.data.split(b"\r\n\r\n")[0].split(b"\r\n") if b":" in line}
    assert header[b"Subject"] == b"Subject: Invoice"
    assert header[b"Message-ID"] not in original.data
    assert mail.story(message_id)["state"] == "accepted"
    refused = panel.post(f"/logs/{'0' * 36}/copy", form="/keys")
    assert refused.status_code == 303


def test_a_message_is_copied_as_a_command(panel: Panel, mail: Bench) -> None:
    message_id = mail.submit("ana@example.org", subject="It's $HOME `id`", text="hi\n")
    text = html.unescape(panel.get(f"/logs/{message_id}").text)
    command = text.split('<pre tabindex="0">curl', 1)[1].split("</pre>")[0]
    done = subprocess.run(
        ["bash", "-c", f"curl() {{ printf '%s\\n' \"${{@: -1}}\"; }}; curl {command}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    body = json.loads(done.stdout)
    assert (body["subject"], body["to"], body["text"]) == ("It's $HOME `id`", ["ana@example.org"], "hi\n")


def test_pictures_from_elsewhere_are_loaded_only_when_asked_for(panel: Panel, mail: Bench) -> None:
    message_id = mail.submit(html='<img src="https://tracker.example/x.png">')
    closed = panel.get(f"/logs/{message_id}/html").headers["Content-Security-Policy"]
    assert "https:" not in closed
    assert f"/logs/{message_id}/html?remote=1" in panel.get(f"/logs/{message_id}?remote=1").text
    opened = panel.get(f"/logs/{message_id}/html?remote=1").headers["Content-Security-Policy"]
    assert "img-src data: https: http:;" in opened
    assert opened.startswith("sandbox; default-src 'none'")


def test_pages_follow_the_key_without_gaps(panel: Panel, mail: Bench) -> None:
    ids = [mail.submit(subject=f"s{number}") for number in range(120)]
    seen: list[str] = []
    path: str | None = "/logs"
    while path:
        text = panel.get(path).text
        seen += [part.split('"')[0] for part in text.split('<tr id="m-')[1:]]
        older = [part for part in text.split('href="') if part.startswith("/logs?before=")]
        path = older[0].split('"')[0].replace("&amp;", "&") if older else None
    assert seen == ids[::-1]


def test_a_search_goes_on_by_itself_until_the_log_ends(
    panel: Panel, mail: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_list, "WALK", 4)
    ids = [mail.submit(subject="rare" if number in (1, 8) else "other") for number in range(11)]
    text = panel.get("/logs?text=rare").text
    assert f'id="m-{ids[8]}"' in text
    assert f'id="m-{ids[1]}"' not in text
    assert "1 found in 4 messages" in text
    shown, steps = [ids[8]], 0
    while following := re.search(r'hx-get="(/logs/further[^"]+)"', text):
        text = panel.get(html.unescape(following.group(1)), fragment=True).text
        shown += re.findall(r'id="m-([^"]+)"', text)
        steps += 1
    assert (shown, steps) == ([ids[8], ids[1]], 2)
    assert "The whole log was searched." in text
    assert 'hx-swap-oob="beforeend"' in text, "rows are appended, so that nothing moves"


def test_a_search_ends_when_its_page_is_full(panel: Panel, mail: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_list, "WALK", 30)
    for number in range(120):
        mail.submit(subject="even" if number % 2 == 0 else "odd")
    text, shown = panel.get("/logs?text=even").text, 0
    while True:
        shown += text.count('id="m-')
        following = re.search(r'hx-get="(/logs/further[^"]+)"', text)
        if following is None:
            break
        text = panel.get(html.unescape(following.group(1)), fragment=True).text
    assert shown == 50
    assert "older" in text


def test_pages_of_a_sparse_filter_miss_nothing_in_either_direction(
    mail: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_list, "WALK", 7)
    ids = [mail.submit(stream_id=1 + (number % 5 == 0)) for number in range(60)]
    wanted, chosen = ids[::5], LogFilter(stream=2)
    with mail.database.read() as session:
        seen, before = [], None
        while True:
            page = log_list.page(session, chosen, before=before, limit=3)
            seen += [row.id for row in page.rows]
            before = page.older
            if before is None:
                break
        assert seen == wanted[::-1]
        back, after = [], ids[0]
        while after is not None:
            page = log_list.page(session, chosen, after=after, limit=3)
            back = [row.id for row in page.rows] + back
            after = page.newer
        assert back == wanted[1:][::-1]


def test_a_message_id_or_an_address_finds_its_messages_at_once(panel: Panel, mail: Bench) -> None:
    message_id = mail.submit("ana@example.org", subject="This one")
    mail.submit("bo@example.org", subject="Not this")
    header = mail.story(message_id)["message_id"]
    for wanted in (header, "ana@example.org", message_id):
        text = panel.get("/logs", fragment=True, query={"text": wanted}).text
        assert ">This one<" in text, wanted
        assert ">Not this<" not in text, wanted
        assert "This one" in panel.get("/jump", fragment=True, query={"q": wanted}).text


def test_delayed_are_those_that_needed_more_than_one_round(
    panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server({"rcpt": lambda to: reply("452 4.2.2 Mailbox full") if to.startswith("full") else None})
    mail.provider(server.port)
    mail.submit("ana@example.org", subject="At once")
    mail.submit("full@example.org", subject="Later")
    mail.engine.drain()
    text = panel.get("/logs?delayed=1").text
    assert ">Later<" in text
    assert ">At once<" not in text


def test_nonsense_in_place_of_an_id_is_left_out(database: Database) -> None:
    with database.read() as session:
        for nonsense in ("", "x", "0" * 36, "' OR 1=1"):
            assert log_list.page(session, LogFilter(), before=nonsense).rows == []
            assert log_list.page(session, LogFilter(), after=nonsense).rows == []
            assert log_list.newer_than(session, LogFilter(text="<x@y>"), nonsense) == []
            assert not log_list.moved_on(session, nonsense)
            assert log_list.changed(session, [f"{nonsense}:queued:0"]) == []


def test_the_filtered_set_is_exported(panel: Panel, mail: Bench) -> None:
    mail.submit(subject="=cmd|' /C calc'!A0")
    lines = panel.get("/logs/export.csv").text.splitlines()
    assert lines[0].startswith("id,created_at,state")
    assert "'=cmd" in lines[1], "a cell must not be a formula"
    assert '"subject": "=cmd' in panel.get("/logs/export.jsonl").text


def test_nothing_from_a_message_or_a_server_is_trusted(
    panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server({"final_dot": reply(f"550 5.7.1 spam {EVIL}")})
    mail.provider(server.port)
    message_id = mail.submit(
        subject=EVIL, text=EVIL, html=f"<p>hi</p>{EVIL}", headers={"X-Evil": EVIL}, from_=f'"{EVIL}" <us@example.com>'
    )
    mail.engine.drain()
    for path in ("/logs", f"/logs/{message_id}", "/?all=1"):
        text = panel.get(path).text
        assert EVIL not in text, path
        assert "&lt;script&gt;" in text
    frame = panel.get(f"/logs/{message_id}/html")
    assert frame.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "sandbox" in panel.get(f"/logs/{message_id}").text
    source = panel.get(f"/logs/{message_id}/source")
    assert "attachment" in source.headers["Content-Disposition"]


def test_a_failed_message_is_sent_again_through_a_chosen_provider(
    panel: Panel, mail: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    first = smtp_server({"rcpt": [reply("554 5.6.0 Malformed message")]})
    second = smtp_server()
    mail.provider(first.port, "one", 1)
    chosen = mail.provider(second.port, "two", 2)
    message_id = mail.submit()
    mail.engine.drain()
    assert mail.story(message_id)["state"] == "failed"
    panel.post(f"/logs/{message_id}/resend", {"provider": str(chosen)}, form=f"/logs/{message_id}")
    mail.engine.drain()
    second.wait_for(1)
    assert mail.story(message_id)["state"] == "accepted"
    assert "sent again by ana@acme.example" in panel.get(f"/logs/{message_id}").text
    assert "cannot be sent again" in _after(panel, f"/logs/{message_id}", "resend")


def test_a_waiting_message_is_canceled_once(panel: Panel, mail: Bench) -> None:
    message_id = mail.submit()
    panel.post(f"/logs/{message_id}/cancel", form=f"/logs/{message_id}")
    assert mail.story(message_id)["state"] == "canceled"
    mail.engine.drain()
    assert mail.story(message_id)["attempts"] == []
    assert "cannot be canceled" in _after(panel, f"/logs/{message_id}", "cancel")


def test_an_unknown_message_is_a_page_that_says_so(panel: Panel) -> None:
    for path in ("/logs/nothing", "/logs/" + "0" * 36, "/logs/nothing/source", "/logs/" + "0" * 36 + "/html"):
        answer = panel.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text


def test_a_message_written_in_the_panel_goes_to_its_story(panel: Panel, mail: Bench) -> None:
    data = {"to": "a@example.org, b@example.org", "subject": "Hi", "text": "x", "stream": "marketing"}
    where = panel.post("/send", data, form="/send").headers["Location"]
    assert mail.story(where.rsplit("/", 1)[1])["stream"] == "marketing"
    refused = panel.post("/send", {**data, "to": "nobody"}, form="/send")
    assert refused.status_code == 422
    assert "is not an address" in refused.text


def test_what_is_said_about_a_from_stands_in_the_story_of_a_message_written_in_the_panel(
    panel: Panel, mail: Bench
) -> None:
    data = {"to": "a@example.org", "subject": "Hi", "text": "x", "stream": "transactional"}
    where = panel.post("/send", {**data, "from_": "Acme <noreply@example.com>"}, form="/send").headers["Location"]
    text = panel.get(where).text
    assert "noreply@ looks like spam" in text
    assert "/guides/from-address#from-address" in text


def _after(panel: Panel, page: str, action: str) -> str:
    panel.post(f"{page}/{action}", form="/keys")
    return str(panel.get(page).text)


def test_the_preview_is_closed_and_shows_text_as_text(panel: Panel) -> None:
    shown = panel.post("/send/preview", {"text": EVIL, "subject": ""}, form="/send")
    assert "&lt;script&gt;" in shown.text
    assert EVIL not in shown.text
    shown = panel.post("/send/preview", {"html": f"<p>hi</p>{EVIL}"}, form="/send")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "https:" not in shown.headers["Content-Security-Policy"]


def test_a_message_needs_a_body_and_may_name_its_provider(panel: Panel, mail: Bench) -> None:
    provider_id = mail.provider(closed_port(), "one")
    data = {"to": "a@example.org", "subject": "Hi", "text": " ", "stream": "transactional", "provider": ""}
    assert "Write something" in panel.post("/send", data, form="/send").text
    data = {**data, "html": "<p>x</p>", "provider": str(provider_id)}
    where = panel.post("/send", data, form="/send").headers["Location"]
    with mail.database.read() as session:
        kept = session.get(Message, where.rsplit("/", 1)[1])
    assert kept is not None
    assert kept.pinned_provider_id == provider_id
