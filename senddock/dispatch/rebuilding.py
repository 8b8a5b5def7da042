"""Counting the statistics anew from the attempts, for when they were lost or are doubted.

Only hours that are over are replaced, so the engine goes on meanwhile. An hour for which fewer attempts are left than
were counted is kept as it is: its messages have been pruned, and the statistics are all that remains of them.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, select

from senddock.dispatch.blocks import unseal_all
from senddock.dispatch.named_domains import named_domains
from senddock.dispatch.tally import Sums, Tally, pen_of, recipients_of
from senddock.domain.mailbox import counted_as
from senddock.models import Attempt, Database, Delivery, DomainRollup, HourlyRollup, LatencyRollup, Message

_CHUNK = 5000


def rebuild(
    database: Database, *, until: datetime, progress: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """Count everything that ended before ``until`` (an hour's beginning). Answers hours replaced and hours kept.

    ``progress`` is told every few thousand attempts how many were read, and of how many.
    """
    sums = _counted(database, until, progress)
    hours: dict[datetime, int] = defaultdict(int)
    days: dict[datetime, int] = defaultdict(int)
    for key, row in sums.hours.items():
        hours[key[0]] += int(row[1])
    for key, number in sums.domains.items():
        days[key[0]] += number
    with database.transaction() as connection:
        known = connection.execute(
            select(HourlyRollup.hour, func.sum(HourlyRollup.attempts))
            .where(HourlyRollup.hour < until)
            .group_by(HourlyRollup.hour)
        ).all()
        pruned = {row[0] for row in known if row[1] > hours.get(row[0], 0)}
        counted = connection.execute(
            select(DomainRollup.day, func.sum(DomainRollup.recipients)).group_by(DomainRollup.day)
        ).all()
        today = until.replace(hour=0)
        kept_days = {row[0] for row in counted if row[1] > days.get(row[0], 0) or row[0] >= today}
        kept_days |= {day for day in days if day >= today}
        for hour in hours.keys() - pruned:
            connection.execute(delete(HourlyRollup).where(HourlyRollup.hour == hour))
            connection.execute(delete(LatencyRollup).where(LatencyRollup.hour == hour))
        for day in days.keys() - kept_days:
            connection.execute(delete(DomainRollup).where(DomainRollup.day == day))
        unseal_all(connection)
        Sums(
            {key: row for key, row in sums.hours.items() if key[0] not in pruned},
            {key: row for key, row in sums.domains.items() if key[0] not in kept_days},
            {key: row for key, row in sums.latencies.items() if key[0] not in pruned},
        ).write(pen_of(connection))
    return len(hours.keys() - pruned), len(pruned)


def _counted(database: Database, until: datetime, progress: Callable[[int, int], None] | None) -> Sums:
    sums = Sums()
    with database.connect() as connection:
        total = 0
        if progress is not None:
            ended = select(func.count()).select_from(Attempt).where(Attempt.finished_at < until)
            total = connection.execute(ended).scalar_one()
        named = named_domains(connection)
        rows = connection.execution_options(yield_per=_CHUNK).execute(
            select(
                Attempt.finished_at,
                Attempt.provider_id,
                Attempt.verdict_class,
                Attempt.duration_ms,
                Attempt.fail_over,
                Attempt.detail,
                Message.stream_id,
                Delivery.recipient,
            )
            .join(Message, Message.id == Attempt.message_id)
            # Attempts of messages with several recipients list them; for the others the one delivery tells.
            .outerjoin(Delivery, and_(Delivery.message_id == Message.id, Message.recipient_count == 1))
            .where(Attempt.finished_at < until)
        )
        for number, row in enumerate(rows, 1):
            sums.add(_tally(row, named))
            if progress is not None and number % _CHUNK == 0:
                progress(number, total)
    return sums


def _tally(row: Any, named: frozenset[str]) -> Tally:
    recipients = recipients_of(row.detail, named)
    if recipients is None:
        domain = (row.recipient or "").rpartition("@")[2]
        recipients = [(counted_as(domain, named), row.verdict_class)] if domain else []
    return Tally(
        row.finished_at,
        row.stream_id,
        row.provider_id,
        row.verdict_class,
        recipients,
        row.duration_ms or 0.0,
        failed_over=row.fail_over,
    )
