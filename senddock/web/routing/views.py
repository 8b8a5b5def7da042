"""The list of streams with their orders, and the editor of one order."""

from typing import Any

from flask import abort, flash, request, url_for

from senddock.dispatch import routes
from senddock.dispatch.refusals import Refused
from senddock.dispatch.sender_standing import not_real_failovers
from senddock.domain.route_order import Placed, preview
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.routing import draft
from senddock.web.routing.blueprint import bp
from senddock.web.services import services


@bp.get("")
def index() -> Any:
    """Every stream and the way its mail takes."""
    with services().database.read() as session:
        found = routes.orders(session)
        usual = routes.standard(session)
        unreal = not_real_failovers(session)
    return page_or_fragment(
        "routing/index.html",
        "routing/_streams.html",
        orders=found,
        several=len({order.project for order in found}) > 1,
        previews={order.stream.id: preview(order.routes) for order in found},
        providers=usual,
        unreal=unreal,
    )


@bp.get("/streams/<int:stream_id>")
def edit(stream_id: int) -> Any:
    """One stream: its order, as it is saved."""
    order, known = _order(stream_id)
    return _editor(order, list(order.routes), known, {}, own=order.own)


@bp.post("/streams/<int:stream_id>/draft")
def change_draft(stream_id: int) -> Any:
    """One step in the editor; nothing is saved."""
    order, known = _order(stream_id)
    now, errors = draft.read(request.form, known)
    words = request.form.get("op", "")
    if words == "add":
        words = f"add:{request.form.get('absent', '')}"
    return _editor(order, draft.step(now, words, known), known, errors, changed=True)


@bp.post("/streams/<int:stream_id>/routes")
def save(stream_id: int) -> Any:
    """Use the order from now on, also for mail that waits."""
    order, known = _order(stream_id)
    now, errors = draft.read(request.form, known)
    if request.form.get("op") == "standard":
        now, errors = [], {}
    if errors:
        return _editor(order, now, known, errors, changed=True, status=422)
    wanted = [(item.provider_id, item.priority, item.weight) for item in now]
    try:
        routes.set_routes(services().database, stream_id, wanted)
    except Refused as error:
        return _editor(order, now, known, {"order": error.message}, changed=True, status=422)
    if now:
        flash(_("Saved. Mail of %(name)s goes this way from now on.") % {"name": order.stream.name}, "success")
    else:
        flash(_("%(name)s follows the order under SMTP Settings again.") % {"name": order.stream.name}, "success")
    return redirect_to(url_for("routing.index"))


def _order(stream_id: int) -> tuple[routes.Order, dict[int, Placed]]:
    with services().database.read() as session:
        try:
            order = routes.order_of(session, stream_id)
        except Refused:
            abort(404)
        return order, {item.provider_id: item for item in routes.standard(session)}


def _editor(
    order: routes.Order,
    now: list[Placed],
    known: dict[int, Placed],
    errors: dict[str, str],
    *,
    own: bool = True,
    changed: bool = False,
    status: int = 200,
) -> Any:
    with services().database.read() as session:
        unreal = not_real_failovers(session)
    return page_or_fragment(
        "routing/edit.html",
        "routing/_editor.html",
        http_status=status,
        order=order,
        own=own,
        changed=changed,
        errors=errors,
        preview=preview(now),
        unreal=unreal,
        **draft.shown(now, known),
    )
