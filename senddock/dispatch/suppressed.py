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
    by_project: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for project_id, address in wanted:
        for spelling in _spellings(address):
            by_project[project_id].setdefault(spelling, []).append(address)
    found: set[tuple[int, str]] = set()
    for project_id, spelled in by_project.items():
        listed = json.dumps(list(spelled)) if pen.dialect.name == "sqlite" else list(spelled)
        pen.cursor.execute(SOME[pen.dialect.name], (project_id, listed))
        found.update((project_id, address) for row in pen.cursor.fetchall() for address in spelled[row[0]])
    return found


def _spellings(address: str) -> tuple[str, ...]:
    """An international domain is one domain in letters and in ASCII ("xn--…"): either may be on the list."""
    local, _, domain = address.rpartition("@")
    if domain.isascii() and "xn--" not in domain:
        return (address,)
    try:
        plain = domain.encode("idna")
        letters = plain.decode("idna").lower()
    except UnicodeError:
        return (address,)
    return tuple({address, f"{local}@{plain.decode('ascii')}", f"{local}@{letters}"})
