"""`/logs`: what happened to every message, and to one."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, flash, g, make_response, render_template, request, url_for

from senddock.content.reading import file_of, read_parts
from senddock.dispatch import actions, journal, providers
from senddock.dispatch.refusals import Refused
from senddock.domain.log_filter import LogFilter
from senddock.domain.status import Status
from senddock.domain.verdict_class import VerdictClass
from senddock.models import Database, Message
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.services import services

bp = Blueprint("logs", __name__, url_prefix="/logs")
_EXPORT_PAGE = 500
_COLUMNS = ("id", "created_at", "state", "from_header", "to_header", "subject", "attempts", "failed_over", "last_class",
            "last_code", "reason", "due_at", "finished_at")  # fmt: skip


@bp.get("")
def index() -> Any:
    """One page of the list."""
    chosen = LogFilter.from_args(request.args)
    with services().database.read() as session:
        page = journal.page(session, chosen, before=request.args.get("before"), after=request.args.get("after"))
        context = _lists(session)
    return page_or_fragment("logs/index.html", "logs/_list.html", page=page, chosen=chosen, **context)


@bp.get("/new")
def tail() -> Any:
    """Rows newer than the newest shown; they are put before it."""
    chosen = LogFilter.from_args(request.args)
    newest = request.args.get("than", "")
    with services().database.read() as session:
        rows = journal.newer_than(session, chosen, newest)
        names, streams = journal.provider_names(session), journal.stream_names(session)
    if not rows:
        # 204: HTMX leaves the page as it is, so nothing moves while a person reads.
        return "", 204
    return render_template("logs/_tail.html", rows=rows, names=names, streams=streams, chosen=chosen, than=rows[0].id)


@bp.get("/export.<any(csv,jsonl):kind>")
def export(kind: str) -> Any:
    """The filtered set, streamed."""
    chosen = LogFilter.from_args(request.args)
    # Taken now: the lines are made while they are sent, when the request is over.
    rows = _all(services().database, chosen)
    lines = _csv_lines(rows) if kind == "csv" else (json.dumps(_plain(row)) + "\n" for row in rows)
    mimetype = "text/csv" if kind == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f"attachment; filename=senddock-log.{kind}"}
    return Response(lines, mimetype=mimetype, headers=headers)


@bp.get("/<message_id>")
def show(message_id: str) -> Any:
    """One message's story."""
    with services().database.read() as session:
        story = journal.story(session, message_id)
        if story is None:
            abort(404)
        raw = journal.raw_of(session, message_id)
        names = journal.provider_names(session)
    parts = read_parts(raw) if raw is not None else None
    return page_or_fragment(
        "logs/show.html",
        "logs/_story.html",
        story=story,
        message=story.message,
        parts=parts,
        names=names,
        providers=[row for row in providers.all_providers(services().database) if row.enabled],
        reply_line=journal.reply_line,
        open=Status(story.message.state) in (Status.QUEUED, Status.SENDING, Status.DEFERRED, Status.SCHEDULED),
    )


@bp.get("/<message_id>/html")
def html_part(message_id: str) -> Any:
    """The HTML as the recipient gets it, in a frame that runs nothing and fetches nothing."""
    parts = read_parts(_raw(message_id))
    response = make_response(parts.html or "")
    response.headers["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    )
    return response


@bp.get("/<message_id>/source")
def source(message_id: str) -> Any:
    """The stored bytes."""
    headers = {"Content-Disposition": f"attachment; filename={message_id}.eml"}
    return Response(_raw(message_id), mimetype="message/rfc822", headers=headers)


@bp.get("/<message_id>/files/<int:number>")
def attachment(message_id: str, number: int) -> Any:
    """One attached file, always as a download."""
    found = file_of(_raw(message_id), number)
    if found is None:
        abort(404)
    response = Response(found[1], mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=found[0].filename)
    return response


@bp.post("/<message_id>/<any(resend,cancel):action>")
def act(message_id: str, action: str) -> Any:
    """Send again, or take out of the queue."""
    try:
        if action == "cancel":
            actions.cancel(services().database, message_id, by=g.person.email)
            flash("Canceled.", "success")
        else:
            wanted = request.form.get("provider", "")
            actions.retry(
                services().database,
                message_id,
                provider_id=int(wanted) if wanted.isdigit() else None,
                by=g.person.email,
            )
            services().waker()
            flash("Queued again.", "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("logs.show", message_id=message_id))


def _raw(message_id: str) -> bytes:
    with services().database.read() as session:
        raw = journal.raw_of(session, message_id) if len(message_id) == 36 else None
    if raw is None:
        abort(404)
    return raw


def _lists(session: Any) -> dict[str, Any]:
    return {
        "names": journal.provider_names(session),
        "streams": journal.stream_names(session),
        "states": [status.value for status in Status],
        "classes": [item.value for item in VerdictClass],
    }


def _all(database: Database, chosen: LogFilter) -> Iterator[Message]:
    before = None
    while True:
        with database.read() as session:
            page = journal.page(session, chosen, before=before, limit=_EXPORT_PAGE)
        yield from page.rows
        if page.older is None:
            return
        before = page.older


def _plain(row: Message) -> dict[str, Any]:
    return {name: _shown(getattr(row, name)) for name in _COLUMNS}


def _shown(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _csv_lines(rows: Iterator[Message]) -> Iterator[str]:
    yield ",".join(_COLUMNS) + "\r\n"
    for row in rows:
        out = io.StringIO()
        # A cell that begins like a formula would be carried out by a spreadsheet.
        csv.writer(out).writerow([_harmless(value) for value in _plain(row).values()])
        yield out.getvalue()


def _harmless(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
