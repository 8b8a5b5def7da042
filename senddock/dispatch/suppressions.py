"""The addresses that must not be written to again: listed, added and removed by a person, moved in and out as CSV."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.dispatch.webhook_outbox import note
from senddock.domain.envelope import Address, InvalidAddress
from senddock.domain.spreadsheet import harmless, original
from senddock.models import Database, Project, Suppression

ORIGINS = ("bounce", "complaint", "manual")
_COLUMNS = ("address", "origin", "note", "created_at")
#: Octets of one imported file, and rows written in one transaction.
MAX_IMPORT = 20 * 1024 * 1024
_CHUNK = 1000
#: Addresses that one page of a search looks at.
WALK = 30_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's rows."""

    added: int
    known: int
    #: (line number, sentence) of rows that could not be read.
    refused: tuple[tuple[int, str], ...]


def page(
    session: Session, project_id: int | None, *, text: str = "", before: int | None = None, limit: int = 100
) -> tuple[Sequence[Suppression], int | None]:
    """The newest first, and the id to go on before, if there are more. A search looks at `WALK` addresses at most."""
    query = select(Suppression).order_by(Suppression.id.desc())
    if project_id is not None:
        query = query.where(Suppression.project_id == project_id)
    if before is not None:
        query = query.where(Suppression.id < before)
    floor = None
    if text.strip():
        newest = select(Suppression.id).order_by(Suppression.id.desc()).offset(WALK).limit(1)
        floor = session.scalar(newest.where(Suppression.id < before) if before is not None else newest)
        # Addresses are stored in small letters.
        query = query.where(Suppression.address.contains(text.strip().lower(), autoescape=True))
        query = query.where(Suppression.id >= floor) if floor is not None else query
    rows = session.scalars(query.limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else floor


def add(database: Database, project_id: int, text: str, *, comment: str | None, now: datetime) -> Suppression:
    """Suppress an address by a person's word. Raises `Refused` when it is none, or is there already."""
    address = _address(text)
    with database.write() as session:
        _require_project(session, project_id)
        if _find(session, project_id, address) is not None:
            raise Refused(f"{address} is on the list already.", field="address", code="conflict")
        return _insert(session, project_id, address, "manual", comment, now)


def remove(database: Database, project_id: int, text: str, now: datetime) -> None:
    """Let an address be written to again. Raises `Refused` when it is not on the list."""
    address = text.strip().lower()
    with database.write() as session:
        row = _find(session, project_id, address)
        if row is None:
            raise Refused(f"{address} is not on the list.", field="address", code="not_found")
        session.execute(delete(Suppression).where(Suppression.id == row.id))
        data = {"address": address, "origin": row.origin, "project_id": project_id}
        note(session.connection(), "suppression.removed", now, data)


def import_csv(
    database: Database,
    project_id: int,
    content: bytes,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Add the addresses of a CSV file: a column ``address`` or ``email``, or the first; ``origin`` and ``note`` if there.

    Good rows are added although others are not: each refused row is told with its line. ``progress`` is told how many
    addresses were looked at, and of how many. Raises `Refused` for a file that is no text or too large.
    """
    if len(content) > MAX_IMPORT:
        raise Refused(f"The file has {len(content):,} octets; at most {MAX_IMPORT:,}.", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("The file is not UTF-8 text: save it as CSV (UTF-8).", field="file") from error
    refused: list[tuple[int, str]] = []
    wanted: dict[str, tuple[str, str | None]] = {}
    for line, (entry, origin, comment) in _rows(text):
        try:
            wanted.setdefault(_address(entry), (origin if origin in ORIGINS else "manual", comment or None))
        except Refused as error:
            refused.append((line, error.message))
    added = 0
    items = list(wanted.items())
    for start in range(0, len(items), _CHUNK):
        chunk = dict(items[start : start + _CHUNK])
        with database.write() as session:
            _require_project(session, project_id)
            query = select(Suppression.address).where(
                Suppression.project_id == project_id, Suppression.address.in_(chunk)
            )
            known = set(session.scalars(query))
            for address, (origin, remark) in chunk.items():
                if address not in known:
                    _insert(session, project_id, address, origin, remark, now)
                    added += 1
        if progress is not None:
            progress(start + len(chunk), len(items))
    return Imported(added, len(wanted) - added, tuple(refused))


def export_csv(database: Database, project_id: int | None) -> Iterator[str]:
    """The whole list as lines of CSV, which `import_csv` reads back."""
    yield ",".join(_COLUMNS) + "\r\n"
    before: int | None = None
    while True:
        with database.read() as session:
            rows, before = page(session, project_id, before=before, limit=_CHUNK)
        for row in rows:
            line = io.StringIO()
            values = (row.address, row.origin, row.note or "", row.created_at.isoformat())
            csv.writer(line).writerow([harmless(value) for value in values])
            yield line.getvalue()
        if before is None:
            return


def _rows(text: str) -> Iterator[tuple[int, tuple[str, str, str]]]:
    reader = csv.reader(io.StringIO(text))
    columns = {"address": 0}
    for number, row in enumerate(reader):
        cells = [cell.strip() for cell in row]
        if number == 0 and not any("@" in cell for cell in cells):
            names = [cell.lower() for cell in cells]
            columns = {name: names.index(name) for name in ("address", "email", "origin", "note") if name in names}
            columns.setdefault("address", columns.get("email", 0))
            continue
        if any(cells):
            cell = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}
            address, origin, comment = (original(cell.get(name, "")) for name in ("address", "origin", "note"))
            yield reader.line_num, (address, origin, comment)


def _address(text: str) -> str:
    try:
        return str(Address.parse(text.strip())).lower()
    except InvalidAddress as error:
        raise Refused(f"{text.strip()[:100]!r} cannot be suppressed: {error}.", field="address") from error


def _insert(
    session: Session, project_id: int, address: str, origin: str, comment: str | None, now: datetime
) -> Suppression:
    row = Suppression(project_id=project_id, address=address, origin=origin, note=comment, created_at=now)
    session.add(row)
    session.flush()
    data = {"address": address, "origin": origin, "project_id": project_id}
    note(session.connection(), "suppression.added", now, data)
    return row


def _find(session: Session, project_id: int, address: str) -> Suppression | None:
    return session.scalar(
        select(Suppression).where(Suppression.project_id == project_id, Suppression.address == address)
    )


def _require_project(session: Session, project_id: int) -> None:
    if session.get(Project, project_id) is None:
        raise Refused(f"There is no project {project_id}.", field="project", code="not_found")
