"""`/account`: a person's own password, second factor and browsers."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, session, url_for

from senddock.dispatch import accounts, second_factor, sessions
from senddock.dispatch.refusals import Refused
from senddock.secrets import second_factor as one_time
from senddock.secrets.tokens import token_hash
from senddock.secrets.vault import SealBroken, WrongMasterKey
from senddock.web.account.browser import browser_name
from senddock.web.account.forms import PasswordForm, SecondFactorForm
from senddock.web.auth.confirmation import confirmed
from senddock.web.auth.views import enter
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.services import services

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.get("")
def index() -> Any:
    """Everything about the person who is signed in."""
    return _page(PasswordForm(formdata=None))


@bp.post("/password")
def password() -> Any:
    """Set a new password; every other browser is signed out."""
    form = PasswordForm()
    if not form.validate():
        return _page(form, 422)
    try:
        accounts.change_password(services().database, g.person.user_id, form.old.data, form.password.data)
    except Refused as error:
        (form.old if error.field == "old" else form.password).errors = [error.message]
        return _page(form, 422)
    answer = enter(g.person.user_id, g.person.email, url_for("account.index"))
    flash(_("Your password is changed. Every other browser is signed out."), "success")
    return answer


@bp.post("/sessions/<prefix>/end")
def end_session(prefix: str) -> Any:
    """Sign one browser out."""
    sessions.end_session(services().database, g.person.user_id, prefix)
    flash(_("Signed out there."), "success")
    return redirect_to(url_for("account.index"))


@bp.post("/sessions/end-others")
def end_others() -> Any:
    """Sign every other browser out."""
    sessions.end_other_sessions(services().database, g.person.user_id, session["token"])
    flash(_("Every other browser is signed out."), "success")
    return redirect_to(url_for("account.index"))


@bp.get("/two-step")
@confirmed
def two_step() -> Any:
    """The QR code for an authenticator app."""
    if g.person.has_second_factor:
        return redirect(url_for("account.index"), code=303)
    return _two_step_page(SecondFactorForm(formdata=None), one_time.new_secret())


@bp.post("/two-step")
@confirmed
def two_step_submit() -> Any:
    """Turn it on, and show the recovery codes this once."""
    form = SecondFactorForm()
    try:
        secret = services().vault.open(form.sealed.data or "", **_place()).decode()
    except (SealBroken, WrongMasterKey):
        flash(_("The page was too old. Here is a new code to scan."), "error")
        return redirect(url_for("account.two_step"), code=303)
    if not form.validate():
        return _two_step_page(form, secret, 422)
    try:
        codes = second_factor.turn_on(services().database, services().vault, g.person.user_id, secret, form.code.data)
    except Refused as error:
        form.code.errors = [error.message]
        return _two_step_page(form, secret, 422)
    return render_template("account/recovery.html", codes=codes)


@bp.post("/two-step/codes")
@confirmed
def new_codes() -> Any:
    """New recovery codes; the old ones end."""
    try:
        codes = second_factor.new_codes(services().database, g.person.user_id)
    except Refused as error:
        flash(error.message, "error")
        return redirect_to(url_for("account.index"))
    return render_template("account/recovery.html", codes=codes)


@bp.post("/two-step/off")
@confirmed
def two_step_off() -> Any:
    """Ask for the password only from now on."""
    second_factor.turn_off(services().database, g.person.user_id)
    flash(_("Two-step sign-in is off."), "success")
    return redirect_to(url_for("account.index"))


def _page(form: PasswordForm, status: int = 200) -> Any:
    return page_or_fragment(
        "account/index.html",
        "account/_sessions.html",
        http_status=status,
        form=form,
        rows=sessions.sessions_of(services().database, g.person.user_id),
        here=token_hash(session["token"]),
        browser_name=browser_name,
    )


def _two_step_page(form: SecondFactorForm, secret: str, status: int = 200) -> Any:
    form.sealed.data = services().vault.seal(secret.encode(), **_place())
    address = one_time.setup_address(secret, g.person.email)
    return render_template("account/two_step.html", form=form, secret=secret, qr=one_time.qr_code(address)), status


def _place() -> dict[str, str]:
    """Where the secret of a second factor that is not turned on yet belongs: this person's form and no other."""
    return {"table": "user_account", "row": str(g.person.user_id), "column": "totp_offered"}
