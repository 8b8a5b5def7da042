"""What an attempt's verdict means for one delivery: it is over, goes to another provider now, or is tried later."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from senddock.domain.retry import Schedule, next_try
from senddock.domain.status import Status
from senddock.domain.verdict import FailOver, Verdict, VerdictClass


class Move(StrEnum):
    """The kind of step that follows an attempt."""

    OVER = "over"
    #: To another provider in this same round, if there is one; otherwise `Step.fallback` applies.
    NEXT_PROVIDER = "next_provider"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to a delivery after an attempt."""

    move: Move
    #: The state when the step is carried out; for `Move.NEXT_PROVIDER` the state when no provider is left.
    status: Status
    at: datetime | None = None
    #: The next try must use the same provider.
    sticky: bool = False
    #: The try counts towards the schedule; waiting for a limit does not.
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What the decision depends on besides the verdict."""

    now: datetime
    #: Random number in [0, 1), for jitter.
    chance: float
    schedule: Schedule
    #: Rounds that ended without an answer, this one included.
    tries: int
    #: Seconds a rate-limited message waits for its provider before it goes to another.
    patience: int
    #: ``retry_same`` or ``hold``.
    on_uncertain: str
    #: The delivery was uncertain once before.
    was_uncertain: bool = False
    #: The one extra provider that a verdict may allow has been used.
    used_second_chance: bool = False


#: What follows acceptance, whatever the circumstance.
ACCEPTED = Step(Move.OVER, Status.ACCEPTED)


def step_after(verdict: Verdict, circumstance: Circumstance) -> Step:
    """Decide what follows; the classes and their consequences are those of the verdict table."""
    if verdict.cls is VerdictClass.ACCEPTED:
        return ACCEPTED
    if verdict.cls is VerdictClass.UNCERTAIN:
        return _after_uncertain(circumstance)
    if verdict.cls is VerdictClass.RATE_LIMITED:
        return _after_rate_limit(verdict, circumstance)
    if verdict.fail_over is FailOver.YES:
        return Step(Move.NEXT_PROVIDER, Status.DEFERRED, _later(verdict, circumstance))
    if verdict.fail_over is FailOver.LARGER:
        return Step(Move.NEXT_PROVIDER, Status.FAILED)
    if verdict.fail_over is FailOver.ONCE and not circumstance.used_second_chance:
        return Step(
            Move.NEXT_PROVIDER,
            # An account that is blocked is no fault of the message: without another provider it waits for a person.
            Status.DEFERRED if verdict.retry or verdict.pause else Status.FAILED,
            _later(verdict, circumstance),
        )
    if verdict.retry:
        # Greylisting and full mailboxes: another provider would only start the wait again.
        return Step(Move.LATER, Status.DEFERRED, _later(verdict, circumstance), sticky=True)
    return Step(Move.OVER, Status.FAILED)


def _after_uncertain(circumstance: Circumstance) -> Step:
    if circumstance.on_uncertain == "retry_same" and not circumstance.was_uncertain:
        # Half a minute lets a slow provider finish, so that its duplicate suppression can see the first copy.
        return Step(Move.LATER, Status.DEFERRED, circumstance.now + timedelta(seconds=30), sticky=True)
    return Step(Move.OVER, Status.UNCERTAIN)


def _after_rate_limit(verdict: Verdict, circumstance: Circumstance) -> Step:
    at = _later(verdict, circumstance)
    if (at - circumstance.now).total_seconds() <= circumstance.patience:
        return Step(Move.LATER, Status.DEFERRED, at, counts=False)
    return Step(Move.NEXT_PROVIDER, Status.DEFERRED, at, counts=False)


def _later(verdict: Verdict, circumstance: Circumstance) -> datetime:
    return next_try(
        circumstance.schedule,
        verdict=verdict.cls,
        tries=circumstance.tries,
        wait=verdict.wait_seconds,
        now=circumstance.now,
        chance=circumstance.chance,
    )
