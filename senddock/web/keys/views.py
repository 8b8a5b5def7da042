"""`/keys`: what applications sign in with."""

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for

from senddock.dispatch import keys, streams
from senddock.dispatch.refusals import Refused
from senddock.web.auth.confirmation import confirmed
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.keys.forms import KeyForm
from senddock.web.language import gettext as _
from senddock.web.services import services

bp = Blueprint("keys", __name__, url_prefix="/keys")


@bp.get("")
def index() -> Any:
    """All keys; never their tokens."""
    return _page(KeyForm(formdata=None))


@bp.post("")
@confirmed
def create() -> Any:
    """Make a key and show its token this once."""
    form = KeyForm()
    if not form.validate():
        return _page(form, 422)
    try:
        key, token = keys.create(services().database, form.name.data, **form.values())
    except (Refused, OverflowError) as error:
        _show_refusal(form, error)
        return _page(form, 422)
    base = services().public_url or request.host_url.rstrip("/")
    host, port = services().smtp_bind
    return render_template("keys/created.html", key=key, token=token, base=base, smtp_host=host, smtp_port=port)


@bp.post("/<int:key_id>/revoke")
def revoke(key_id: int) -> Any:
    """End a key."""
    try:
        keys.revoke(services().database, key_id)
        flash(_("Revoked. It stops working within seconds."), "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("keys.index"))


def _page(form: KeyForm, status: int = 200) -> Any:
    rows = keys.all_keys(services().database)
    known = streams.all_streams(services().database)
    projects = list(dict.fromkeys(row["project"] for row in known))
    form.offer(projects, list(dict.fromkeys(row["name"] for row in known)))
    return page_or_fragment(
        "keys/index.html",
        "keys/_list.html",
        http_status=status,
        form=form,
        rows=rows,
        several_projects=len(projects) > 1,
        project_names={row.id: row.name for row in streams.all_projects(services().database)},
        stream_names={row["id"]: row["name"] for row in known},
    )


def _show_refusal(form: KeyForm, error: Exception) -> None:
    if not isinstance(error, Refused):
        form.days.errors = [_("That is too far away: use at most a few thousand days.")]
        return
    name = {"stream": "streams", "expires_at": "days"}.get(error.field or "", error.field)
    field = form._fields.get(name or "", form.name)
    field.errors = [error.message]
