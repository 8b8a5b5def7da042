"""Streams and applications: add one, change what a stream is."""

from typing import Any

from flask import flash, request, url_for

from senddock.dispatch import streams
from senddock.dispatch.refusals import Refused
from senddock.domain.whole_number import whole_number
from senddock.web.htmx import redirect_to
from senddock.web.language import gettext as _
from senddock.web.routing.blueprint import bp
from senddock.web.services import services

#: Beyond every bound of these fields.
_MOST = 10**6


@bp.post("/streams")
def add_stream() -> Any:
    """A further named channel."""
    form = request.form
    try:
        made = streams.add_stream(
            services().database, form.get("name", ""), form.get("kind", ""), form.get("project") or None
        )
    except Refused as error:
        flash(error.message, "error")
        return redirect_to(url_for("routing.index"))
    flash(
        _("Stream %(name)s is there. It uses every provider until you give it an order.") % {"name": made.name},
        "success",
    )
    return redirect_to(url_for("routing.edit", stream_id=made.id))


@bp.post("/projects")
def add_project() -> Any:
    """Another application, with streams, keys and an order of its own."""
    try:
        made = streams.add_project(services().database, request.form.get("name", ""))
        flash(_("%(name)s has two streams of its own. Make its keys under API Keys.") % {"name": made.name}, "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("routing.index"))


@bp.post("/streams/<int:stream_id>/settings")
def change_stream(stream_id: int) -> Any:
    """Kind, age and what happens to uncertain deliveries."""
    form = request.form
    values: dict[str, Any] = {name: form[name] for name in ("kind", "on_uncertain") if name in form}
    for name, seconds in (("max_age_seconds", 3600), ("patience_seconds", 1)):
        if form.get(name):
            # What is no number is refused with the sentence for one that is out of bounds.
            values[name] = (whole_number(form[name], _MOST) or -1) * seconds
    try:
        streams.change_stream(services().database, stream_id, values)
        flash(_("Saved."), "success")
    except Refused as error:
        flash(error.message, "error")
        if error.code == "not_found":
            return redirect_to(url_for("routing.index"))
    return redirect_to(url_for("routing.edit", stream_id=stream_id))
