"""The form of a new key."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget


class KeyForm(FlaskForm):  # type: ignore[misc]
    """Whose key it is and what it may do; what is left empty is not limited."""

    name = StringField("Name", [InputRequired("Give the key a name, such as “shop”."), Length(max=100)])
    project = SelectField("Project", validate_choice=False)
    scope = SelectField(
        "May", choices=[SelectChoice("sending", "send only"), SelectChoice("full", "send, read and cancel")]
    )
    streams = SelectMultipleField(
        "Streams",
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        description="None ticked: all of them. The first one is used when a submission names none.",
    )
    from_domains = StringField(
        "From domains",
        [Length(max=1000)],
        description="Such as myapp.com, *.myapp.com. Empty: any that a provider may send.",
    )
    networks = StringField(
        "Addresses",
        [Length(max=1000)],
        description="IP addresses or networks it may come from, such as 10.0.0.0/8. Empty: any.",
    )
    per_second = IntegerField("Requests a second", [Optional()], description="Empty: the usual limit.")
    days = IntegerField("Ends after days", [Optional()], description="Empty: when it is revoked.")

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
