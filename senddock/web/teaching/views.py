"""`/rules`: teach what a reply means, see what that would have changed, take it back."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, g, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from senddock.dispatch import teaching
from senddock.dispatch.refusals import Refused
from senddock.domain.catalogue import catalogue
from senddock.domain.message_id import is_id
from senddock.domain.taught_rule import LONGEST, suggestion
from senddock.domain.verdict_class import CLASSES, VerdictClass
from senddock.domain.whole_number import whole_number
from senddock.models import Attempt, Provider
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("teaching", __name__, url_prefix="/rules")


class RuleForm(FlaskForm):  # type: ignore[misc]
    """Words and what they mean."""

    pattern = StringField(
        _l("The server's words"),
        [InputRequired(_l("Enter words of the reply.")), Length(max=LONGEST)],
        description=_l("A star stands for anything in between. Capitals do not matter."),
    )
    verdict_class = SelectField(_l("They mean"))
    preset = SelectField(_l("For"))
    pause = BooleanField(_l("The provider rests until a person acts"))
    hint = StringField(_l("What to do next (optional)"), [Length(max=300)])
    message = HiddenField()
    attempt = HiddenField()

    def draft(self) -> teaching.Draft:
        """As the room behind takes it."""
        return teaching.Draft(
            self.pattern.data or "", VerdictClass(self.verdict_class.data), self.preset.data or None,
            bool(self.pause.data), self.hint.data or None, self.message.data or None,
            whole_number(str(self.attempt.data or "")),
        )  # fmt: skip


def _form(**given: Any) -> RuleForm:
    form = RuleForm(**given)
    form.verdict_class.choices = [(cls.value, f"{_(CLASSES[cls].title)} ({cls.value})") for cls in teaching.TEACHABLE]
    form.preset.choices = [("", _("every provider")), *((entry.key, entry.name) for entry in catalogue().values())]
    return form


@bp.get("")
def index() -> Any:
    """Rules in force, and those that were taken back."""
    with services().database.read() as session:
        rows = teaching.rules(session)
    return render_template("teaching/index.html", rows=rows)


@bp.get("/new")
def new() -> Any:
    """The form, filled from an attempt when one is named."""
    with services().database.read() as session:
        attempt = _attempt(session)
        given: dict[str, Any] = {"formdata": None}
        if attempt is not None:
            provider = session.get(Provider, attempt.provider_id)
            known = attempt.verdict_class in {cls.value for cls in teaching.TEACHABLE}
            given |= {
                "pattern": suggestion(attempt.text or ""),
                "verdict_class": attempt.verdict_class if known else VerdictClass.CONTENT_REJECTED.value,
                "preset": (provider.preset if provider and provider.preset in catalogue() else None) or "",
                "message": attempt.message_id,
                "attempt": attempt.number,
            }
        form = _form(**given)
        shown = _preview(session, form) if attempt is not None else None
        line = teaching.reply_of_attempt(attempt).line() if attempt is not None else None
    return render_template("teaching/new.html", form=form, preview=shown, line=line)


@bp.post("/preview")
def preview() -> Any:
    """Which past attempts the rule would have read differently."""
    form = _form()
    with services().database.read() as session:
        shown = _preview(session, form) if form.validate() else None
    return page_or_fragment("teaching/new.html", "teaching/_preview.html", form=form, preview=shown, line=None)


@bp.post("")
def teach() -> Any:
    """Store the rule."""
    form = _form()
    if form.validate():
        try:
            row = teaching.teach(services().database, form.draft(), by=g.person.email, now=datetime.now(UTC))
        except Refused as error:
            form.pattern.errors = [error.message]
        else:
            flash(
                _("From now on “%(words)s” means %(cls)s.") % {"words": row.pattern, "cls": row.verdict_class},
                "success",
            )
            return redirect_to(url_for("teaching.index"))
    return render_template("teaching/new.html", form=form, preview=None, line=None), 200 if wants_fragment() else 422


@bp.post("/<int:rule_id>/remove")
def remove(rule_id: int) -> Any:
    """Stop using a rule."""
    try:
        teaching.take_back(services().database, rule_id, by=g.person.email, now=datetime.now(UTC))
    except Refused:
        abort(404)
    flash(_("The rule is no longer used. It stays below as history."), "success")
    return redirect_to(url_for("teaching.index"))


def _attempt(session: Any) -> Attempt | None:
    if "attempt" not in request.args:
        return None
    message, number = request.args.get("message", ""), whole_number(request.args["attempt"])
    found: Attempt | None = session.get(Attempt, (message, number)) if is_id(message) and number is not None else None
    if found is None:
        abort(404)
    return found


def _preview(session: Any, form: RuleForm) -> teaching.Preview | None:
    try:
        return teaching.preview(session, form.draft())
    except Refused as error:
        form.pattern.errors = [error.message]
        return None
