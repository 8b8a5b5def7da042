"""Statistics of hours that are over, summed up into longer blocks: what a page over a month reads instead of every hour.

The clock seals a block once its hours are over; the engine's way to a message pays nothing for it. An outcome that is
counted later for such an hour takes the seals of its blocks away, and the clock makes them anew (docs/adr/0057).
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session

from senddock.models import (
    Base,
    BlockRollup,
    Database,
    DomainBlock,
    DomainRollup,
    HourlyRollup,
    LatencyBlock,
    LatencyRollup,
    SealedBlock,
)
from senddock.models.prepared import Pen, Prepared

#: Hours of a block, the longest first: what a page's steps of a month, of a week, and sums over all time are made of.
LENGTHS = (720, 24, 6)
#: A block is sealed when it has been over for so long; only what is counted later than this is late.
_SETTLED = timedelta(hours=2)
#: Blocks made in one go of the clock, so that due mail is never kept waiting for them.
_AT_ONCE = 30
#: Instead of an id in sums over recipient domains: all streams, or all providers.
ALL = 0
_UNSEAL = Prepared(
    delete(SealedBlock).where(SealedBlock.hours == bindparam("v_hours"), SealedBlock.start == bindparam("v_start")),
    ["v_hours", "v_start"],
)
_LOCK = "LOCK TABLE rollup_hour, rollup_latency, rollup_domain IN SHARE MODE"


@dataclass(frozen=True, slots=True)
class Source:
    """A table of hours and the table of its blocks."""

    hourly: Any
    block: Any
    keys: Sequence[str]
    sums: Sequence[str]


OUTCOMES = Source(
    HourlyRollup,
    BlockRollup,
    ("stream_id", "provider_id", "verdict_class"),
    ("recipients", "attempts", "failed_over", "duration_ms"),
)
LATENCIES = Source(LatencyRollup, LatencyBlock, ("stream_id", "provider_id", "bucket"), ("attempts",))


def floor(moment: datetime, hours: int) -> datetime:
    """The beginning of the block that ``moment`` lies in."""
    seconds = hours * 3600
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def seal_blocks(database: Database, now: datetime, at_once: int | None = None) -> int:
    """Make the blocks that are over and not sealed, the newest first; answers how many. Safe in several processes."""
    made = 0
    for length in reversed(LENGTHS):
        with database.read() as session:
            due = _due(session, length, now)
        for start in due[: at_once or _AT_ONCE]:
            with database.transaction() as connection:
                _seal(connection, length, start)
            made += 1
    return made


def unseal(pen: Pen, hours: Iterable[datetime], now: datetime) -> None:
    """Something is counted for these hours: blocks that hold one that was over long ago are not whole any more."""
    late = [hour for hour in hours if hour < now - _SETTLED]
    starts = {(length, floor(hour, length)) for hour in late for length in LENGTHS}
    if starts:
        _UNSEAL.many(pen, [{"v_hours": length, "v_start": start} for length, start in sorted(starts)])


def unseal_all(connection: Connection) -> None:
    """The hours have been counted anew."""
    connection.execute(delete(SealedBlock))


def _due(session: Session, length: int, now: datetime) -> Sequence[datetime]:
    """Blocks of this length that are over, whose parts are sealed and who are not; the newest first."""
    oldest = session.scalar(select(HourlyRollup.hour).order_by(HourlyRollup.hour).limit(1))
    if oldest is None:
        return []
    known: dict[int, set[datetime]] = {}
    for hours, start in session.execute(select(SealedBlock.hours, SealedBlock.start)):
        known.setdefault(hours, set()).add(start)
    part = _part(length)
    found = []
    at = floor(now - _SETTLED, length) - timedelta(hours=length)
    while ends(at, length) > oldest:
        parts = [at + timedelta(hours=part * number) for number in range(length // part)] if part > 1 else []
        # What lies before the first hour holds nothing, so it needs no part.
        if at not in known.get(length, ()) and all(
            start in known.get(part, ()) or ends(start, part) <= oldest for start in parts
        ):
            found.append(at)
        at -= timedelta(hours=length)
    return found


def _seal(connection: Connection, length: int, start: datetime) -> None:
    if connection.dialect.name == "postgresql":
        # Whoever counts for these hours has committed, or takes the seal away afterwards.
        connection.exec_driver_sql(_LOCK)
    end, part = ends(start, length), _part(length)
    for source in (OUTCOMES, LATENCIES):
        table, block = source.hourly if part == 1 else source.block, source.block
        connection.execute(delete(block).where(block.hours == length, block.start == start))
        at = begin_of(table)
        within = and_(at >= start, at < end, *([] if part == 1 else [table.hours == part]))
        keys = [getattr(table, name) for name in source.keys]
        sums = [func.sum(getattr(table, name)) for name in source.sums]
        rows = select(literal(length), literal(start), *keys, *sums).where(within).group_by(*keys)
        connection.execute(insert(block).from_select(["hours", "start", *source.keys, *source.sums], rows))
    if length == 24:
        _seal_domains(connection, start)
    sealed = {"hours": length, "start": start}
    connection.execute(delete(SealedBlock).filter_by(**sealed))
    connection.execute(insert(SealedBlock).values(**sealed, seal=secrets.token_hex(8)))


def _seal_domains(connection: Connection, day: datetime) -> None:
    """For all streams and providers together, for each alone, and for each pair: a page chooses one of these."""
    table, block = DomainRollup, DomainBlock
    connection.execute(delete(block).where(block.day == day))
    for one_stream in (False, True):
        for one_provider in (False, True):
            stream: ColumnElement[Any] = table.stream_id if one_stream else literal(ALL)  # type: ignore[assignment]
            provider: ColumnElement[Any] = table.provider_id if one_provider else literal(ALL)  # type: ignore[assignment]
            keys = [*([stream] if one_stream else []), *([provider] if one_provider else [])]
            keys += [table.domain, table.verdict_class]  # type: ignore[list-item]
            rows = (
                select(stream, provider, literal(day), table.domain, table.verdict_class, func.sum(table.recipients))
                .where(table.day == day)
                .group_by(*keys)
            )
            names = ["stream_id", "provider_id", "day", "domain", "verdict_class", "recipients"]
            connection.execute(insert(block).from_select(names, rows))


def _part(length: int) -> int:
    """The hours of what a block is summed up from."""
    return next((other for other in LENGTHS if other < length), 1)


def begin_of(table: type[Base]) -> Any:
    """The column that says when a row of hours or of blocks begins."""
    return table.hour if table in (HourlyRollup, LatencyRollup) else table.start  # type: ignore[attr-defined]


def ends(start: datetime, hours: int) -> datetime:
    """The end of a block."""
    return start + timedelta(hours=hours)
