"""Statements of the hot path, compiled once: the engine runs the same six statements thousands of times a second.

SQLAlchemy's own execution costs about 0.25 ms a statement (events, result objects, cache look-ups), several times what
SQLite needs for it. The text, the order of parameters and the types still come from SQLAlchemy, so both databases are
served by one definition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler

from senddock.models.base import UtcDateTime


@dataclass(slots=True)
class Pen:
    """A driver's cursor inside an open write transaction."""

    dialect: Dialect
    cursor: Any


class JsonText(str):
    """JSON that has been written already, for a value that many rows share."""

    __slots__ = ()


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


def _conversion(dialect: Dialect, kind: Any, process: Any) -> Callable[[Any], Any]:
    """SQLAlchemy's own conversion, or the same result by a shorter way for the moments every row is full of."""
    if isinstance(kind, UtcDateTime):
        return _as_text if dialect.name == "sqlite" else _as_moment
    convert: Callable[[Any], Any] = process
    if isinstance(kind, JSON):
        return lambda value: str(value) if isinstance(value, JsonText) else convert(value)
    return convert


def _as_moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored: give it a time zone")
    return value.astimezone(UTC)


def _as_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = _as_moment(value)
    return value.isoformat(" ", "microseconds")[:26]
