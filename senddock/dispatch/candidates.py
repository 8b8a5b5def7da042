"""The providers of a stream as they stand just now: configuration, breakers and limits put together for the plan."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from senddock.dispatch.roster import Snapshot, StreamView
from senddock.domain.breaker import Breaker, Phase
from senddock.domain.routing import Candidate
from senddock.domain.verdict_class import CLASSES, VerdictClass
from senddock.models import Provider

#: Seconds for which the candidates of a stream are reused.
_FRESH = 0.1


class Candidates:
    """Made at most ten times a second for each stream; used under the planner's lock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._made: dict[int, tuple[float, list[Candidate]]] = {}
        #: Provider and kind of stream to (monotonic time, wall time, why) until which a limit has nothing left.
        self._limited: dict[tuple[int, int], tuple[float, datetime, str]] = {}

    def limit(self, provider: Provider, stream: StreamView, seconds: float, why: str) -> None:
        """A limit of ``provider`` has nothing left for streams of this kind for ``seconds``."""
        until = self._now() + timedelta(seconds=seconds)
        self._limited[provider.id, stream.rank] = (time.monotonic() + seconds, until, why)
        self.renew()

    def renew(self) -> None:
        """Something has changed: make them anew with the next question."""
        self._made.clear()

    def limited(self, provider: Provider, stream: StreamView) -> bool:
        """True while a limit of ``provider`` is known to have nothing left for streams of this kind."""
        known = self._limited.get((provider.id, stream.rank))
        return known is not None and known[0] > time.monotonic()

    def of(
        self, stream: StreamView, snapshot: Snapshot, breakers: Mapping[tuple[int, str], Breaker]
    ) -> list[Candidate]:
        """The providers a stream may use, by priority."""
        clock = time.monotonic()
        known = self._made.get(stream.id)
        if known is not None and clock - known[0] < _FRESH:
            return known[1]
        made = [
            self._candidate(snapshot.providers[provider_id], priority, weight, stream, breakers, clock)
            for provider_id, (priority, weight) in stream.routes.items()
            if provider_id in snapshot.providers
        ]
        made.sort(key=lambda candidate: (candidate.priority, candidate.provider_id))
        self._made[stream.id] = (clock, made)
        return made

    def _candidate(
        self,
        provider: Provider,
        priority: int,
        weight: int,
        stream: StreamView,
        breakers: Mapping[tuple[int, str], Breaker],
        clock: float,
    ) -> Candidate:
        now = self._now()
        breaker = breakers.get((provider.id, ""))
        closed_until, closed_why = None, None
        if breaker is not None and not breaker.lets_through(now):
            closed_until, closed_why = _until(breaker, now), _why(breaker)
        limited = self._limited.get((provider.id, stream.rank))
        if limited is not None and limited[0] <= clock:
            self._limited.pop((provider.id, stream.rank), None)
            limited = None
        refused = {
            domain: (state.until, f"does not send for {domain}: {state.text}")
            for (provider_id, domain), state in breakers.items()
            if provider_id == provider.id and domain and state.bars(now)
        }
        own = {provider.from_email.rpartition("@")[2].lower(), *(domain.lower() for domain in provider.extra_domains)}
        return Candidate(
            provider_id=provider.id,
            name=provider.name,
            priority=priority,
            weight=weight,
            enabled=provider.enabled,
            from_policy=provider.from_policy,
            from_domains=frozenset(own),
            max_message_bytes=provider.max_message_bytes,
            host=provider.host,
            closed_until=closed_until,
            closed_why=closed_why,
            limited_until=limited[1] if limited else None,
            limited_why=limited[2] if limited else None,
            refused_domains=refused,
        )


def _until(breaker: Breaker, now: datetime) -> datetime | None:
    if breaker.phase is Phase.PAUSED:
        return None
    # While it is being probed, or its trial message is under way, the answer is seconds away.
    soon = now + timedelta(seconds=2)
    return max(breaker.until, soon) if breaker.until is not None else soon


def _why(breaker: Breaker) -> str:
    why = CLASSES[VerdictClass(breaker.verdict_class)].title if breaker.verdict_class else "no answer yet"
    if breaker.phase is Phase.PAUSED:
        return (
            f"paused until a person acts: {why} ({breaker.text})"
            if breaker.text
            else f"paused until a person acts: {why}"
        )
    return f"failing for now: {why} ({breaker.text})" if breaker.text else f"failing for now: {why}"
