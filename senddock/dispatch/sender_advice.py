"""What to say about the From of a submission, given the providers that could carry it: warnings, never refusals."""

import time
from dataclasses import dataclass

from sqlalchemy import select

from senddock.domain.senders import from_remarks, why_not
from senddock.models import Database, Provider

#: Seconds for which the providers are remembered.
_FRESH = 5.0


@dataclass(frozen=True, slots=True)
class _Sender:
    name: str
    host: str
    policy: str
    domains: tuple[str, ...]
    from_email: str


class SenderAdvice:
    """Cheap enough for every submission; one for each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[_Sender, ...] = ()
        self._read_at = -_FRESH

    def warnings(self, email: str, name: str | None) -> list[str]:
        """Sentences about a From address and name; empty when all is well."""
        senders = self._senders()
        found = [remark.text for remark in from_remarks(email, name, [sender.host for sender in senders])]
        domain = email.rpartition("@")[2].lower()
        refusals = {sender.name: why_not(sender.policy, sender.domains, sender.host, domain) for sender in senders}
        if senders and all(refusals.values()):
            reasons = "; ".join(f"{who} {why}" for who, why in refusals.items())
            found.append(f"No provider can send this now, so it waits: {reasons}.")
        for sender in senders:
            if sender.policy == "rewrite" and email.lower() != sender.from_email.lower():
                found.append(
                    f"Through {sender.name} the From becomes {sender.from_email}; replies still reach {email}."
                )
        return found

    def _senders(self) -> tuple[_Sender, ...]:
        now = time.monotonic()
        if now - self._read_at >= _FRESH:
            with self._database.read() as session:
                rows = session.scalars(
                    select(Provider).where(Provider.deleted_at.is_(None), Provider.enabled).order_by(Provider.priority)
                ).all()
            self._known = tuple(
                _Sender(
                    row.name,
                    row.host,
                    row.from_policy,
                    (row.from_email.rpartition("@")[2].lower(), *(item.lower() for item in row.extra_domains)),
                    row.from_email,
                )
                for row in rows
            )
            self._read_at = now
        return self._known
