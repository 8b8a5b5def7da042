"""What needs a person just now, read from the database: the source of the strip, of alerts and of their notices."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from senddock.dispatch.alerts import BY_PERSON, Raised, open_alerts, raise_alert, settle
from senddock.dispatch.connection_tests import workers_alive
from senddock.domain.breaker import Breaker, Phase
from senddock.domain.verdict_class import CLASSES, VerdictClass
from senddock.models import Alert, BreakerState, Database, HourlyRollup, Message, Provider, Stream

#: Mail that is due and has waited this long while nobody took it.
QUEUE_TOO_OLD = timedelta(minutes=15)
#: Share of a daily allowance from which on a person is told.
NEARLY_USED = 0.9
#: Age at which a password should be changed: every 3 to 6 months, as the user documentation has it.
PASSWORD_AGE = timedelta(days=90)


def conditions(session: Session, now: datetime, *, workers: int) -> list[Raised]:
    """Everything that holds at this moment; cheap enough for every page."""
    found: list[Raised] = []
    if not workers:
        text = "Mail is kept and waits. Start `senddock worker` (or `senddock up`)."
        found.append(Raised("no_worker", "no_worker", "error", "No worker is running", text))
    providers = {
        row.id: row for row in session.scalars(select(Provider).where(Provider.deleted_at.is_(None), Provider.enabled))
    }
    found.extend(_breakers(session, providers, now))
    found.extend(_queue(session, now))
    found.extend(_quotas(session, providers, now))
    found.extend(_passwords(providers, now))
    return found


def needing_a_person(session: Session, now: datetime, *, workers: int) -> list[Raised]:
    """What the strip shows: conditions as they are this moment and open events, without what was acknowledged."""
    known = open_alerts(session)
    seen = {row.key for row in known if row.acknowledged_at is not None}
    events = [_raised(row) for row in known if row.kind in BY_PERSON]
    shown = [item for item in [*conditions(session, now, workers=workers), *events] if item.key not in seen]
    return sorted(shown, key=lambda item: item.severity != "error")


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
    return Raised(row.key, row.kind, row.severity, row.title, row.text, row.link)


def _breakers(session: Session, providers: dict[int, Provider], now: datetime) -> Iterator[Raised]:
    for row in session.scalars(select(BreakerState).order_by(BreakerState.provider_id, BreakerState.domain)):
        provider, breaker = providers.get(row.provider_id), Breaker.from_json(row.state)
        if provider is None or breaker.phase is Phase.CLOSED:
            continue
        link = f"/smtp/{provider.id}"
        what = CLASSES[VerdictClass(breaker.verdict_class)].title if breaker.verdict_class else "no answer"
        if row.domain:
            if breaker.until is None or breaker.until > now:
                title = f"{provider.name} does not send for {row.domain}"
                yield Raised(f"sender:{row.provider_id}:{row.domain}", "sender", "warn", title, breaker.text, link)
            continue
        kind, severity = "breaker", "warn"
        if breaker.verdict_class == VerdictClass.AUTH.value:
            kind, severity = "auth", "error"
        elif breaker.phase is Phase.PAUSED:
            severity = "error"
        elif breaker.verdict_class == VerdictClass.QUOTA_EXCEEDED.value:
            kind = "quota"
        key = f"{'quota' if kind == 'quota' else 'provider'}:{provider.id}"
        yield Raised(key, kind, severity, f"{provider.name}: {what}", breaker.text, link)


def _queue(session: Session, now: datetime) -> Iterator[Raised]:
    for stream in session.scalars(select(Stream).order_by(Stream.id)):
        oldest = session.scalar(
            select(func.min(Message.due_at)).where(Message.stream_id == stream.id, Message.due_at.is_not(None))
        )
        if oldest is not None and oldest <= now - QUEUE_TOO_OLD:
            title = f"Mail of stream {stream.name} is waiting"
            text = f"The oldest message has been due since {oldest:%Y-%m-%d %H:%M} UTC and nobody has taken it."
            yield Raised(f"queue:{stream.id}", "queue", "error", title, text, "/logs?state=queued")


def _quotas(session: Session, providers: dict[int, Provider], now: datetime) -> Iterator[Raised]:
    limited = {row.id: row.per_day for row in providers.values() if row.per_day}
    if not limited:
        return
    used = session.execute(
        select(HourlyRollup.provider_id, func.sum(HourlyRollup.attempts))
        .where(
            HourlyRollup.provider_id.in_(limited),
            HourlyRollup.hour > now - timedelta(hours=24),
            HourlyRollup.verdict_class == VerdictClass.ACCEPTED.value,
        )
        .group_by(HourlyRollup.provider_id)
    )
    for provider_id, count in used:
        limit = limited[provider_id]
        if count >= NEARLY_USED * limit:
            title = f"{providers[provider_id].name}: the daily allowance is nearly used up"
            # In steps of five per cent, so that the alert is not rewritten with every message.
            share = min(100, int(count / limit * 20) * 5)
            text = (
                f"{share} % of {limit:,} messages a day are gone; what does not fit goes to the next provider or waits."
            )
            yield Raised(f"allowance:{provider_id}", "quota", "warn", title, text, f"/smtp/{provider_id}")


def _passwords(providers: dict[int, Provider], now: datetime) -> Iterator[Raised]:
    for provider in providers.values():
        if provider.password_set_at is not None and provider.password_set_at <= now - PASSWORD_AGE:
            title = f"{provider.name}: the password is older than {PASSWORD_AGE.days} days"
            text = "Passwords should be changed every 3 to 6 months: make a new one at the provider and enter it here."
            link = f"/smtp/{provider.id}#password"
            yield Raised(f"password:{provider.id}", "password", "warn", title, text, link)
