"""Asking the suppression list about many addresses at once, where mail is accepted and again where it is taken up."""

import json
from collections import defaultdict
from collections.abc import Collection

from senddock.models.prepared import Pen

_ANY = "SELECT 1 FROM suppression LIMIT 1"
#: By project, so that each address is one search of the index: SQLite reads the whole list for pairs of project and address.
SOME = {
    "sqlite": "SELECT address FROM suppression WHERE project_id = ? AND address IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT address FROM suppression WHERE project_id = %s AND address = ANY(%s)",
}


def suppressed_among(pen: Pen, wanted: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of ``wanted`` that are on the list; each is a project and an address in lower case."""
    # Most installations suppress few addresses, and most groups none: the empty list is asked for first.
    pen.cursor.execute(_ANY)
    if not wanted or pen.cursor.fetchone() is None:
        return set()
    by_project: dict[int, list[str]] = defaultdict(list)
    for project_id, address in wanted:
        by_project[project_id].append(address)
    found: set[tuple[int, str]] = set()
    for project_id, addresses in by_project.items():
        listed = json.dumps(addresses) if pen.dialect.name == "sqlite" else addresses
        pen.cursor.execute(SOME[pen.dialect.name], (project_id, listed))
        found.update((project_id, row[0]) for row in pen.cursor.fetchall())
    return found
