"""One provider as the catalogue knows it, and how sure each of its facts is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Confidence(StrEnum):
    """Where a fact comes from: the provider's own page, somebody else's, or nobody's that was read."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    MEMORY = "memory"

    @property
    def confirmed(self) -> bool:
        """May be shown as a fact; anything else is shown as not confirmed."""
        return self in (Confidence.HIGH, Confidence.MEDIUM)


class UsernameKind(StrEnum):
    """What a provider wants as user name."""

    #: The same word for everybody.
    FIXED = "fixed"
    EMAIL = "email"
    #: Made by the provider.
    GENERATED = "generated"
    #: Half of a pair of keys, or the password again.
    TOKEN = "token"  # noqa: S105 - the name of a kind
    UUID = "uuid"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Port:
    """``encryption`` is ``ssl`` (from the first byte) or ``starttls``."""

    port: int
    encryption: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Host:
    host: str
    region: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect; ``host``, ``port`` and ``encryption`` are the ones to begin with."""

    host: str
    port: int
    encryption: str
    hosts: tuple[Host, ...]
    ports: tuple[Port, ...]
    #: Ports that people try and this provider does not have.
    not_offered: tuple[int, ...]
    #: SASL mechanisms (RFC 4954), empty when not known.
    auth: tuple[str, ...]
    #: For a provider with one host in each region: ``email-smtp.<region>.amazonaws.com``.
    host_template: str | None
    confidence: Confidence
    sources: tuple[str, ...]

    def port_facts(self, port: int) -> Port | None:
        return next((one for one in self.ports if one.port == port), None)

    def owns(self, host: str) -> bool:
        """True for the provider's host names, of every region."""
        name = host.strip().lower().rstrip(".")
        for known in (self.host_template, *(one.host for one in self.hosts)):
            if not known:
                continue
            parts = re.split(r"<[^>]*>", known.lower())
            if re.fullmatch("[a-z0-9-]+".join(re.escape(part) for part in parts), name):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Username:
    kind: UsernameKind
    #: The word itself when everybody uses the same one.
    value: str
    text: str
    pattern: re.Pattern[str] | None
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Password:
    text: str
    pattern: re.Pattern[str] | None
    #: What fits the pattern, in words: "begins with re_".
    looks: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Sign:
    """A text by which a secret is known wherever it turns up. ``fits``: it is what this provider wants over SMTP."""

    pattern: re.Pattern[str]
    what: str
    fits: bool
    advice: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan allows. A limit that is ``None`` is not known or does not exist."""

    key: str
    name: str
    per_second: int | None
    per_minute: int | None
    per_hour: int | None
    per_day: int | None
    per_month: int | None
    #: ``messages`` or ``recipients``.
    counts: str
    #: How the day is counted, where that is known: ``rolling``, ``midnight UTC``.
    window: str
    note: str
    source: str
    confidence: Confidence

    def limits(self) -> dict[str, int]:
        """The limits that the plan has, by the names of a provider's columns."""
        named = {
            "per_second": self.per_second, "per_minute": self.per_minute, "per_hour": self.per_hour,
            "per_day": self.per_day, "per_month": self.per_month,
        }  # fmt: skip
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Size:
    """What fits into a message and a session; ``None`` is not known."""

    max_message_bytes: int | None
    recipients_per_message: int | None
    max_connections: int | None
    messages_per_connection: int | None
    confidence: Confidence
    message_confidence: Confidence


@dataclass(frozen=True, slots=True)
class MessageId:
    text: str
    #: The provider replaces Message-ID: ``None`` is not known.
    rewrites: bool | None
    #: Finds the provider's id in its 250.
    pattern: re.Pattern[str] | None
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A header by which the provider sends a repeated submission once within ``window_hours``."""

    header: str
    window_hours: int
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    purpose: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence and how sure it is."""

    text: str
    confidence: Confidence

    @property
    def told(self) -> str:
        """The sentence, marked when it is not confirmed; empty when it says that nothing is known."""
        if self.text.startswith(("None", "Nothing", "Not known")):
            return ""
        marked = self.confidence.confirmed or "not confirmed" in self.text
        return self.text if marked else f"{self.text} (not confirmed)"


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything about one provider."""

    key: str
    #: Name of its guide: ``/guides/<guide>``.
    guide: str
    name: str
    category: str
    #: ``easy``, ``medium`` or ``complex``.
    difficulty: str
    #: One of the six of the user documentation.
    documented: bool
    cost: str | None
    cost_confidence: Confidence
    best_for: str
    notes: tuple[str, ...]
    server: Server
    username: Username
    password: Password
    signs: tuple[Sign, ...]
    #: Its DNS records in the form that ``dns_records.facts.profile_from_dns_facts`` reads.
    dns: Mapping[str, Any]
    plans: tuple[Plan, ...]
    size: Size
    sandbox: Remark
    message_id: MessageId
    idempotency: Idempotency | None
    headers: tuple[Header, ...]

    @property
    def plan(self) -> Plan:
        """The plan that a new account begins with."""
        return self.plans[0]

    def plan_named(self, key: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.key == key), None)
