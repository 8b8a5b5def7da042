"""A provider's fields and what may stand in them: one place, so panel, command line and API refuse the same things."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from senddock.dispatch.refusals import Refused
from senddock.domain.advice import Advice, connection_advice, from_advice
from senddock.domain.catalogue.credentials import credential_advice
from senddock.domain.envelope import Address, InvalidAddress

ENCRYPTIONS = ("starttls", "ssl", "none")
LIMITS = (
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
    "per_month",
    "max_connections",
    "messages_per_connection",
    "recipients_per_message",
    "max_message_bytes",
)
_TEXTS = ("name", "preset", "host", "encryption", "username", "from_email", "from_name", "from_policy", "day_zone")
#: Seconds by stage, as `senddock.smtp.target.Timeouts` names them.
TIMEOUTS = ("connect", "tls", "session", "envelope", "data", "final_dot")
_OTHERS = (
    "port", "priority", "enabled", "plain_confirmed", "extra_domains", "timeouts", "day_reset_hour",
    "transactional_reserve",
)  # fmt: skip
FIELDS = frozenset({*_TEXTS, *LIMITS, *_OTHERS})
#: What the columns hold (32 bits).
_HIGHEST = 2**31 - 1
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[?[0-9A-Fa-f:.]+\]?)")


def check(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a provider's settings: field to sentence; empty when they can be saved. Pure."""
    errors: dict[str, str] = {}
    if not str(values.get("name") or "").strip():
        errors["name"] = "Give the provider a name, such as “AWS SES Production”."
    host = str(values.get("host") or "").strip()
    if not _HOST.fullmatch(host) or len(host) > 253:
        errors["host"] = "The host is the SMTP server's name, such as smtp.example.com (without https:// and port)."
    port = values.get("port")
    if not isinstance(port, int) or not 1 <= port <= 65535:
        errors["port"] = "The port is a number from 1 to 65535; 587 is recommended for TLS, 465 for SSL."
    encryption = values.get("encryption")
    if encryption not in ENCRYPTIONS:
        errors["encryption"] = "Choose TLS (starttls), SSL (ssl) or none."
    try:
        Address.parse(str(values.get("from_email") or ""))
    except InvalidAddress as error:
        errors["from_email"] = f"The From email is not usable: {error}."
    for field in ("name", "username", "from_name"):
        if re.search(r"[\x00-\x1f\x7f]", str(values.get(field) or "")):
            errors[field] = "Line breaks and control characters are not allowed here."
    if not isinstance(values.get("priority", 1), int) or not 1 <= values.get("priority", 1) <= 1000:
        errors["priority"] = "The priority is a number from 1 (tried first) to 1000."
    if values.get("from_policy", "any") not in ("any", "own", "rewrite"):
        errors["from_policy"] = "Choose any, own or rewrite."
    for field in LIMITS:
        amount = values.get(field)
        if amount is not None and (not isinstance(amount, int) or not 1 <= amount <= _HIGHEST):
            errors[field] = f"A limit is a whole number from 1 to {_HIGHEST:,}; leave it empty for no limit."
    errors.update(_check_advanced(values))
    if not errors:
        confirmed = bool(values.get("plain_confirmed"))
        remarks = connection_advice(host, int(values["port"]), str(encryption), plain_confirmed=confirmed)
        remarks += from_advice(str(values["from_email"]), values.get("from_name"), host)
        errors.update({remark.field: remark.text for remark in remarks if remark.level == "error"})
    return errors


def remarks(values: Mapping[str, Any], password: str | None) -> list[Advice]:
    """What an experienced operator would say about settings, before they are saved or after. Pure."""
    host, port = values.get("host") or "", values.get("port")
    found: list[Advice] = []
    if host and port:
        encryption = str(values.get("encryption"))
        found += connection_advice(host, port, encryption, plain_confirmed=bool(values.get("plain_confirmed")))
        found += credential_advice(values.get("preset"), host, port, encryption, values.get("username") or "", password)
    if values.get("from_email"):
        found += from_advice(values["from_email"], values.get("from_name"), host)
    return list({remark.text: remark for remark in found}.values())


def _check_advanced(values: Mapping[str, Any]) -> dict[str, str]:
    errors = {}
    hour = values.get("day_reset_hour")
    if hour is not None and (not isinstance(hour, int) or not 0 <= hour <= 23):
        errors["day_reset_hour"] = "The hour is from 0 to 23; leave it empty for any 24 hours in a row."
    zone = values.get("day_zone")
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            errors["day_zone"] = f"There is no time zone {zone}: write one such as Europe/Madrid or UTC."
    reserve = values.get("transactional_reserve", 10)
    if not isinstance(reserve, int) or not 0 <= reserve <= 90:
        errors["transactional_reserve"] = "The share is from 0 to 90 per cent."
    timeouts = values.get("timeouts") or {}
    for name, seconds in timeouts.items():
        if name not in TIMEOUTS or not isinstance(seconds, int | float) or not 1 <= seconds <= 600:
            errors[f"timeout_{name}"] = "A time-out is from 1 to 600 seconds; leave it empty for the usual one."
    for domain in values.get("extra_domains") or ():
        if not re.fullmatch(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", str(domain)):
            errors["extra_domains"] = f"{domain} is not a domain, such as myapp.com."
    return errors


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the spaces that slip in when a value is pasted; empty optional texts are ``None``."""
    tidy = dict(values)
    for field in _TEXTS:
        if isinstance(tidy.get(field), str):
            tidy[field] = tidy[field].strip()
    for field in ("username", "from_name", "preset", "day_zone"):
        if field in tidy:
            tidy[field] = tidy[field] or None
    return tidy


def refuse_unknown(values: Mapping[str, Any]) -> None:
    """Raises `Refused` for a field that a provider does not have."""
    unknown = set(values) - FIELDS
    if unknown:
        raise Refused(f"A provider has no field {', '.join(sorted(unknown))}.")
