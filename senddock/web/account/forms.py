"""Forms of a person's own account."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from senddock.web.language import lazy_gettext as _l


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password in the place of the present one."""

    old = PasswordField(_l("Present password"), [InputRequired(_l("Enter your present password.")), Length(max=1000)])
    password = PasswordField(
        _l("New password"),
        [InputRequired(_l("Choose a password.")), Length(10, 1000, _l("Use at least 10 characters."))],
    )
    again = PasswordField(_l("New password again"), [EqualTo("password", _l("The two passwords differ."))])


class SecondFactorForm(FlaskForm):  # type: ignore[misc]
    """The first code of an authenticator app; ``sealed`` carries the shared secret until it is proved."""

    sealed = HiddenField()
    code = StringField(
        _l("Code from the app"), [InputRequired(_l("Enter the six digits the app shows.")), Length(max=20)]
    )
