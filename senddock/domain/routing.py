"""Which provider carries a message now: pure, so that the same answer can be shown to a person, stored and tested.

Rule: candidates are taken by priority (1 first); inside one priority by weight. A candidate is left out for a reason that
is kept. When every candidate that could ever carry the message is out for a while, the message waits until the first of
them is back; when none could ever carry it, it waits for a person.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from senddock.domain.senders import why_not
from senddock.domain.shares import pick


@dataclass(frozen=True, slots=True)
class Candidate:
    """One provider as it stands for one stream at this moment."""

    provider_id: int
    name: str
    priority: int
    weight: int
    enabled: bool
    #: ``any``, ``own`` or ``rewrite``.
    from_policy: str
    from_domains: frozenset[str]
    max_message_bytes: int | None
    #: Its SMTP server: the one that keeps a public mailbox domain may send from it.
    host: str = ""
    #: Set while its breaker does not let messages through: until when (``None``: until a person acts), and why.
    closed_until: datetime | None = None
    closed_why: str | None = None
    #: Set while a limit has nothing left.
    limited_until: datetime | None = None
    limited_why: str | None = None
    #: From domains this provider has refused lately: until when (``None``: until a person acts), and why.
    refused_domains: Mapping[str, tuple[datetime | None, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """What the message asks of a provider."""

    from_domain: str | None
    size: int
    #: Providers already tried in this round.
    tried: frozenset[int] = frozenset()
    #: The only provider that may be used (greylisting, a full mailbox, an uncertain outcome), or that a person chose.
    only: int | None = None
    #: Set when a provider refused the size: only providers that take more than this many octets are of use.
    larger_than: int | None = None
    #: The arm of an experiment that the recipient belongs to.
    trial: "Trial | None" = None


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment the message may take part in, and the provider its recipient was assigned to."""

    experiment: str
    arm: int
    #: All providers of the experiment. The message takes part only when every one of them could carry it now: whether
    #: it is counted must not depend on the arm it was assigned to.
    arms: frozenset[int]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A provider that was not chosen, and why, in words for the log."""

    provider_id: int
    name: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Send through this provider now."""

    provider_id: int
    left_out: tuple[LeftOut, ...]
    why: str = ""
    #: Chosen by an experiment.
    on_trial: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody can take it now; somebody will at ``until``."""

    until: datetime
    why: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nobody could ever take it as things are configured: a person has to act."""

    why: str
    left_out: tuple[LeftOut, ...]


Plan = Use | Wait | NoRoute


def plan(
    candidates: Sequence[Candidate], need: Need, *, now: datetime, credit: MutableMapping[int, float] | None = None
) -> Plan:
    """Decide. ``credit`` carries the shares of a priority from one choice to the next and is updated in place."""
    left_out: list[LeftOut] = []
    open_now: list[Candidate] = []
    waits: list[LeftOut] = []
    for candidate in candidates:
        reason = _excluded(candidate, need)
        if reason is not None:
            left_out.append(LeftOut(candidate.provider_id, candidate.name, reason))
            continue
        wait = _held_back(candidate, need, now)
        if wait is None:
            open_now.append(candidate)
            continue
        left_out.append(wait)
        if wait.until is not None:
            waits.append(wait)
    if open_now:
        trial = need.trial
        if trial is not None and need.only is None and trial.arms <= {candidate.provider_id for candidate in open_now}:
            return _assigned(open_now, left_out, trial)
        return _choose(candidates, open_now, left_out, need, credit if credit is not None else {})
    if waits:
        soonest = min(waits, key=lambda item: item.until or now)
        assert soonest.until is not None
        return Wait(soonest.until, f"{soonest.name}: {soonest.why}", tuple(left_out))
    return NoRoute(_why_none(candidates, left_out), tuple(left_out))


def _choose(
    candidates: Sequence[Candidate],
    open_now: Sequence[Candidate],
    left_out: list[LeftOut],
    need: Need,
    credit: MutableMapping[int, float],
) -> Use:
    first = min(candidate.priority for candidate in open_now)
    tier = {candidate.provider_id: candidate.weight for candidate in open_now if candidate.priority == first}
    chosen = pick(tier, credit)
    for candidate in open_now:
        if candidate.provider_id == chosen:
            continue
        why = f"priority {candidate.priority} comes later" if candidate.priority != first else "its share is served"
        left_out.append(LeftOut(candidate.provider_id, candidate.name, why))
    return Use(chosen, tuple(left_out), _why(candidates, tier, first, chosen, need))


def _why(candidates: Sequence[Candidate], tier: Mapping[int, int], first: int, chosen: int, need: Need) -> str:
    if need.only is not None:
        return "the message is bound to it"
    if len(tier) > 1:
        return f"priority {first}, {round(100 * tier[chosen] / (sum(tier.values()) or 1))} % of what goes out there now"
    if any(candidate.priority < first for candidate in candidates):
        return f"priority {first}: no provider before it can take the message now"
    if any(candidate.priority == first and candidate.provider_id != chosen for candidate in candidates):
        return f"priority {first}: it takes over the share of those that cannot"
    return f"priority {first}: it comes first"


def _assigned(open_now: Sequence[Candidate], left_out: list[LeftOut], trial: Trial) -> Use:
    why = f"experiment “{trial.experiment}” gave the recipient to another provider"
    others = [LeftOut(item.provider_id, item.name, why) for item in open_now if item.provider_id != trial.arm]
    return Use(trial.arm, (*left_out, *others), f"experiment “{trial.experiment}”: the recipient's arm", on_trial=True)


def _excluded(candidate: Candidate, need: Need) -> str | None:
    """Why this provider cannot carry the message whatever the time, or ``None``."""
    if not candidate.enabled:
        return "disabled"
    if need.only is not None and candidate.provider_id != need.only:
        return "the message is bound to another provider"
    if candidate.provider_id in need.tried:
        return "already tried in this round"
    if candidate.max_message_bytes is not None and need.size > candidate.max_message_bytes:
        return f"takes messages up to {candidate.max_message_bytes} octets only"
    if need.larger_than is not None and (candidate.max_message_bytes or 0) <= need.larger_than:
        return "does not take larger messages than the one that refused it for its size"
    return why_not(candidate.from_policy, candidate.from_domains, candidate.host, need.from_domain)


def _held_back(candidate: Candidate, need: Need, now: datetime) -> LeftOut | None:
    """Why this provider cannot carry it just now, or ``None``."""
    refused = candidate.refused_domains.get(need.from_domain or "")
    if refused is not None and candidate.from_policy != "rewrite":
        return LeftOut(candidate.provider_id, candidate.name, refused[1], refused[0])
    if candidate.closed_why is not None:
        return LeftOut(candidate.provider_id, candidate.name, candidate.closed_why, candidate.closed_until)
    if candidate.limited_why is not None and (candidate.limited_until is None or candidate.limited_until > now):
        return LeftOut(candidate.provider_id, candidate.name, candidate.limited_why, candidate.limited_until)
    return None


def _why_none(candidates: Sequence[Candidate], left_out: Sequence[LeftOut]) -> str:
    if not candidates:
        return "no provider is configured: add one under SMTP Settings"
    reasons = "; ".join(f"{item.name}: {item.why}" for item in left_out)
    return f"no provider can take it: {reasons}"
