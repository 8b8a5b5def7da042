"""The form of a new key."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from senddock.web.language import lazy_gettext as _l


class KeyForm(FlaskForm):  # type: ignore[misc]
    """Whose key it is and what it may do; what is left empty is not limited."""

    name = StringField(_l("Name"), [InputRequired(_l("Give the key a name, such as “shop”.")), Length(max=100)])
    project = SelectField(_l("Project"), validate_choice=False)
    scope = SelectField(
        _l("May"), choices=[SelectChoice("sending", _l("send only")), SelectChoice("full", _l("send, read and cancel"))]
    )
    streams = SelectMultipleField(
        _l("Streams"),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        description=_l("None ticked: all of them. The first one is used when a submission names none."),
    )
    from_domains = StringField(
        _l("From domains"),
        [Length(max=1000)],
        description=_l("Such as myapp.com, *.myapp.com. Empty: any that a provider may send."),
    )
    networks = StringField(
        _l("Addresses"),
        [Length(max=1000)],
        description=_l("IP addresses or networks it may come from, such as 10.0.0.0/8. Empty: any."),
    )
    per_second = IntegerField(_l("Requests a second"), [Optional()], description=_l("Empty: the usual limit."))
    days = IntegerField(_l("Ends after days"), [Optional()], description=_l("Empty: when it is revoked."))

    def offer(self, projects: list[str], streams: list[str]) -> None:
        """Fill the choices in."""
        self.project.choices = [SelectChoice(name, name) for name in projects]
        self.streams.choices = [SelectChoice(name, name) for name in streams]

    def values(self) -> dict[str, Any]:
        """As `keys.create` takes them."""
        ends = datetime.now(UTC) + timedelta(days=self.days.data) if self.days.data is not None else None
        return {
            "project": self.project.data or None,
            "scope": self.scope.data,
            "streams": self.streams.data or [],
            "from_domains": _listed(self.from_domains.data),
            "networks": _listed(self.networks.data),
            "per_second": self.per_second.data,
            "expires_at": ends,
        }


def _listed(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()
