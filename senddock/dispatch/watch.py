"""What needs a person just now, read from the database: the source of the strip, of alerts and of their notices."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch import block_sums, blocks
from senddock.dispatch.alerts import BY_PERSON, Raised, open_alerts, raise_alert, sayings_of, settle
from senddock.dispatch.connection_tests import workers_alive
from senddock.dispatch.statistics import end_of
from senddock.dispatch.waiting import oldest_by_stream
from senddock.domain.breaker import Breaker, Phase
from senddock.domain.pacing import Limit, limits_of
from senddock.domain.saying import Saying, plain
from senddock.domain.verdict_class import CLASSES, VerdictClass
from senddock.models import Alert, BreakerState, Database, Provider

#: Mail that is due and has waited this long while nobody took it.
QUEUE_TOO_OLD = timedelta(minutes=15)
#: Share of an allowance of a day or a month from which on a person is told.
NEARLY_USED = 0.8
#: Classes of attempts that ended before MAIL and cost nothing of an allowance.
_BEFORE_MAIL = (VerdictClass.CONNECTION.value, VerdictClass.TLS.value, VerdictClass.AUTH.value)
#: Age at which a password should be changed: every 3 to 6 months, as the user documentation has it.
PASSWORD_AGE = timedelta(days=90)
_PROVIDERS = select(Provider).where(Provider.deleted_at.is_(None), Provider.enabled)
_BREAKERS = select(BreakerState).order_by(BreakerState.provider_id, BreakerState.domain)


def conditions(session: Session, now: datetime, *, workers: int) -> list[Raised]:
    """Everything that holds at this moment; cheap enough for every page."""
    found: list[Raised] = []
    if not workers:
        text = Saying("Mail is kept and waits. Start `senddock worker` (or `senddock up`).")
        found.append(Raised("no_worker", "no_worker", "error", Saying("No worker is running"), text))
    providers = {row.id: row for row in session.scalars(_PROVIDERS)}
    found.extend(_breakers(session, providers, now))
    found.extend(_queue(session, now))
    found.extend(_allowances(session, providers.values(), now))
    found.extend(_passwords(providers, now))
    return found


def needing_a_person(session: Session, now: datetime, *, workers: int) -> list[Raised]:
    """What the strip shows: conditions as they are this moment and open events, without what was acknowledged."""
    known = open_alerts(session)
    seen = {row.key for row in known if row.acknowledged_at is not None}
    events = [_raised(row) for row in known if row.kind in BY_PERSON]
    shown = [item for item in [*conditions(session, now, workers=workers), *events] if item.key not in seen]
    return sorted(shown, key=lambda item: item.severity != "error")


def resting_provider(alert: Raised | Alert) -> int | None:
    """Id of the provider that an alert says is not used: a person may let it send again now."""
    what, _, number = alert.key.partition(":")
    return int(number) if what == "provider" and number.isdigit() else None


def keep_watch(database: Database, now: datetime) -> None:
    """Open an alert for what holds and close those of what does not hold any more."""
    workers = workers_alive(database, now)
    with database.read() as session:
        holding = {item.key: item for item in conditions(session, now, workers=workers)}
        known = {row.key: _raised(row) for row in open_alerts(session) if row.kind not in BY_PERSON}
    if holding == known:
        return
    with database.write() as session:
        for item in holding.values():
            if known.get(item.key) != item:
                raise_alert(session, item, now)
        for key in known.keys() - holding.keys():
            settle(session, key, now)


def _raised(row: Alert) -> Raised:
    return Raised(row.key, row.kind, row.severity, *sayings_of(row), row.link)


def _breakers(session: Session, providers: dict[int, Provider], now: datetime) -> Iterator[Raised]:
    for row in session.scalars(_BREAKERS):
        provider, breaker = providers.get(row.provider_id), Breaker.from_json(row.state)
        if provider is None or breaker.phase is Phase.CLOSED:
            continue
        link, text = f"/smtp/{provider.id}", plain(breaker.text)
        if row.domain:
            if breaker.until is None or breaker.until > now:
                title = Saying(
                    "%(provider)s does not send for %(domain)s", {"provider": provider.name, "domain": row.domain}
                )
                yield Raised(f"sender:{row.provider_id}:{row.domain}", "sender", "warn", title, text, link)
            continue
        known = CLASSES[VerdictClass(breaker.verdict_class)].title if breaker.verdict_class else None
        what = Saying(known) if known else Saying("No answer")
        kind, severity = "breaker", "warn"
        if breaker.verdict_class == VerdictClass.AUTH.value:
            kind, severity = "auth", "error"
        elif breaker.phase is Phase.PAUSED:
            severity = "error"
        elif breaker.verdict_class == VerdictClass.QUOTA_EXCEEDED.value:
            kind = "quota"
        key = f"{'quota' if kind == 'quota' else 'provider'}:{provider.id}"
        title = Saying("%(provider)s: %(what)s", {"provider": provider.name, "what": what})
        yield Raised(key, kind, severity, title, text, link)


def _queue(session: Session, now: datetime) -> Iterator[Raised]:
    for stream_id, name, oldest in oldest_by_stream(session):
        if oldest is not None and oldest <= now - QUEUE_TOO_OLD:
            title = Saying("Mail of stream %(stream)s is waiting", {"stream": name})
            text = Saying(
                "The oldest message has been due since %(since)s and nobody has taken it.",
                {"since": f"{oldest:%Y-%m-%d %H:%M} UTC"},
            )
            yield Raised(f"queue:{stream_id}", "queue", "error", title, text, "/logs?state=queued")


def _allowances(session: Session, providers: Iterable[Provider], now: datetime) -> Iterator[Raised]:
    """Those of a day and of a month; shorter ones are back before a person could act."""
    # Every page asks this: providers whose windows begin at the same hour are counted together.
    counted: dict[datetime, dict[int, int]] = {}
    for provider in providers:
        limits = limits_of(
            per_second=None,
            per_minute=None,
            per_hour=None,
            per_day=provider.per_day,
            per_month=provider.per_month,
            now=now,
            day_reset_hour=provider.day_reset_hour,
            day_zone=provider.day_zone,
        )
        for limit in limits:
            begin = _begin(limit, now)
            if begin not in counted:
                counted[begin] = _sent(session, begin, now)
            used = counted[begin].get(provider.id, 0)
            if used >= NEARLY_USED * limit.amount:
                yield _nearly_used(provider, limit, used)


def _begin(limit: Limit, now: datetime) -> datetime:
    """The first whole hour of the limit's window."""
    start = now - timedelta(seconds=limit.seconds)
    if limit.period_start is not None:
        start = datetime.fromtimestamp(limit.period_start, now.tzinfo)
    hour = blocks.floor(start, 1)
    return hour if hour == start else hour + timedelta(hours=1)


