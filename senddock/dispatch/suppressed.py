"""Asking the suppression list about many addresses at once, where mail is accepted and again where it is taken up."""

from collections.abc import Collection

from senddock.models.prepared import Pen, in_parts

_ANY = "SELECT 1 FROM suppression LIMIT 1"
_SOME = "SELECT project_id, address FROM suppression WHERE (project_id, address) IN (VALUES {})"


def suppressed_among(pen: Pen, wanted: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of ``wanted`` that are on the list; each is a project and an address in lower case."""
    # Most installations suppress few addresses, and most groups none: the empty list is asked for first.
    pen.cursor.execute(_ANY)
    if not wanted or pen.cursor.fetchone() is None:
        return set()
    pair = "(?, ?)" if pen.dialect.name == "sqlite" else "(%s, %s)"
    ordered, found, start = sorted(wanted), set[tuple[int, str]](), 0
    for size in in_parts(len(ordered), 256):
        values = [value for item in ordered[start : start + size] for value in item]
        start += size
        pen.cursor.execute(_SOME.format(", ".join([pair] * size)), values)
        found.update((row[0], row[1]) for row in pen.cursor.fetchall())
    return found
