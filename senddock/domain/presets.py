"""What the form is filled from: the catalogue's entries as cards, with the limits of the plan a new account has."""

from collections.abc import Mapping
from dataclasses import dataclass

from senddock.domain.catalogue import Entry, Plan, catalogue

#: The limits that a preset can fill in, by the names of a provider's columns.
LIMITS = (
    "per_second", "per_minute", "per_hour", "per_day", "per_month",
    "max_connections", "messages_per_connection", "recipients_per_message",
)  # fmt: skip
_STARS = {"easy": "⭐ Easy", "medium": "⭐⭐ Medium", "complex": "⭐⭐⭐ Complex"}


@dataclass(frozen=True, slots=True)
class Preset:
    """A card to choose and the values it puts into the form."""

    key: str
    name: str
    #: The guide's name: ``/guides/<guide>``.
    guide: str
    difficulty: str
    cost: str
    best_for: str
    host: str
    port: int
    encryption: str
    username: str
    username_help: str
    password_help: str
    #: The plan whose limits are filled in, in words: "AWS SES (Sandbox): 1/s, 200/day".
    limits_text: str
    #: Address of the page with those limits, where they were read at the provider.
    limits_source: str
    plans: tuple[Plan, ...]
    #: One of the six that the user documentation names; the others come behind "more providers".
    documented: bool
    #: What is not confirmed says so.
    confirmed: bool
    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    per_month: int | None = None
    max_connections: int | None = None
    messages_per_connection: int | None = None
    recipients_per_message: int | None = None


def preset_of(entry: Entry, plan: Plan | None = None) -> Preset:
    """The card of ``entry`` with the limits of ``plan`` (the one that a new account has)."""
    chosen = plan or entry.plan
    size = entry.size
    sure = size.confidence.confirmed
    return Preset(
        key=entry.key,
        name=entry.name,
        guide=entry.guide,
        difficulty=_STARS[entry.difficulty],
        cost=(entry.cost or "See its price page")
        + ("" if entry.cost_confidence.confirmed or not entry.cost else " (not confirmed)"),
        best_for=entry.best_for,
        host=entry.server.host,
        port=entry.server.port,
        encryption=entry.server.encryption,
        username=entry.username.value,
        username_help=entry.username.text,
        password_help=entry.password.text,
        limits_text=f"{entry.name} ({chosen.name}): {limits_in_words(chosen)}",
        limits_source=chosen.source,
        plans=entry.plans,
        documented=entry.documented,
        confirmed=entry.server.confidence.confirmed,
        # A limit that nobody confirmed is shown and not imposed.
        **(chosen.limits() if chosen.confidence.confirmed else {}),
        max_connections=size.max_connections if sure and (size.max_connections or 0) <= 100 else None,
        messages_per_connection=size.messages_per_connection if sure else None,
        recipients_per_message=size.recipients_per_message if sure else None,
    )


def limits_in_words(plan: Plan) -> str:
    """Short, as in the user documentation: ``1/s, 200/day``."""
    units = {"per_second": "s", "per_minute": "min", "per_hour": "hour", "per_day": "day", "per_month": "month"}
    parts = [f"{value:,}/{units[name]}" for name, value in plan.limits().items()]
    words = ", ".join(parts) or plan.note.rstrip(".") or "no published limit"
    return words if plan.confidence.confirmed else f"{words} (not confirmed)"


def _all() -> Mapping[str, Preset]:
    return {entry.key: preset_of(entry) for entry in catalogue().values()}


PRESETS: Mapping[str, Preset] = _all()
