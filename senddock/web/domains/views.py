"""`/domains`: what receivers find when they look at the domains that mail is sent from."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, request, url_for
from redis.exceptions import RedisError
from sqlalchemy import select

from senddock.dispatch import errands, sending_domains
from senddock.dispatch.refusals import Refused
from senddock.domain.whole_number import whole_number
from senddock.models import SenderRecord, SendingDomain
from senddock.web.domains.forms import DomainForm, RecordsForm
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.services import services

bp = Blueprint("domains", __name__, url_prefix="/domains")
#: Seconds after which a check that nobody has begun is called stuck.
_STUCK = 20


@bp.get("")
def index() -> Any:
    """Every sending domain with the standing of each provider that may send for it."""
    return _index(DomainForm(formdata=None))


@bp.post("")
def enter() -> Any:
    """Watch a domain."""
    form = DomainForm()
    if not form.validate():
        return _index(form, status=422)
    try:
        name = sending_domains.enter(services().database, form.name.data, datetime.now(UTC))
    except Refused as error:
        form.name.errors = [error.message]
        return _index(form, status=422)
    _enqueue(name)
    return redirect_to(url_for("domains.show", name=name))


@bp.get("/<name>")
def show(name: str) -> Any:
    """The records of one domain, what is wrong with them, and what to publish."""
    return _page(name)


@bp.post("/<name>/check")
def check(name: str) -> Any:
    """Look the records up again, as a job."""
    if not sending_domains.request_check(services().database, name, datetime.now(UTC)):
        abort(404)
    _enqueue(name)
    if wants_fragment():
        return _page(name)
    return redirect_to(url_for("domains.show", name=name))


@bp.post("/<name>/providers/<int:provider_id>")
def records(name: str, provider_id: int) -> Any:
    """Keep the operator's own selectors and return-path label, and look again."""
    form = RecordsForm()
    words = (form.selectors.data or "").replace(",", " ").split()
    try:
        sending_domains.set_records(services().database, name, provider_id, words, form.return_path_label.data)
    except Refused as error:
        flash(error.message, "error")
    else:
        sending_domains.request_check(services().database, name, datetime.now(UTC))
        _enqueue(name)
    return redirect_to(url_for("domains.show", name=name))


@bp.post("/<name>/forget")
def forget(name: str) -> Any:
    """Stop watching a domain."""
    sending_domains.forget(services().database, name)
    flash(
        _("%(name)s is no longer watched. It comes back while a provider or a message uses it.") % {"name": name},
        "success",
    )
    return redirect_to(url_for("domains.index"))


def _index(form: DomainForm, *, status: int = 200) -> Any:
    now = datetime.now(UTC)
    database = services().database
    with database.read() as session:
        rows = sending_domains.all_domains(session, now)
        names = sending_domains.titles(sending_domains.providers_in_use(session))
    return page_or_fragment(
        "domains/index.html",
        "domains/_list.html",
        http_status=status,
        form=form,
        rows=[{"domain": row, "standings": _standings(row, names)} for row in rows],
        waiting=any(_checking(row, now) for row in rows),
    )


def _page(name: str) -> Any:
    now = datetime.now(UTC)
    with services().database.read() as session:
        row = sending_domains.find(session, name, now)
        if row is None:
            abort(404)
        kept = {
            item.provider_id: item for item in session.scalars(select(SenderRecord).where(SenderRecord.domain == name))
        }
        senders = sending_domains.senders_for(session, name)
    names = sending_domains.titles([sender.provider for sender in senders])
    checking = _checking(row, now)
    stuck = checking and row.requested_at is not None and (now - row.requested_at).total_seconds() > _STUCK
    report = row.report
    return page_or_fragment(
        "domains/show.html",
        "domains/_report.html",
        domain=row,
        report=report,
        names=names,
        standings=_standings(row, names),
        forms={
            provider_id: RecordsForm(
                formdata=None,
                selectors=" ".join(kept[provider_id].selectors) if provider_id in kept else "",
                return_path_label=kept[provider_id].return_path_label if provider_id in kept else "",
            )
            for provider_id in [sender.provider.id for sender in senders]
        },
        shared_spf=_shares_spf(report, name) if report else False,
        checking=checking,
        stuck=stuck,
        opened=whole_number(request.args.get("provider")),
    )


def _standings(row: SendingDomain, names: Any) -> list[dict[str, Any]]:
    items = (row.report or {}).get("providers", [])
    return [{**item, "name": names[item["provider"]]} for item in items if item["provider"] in names]


def _shares_spf(report: dict[str, Any], name: str) -> bool:
    """True when the advised SPF record speaks for several includes: the merged record."""
    texts = [item["value"] for item in report["advice"] if item["type"] == "TXT" and item["name"] == name]
    return any(text.startswith("v=spf1") and text.count("include:") > 1 for text in texts)


def _checking(row: SendingDomain, now: datetime) -> bool:
    return row.requested_at is not None and row.requested_at <= now


def _enqueue(name: str) -> None:
    try:
        errands.enqueue(services().redis, errands.check_domain, name)
    except RedisError:
        flash(_("Redis does not answer: the check waits until it is back."), "error")
