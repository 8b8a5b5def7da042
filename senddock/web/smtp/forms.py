"""The provider form, with the words of the user documentation."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    FloatField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional

from senddock.dispatch.provider_fields import LIMITS, TIMEOUTS
from senddock.models import Provider
from senddock.web.language import lazy_gettext as _l

#: Fields that are no column: they are gathered into one, or are not stored at all.
_GATHERED = {"csrf_token", "password", "recipient", *(f"timeout_{name}" for name in TIMEOUTS)}
ADVANCED = (*LIMITS, "day_reset_hour", "day_zone", "from_policy", "extra_domains", "transactional_reserve",
            *(f"timeout_{name}" for name in TIMEOUTS))  # fmt: skip


class ProviderForm(FlaskForm):  # type: ignore[misc]
    """Values only; what may be saved is decided by `provider_fields.check`."""

    preset = HiddenField()
    name = StringField(
        _l("Provider Name"), [Length(max=100)], description=_l("A descriptive name, such as “AWS SES Production”.")
    )
    host = StringField(_l("Host"), [Length(max=253)], description=_l("The SMTP server, such as smtp.example.com."))
    port = IntegerField(_l("Port"), [Optional()], default=587, description=_l("587 recommended for TLS."))
    encryption = RadioField(
        _l("Encryption"),
        choices=[
            SelectChoice("starttls", _l("TLS (recommended)")),
            SelectChoice("ssl", _l("SSL")),
            SelectChoice("none", _l("None")),
        ],
        default="starttls",
    )
    plain_confirmed = BooleanField(_l("I know that password and mail travel readable for everybody"))
    username = StringField(_l("Username"), [Length(max=500)], description=_l("Your SMTP username."))
    password = PasswordField(_l("Password"), [Length(max=2000)], description=_l("Your SMTP password or API key."))
    from_email = EmailField(
        _l("From Email"), [Length(max=254)], description=_l("The address that will appear as sender.")
    )
    from_name = StringField(_l("From Name"), [Length(max=200)], description=_l("The name that will appear as sender."))
    from_policy = SelectField(
        _l("Senders"),
        choices=[
            SelectChoice("any", _l("Any From address (the provider judges)")),
            SelectChoice("own", _l("Only its own From domain")),
            SelectChoice("rewrite", _l("Always this From; the original becomes Reply-To")),
        ],
        default="any",
    )
    extra_domains = StringField(
        _l("Further sender domains"), description=_l("With “only its own”: domains besides its own, with commas.")
    )
    priority = IntegerField(
        _l("Priority"), [Optional()], default=1, description=_l("1 is tried first, then 2, then 3.")
    )
    enabled = BooleanField(_l("Enabled"), default=True)
    per_second = IntegerField(_l("Per second"), [Optional()])
    per_minute = IntegerField(_l("Per minute"), [Optional()])
    per_hour = IntegerField(_l("Per hour"), [Optional()])
    per_day = IntegerField(_l("Per day"), [Optional()])
    per_month = IntegerField(_l("Per month"), [Optional()])
    day_reset_hour = IntegerField(
        _l("The day starts at (hour)"), [Optional()], description=_l("Empty: any 24 hours in a row.")
    )
    day_zone = StringField(_l("Time zone of that hour"), [Length(max=60)], description=_l("Such as Europe/Madrid."))
    transactional_reserve = IntegerField(
        _l("Reserve (per cent)"),
        [Optional()],
        default=10,
        description=_l("Share of day and month kept for transactional mail."),
    )
    max_connections = IntegerField(_l("Connections"), [Optional()])
    messages_per_connection = IntegerField(_l("Messages per connection"), [Optional()])
    recipients_per_message = IntegerField(_l("Recipients per message"), [Optional()])
    max_message_bytes = IntegerField(_l("Largest message (octets)"), [Optional()])
    timeout_connect = FloatField(_l("Connect"), [Optional()])
    timeout_tls = FloatField(_l("TLS"), [Optional()])
    timeout_session = FloatField(_l("Greeting and sign-in"), [Optional()])
    timeout_envelope = FloatField(_l("Sender and recipients"), [Optional()])
    timeout_data = FloatField(_l("Message"), [Optional()])
    timeout_final_dot = FloatField(_l("Answer to the message"), [Optional()])
    recipient = EmailField(_l("Send the test message to"), [Optional(), Length(max=254)])

    @classmethod
    def of(cls, provider: Provider, **more: Any) -> "ProviderForm":
        """The form of a stored provider; the password is never in it."""
        timeouts = {f"timeout_{name}": seconds for name, seconds in (provider.timeouts or {}).items()}
        domains = ", ".join(provider.extra_domains or ())
        form = cls(formdata=None, obj=provider, **timeouts, **more)
        form.extra_domains.data = domains
        return form

    def values(self) -> dict[str, Any]:
        """As `providers.add` takes them."""
        found = {name: field.data for name, field in self._fields.items() if name not in _GATHERED}
        found["extra_domains"] = [part.strip() for part in (self.extra_domains.data or "").split(",") if part.strip()]
        timeouts = {name: self[f"timeout_{name}"].data for name in TIMEOUTS}
        found["timeouts"] = {name: seconds for name, seconds in timeouts.items() if seconds is not None}
        if found["transactional_reserve"] is None:
            found["transactional_reserve"] = 10
        return found

    def take_errors(self, errors: dict[str, str]) -> None:
        """Show refusals beside their fields."""
        for name, message in errors.items():
            field = self._fields.get(name)
            if field is not None:
                field.errors = [*field.errors, message]

    @property
    def advanced_open(self) -> bool:
        """True when something in the Advanced section is wrong: it must not be hidden then."""
        return any(self[name].errors for name in ADVANCED)
