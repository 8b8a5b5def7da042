"""Forms of a person's own account."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password in the place of the present one."""

    old = PasswordField("Present password", [InputRequired("Enter your present password."), Length(max=1000)])
    password = PasswordField(
        "New password", [InputRequired("Choose a password."), Length(10, 1000, "Use at least 10 characters.")]
    )
    again = PasswordField("New password again", [EqualTo("password", "The two passwords differ.")])


class SecondFactorForm(FlaskForm):  # type: ignore[misc]
    """The first code of an authenticator app; ``sealed`` carries the shared secret until it is proved."""

    sealed = HiddenField()
    code = StringField("Code from the app", [InputRequired("Enter the six digits the app shows."), Length(max=20)])
