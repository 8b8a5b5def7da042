"""`/login`, `/logout`, `/setup`."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for

from senddock.dispatch import accounts
from senddock.dispatch.refusals import Refused
from senddock.web.auth.forms import LoginForm, SetupForm
from senddock.web.auth.throttle import wait_needed
from senddock.web.htmx import redirect_to
from senddock.web.services import services

bp = Blueprint("auth", __name__)


@bp.get("/login")
def login() -> Any:
    """The form."""
    return render_template("auth/login.html", form=LoginForm())


@bp.post("/login")
def login_submit() -> Any:
    """Check and open a session."""
    form = LoginForm()
    if not form.validate():
        return render_template("auth/login.html", form=form), 422
    if wait_needed(services().redis, form.email.data, request.remote_addr):
        form.password.errors = ["Too many attempts from here. Wait 15 minutes and try again."]
        return render_template("auth/login.html", form=form), 429
    token = accounts.sign_in(
        services().database,
        form.email.data,
        form.password.data,
        address=request.remote_addr,
        agent=request.user_agent.string,
    )
    if token is None:
        form.password.errors = ["E-mail and password do not fit."]
        return render_template("auth/login.html", form=form), 422
    session.clear()
    session["token"] = token
    session.permanent = True
    return redirect(_local_address(request.args.get("next")), code=303)


@bp.post("/logout")
def logout() -> Any:
    """End the session."""
    if "token" in session:
        accounts.sign_out(services().database, session["token"])
    session.clear()
    return redirect_to(url_for("auth.login"))


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
    session.clear()
    session["token"] = accounts.open_session(
        services().database, user.id, address=request.remote_addr, agent=request.user_agent.string
    )
    session.permanent = True
    return redirect(url_for("overview.index"), code=303)


def _local_address(text: str | None) -> str:
    """Only addresses of this panel: a link from outside must not send a person elsewhere after signing in."""
    return text if text and text.startswith("/") and not text.startswith(("//", "/\\")) else "/"
