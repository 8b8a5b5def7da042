"""`/keys`: what applications sign in with."""

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from senddock.dispatch import keys
from senddock.dispatch.refusals import Refused
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.services import services

bp = Blueprint("keys", __name__, url_prefix="/keys")


class KeyForm(FlaskForm):  # type: ignore[misc]
    """Name and scope."""

    name = StringField("Name", [InputRequired("Give the key a name, such as “shop”."), Length(max=100)])
    scope = SelectField(
        "May", choices=[SelectChoice("sending", "send only"), SelectChoice("full", "send, read and cancel")]
    )


@bp.get("")
def index() -> Any:
    """All keys; never their tokens."""
    return page_or_fragment(
        "keys/index.html", "keys/_list.html", form=KeyForm(formdata=None), rows=keys.all_keys(services().database)
    )


@bp.post("")
def create() -> Any:
    """Make a key and show its token this once."""
    form = KeyForm()
    if not form.validate():
        return render_template("keys/index.html", form=form, rows=keys.all_keys(services().database)), 422
    key, token = keys.create(services().database, form.name.data, scope=form.scope.data)
    base = services().public_url or request.host_url.rstrip("/")
    host, port = services().smtp_bind
    return render_template("keys/created.html", key=key, token=token, base=base, smtp_host=host, smtp_port=port)


@bp.post("/<int:key_id>/revoke")
def revoke(key_id: int) -> Any:
    """End a key."""
    try:
        keys.revoke(services().database, key_id)
        flash("Revoked. It stops working within seconds.", "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("keys.index"))
