"""Rows that are added to: one statement for a table, whatever is there already."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from senddock.models import Base
from senddock.models.prepared import Pen, Prepared

#: The statement and the names of its columns: keys, then sums.
Target = tuple[Prepared, list[str]]


def adding(row: type[Base], *sums: str) -> Target:
    """INSERT that adds to the row when it is there already. The text PostgreSQL has for it is SQLite's too."""
    statement = insert(row)
    added = {name: getattr(row, name) + getattr(statement.excluded, name) for name in sums}
    keys = [column.key for column in row.__table__.primary_key]
    prepared = Prepared(statement.on_conflict_do_update(index_elements=keys, set_=added), [*keys, *sums])
    return prepared, [*keys, *sums]


def add_sums(pen: Pen, target: Target, sums: Mapping[tuple[Any, ...], tuple[float, ...]]) -> None:
    """Add ``sums``, by key, in one statement."""
    statement, names = target
    # Sorted, so that two writers take the rows in the same order and cannot wait for each other in a circle.
    statement.many(pen, [dict(zip(names, (*key, *values), strict=True)) for key, values in sorted(sums.items())])
