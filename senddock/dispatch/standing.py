"""A provider's standing: what an outcome does to its breakers and its pace, and whether a message may use it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from senddock.dispatch.health import Health, Scope
from senddock.dispatch.pace import Pace
from senddock.domain.breaker import THRESHOLD, Breaker, Phase, failed, held, paused, spent, succeeded, tried
from senddock.domain.reply import Reply
from senddock.domain.verdict import Opens, Verdict, VerdictClass
from senddock.models import Provider

#: Seconds a (provider, From domain) pair is left alone after the provider refused the domain.
_DOMAIN_HELD = 900.0
#: Seconds until a used-up quota is looked at again where the provider names no time.
_QUOTA_HELD = 3600.0
_WEIGHTS = {Opens.FAILURE: 1.0, Opens.HALF: 0.5, Opens.OPEN_AT_SECOND: THRESHOLD / 2}


class Standing:
    """Shared by all lanes of a worker."""

    def __init__(self, health: Health, pace: Pace) -> None:
        self._health = health
        self._pace = pace

    def is_open(self, provider: Provider, now: Callable[[], datetime]) -> bool:
        """True while the provider's breaker lets messages through."""
        breaker = self._health.get((provider.id, ""))
        return breaker.phase is Phase.CLOSED or breaker.lets_through(now())

    def let_through(self, provider: Provider, from_domain: str | None, now: datetime) -> bool:
        """Ask the breakers for one message, and take one of those they allow on their way back."""
        if self._health.get((provider.id, "")).phase is not Phase.CLOSED:
            before, _ = self._health.change((provider.id, ""), spent, now)
            if not before.lets_through(now):
                return False
        domain = _own(provider, from_domain)
        if domain and self._health.get((provider.id, domain)).phase is not Phase.CLOSED:
            before, _ = self._health.change((provider.id, domain), lambda known: tried(known, now), now)
            return not before.bars(now)
        return True

    def tell(
        self,
        provider: Provider,
        from_domain: str | None,
        verdict: Verdict,
        reply: Reply,
        detail: Mapping[str, Any],
        now: datetime,
    ) -> bool:
        """Take the outcome of an attempt; True when something has changed."""
        scope, domain = (provider.id, ""), _own(provider, from_domain)
        if verdict.cls is VerdictClass.ACCEPTED:
            return self._heal(provider, domain, now)
        cls, text = verdict.cls.value, reply.line()
        if verdict.pause or verdict.opens is Opens.PAUSE:
            self._health.change(scope, lambda known: paused(known, verdict_class=cls, text=text, now=now), now)
        elif verdict.cls is VerdictClass.QUOTA_EXCEEDED:
            until = now + timedelta(seconds=verdict.wait_seconds or _QUOTA_HELD)
            self._health.change(
                scope, lambda known: held(known, until=until, verdict_class=cls, text=text, now=now), now
            )
        elif verdict.opens is Opens.SENDER_DOMAIN:
            # Mail with the provider's own From, refused, is refused whoever sends it.
            until = now + timedelta(seconds=_DOMAIN_HELD)
            self._health.change(
                (provider.id, domain),
                lambda known: held(known, until=until, verdict_class=cls, text=text, now=now),
                now,
            )
        elif verdict.opens in _WEIGHTS:
            # A time-out opens it at once: each further try would cost the same wait.
            timed_out = reply.code is None and detail.get("timed_out")
            weight = THRESHOLD if timed_out else _WEIGHTS[verdict.opens]
            self._health.change(
                scope, lambda known: failed(known, weight=weight, verdict_class=cls, text=text, now=now), now
            )
        elif verdict.cls is VerdictClass.RATE_LIMITED:
            self._pace.slow_down(provider, now)
        else:
            return self._heal(provider, "", now)
        return True

    def _heal(self, provider: Provider, domain: str, now: datetime) -> bool:
        known = self._health.all()
        healed = [scope for scope in {(provider.id, ""), (provider.id, domain)} if scope in known]
        for scope in healed:
            # A From domain was tried by one message that got through; a whole provider comes back by a ramp.
            self._health.change(scope, partial(_healed, scope, now), now)
        return bool(healed)


def _own(provider: Provider, from_domain: str | None) -> str:
    """The From domain a provider judges; empty where mail carries the provider's own."""
    return "" if from_domain is None or provider.from_policy == "rewrite" else from_domain


def _healed(scope: Scope, now: datetime, known: Breaker) -> Breaker:
    return Breaker() if scope[1] else succeeded(known, now)
