"""Statements of the hot path, compiled once: the engine runs the same six statements thousands of times a second.

SQLAlchemy's own execution costs about 0.25 ms a statement (events, result objects, cache look-ups), several times what
SQLite needs for it. The text, the order of parameters and the types still come from SQLAlchemy, so both databases are
served by one definition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(slots=True)
class Pen:
    """A driver's cursor inside an open write transaction."""

    dialect: Dialect
    cursor: Any


class Prepared:
    """One INSERT or UPDATE with named parameters, compiled for a dialect at its first use."""

    def __init__(self, statement: Executable, names: Sequence[str]) -> None:
        """``names`` are the parameters each row gives, all of them."""
        self._statement = statement
        self._names = list(names)
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any], bool]] = {}

    def many(self, pen: Pen, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once a row. Raises what the driver raises."""
        if not rows:
            return
        text, order, processors, positional = self._for(pen.dialect)
        prepared: list[Any] = []
        for row in rows:
            values = [processors[name](row[name]) if name in processors else row[name] for name in order]
            prepared.append(values if positional else dict(zip(order, values, strict=True)))
        if len(prepared) == 1:
            pen.cursor.execute(text, prepared[0])
        else:
            pen.cursor.executemany(text, prepared)

    def _for(self, dialect: Dialect) -> tuple[str, list[str], dict[str, Any], bool]:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._names)  # type: ignore[attr-defined]
            assert isinstance(compiled, SQLCompiler)
            order = list(compiled.positiontup) if compiled.positional and compiled.positiontup else list(compiled.binds)
            processors = {name: process for name, process in compiled._bind_processors.items() if name in order}  # noqa: SLF001
            known = self._compiled[dialect.name] = (str(compiled), order, processors, compiled.positional)
        return known
