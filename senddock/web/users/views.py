"""`/users`: who operates this panel. Everybody with an account may do everything; there is one kind of person."""

from typing import Any

from flask import Blueprint, flash, g, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import EmailField
from wtforms.validators import InputRequired, Length

from senddock.dispatch import accounts
from senddock.dispatch.refusals import Refused
from senddock.web.auth.confirmation import confirmed
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("users", __name__, url_prefix="/users")


class InviteForm(FlaskForm):  # type: ignore[misc]
    """Whom to let in."""

    email = EmailField(_l("E-mail"), [InputRequired(_l("Enter the person's e-mail address.")), Length(max=254)])


@bp.get("")
def index() -> Any:
    """Everybody, and the form to invite one more."""
    return _page(InviteForm(formdata=None))


@bp.post("")
@confirmed
def invite() -> Any:
    """Make the link by which a new person chooses a password; shown this once."""
    form = InviteForm()
    if not form.validate():
        return _page(form, 422)
    try:
        token = accounts.invite(services().database, form.email.data)
    except Refused as error:
        form.email.errors = [error.message]
        return _page(form, 422)
    return _link_page(form.email.data, token, new=True)


@bp.post("/<int:user_id>/link")
@confirmed
def link(user_id: int) -> Any:
    """A link by which a person who lost the password chooses a new one."""
    email = next((user.email for user in accounts.all_users(services().database) if user.id == user_id), "")
    try:
        token = accounts.password_link(services().database, email)
    except Refused as error:
        flash(error.message, "error")
        return redirect_to(url_for("users.index"))
    return _link_page(email, token, new=False)


@bp.post("/<int:user_id>/disable")
@confirmed
def disable(user_id: int) -> Any:
    """Keep a person out from this moment."""
    if user_id == g.person.user_id:
        flash(_("You cannot shut your own account: another administrator has to."), "error")
        return redirect_to(url_for("users.index"))
    return _change(accounts.disable, user_id, _("Shut. The person is signed out everywhere."))


@bp.post("/<int:user_id>/enable")
@confirmed
def enable(user_id: int) -> Any:
    """Let a person in again."""
    return _change(accounts.enable, user_id, _("Open again."))


def _change(action: Any, user_id: int, done: str) -> Any:
    try:
        action(services().database, user_id)
        flash(done, "success")
    except Refused as error:
        flash(error.message, "error")
    return redirect_to(url_for("users.index"))


def _page(form: InviteForm, status: int = 200) -> Any:
    people = accounts.all_users(services().database)
    return page_or_fragment("users/index.html", "users/_list.html", http_status=status, form=form, people=people)


def _link_page(email: str, token: str, *, new: bool) -> Any:
    base = services().public_url or request.host_url.rstrip("/")
    address = f"{base}{url_for('auth.welcome', token=token)}"
    return render_template("users/link.html", email=email, address=address, hours=accounts.LINK_HOURS, new=new)
