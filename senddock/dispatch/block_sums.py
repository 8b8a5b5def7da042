"""Reading statistics: sums over any span, from the longest blocks that fit and from the hours that are left.

What lies in sealed blocks is read once by a process and then known, hours of a sealed block too: they change only
together with its seal (docs/adr/0057, docs/adr/0063). Every statement is made once and kept: making one anew takes
SQLAlchemy longer than SQLite needs to answer it.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Double, Select, bindparam, cast, func, select
from sqlalchemy.orm import Session

from senddock.dispatch.blocks import ALL, LENGTHS, Source, begin_of, ends, floor
from senddock.dispatch.known_sums import KnownSums
from senddock.models import DomainBlock, DomainRollup, SealedBlock

_KNOWN = KnownSums()
_SEALS = (
    select(SealedBlock.start, SealedBlock.seal)
    .where(
        SealedBlock.hours == bindparam("hours"),
        SealedBlock.start >= bindparam("begin"),
        SealedBlock.start < bindparam("end"),
    )
    .order_by(SealedBlock.start)
)
_SEALED_DAYS = select(SealedBlock.start).where(SealedBlock.hours == 24, SealedBlock.start >= bindparam("begin"))
_SEALS_OF_DAYS = _SEALED_DAYS.add_columns(SealedBlock.seal).order_by(SealedBlock.start)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time that is read in pieces of so many hours."""

    hours: int
    begin: datetime
    end: datetime
    #: Of the blocks that it is made of or lies in, in order; none where something may still be counted.
    seals: tuple[str, ...] = ()


def stretches(session: Session, begin: datetime, end: datetime, longest: int) -> Sequence[Stretch]:
    """The fewest pieces from ``begin`` (a whole hour) up to ``end`` that together are every hour once."""
    found: list[Stretch] = []
    lengths = [length for length in LENGTHS if length <= longest]
    pieces = _pieces(session, begin, end, lengths) if lengths else _shortest(session, begin, end, hourly=True)
    for piece in pieces:
        last = found[-1] if found else None
        # Hours of one block are kept together: as time goes on, what was read of them stays of use.
        alike = last is not None and last.hours == piece.hours and (last.hours != 1 or not (last.seals or piece.seals))
        if last is not None and alike:
            found[-1] = Stretch(last.hours, last.begin, piece.end, last.seals + piece.seals)
        else:
            found.append(piece)
    return found


def _pieces(session: Session, begin: datetime, end: datetime, lengths: Sequence[int]) -> Iterator[Stretch]:
    """The longest first; what is left between them in shorter ones."""
    length, *shorter = lengths
    if length == LENGTHS[-1]:
        yield from _shortest(session, begin, end, hourly=False)
        return
    at = begin
    for start, seal in _sealed(session, length, begin, end - timedelta(hours=length - 1)):
        if at < start:
            yield from _pieces(session, at, start, shorter)
        at = ends(start, length)
        yield Stretch(length, start, at, (seal,))
    if at < end:
        yield from _pieces(session, at, end, shorter)


def _shortest(session: Session, begin: datetime, end: datetime, *, hourly: bool) -> Iterator[Stretch]:
    """The shortest blocks, and single hours with the seal of the block that they lie in."""
    length, at = LENGTHS[-1], begin
    for start, seal in _sealed(session, length, floor(begin, length), end):
        if at < start:
            yield Stretch(1, at, start)
            at = start
        over = min(ends(start, length), end)
        whole = not hourly and at == start and over == ends(start, length)
        yield Stretch(length if whole else 1, at, over, (seal,))
        at = over
    if at < end:
        yield Stretch(1, at, end)


def _sealed(session: Session, length: int, begin: datetime, end: datetime) -> Sequence[Any]:
    """Beginning and seal of the blocks that begin from ``begin`` and before ``end``, in order."""
    return session.connection().execute(_SEALS, {"hours": length, "begin": begin, "end": end}).all()


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
    asked = (tuple(keys), tuple(sums), tuple(chosen))
    for piece in pieces:
        read = partial(_read, session, source, piece, asked, chosen)
        if piece.seals:
            known = (source.block, piece.hours, piece.begin, piece.seals, asked, tuple(chosen.values()))
            yield from _KNOWN.get(known, read)
        else:
            yield from read()


def _read(session: Session, source: Source, piece: Stretch, asked: Any, chosen: Mapping[str, Any]) -> Iterable[Any]:
    within = {"begin": piece.begin, "end": piece.end, **chosen}
    if piece.hours != 1:
        within["hours"] = piece.hours
    # Rows of columns need nothing of the session but its connection.
    return session.connection().execute(_sums(source, piece.hours == 1, *asked), within)


@functools.cache
def _sums(source: Source, hourly: bool, keys: Sequence[str], sums: Sequence[str], only: Sequence[str]) -> Select[Any]:
    table = source.hourly if hourly else source.block
    at = begin_of(table)
    columns = [at if name == "at" else getattr(table, name) for name in keys]
    within = [at >= bindparam("begin"), at < bindparam("end")]
    within += [] if hourly else [table.hours == bindparam("hours")]
    within += [getattr(table, name) == bindparam(name) for name in only]
    return select(*columns, *(_sum(getattr(table, name)) for name in sums)).where(*within).group_by(*columns)


def domains(
    session: Session, begin: datetime, now: datetime, *, stream_id: int | None, provider_id: int | None
) -> Iterator[Any]:
    """Recipients by domain and class since the day of ``begin``; the same keys may come more than once."""
    day, connection = floor(begin, 24), session.connection()
    seals = connection.execute(_SEALS_OF_DAYS, {"begin": day}).all()
    whole = {row[0] for row in seals}
    chosen = {"stream_id": stream_id or ALL, "provider_id": provider_id or ALL}
    known = (DomainBlock, day, tuple(row[1] for row in seals), stream_id, provider_id)
    yield from _KNOWN.get(known, lambda: connection.execute(_domains_of_blocks(), {**chosen, "begin": day}))
    only = {name: value for name, value in chosen.items() if value != ALL}
    rest = [at for at in _days(day, now) if at not in whole]
    yield from connection.execute(_domains_of_days(tuple(only)), {**only, "days": rest})


@functools.cache
def _domains_of_blocks() -> Select[Any]:
    block = DomainBlock
    return (
        select(block.domain, block.verdict_class, _sum(block.recipients))
        .where(block.stream_id == bindparam("stream_id"), block.provider_id == bindparam("provider_id"))
        .where(block.day >= bindparam("begin"), block.day.in_(_SEALED_DAYS))
        .group_by(block.domain, block.verdict_class)
    )


@functools.cache
def _domains_of_days(only: Sequence[str]) -> Select[Any]:
    table = DomainRollup
    return (
        select(table.domain, table.verdict_class, _sum(table.recipients))
        .where(table.day.in_(bindparam("days", expanding=True)))
        .where(*(getattr(table, name) == bindparam(name) for name in only))
        .group_by(table.domain, table.verdict_class)
    )


def _sum(column: Any) -> Any:
    """PostgreSQL answers the sum of large integers as a decimal number."""
    return func.sum(column) if isinstance(column.type, Double) else cast(func.sum(column), BigInteger)


def _days(first: datetime, now: datetime) -> Iterator[datetime]:
    at = first
    while at <= now:
        yield at
        at += timedelta(days=1)
