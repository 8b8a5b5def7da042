"""`/setup` and `/welcome`: people who come by a one-time link."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from senddock.dispatch import accounts
from senddock.dispatch.refusals import Refused
from senddock.web.auth.forms import NewPasswordForm, SetupForm
from senddock.web.auth.views import bp, enter
from senddock.web.language import gettext as _
from senddock.web.services import services


@bp.get("/setup")
def setup() -> Any:
    """The first account, by the link that `senddock up` printed."""
    token = request.args.get("token", "")
    valid = bool(token) and accounts.setup_token_valid(services().database, token)
    if accounts.count_users(services().database):
        return redirect(url_for("auth.login"), code=303)
    return render_template("auth/setup.html", form=SetupForm(token=token), valid=valid), 200 if valid else 403


@bp.post("/setup")
def setup_submit() -> Any:
    """Make the account and sign in."""
    form = SetupForm()
    if not form.validate():
        return render_template("auth/setup.html", form=form, valid=True), 422
    try:
        user = accounts.complete_setup(services().database, form.token.data, form.email.data, form.password.data)
    except Refused as error:
        flash(error.message, "error")
        return render_template("auth/setup.html", form=form, valid=error.code != "not_found"), 422
    return enter(user.id, user.email, url_for("overview.index"))


@bp.get("/welcome")
def welcome() -> Any:
    """Choose a password, by a link that an administrator made."""
    token = request.args.get("token", "")
    email = accounts.invited(services().database, token)
    form = NewPasswordForm(formdata=None, token=token)
    return render_template("auth/welcome.html", form=form, email=email), 200 if email else 403


@bp.post("/welcome")
def welcome_submit() -> Any:
    """Set the password; the second factor, where there is one, is still asked for at the door."""
    form = NewPasswordForm()
    email = accounts.invited(services().database, form.token.data or "")
    if not form.validate():
        return render_template("auth/welcome.html", form=form, email=email), 422
    try:
        user = accounts.choose_password(services().database, form.token.data, form.password.data)
    except Refused as error:
        flash(error.message, "error")
        return render_template("auth/welcome.html", form=form, email=None), 422
    if user.totp_sealed is not None or user.disabled_at is not None:
        flash(_("Your new password is set. Sign in with it."), "success")
        return redirect(url_for("auth.login"), code=303)
    return enter(user.id, user.email, url_for("overview.index"))
