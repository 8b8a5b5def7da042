"""The forms of the section."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from senddock.web.language import lazy_gettext as _l


class DomainForm(FlaskForm):  # type: ignore[misc]
    """A domain to watch."""

    name = StringField(_l("Domain"), [InputRequired(_l("Enter a domain, such as myapp.com.")), Length(max=253)])


class RecordsForm(FlaskForm):  # type: ignore[misc]
    """What the operator knows of a provider's records."""

    selectors = StringField(
        _l("DKIM selectors"),
        [Length(max=500)],
        description=_l("As the provider's page shows them, separated by spaces. Empty: those that are usual here."),
    )
    return_path_label = StringField(
        _l("Return-path label"),
        [Length(max=100)],
        description=_l(
            "What stands before the domain in MAIL FROM, such as send or em1234. Empty: the provider's usual one."
        ),
    )
