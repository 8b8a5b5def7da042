"""Forms of the doors."""

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length


class LoginForm(FlaskForm):  # type: ignore[misc]
    """E-mail and password."""

    email = EmailField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])


class SetupForm(FlaskForm):  # type: ignore[misc]
    """The first account."""

    token = HiddenField()
    email = EmailField("E-mail", [InputRequired("Enter the e-mail address you will sign in with."), Length(max=254)])
    password = PasswordField(
        "Password", [InputRequired("Choose a password."), Length(10, 1000, "Use at least 10 characters.")]
    )
    again = PasswordField("Password again", [EqualTo("password", "The two passwords differ.")])
