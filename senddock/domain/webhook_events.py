"""The events that are told over webhooks, in the shape of Resend's: a type, a moment, and what it is about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: What each event means, for pages and documents.
EVENTS = {
    "email.scheduled": "handed over for a later time",
    "email.sent": "a provider took responsibility for it",
    "email.delivery_delayed": "refused for now: it is tried again by itself",
    "email.bounced": "the address does not exist or takes no mail",
    "email.failed": "given up: refused for good, or too old",
    "email.uncertain": "the link died after the final dot: nobody can know",
    "email.suppressed": "the address is on the suppression list, so nothing was sent",
    "suppression.added": "an address was put on the suppression list",
    "suppression.removed": "an address may be written to again",
    "alert.opened": "something needs a person",
}
#: Codes that say that there is no such address or host (RFC 3463, RFC 7505), and so more than "takes no mail".
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_BY_STATUS = {
    "scheduled": "email.scheduled",
    "accepted": "email.sent",
    "deferred": "email.delivery_delayed",
    "failed": "email.failed",
    "expired": "email.failed",
    "uncertain": "email.uncertain",
    "suppressed": "email.suppressed",
}


def event_type(kind: str, verdict_class: str | None) -> str:
    """The outward name of a delivery's new state; other kinds bear theirs already."""
    if kind == "failed" and verdict_class == "recipient_permanent":
        return "email.bounced"
    return _BY_STATUS.get(kind, kind)


def envelope(name: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """The payload: Resend's ``created_at`` and Standard Webhooks' ``timestamp`` are the same moment."""
    moment = iso(at)
    return {"type": name, "created_at": moment, "timestamp": moment, "data": dict(data)}


def details(name: str, noted: Mapping[str, Any]) -> dict[str, Any]:
    """The member that tells why, named after the event as Resend does."""
    text, code, enhanced = noted.get("text") or "", noted.get("code"), noted.get("enhanced")
    line = " ".join(str(part) for part in (code, enhanced, text) if part)
    if name == "email.bounced":
        kind = "NoEmail" if enhanced in _NO_SUCH_ADDRESS else "General"
        return {"bounce": {"type": "Permanent", "subType": kind, "message": text, "diagnosticCode": [line]}}
    if name == "email.failed":
        return {"failed": {"reason": noted.get("verdict_class") or "expired", "message": line}}
    if name == "email.delivery_delayed":
        return {"delay": {"reason": noted.get("verdict_class"), "message": line}}
    if name == "email.suppressed":
        return {"suppressed": {"type": "OnSuppressionList", "reason": "suppressed", "message": text}}
    return {}


def iso(at: datetime) -> str:
    """Milliseconds and Z, as JavaScript writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
