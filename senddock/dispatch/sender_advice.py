"""What to say about the From of a submission, given the providers that could carry it: warnings, never refusals."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from senddock.domain.senders import from_remarks, why_not
from senddock.models import Database, Provider

#: Seconds for which the providers are remembered.
_FRESH = 5.0
#: From addresses remembered at most: they come from outside.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Sender:
    name: str
    host: str
    policy: str
    domains: tuple[str, ...]
    from_email: str


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning; ``guide`` is an address below ``/guides/``."""

    name: str
    message: str
    guide: str


_NO_PROVIDER = Warned(
    "no_provider",
    "No provider is set up and enabled, so the message waits: add one under SMTP Settings.",
    "smtp-configuration#basic-configuration",
)
_MAY_NOT = "from-address#when-a-provider-may-not-use-your-from"
#: Name and guide of the remarks on a From, by field and level.
_NAMES = {
    ("from_email", "error"): ("from_public_mailbox", "from-address#from-address"),
    ("from_email", "warn"): ("from_no_reply", "from-address#from-address"),
    ("from_name", "warn"): ("from_name", "from-address#from-name"),
}


class SenderAdvice:
    """Cheap enough for every submission: what was said of a From is remembered. One for each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[_Sender, ...] = ()
        self._said: dict[tuple[str | None, str | None], tuple[Warned, ...]] = {}
        self._read_at = -_FRESH

    def warnings(self, email: str | None, name: str | None) -> tuple[Warned, ...]:
        """About a From address and name, or about a message without; empty when all is well."""
        senders = self._senders()
        said = self._said.get((email, name))
        if said is None:
            if len(self._said) > _MOST:
                self._said.clear()
            said = self._said[email, name] = tuple(self._about(senders, email, name))
        return said

    def _about(self, senders: tuple[_Sender, ...], email: str | None, name: str | None) -> Iterator[Warned]:
        if not senders:
            yield _NO_PROVIDER
        if email is None:
            return
        for remark in from_remarks(email, name, [sender.host for sender in senders]):
            kind, guide = _NAMES[remark.field, remark.level]
            yield Warned(kind, remark.text, guide)
        domain = email.rpartition("@")[2].lower()
        refusals = {sender.name: why_not(sender.policy, sender.domains, sender.host, domain) for sender in senders}
        if senders and all(refusals.values()):
            reasons = "; ".join(f"{who} {why}" for who, why in refusals.items())
            yield Warned("from_refused", f"No provider can send this now, so it waits: {reasons}.", _MAY_NOT)
        for sender in senders:
            if sender.policy == "rewrite" and email.lower() != sender.from_email.lower():
                text = f"Through {sender.name} the From becomes {sender.from_email}; replies still reach {email}."
                yield Warned("from_rewritten", text, _MAY_NOT)

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
            self._said = {}
            self._read_at = now
        return self._known
