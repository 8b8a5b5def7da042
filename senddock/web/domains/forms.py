"""The forms of the section."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length


class DomainForm(FlaskForm):  # type: ignore[misc]
    """A domain to watch."""

    name = StringField("Domain", [InputRequired("Enter a domain, such as myapp.com."), Length(max=253)])


class RecordsForm(FlaskForm):  # type: ignore[misc]
    """What the operator knows of a provider's records."""

    selectors = StringField(
        "DKIM selectors",
        [Length(max=500)],
        description="As the provider's page shows them, separated by spaces. Empty: those that are usual here.",
    )
    return_path_label = StringField(
        "Return-path label",
        [Length(max=100)],
        description="What stands before the domain in MAIL FROM, such as send or em1234. Empty: the provider's usual one.",
    )