def _sent(session: Session, begin: datetime, now: datetime) -> dict[int, int]:
    """Transactions by provider that reached MAIL, from the statistics: true also while Redis is away."""
    pieces = block_sums.stretches(session, begin, end_of(now), 24)
    found: dict[int, int] = defaultdict(int)
    keys = ("provider_id", "verdict_class")
    for provider_id, verdict_class, attempts in block_sums.totals(
        session, blocks.OUTCOMES, pieces, keys, ("attempts",)
    ):
        found[provider_id] += 0 if verdict_class in _BEFORE_MAIL else attempts
    return found


def _nearly_used(provider: Provider, limit: Limit, used: int) -> Raised:
    # In steps of five per cent, so that the alert is not rewritten with every message.
    share = min(100, int(used / limit.amount * 20) * 5)
    day, spent = limit.name == "day", share == 100
    data: dict[str, str | int | Saying] = {"provider": provider.name, "share": share, "limit": f"{limit.amount:,}"}
    if spent and day:
        title = Saying("%(provider)s: the daily allowance is used up", data)
    elif spent:
        title = Saying("%(provider)s: the monthly allowance is used up", data)
    elif day:
        title = Saying("%(provider)s: the daily allowance is nearly used up", data)
    else:
        title = Saying("%(provider)s: the monthly allowance is nearly used up", data)
    if day:
        text = Saying(
            "%(share)s %% of %(limit)s messages a day are gone; what does not fit goes to the next provider or waits.",
            data,
        )
    else:
        text = Saying(
            "%(share)s %% of %(limit)s messages a month are gone; what does not fit goes to the next provider or waits.",
            data,
        )
    key = f"allowance:{provider.id}" if day else f"allowance:{provider.id}:month"
    # Used up is more urgent than nearly: people who were told at 80 % are told anew.
    return Raised(key, "quota", "error" if spent else "warn", title, text, f"/smtp/{provider.id}#limits-used")


def _passwords(providers: dict[int, Provider], now: datetime) -> Iterator[Raised]:
    for provider in providers.values():
        if provider.password_set_at is not None and provider.password_set_at <= now - PASSWORD_AGE:
            title = Saying(
                "%(provider)s: the password is older than %(days)s days",
                {"provider": provider.name, "days": PASSWORD_AGE.days},
            )
            text = Saying(
                "Passwords should be changed every 3 to 6 months: make a new one at the provider and enter it here."
            )
            link = f"/smtp/{provider.id}#password"
            yield Raised(f"password:{provider.id}", "password", "warn", title, text, link)
