"""`/send`: one message by hand, with a preview that is as closed as the log's."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, g, make_response, render_template, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from senddock.content.addresses import parse_mailbox
from senddock.content.invalid import InvalidContent
from senddock.dispatch import providers
from senddock.dispatch.channels import channel_of
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.refusals import Refused
from senddock.dispatch.sender_advice import SenderAdvice, Warned
from senddock.dispatch.streams import all_streams
from senddock.web.htmx import redirect_to
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("compose", __name__, url_prefix="/send")


class SendForm(FlaskForm):  # type: ignore[misc]
    """One message."""

    to = StringField(
        _l("To"), [InputRequired(_l("Whom is it for?")), Length(max=5000)], description=_l("Several with commas.")
    )
    from_ = StringField(
        _l("From"), [Optional(), Length(max=300)], description=_l("Empty uses the chosen provider's From.")
    )
    subject = StringField(_l("Subject"), [InputRequired(_l("Give it a subject.")), Length(max=500)])
    text = TextAreaField(_l("Text"), [Optional(), Length(max=500_000)])
    html = TextAreaField(
        "HTML", [Optional(), Length(max=2_000_000)], description=_l("Optional; the text is for those who read plain.")
    )
    stream = SelectField(_l("Stream"))
    provider = SelectField(_l("Through"), default="")


def _form(**values: Any) -> SendForm:
    form = SendForm(**values)
    form.stream.choices = list(dict.fromkeys(row["name"] for row in all_streams(services().database)))
    enabled = [row for row in providers.all_providers(services().database) if row.enabled]
    form.provider.choices = [
        SelectChoice("", _("by its routes")),
        *(SelectChoice(str(row.id), row.name) for row in enabled),
    ]
    return form


@bp.get("")
def index() -> Any:
    """The form, ready to send a first message to oneself."""
    form = _form(
        formdata=None,
        to=g.person.email,
        subject=_("Hello from SendDock"),
        text=_("This message went through SendDock.") + "\n",
        stream="transactional",
    )
    return _page(form)


@bp.post("")
def send() -> Any:
    """Accept it and go to its story."""
    form = _form()
    if not form.validate():
        return _page(form, 422)
    if not (form.text.data or "").strip() and not (form.html.data or "").strip():
        form.text.errors = [_("Write something.")]
        return _page(form, 422)
    mail = Mail(
        to=[part.strip() for part in form.to.data.split(",") if part.strip()],
        from_=form.from_.data or None,
        subject=form.subject.data,
        text=form.text.data or None,
        html=form.html.data or None,
        pinned_provider_id=int(form.provider.data) if form.provider.data else None,
    )
    try:
        channel = channel_of(services().database, via="panel", project_id=None, stream=form.stream.data)
        submission = submission_of(mail, channel, datetime.now(UTC), services().advice)
    except (InvalidContent, Refused) as error:
        name = {"from": "from_"}.get(error.field or "", error.field)
        field = form._fields.get(name, form.text)
        field.errors = [error.message]
        return _page(form, 422)
    message_id = services().outbox.submit([submission]).ids[0]
    flash(_("Accepted. Watch it arrive."), "success")
    return redirect_to(url_for("logs.show", message_id=message_id))


@bp.post("/advice")
def advice() -> Any:
    """What an experienced operator would say about the From typed so far."""
    return render_template("compose/_advice.html", remarks=_remarks(_form()))


@bp.post("/preview")
def preview() -> Any:
    """What the reader will see, in a frame that runs nothing and fetches nothing."""
    form = _form()
    html = (form.html.data or "").strip()
    response = make_response(html or render_template("compose/preview.html", text=form.text.data or ""))
    response.headers["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    )
    return response


def _remarks(form: SendForm) -> tuple[Warned, ...]:
    """Nothing is said of an empty From, which is the provider's own, nor of one that is not typed to its end."""
    try:
        sender = parse_mailbox(form.from_.data or "", "from")
    except InvalidContent:
        return ()
    return SenderAdvice(services().database).warnings(str(sender.address), sender.name)


def _page(form: SendForm, status: int = 200) -> Any:
    found = {"form": form, "providers": len(form.provider.choices) - 1, "remarks": _remarks(form)}
    return render_template("compose/index.html", **found), status
