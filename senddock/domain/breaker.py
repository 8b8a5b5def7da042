"""The circuit breaker of a provider: closed, open, probing, trial, ramp, or paused until a person acts.

closed -failures-> open -time-> probing (sign in without mail) -ok-> trial (one live message) -ok-> ramp -> closed
Any failure on the way back opens it again, for longer. A ``pause`` verdict (account blocked) waits for a person.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self


class Phase(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    #: Somebody is signing in without mail to see whether the provider is back.
    PROBING = "probing"
    #: One live message is let through.
    TRIAL = "trial"
    #: A growing number of messages is let through.
    RAMP = "ramp"
    PAUSED = "paused"


#: Failures in a row that open it; a failure that cost a time-out counts for all of them, because each further try
#: would cost the same again.
THRESHOLD = 3.0
#: First and longest time it stays open, in seconds.
FIRST_OPEN = 10.0
LONGEST_OPEN = 300.0
#: Failures older than this, in seconds, are forgotten.
MEMORY = 120.0
#: Seconds after which a probe or trial that never reported counts as lost (its worker died).
PROBE_LOST = 60.0
#: Messages let through while the ramp doubles, before the breaker closes.
RAMP_UNTIL = 32


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of one breaker; a value, changed by making a new one."""

    phase: Phase = Phase.CLOSED
    failures: float = 0.0
    #: Times it opened in a row without closing in between.
    openings: int = 0
    since: datetime | None = None
    until: datetime | None = None
    #: Messages allowed in the present step of trial or ramp, and let through so far.
    allowance: int = 0
    verdict_class: str = ""
    text: str = ""

    def lets_through(self, now: datetime) -> bool:
        """True when a message may use the provider."""
        if self.phase is Phase.CLOSED:
            return True
        return self.phase in (Phase.TRIAL, Phase.RAMP) and self.allowance > 0

    def wants_probe(self, now: datetime) -> bool:
        """True when it is time to sign in without mail."""
        if self.phase in (Phase.CLOSED, Phase.PAUSED) or self.since is None:
            return False
        ahead = self._is_ahead_of(now)
        if self.phase is Phase.OPEN:
            return ahead or (self.until is not None and now >= self.until)
        lost = now >= self.since + timedelta(seconds=PROBE_LOST)
        return (self.phase is Phase.PROBING or self.allowance == 0) and (lost or ahead)

    def bars(self, now: datetime) -> bool:
        """For a From domain, which no probe can try: True while mail with it must not use the provider.

        At ``until`` one message may try (`tried`); the others wait for what comes of it.
        """
        if self.phase is Phase.CLOSED:
            return False
        return self.until is None or (now < self.until and not self._is_ahead_of(now))

    def _is_ahead_of(self, now: datetime) -> bool:
        """A clock that was set back must not keep it open for as long as it was set back."""
        return self.since is not None and self.since > now + timedelta(seconds=PROBE_LOST)

    def to_json(self) -> dict[str, Any]:
        """As plain values for Redis and the mirror row."""
        data = asdict(self)
        for key in ("since", "until"):
            data[key] = data[key].isoformat() if data[key] else None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The opposite of `to_json`; members of a newer version are ignored."""
        known = {key: data[key] for key in cls.__dataclass_fields__ if key in data}
        for key in ("since", "until"):
            if known.get(key):
                known[key] = datetime.fromisoformat(known[key]).astimezone(UTC)
        known["phase"] = Phase(known.get("phase", "closed"))
        return cls(**known)


def failed(breaker: Breaker, *, weight: float, verdict_class: str, text: str, now: datetime) -> Breaker:
    """A failure the provider is to blame for. ``weight`` 1 is one ordinary failure, `THRESHOLD` opens at once."""
    if breaker.phase is Phase.PAUSED:
        return breaker
    if breaker.phase is not Phase.CLOSED:
        return _opened(breaker, verdict_class, text, now)
    fresh = breaker.since is not None and (now - breaker.since).total_seconds() <= MEMORY
    failures = (breaker.failures if fresh else 0.0) + weight
    if failures >= THRESHOLD:
        return _opened(replace(breaker, failures=failures), verdict_class, text, now)
    return replace(breaker, failures=failures, since=now, verdict_class=verdict_class, text=text)


def paused(breaker: Breaker, *, verdict_class: str, text: str, now: datetime) -> Breaker:
    """The account is blocked or suspended: open until a person acts."""
    return Breaker(Phase.PAUSED, THRESHOLD, breaker.openings + 1, now, None, 0, verdict_class, text)


def held(breaker: Breaker, *, until: datetime, verdict_class: str, text: str, now: datetime) -> Breaker:
    """Open until a known time, such as the end of a quota; nothing is probed before."""
    if breaker.phase is Phase.PAUSED:
        return breaker
    return Breaker(Phase.OPEN, breaker.failures, breaker.openings, now, until, 0, verdict_class, text)


def succeeded(breaker: Breaker, now: datetime) -> Breaker:
    """A message was accepted (or refused for a reason that is not the provider's)."""
    if breaker.phase is Phase.PAUSED:
        return breaker
    if breaker.phase is Phase.TRIAL:
        return replace(breaker, phase=Phase.RAMP, allowance=2, failures=0.0, since=now, until=None)
    if breaker.phase is Phase.RAMP:
        grown = breaker.allowance + 2
        return Breaker() if grown >= RAMP_UNTIL else replace(breaker, allowance=grown, since=now)
    return Breaker()


def probing(breaker: Breaker, now: datetime) -> Breaker:
    """Somebody has started to sign in without mail."""
    return replace(breaker, phase=Phase.PROBING, since=now, until=None, allowance=0)


def probed(breaker: Breaker, *, ok: bool, text: str, now: datetime) -> Breaker:
    """What the probe found: one live message may follow, or it opens again for longer."""
    if breaker.phase is Phase.PAUSED:
        return breaker
    if ok:
        return replace(breaker, phase=Phase.TRIAL, allowance=1, since=now, until=None)
    return _opened(breaker, breaker.verdict_class, text, now)


def tried(breaker: Breaker, now: datetime) -> Breaker:
    """A message takes the chance of a From domain whose time is over; the others wait for its outcome."""
    if breaker.phase in (Phase.CLOSED, Phase.PAUSED) or breaker.bars(now):
        return breaker
    return replace(breaker, phase=Phase.TRIAL, allowance=0, since=now, until=now + timedelta(seconds=PROBE_LOST))


def spent(breaker: Breaker) -> Breaker:
    """One message of the allowance has been handed out."""
    if breaker.phase in (Phase.TRIAL, Phase.RAMP):
        return replace(breaker, allowance=max(0, breaker.allowance - 1))
    return breaker


def _opened(breaker: Breaker, verdict_class: str, text: str, now: datetime) -> Breaker:
    openings = breaker.openings + 1
    seconds = min(LONGEST_OPEN, FIRST_OPEN * 2 ** min(openings - 1, 10))
    return Breaker(
        Phase.OPEN, breaker.failures, openings, now, now + timedelta(seconds=seconds), 0, verdict_class, text
    )
