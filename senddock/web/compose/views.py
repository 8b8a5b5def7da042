"""`/send`: one message by hand."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from senddock.content.invalid import InvalidContent
from senddock.dispatch import providers
from senddock.dispatch.channels import channel_of
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.streams import all_streams
from senddock.web.htmx import redirect_to
from senddock.web.services import services

bp = Blueprint("compose", __name__, url_prefix="/send")


class SendForm(FlaskForm):  # type: ignore[misc]
    """One message."""

    to = StringField("To", [InputRequired("Whom is it for?"), Length(max=5000)], description="Several with commas.")
    from_ = StringField("From", [Optional(), Length(max=300)], description="Empty uses the chosen provider's From.")
    subject = StringField("Subject", [InputRequired("Give it a subject."), Length(max=500)])
    text = TextAreaField("Text", [InputRequired("Write something."), Length(max=500_000)])
    stream = SelectField("Stream")


def _form(**values: Any) -> SendForm:
    form = SendForm(**values)
    form.stream.choices = list(dict.fromkeys(row["name"] for row in all_streams(services().database)))
    return form


@bp.get("")
def index() -> Any:
    """The form."""
    form = _form(
        formdata=None,
        subject="Hello from SendDock",
        text="This message went through SendDock.\n",
        stream="transactional",
    )
    return render_template("compose/index.html", form=form, providers=providers.count(services().database))


@bp.post("")
def send() -> Any:
    """Accept it and go to its story."""
    form = _form()
    if form.validate():
        mail = Mail(
            to=[part.strip() for part in form.to.data.split(",") if part.strip()],
            from_=form.from_.data or None,
            subject=form.subject.data,
            text=form.text.data,
        )
        try:
            channel = channel_of(services().database, via="panel", project_id=None, stream=form.stream.data)
            submission = submission_of(mail, channel, datetime.now(UTC))
        except InvalidContent as error:
            field = form._fields.get({"from": "from_"}.get(error.field, error.field), form.text)
            field.errors = [error.message]
        else:
            message_id = services().outbox.submit([submission]).ids[0]
            flash("Accepted. Watch it arrive.", "success")
            return redirect_to(url_for("logs.show", message_id=message_id))
    return render_template("compose/index.html", form=form, providers=providers.count(services().database)), 422
