"""`/logs`: what happened to every message, and to one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, g, make_response, render_template, request, url_for

from senddock.content.reading import file_of, read_parts
from senddock.dispatch import actions, journal, log_list, providers
from senddock.dispatch.copying import copy_of
from senddock.dispatch.refusals import Refused
from senddock.domain.log_filter import LogFilter
from senddock.domain.message_id import is_id, moment_of
from senddock.domain.status import Status
from senddock.domain.verdict_class import VerdictClass
from senddock.domain.whole_number import whole_number
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.logs.curl import curl_of
from senddock.web.logs.export import csv_lines, json_lines
from senddock.web.services import services

bp = Blueprint("logs", __name__, url_prefix="/logs")
#: Rows of one page.
_FULL = 50


@dataclass(frozen=True, slots=True)
class Searched:
    """How far a search has come: messages looked at, rows found, and the moment it has come back to."""

    looked: int
    found: int
    back_to: datetime


@bp.get("")
def index() -> Any:
    """One page of the list."""
    chosen = LogFilter.from_args(request.args)
    with services().database.read() as session:
        page = log_list.page(session, chosen, before=request.args.get("before"), after=request.args.get("after"))
        context = _lists(session)
        than = log_list.newest_id(session)
    searched = _searched(page, page.looked, len(page.rows))
    return page_or_fragment(
        "logs/index.html", "logs/_list.html", page=page, chosen=chosen, than=than, searched=searched, **context
    )


@bp.get("/further")
def further() -> Any:
    """More rows of a search that looked at some messages and was not full: appended, until it is or the log ends."""
    chosen = LogFilter.from_args(request.args)
    found, looked = _count("found"), _count("looked")
    with services().database.read() as session:
        page = log_list.page(session, chosen, before=request.args.get("before", ""), limit=max(1, _FULL - found))
        names, streams = journal.provider_names(session), journal.stream_names(session)
    searched = _searched(page, looked + page.looked, found + len(page.rows))
    return render_template(
        "logs/_further.html", page=page, chosen=chosen, searched=searched, names=names, streams=streams
    )


@bp.get("/new")
def tail() -> Any:
    """Rows newer than the newest shown, put before it; rows that went on since then replace themselves in place."""
    chosen = LogFilter.from_args(request.args)
    newest = request.args.get("than", "")
    with services().database.read() as session:
        rows = log_list.newer_than(session, chosen, newest)
        changed = log_list.changed(session, request.args.getlist("open")[:100])
        names, streams = journal.provider_names(session), journal.stream_names(session)
        newest = newest if rows or not log_list.moved_on(session, newest) else log_list.newest_id(session)
    if not rows and not changed and newest == request.args.get("than", ""):
        # 204: HTMX leaves the page as it is, so nothing moves while a person reads.
        return "", 204
    return render_template(
        "logs/_tail.html",
        rows=rows,
        changed=changed,
        names=names,
        streams=streams,
        chosen=chosen,
        than=rows[0].id if rows else newest,
    )


@bp.get("/export.<any(csv,jsonl):kind>")
def export(kind: str) -> Any:
    """The filtered set, streamed."""
    chosen = LogFilter.from_args(request.args)
    # The database is taken now: the lines are made while they are sent, when the request is over.
    lines = (csv_lines if kind == "csv" else json_lines)(services().database, chosen)
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
        curl=curl_of(story, parts, services().public_url or request.host_url.rstrip("/")),
        keeps_content=raw is not None,
        remote=bool(request.args.get("remote")),
        providers=[row for row in providers.all_providers(services().database) if row.enabled],
        reply_line=journal.reply_line,
        open=Status(story.message.state) in (Status.QUEUED, Status.SENDING, Status.DEFERRED, Status.SCHEDULED),
    )


@bp.get("/<message_id>/html")
def html_part(message_id: str) -> Any:
    """The HTML as the recipient gets it, in a frame that runs nothing and fetches nothing."""
    parts = read_parts(_raw(message_id))
    response = make_response(parts.html or "")
    # Pictures from elsewhere tell the sender that somebody looks: only when the reader asks for them.
    images = "data: https: http:" if request.args.get("remote") else "data:"
    response.headers["Content-Security-Policy"] = (
        f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {images}; frame-ancestors 'self'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
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


@bp.post("/<message_id>/cancel")
def cancel(message_id: str) -> Any:
    """Take it out of the queue."""
    try:
        actions.cancel(services().database, message_id, by=g.person.email)
        flash(_("Canceled."), "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("logs.show", message_id=message_id))


@bp.post("/<message_id>/resend")
def resend(message_id: str) -> Any:
    """Send what was not accepted again, by its routes or through one provider."""
    try:
        actions.retry(services().database, message_id, provider_id=_wanted_provider(), by=g.person.email)
        services().waker()
        flash(_("Queued again."), "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("logs.show", message_id=message_id))


@bp.post("/<message_id>/copy")
def copy(message_id: str) -> Any:
    """Send the same content as a new message."""
    try:
        submission = copy_of(services().database, message_id, provider_id=_wanted_provider())
    except Refused as error:
        flash(error.message, "error")
        return redirect_to(url_for("logs.show", message_id=message_id))
    new_id = services().outbox.submit([submission]).ids[0]
    flash(_("A copy is accepted as a new message: this is its story."), "success")
    return redirect_to(url_for("logs.show", message_id=new_id))


def _searched(page: log_list.Page, looked: int, found: int) -> Searched | None:
    """``None`` when the page is full or the log has ended."""
    return Searched(looked, found, moment_of(page.older)) if page.stopped and page.older is not None else None


def _count(name: str) -> int:
    return whole_number(request.args.get(name)) or 0


def _wanted_provider() -> int | None:
    return whole_number(request.form.get("provider"))


def _raw(message_id: str) -> bytes:
    with services().database.read() as session:
        raw = journal.raw_of(session, message_id) if is_id(message_id) else None
    if raw is None:
        abort(404)
    return raw


def _lists(session: Any) -> dict[str, Any]:
    return {
        "names": journal.provider_names(session),
        "streams": journal.stream_names(session),
        "keys": journal.key_names(session),
        "states": [status.value for status in Status],
        "classes": [item.value for item in VerdictClass],
    }
