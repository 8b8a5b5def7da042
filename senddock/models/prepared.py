"""Statements of the hot path, compiled once: the engine runs the same six statements thousands of times a second.

SQLAlchemy's own execution costs about 0.25 ms a statement (events, result objects, cache look-ups), several times what
SQLite needs for it. The text, the order of parameters and the types still come from SQLAlchemy, so both databases are
served by one definition.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler

from senddock.models.base import UtcDateTime

#: Rows of one INSERT at most, and the number up to which there is a text for each number of rows; beyond it they are cut
#: into powers of two, so that a database keeps few texts prepared.
_MOST_ROWS, _EXACT_ROWS = 64, 16
#: The values of one row; new ids, which SQLAlchemy asks PostgreSQL for, are not wanted.
_VALUES = re.compile(r"\bVALUES (\(.*\))(?: RETURNING [^()]*)?$", re.DOTALL)
_NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(slots=True)
class Pen:
    """A driver's cursor inside an open write transaction."""

    dialect: Dialect
    cursor: Any


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON that has been written already, for a value that many rows share."""

    text: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    #: Takes the values out of a row, in the order of the parameters.
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    #: Position and conversion of the values that the driver does not take as they are.
    converted: Sequence[tuple[int, Callable[[Any], Any]]]
    #: Names for drivers that bind by name.
    names: Sequence[str] | None


class Prepared:
    """One INSERT or UPDATE with named parameters, compiled for a dialect at its first use."""

    def __init__(self, statement: Executable, names: Sequence[str], keys: Mapping[str, str] | None = None) -> None:
        """``names`` are the parameters of an INSERT, all of them; ``keys`` names a parameter's value in the row where
        the two differ. There are at least two parameters."""
        self._statement = statement
        self._names = list(names)
        self._keys = keys or {}
        self._compiled: dict[str, _Compiled] = {}
        self._several: dict[tuple[str, int], str] = {}

    def bind(self, dialect: Dialect, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The rows as the driver wants them: to be done before the transaction that `write` needs."""
        known = self._for(dialect)
        take, converted, names = known.values, known.converted, known.names
        bound: list[Any] = []
        for row in rows:
            values = list(take(row))
            for position, convert in converted:
                value = values[position]
                if value is not None:
                    values[position] = convert(value)
            bound.append(values if names is None else dict(zip(names, values, strict=True)))
        return bound

    def write(self, pen: Pen, bound: Sequence[Any]) -> None:
        """Run it once for each of what `bind` answered. Raises what the driver raises."""
        if len(bound) == 1:
            pen.cursor.execute(self._for(pen.dialect).text, bound[0])
        elif bound:
            pen.cursor.executemany(self._for(pen.dialect).text, bound)

    def many(self, pen: Pen, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once a row. Raises what the driver raises."""
        self.write(pen, self.bind(pen.dialect, rows))

    def insert(self, pen: Pen, rows: Sequence[Mapping[str, Any]]) -> None:
        """Like `many` for an INSERT, with several rows in a statement: each statement costs the calling thread a turn.

        Raises what the driver raises; then none or some of the rows were stored.
        """
        bound = self.bind(pen.dialect, rows)
        names = self._for(pen.dialect).names
        start = 0
        for size in in_parts(len(bound)):
            some = bound[start : start + size]
            start += size
            values = chain.from_iterable(some if names is None else ([row[name] for name in names] for row in some))
            pen.cursor.execute(self._text_of(pen.dialect, size), list(values))

    def _text_of(self, dialect: Dialect, rows: int) -> str:
        known = self._several.get((dialect.name, rows))
        if known is None:
            compiled = self._for(dialect)
            text = compiled.text
            if compiled.names is not None:
                # Named parameters stand in the order of the names, as many times over as there are rows.
                assert _NAMED.findall(text) == list(compiled.names)
                text = _NAMED.sub("%s", text)
            found = _VALUES.search(text)
            assert found is not None
            known = text[: found.start(1)] + ", ".join([found.group(1)] * rows)
            self._several[dialect.name, rows] = known
        return known

    def _for(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._names)  # type: ignore[attr-defined]
            assert isinstance(compiled, SQLCompiler)
            order = list(compiled.positiontup) if compiled.positional and compiled.positiontup else list(compiled.binds)
            converted = [
                (order.index(name), _conversion(dialect, compiled.binds[name].type, process))
                for name, process in compiled._bind_processors.items()  # noqa: SLF001
                if name in order
            ]
            known = self._compiled[dialect.name] = _Compiled(
                str(compiled),
                itemgetter(*(self._keys.get(name, name) for name in order)),
                converted,
                None if compiled.positional else order,
            )
        return known


def in_parts(number: int) -> Iterator[int]:
    """The sizes of the parts that a number of rows is cut into, the largest first."""
    size = _MOST_ROWS
    while number > _EXACT_ROWS:
        while size > number:
            size //= 2
        yield size
        number -= size
    if number:
        yield number


def _conversion(dialect: Dialect, kind: Any, process: Any) -> Callable[[Any], Any]:
    """SQLAlchemy's own conversion, or the same result by a shorter way for the moments every row is full of."""
    if isinstance(kind, UtcDateTime):
        return _as_text if dialect.name == "sqlite" else _as_moment
    convert: Callable[[Any], Any] = process
    if isinstance(kind, JSON):
        return lambda value: value.text if type(value) is JsonText else convert(value)
    return convert


def _as_moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored: give it a time zone")
    return value.astimezone(UTC)


@lru_cache(maxsize=256)
def _as_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = _as_moment(value)
    return value.isoformat(" ", "microseconds")[:26]
