"""Forms of the doors."""

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from senddock.web.language import lazy_gettext as _l


class LoginForm(FlaskForm):  # type: ignore[misc]
    """E-mail and password."""

    email = EmailField(_l("E-mail"), [InputRequired(_l("Enter your e-mail address.")), Length(max=254)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password.")), Length(max=1000)])


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The second factor."""

    code = StringField(_l("Code"), [InputRequired(_l("Enter the code.")), Length(max=40)])


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password once more."""

    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password.")), Length(max=1000)])


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A password chosen by the person who came by a link."""

    token = HiddenField()
    password = PasswordField(
        _l("Password"), [InputRequired(_l("Choose a password.")), Length(10, 1000, _l("Use at least 10 characters."))]
    )
    again = PasswordField(_l("Password again"), [EqualTo("password", _l("The two passwords differ."))])


class SetupForm(NewPasswordForm):
    """The first account."""

    email = EmailField(
        _l("E-mail"), [InputRequired(_l("Enter the e-mail address you will sign in with.")), Length(max=254)]
    )
