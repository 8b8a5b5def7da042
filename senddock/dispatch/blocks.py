"""Statistics of hours that are over, summed up into longer blocks: what a page over a month reads instead of every hour.

The clock seals a block once its hours are over; the engine's way to a message pays nothing for it. An outcome that is
counted later for such an hour takes the seals of its blocks away, and the clock makes them anew (docs/adr/0057).
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session

from senddock.dispatch.known_sums import KnownSums
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
_ALL = 0
_KNOWN = KnownSums()
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time that is read in pieces of so many hours."""

    hours: int
    begin: datetime
    end: datetime
    #: Of its blocks, in order; none for pieces of an hour, which may change.
    seals: tuple[str, ...] = ()


def floor(moment: datetime, hours: int) -> datetime:
    """The beginning of the block that ``moment`` lies in."""
    seconds = hours * 3600
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def stretches(session: Session, begin: datetime, end: datetime, longest: int) -> Sequence[Stretch]:
    """The fewest pieces from ``begin`` (a whole hour) up to ``end`` that together are every hour once."""
    sealed = {
        (row[0], row[1]): row[2]
        for row in session.connection().execute(
            select(SealedBlock.hours, SealedBlock.start, SealedBlock.seal).where(
                SealedBlock.start >= begin, SealedBlock.start < end, SealedBlock.hours <= longest
            )
        )
    }
    found: list[Stretch] = []
    at = begin
    while at < end:
        hours = next((length for length in LENGTHS if (length, at) in sealed and _ends(at, length) <= end), 1)
        seals = () if hours == 1 else (sealed[hours, at],)
        last = found[-1] if found else None
        if last is not None and last.hours == hours:
            found[-1] = Stretch(hours, last.begin, _ends(at, hours), last.seals + seals)
        else:
            found.append(Stretch(hours, at, _ends(at, hours), seals))
        at = _ends(at, hours)
    return found


def totals(
    session: Session,
    source: Source,
    pieces: Iterable[Stretch],
    keys: Sequence[str],
    sums: Sequence[str],
    only: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Sums by ``keys``, of which ``at`` is the beginning of a piece; the same keys may come more than once."""
    chosen = {name: value for name, value in (only or {}).items() if value is not None}
    for piece in pieces:
        read = partial(_piece_totals, session, source, piece, keys, sums, chosen)
        if piece.seals:
            asked = (source.block, piece.seals, tuple(keys), tuple(sums), tuple(sorted(chosen.items())))
            yield from _KNOWN.get(asked, read)
        else:
            yield from read()


def _piece_totals(
    session: Session,
    source: Source,
    piece: Stretch,
    keys: Sequence[str],
    sums: Sequence[str],
    only: Mapping[str, Any],
) -> Iterable[Any]:
    table = source.hourly if piece.hours == 1 else source.block
    at = _at(table)
    columns = [at if name == "at" else getattr(table, name) for name in keys]
    within = [at >= piece.begin, at < piece.end]
    if piece.hours != 1:
        within.append(table.hours == piece.hours)
    within += [getattr(table, name) == value for name, value in only.items()]
    figures = [_sum(getattr(table, name)) for name in sums]
    # Rows of columns need nothing of the session but its connection.
    return session.connection().execute(select(*columns, *figures).where(*within).group_by(*columns))


def domains(
    session: Session, begin: datetime, now: datetime, *, stream_id: int | None, provider_id: int | None
) -> Iterator[Any]:
    """Recipients by domain and class since the day of ``begin``; the same keys may come more than once."""
    table, block = DomainRollup, DomainBlock
    day = floor(begin, 24)
    sealed = select(SealedBlock.start).where(SealedBlock.hours == 24, SealedBlock.start >= day)
    seals = session.connection().execute(sealed.add_columns(SealedBlock.seal).order_by(SealedBlock.start)).all()
    whole = {row[0] for row in seals}

    def read() -> Iterable[Any]:
        return session.connection().execute(
            select(block.domain, block.verdict_class, _sum(block.recipients))
            .where(block.stream_id == (stream_id or _ALL), block.provider_id == (provider_id or _ALL), block.day >= day)
            .where(block.day.in_(sealed))
            .group_by(block.domain, block.verdict_class)
        )

    yield from _KNOWN.get((block, tuple(row[1] for row in seals), stream_id, provider_id), read)
    only = [] if stream_id is None else [table.stream_id == stream_id]
    only += [] if provider_id is None else [table.provider_id == provider_id]
    rest = [at for at in _days(day, now) if at not in whole]
    yield from session.connection().execute(
        select(table.domain, table.verdict_class, func.sum(table.recipients))
        .where(table.day.in_(rest), *only)
        .group_by(table.domain, table.verdict_class)
    )


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
    while _ends(at, length) > oldest:
        parts = [at + timedelta(hours=part * number) for number in range(length // part)] if part > 1 else []
        # What lies before the first hour holds nothing, so it needs no part.
        if at not in known.get(length, ()) and all(
            start in known.get(part, ()) or _ends(start, part) <= oldest for start in parts
        ):
            found.append(at)
        at -= timedelta(hours=length)
    return found


def _seal(connection: Connection, length: int, start: datetime) -> None:
    if connection.dialect.name == "postgresql":
        # Whoever counts for these hours has committed, or takes the seal away afterwards.
        connection.exec_driver_sql(_LOCK)
    end, part = _ends(start, length), _part(length)
    for source in (OUTCOMES, LATENCIES):
        table, block = source.hourly if part == 1 else source.block, source.block
        connection.execute(delete(block).where(block.hours == length, block.start == start))
        at = _at(table)
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
            stream: ColumnElement[Any] = table.stream_id if one_stream else literal(_ALL)  # type: ignore[assignment]
            provider: ColumnElement[Any] = table.provider_id if one_provider else literal(_ALL)  # type: ignore[assignment]
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


def _at(table: type[Base]) -> Any:
    return table.hour if table in (HourlyRollup, LatencyRollup) else table.start  # type: ignore[attr-defined]


def _sum(column: Any) -> Any:
    """PostgreSQL answers the sum of large integers as a decimal number."""
    return func.sum(column) if isinstance(column.type, Double) else cast(func.sum(column), BigInteger)


def _ends(start: datetime, hours: int) -> datetime:
    return start + timedelta(hours=hours)


def _days(first: datetime, now: datetime) -> Iterator[datetime]:
    at = first
    while at <= now:
        yield at
        at += timedelta(days=1)
