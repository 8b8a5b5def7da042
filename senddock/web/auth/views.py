"""`/login`, `/logout`, `/confirm`: proving who one is."""

import time
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, session, url_for

from senddock.dispatch import second_factor, sessions
from senddock.web.auth.confirmation import guesses_used_up, local_address, prove
from senddock.web.auth.device import remember_device
from senddock.web.auth.forms import CodeForm, ConfirmForm, LoginForm
from senddock.web.htmx import redirect_to
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("auth", __name__)

_TOO_MANY = _l("Too many attempts. Wait 15 minutes and try again, or use a browser you have signed in with before.")
#: Seconds between the password and the code.
_CODE_WITHIN = 300


@bp.get("/login")
def login() -> Any:
    """The form."""
    return render_template("auth/login.html", form=LoginForm())


@bp.post("/login")
def login_submit() -> Any:
    """Check the password; open a session or ask for the second factor."""
    form = LoginForm()
    if not form.validate():
        return render_template("auth/login.html", form=form), 422
    if guesses_used_up(form.email.data):
        form.password.errors = [_TOO_MANY]
        return render_template("auth/login.html", form=form), 429
    user = sessions.check_password(services().database, form.email.data, form.password.data)
    if user is None:
        form.password.errors = [_("E-mail and password do not fit.")]
        return render_template("auth/login.html", form=form), 422
    onward = local_address(request.args.get("next"))
    if user.totp_sealed is None:
        return enter(user.id, user.email, onward)
    session.clear()
    session["second"] = {"user": user.id, "email": user.email, "until": time.time() + _CODE_WITHIN}
    return redirect(url_for("auth.code", next=onward), code=303)


@bp.get("/login/code")
def code() -> Any:
    """The second factor."""
    if _pending() is None:
        return redirect(url_for("auth.login", next=request.args.get("next")), code=303)
    return render_template("auth/code.html", form=CodeForm())


@bp.post("/login/code")
def code_submit() -> Any:
    """Check the one-time password or recovery code and open a session."""
    form, pending = CodeForm(), _pending()
    if pending is None:
        return redirect(url_for("auth.login", next=request.args.get("next")), code=303)
    if not form.validate():
        return render_template("auth/code.html", form=form), 422
    if guesses_used_up(pending["email"], purpose="code|"):
        form.code.errors = [_TOO_MANY]
        return render_template("auth/code.html", form=form), 429
    if not second_factor.accept(services().database, services().vault, pending["user"], form.code.data):
        form.code.errors = [_("This code does not fit, or was used already. Wait for the next one in your app.")]
        return render_template("auth/code.html", form=form), 422
    return enter(pending["user"], pending["email"], local_address(request.args.get("next")))


@bp.post("/logout")
def logout() -> Any:
    """End the session."""
    if "token" in session:
        sessions.sign_out(services().database, session["token"])
    session.clear()
    return redirect_to(url_for("auth.login"))


@bp.get("/confirm")
def confirm() -> Any:
    """Ask for the password again before secrets are shown or changed."""
    return render_template("auth/confirm.html", form=ConfirmForm())


@bp.post("/confirm")
def confirm_submit() -> Any:
    """Check it and go on to where the person was going."""
    form = ConfirmForm()
    if not form.validate():
        return render_template("auth/confirm.html", form=form), 422
    if not prove(form.password.data):
        form.password.errors = [_("This is not your password, or there were too many attempts in the last 15 minutes.")]
        return render_template("auth/confirm.html", form=form), 422
    return redirect(local_address(request.args.get("next")), code=303)


def enter(user_id: int, email: str, onward: str) -> Response:
    """Open a session in this browser for a person who has proved who they are."""
    token = sessions.open_session(
        services().database, user_id, address=request.remote_addr, agent=request.user_agent.string
    )
    # A session of somebody else, or one a stranger planted, must not live on.
    session.clear()
    session["token"] = token
    session.permanent = True
    response: Response = redirect(onward, code=303)  # type: ignore[assignment]
    remember_device(response, email)
    return response


def _pending() -> dict[str, Any] | None:
    pending = session.get("second")
    return pending if pending and pending["until"] > time.time() else None
