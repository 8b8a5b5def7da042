"""The list of providers in the order in which they are tried, and the steps a person takes from it."""

from datetime import UTC, datetime
from typing import Any

from flask import flash, render_template, request, url_for

from senddock.dispatch import journal, providers, statistics
from senddock.dispatch.allowance import allowances
from senddock.dispatch.refusals import Refused
from senddock.dispatch.sender_standing import not_real_failovers
from senddock.dispatch.slowdowns import slowdowns
from senddock.domain.whole_number import whole_number
from senddock.web.back import came_from
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.services import services
from senddock.web.smtp.blueprint import bp
from senddock.web.smtp.found import provider_or_404

#: Days after which a password should be changed (the user documentation: every 3 to 6 months).
ROTATE_AFTER = 90


@bp.get("")
def index() -> Any:
    """The list."""
    return page_or_fragment("smtp/index.html", "smtp/_list.html", **_list_context())


@bp.post("/order")
def reorder() -> Any:
    """A whole new order, from dragging or from the arrow keys."""
    ids = [number for number in map(whole_number, request.form.getlist("id")) if number is not None]
    providers.reorder(services().database, ids)
    return _list_again()


@bp.post("/<int:provider_id>/<any(default,enable,disable,resume,up,down,duplicate):action>")
def act(provider_id: int, action: str) -> Any:
    """One step from the list."""
    database = services().database
    provider_or_404(provider_id)
    if action == "default":
        providers.make_default(database, provider_id)
    elif action in ("enable", "disable"):
        providers.set_enabled(database, provider_id, enabled=action == "enable")
    elif action == "resume":
        providers.resume(database, provider_id)
        flash(_("It sends again from now on."), "success")
        return redirect_to(came_from(url_for("smtp.index")))
    elif action == "duplicate":
        try:
            copy = providers.duplicate(database, services().vault, provider_id)
        except Refused as error:
            flash(error.message, "error")
            return redirect_to(url_for("smtp.index"))
        flash(_("This copy is disabled and has no password yet."), "info")
        return redirect_to(url_for("smtp.edit", provider_id=copy.id))
    else:
        providers.move(database, provider_id, -1 if action == "up" else 1)
    return _list_again()


@bp.get("/<int:provider_id>/delete")
def confirm_delete(provider_id: int) -> Any:
    """Say what would be destroyed and what still goes there."""
    provider = provider_or_404(provider_id)
    database = services().database
    others = [row for row in providers.all_providers(database) if row.id != provider_id and row.enabled]
    return render_template(
        "smtp/delete.html",
        provider=provider,
        routed=providers.routed_streams(database, provider_id),
        pinned=providers.waiting_for(database, provider_id),
        others=others,
    )


@bp.post("/<int:provider_id>/delete")
def delete(provider_id: int) -> Any:
    """Take it away."""
    provider = provider_or_404(provider_id)
    providers.remove(services().database, provider_id)
    flash(
        _("%(name)s is deleted and its password erased. Its history stays in the log.") % {"name": provider.name},
        "success",
    )
    return redirect_to(url_for("smtp.index"))


def _list_again() -> Any:
    if wants_fragment():
        return page_or_fragment("smtp/index.html", "smtp/_list.html", **_list_context())
    return redirect_to(url_for("smtp.index"))


def _list_context() -> dict[str, Any]:
    now = datetime.now(UTC)
    rows = providers.all_providers(services().database)
    with services().database.read() as session:
        breakers = journal.breakers(session)
        cards = statistics.cards(session, statistics.day_of(session, now), errors=1)
        slowed = slowdowns(session)
        unreal = not_real_failovers(session)
    used = allowances(services().redis, rows, now)
    return {
        "rows": [
            {
                "provider": row,
                "state": providers.state_of(row, breakers.get(row.id)),
                "breaker": breakers.get(row.id),
                "card": cards.get(row.id),
                "pace": slow.pace_at(now) if (slow := slowed.get(row.id)) else None,
                "recovers_at": slow.recovers_at if slow else None,
                "unreal": unreal.get(row.id, ()),
                "allowances": used.get(row.id, ()),
                "password_days": (now - row.password_set_at).days if row.password_set_at else None,
            }
            for row in rows
        ],
        "first": next((row.id for row in rows if row.enabled), None),
        "rotate_after": ROTATE_AFTER,
        "now": now,
    }
