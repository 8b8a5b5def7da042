"""The provider form, with the words of the user documentation."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional


class ProviderForm(FlaskForm):  # type: ignore[misc]
    """Values only; what may be saved is decided by `providers.check`."""

    preset = HiddenField()
    name = StringField(
        "Provider Name", [Length(max=100)], description="A descriptive name, such as “AWS SES Production”."
    )
    host = StringField("Host", [Length(max=253)], description="The SMTP server, such as smtp.example.com.")
    port = IntegerField("Port", [Optional()], default=587, description="587 recommended for TLS.")
    encryption = RadioField(
        "Encryption",
        choices=[
            SelectChoice("starttls", "TLS (recommended)"),
            SelectChoice("ssl", "SSL"),
            SelectChoice("none", "None"),
        ],
        default="starttls",
    )
    plain_confirmed = BooleanField("I know that password and mail travel readable for everybody")
    username = StringField("Username", [Length(max=500)], description="Your SMTP username.")
    password = PasswordField("Password", [Length(max=2000)], description="Your SMTP password or API key.")
    from_email = EmailField("From Email", [Length(max=254)], description="The address that will appear as sender.")
    from_name = StringField("From Name", [Length(max=200)], description="The name that will appear as sender.")
    from_policy = SelectField(
        "Senders",
        choices=[
            SelectChoice("any", "Any From address (the provider judges)"),
            SelectChoice("own", "Only its own From domain"),
            SelectChoice("rewrite", "Always this From; the original becomes Reply-To"),
        ],
        default="any",
    )
    priority = IntegerField("Priority", [Optional()], default=1, description="1 is tried first, then 2, then 3.")
    enabled = BooleanField("Enabled", default=True)
    per_second = IntegerField("Per second", [Optional()])
    per_minute = IntegerField("Per minute", [Optional()])
    per_hour = IntegerField("Per hour", [Optional()])
    per_day = IntegerField("Per day", [Optional()])
    per_month = IntegerField("Per month", [Optional()])
    max_connections = IntegerField("Connections", [Optional()])
    messages_per_connection = IntegerField("Messages per connection", [Optional()])
    recipients_per_message = IntegerField("Recipients per message", [Optional()])
    recipient = EmailField("Send the test message to", [Optional(), Length(max=254)])

    def values(self) -> dict[str, Any]:
        """As `providers.add` takes them."""
        left_out = {"csrf_token", "password", "recipient"}
        return {name: field.data for name, field in self._fields.items() if name not in left_out}

    def take_errors(self, errors: dict[str, str]) -> None:
        """Show refusals beside their fields."""
        for name, message in errors.items():
            field = self._fields.get(name)
            if field is not None:
                field.errors = [*field.errors, message]
