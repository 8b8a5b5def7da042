"""Forms of the doors."""

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length


class LoginForm(FlaskForm):  # type: ignore[misc]
    """E-mail and password."""

    email = EmailField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The second factor."""

    code = StringField("Code", [InputRequired("Enter the code."), Length(max=40)])


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password once more."""

    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A password chosen by the person who came by a link."""

    token = HiddenField()
    password = PasswordField(
        "Password", [InputRequired("Choose a password."), Length(10, 1000, "Use at least 10 characters.")]
    )
    again = PasswordField("Password again", [EqualTo("password", "The two passwords differ.")])


class SetupForm(NewPasswordForm):
    """The first account."""

    email = EmailField("E-mail", [InputRequired("Enter the e-mail address you will sign in with."), Length(max=254)])
