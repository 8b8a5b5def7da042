"""Projects and their streams."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.dispatch.version import announce
from senddock.domain.patience import PATIENCE
from senddock.models import Database, Project, Stream

#: Seconds a stream may be set to: from, to.
_SECONDS = {
    "retry_first_seconds": (1, 3600),
    "retry_longest_seconds": (1, 24 * 3600),
    "max_age_seconds": (60, 14 * 24 * 3600),
    "patience_seconds": (0, 3600),
}


def add_project(database: Database, name: str) -> Project:
    """A project with a transactional and a marketing stream. Raises `Refused`."""
    now = datetime.now(UTC)
    name = name.strip()
    with database.write() as session:
        if not name:
            raise Refused("Give the project a name.", field="name")
        if session.scalar(select(Project.id).where(Project.name == name)) is not None:
            raise Refused(f"There is a project {name!r} already.", field="name", code="conflict")
        return new_project(session, name, now)


def new_project(session: Session, name: str, now: datetime) -> Project:
    """The rows of a project: itself and a stream of each kind."""
    project = Project(name=name, created_at=now)
    session.add(project)
    session.flush()
    for kind in PATIENCE:
        session.add(_stream(project.id, kind, kind, now))
    return project


def all_projects(database: Database) -> Sequence[Project]:
    """Every project, the first one first."""
    with database.read() as session:
        return session.scalars(select(Project).order_by(Project.id)).all()


def add_stream(database: Database, name: str, kind: str, project: str | None) -> Stream:
    """A further stream. Raises `Refused`."""
    now = datetime.now(UTC)
    with database.write() as session:
        owner = session.scalar(
            select(Project).where(Project.name == project) if project else select(Project).order_by(Project.id).limit(1)
        )
        if owner is None:
            raise Refused(f"There is no project {project!r}.", field="project", code="not_found")
        if kind not in PATIENCE:
            raise Refused("The kind is transactional or marketing.", field="kind")
        errors = _name_errors(session, owner.id, name.strip())
        if errors:
            raise Refused(errors["name"], field="name", code="conflict" if "already" in errors["name"] else "invalid")
        stream = _stream(owner.id, name.strip(), kind, now)
        session.add(stream)
        announce(session, now)
    return stream


def all_streams(database: Database) -> list[dict[str, Any]]:
    """Every stream with its project's name."""
    with database.read() as session:
        rows = session.execute(
            select(Stream, Project.name).join(Project, Project.id == Stream.project_id).order_by(Stream.id)
        ).all()
    return [{"id": row[0].id, "project": row[1], "name": row[0].name, "kind": row[0].kind} for row in rows]


def find_stream(session: Session, name: str, project: str | None = None) -> Stream:
    """By name; in the first project that has it when none is named. Raises `Refused`."""
    query = select(Stream).where(Stream.name == name).order_by(Stream.project_id, Stream.id)
    if project is not None:
        query = query.join(Project, Project.id == Stream.project_id).where(Project.name == project)
    found = session.scalar(query.limit(1))
    if found is None:
        where = f" in project {project!r}" if project else ""
        raise Refused(f"There is no stream {name!r}{where}.", field="stream", code="not_found")
    return found


def get_stream(session: Session, stream_id: int) -> Stream:
    """Raises `Refused` with code ``not_found``."""
    found = session.get(Stream, stream_id)
    if found is None:
        raise Refused(f"There is no stream {stream_id}.", code="not_found")
    return found


def change_stream(database: Database, stream_id: int, values: Mapping[str, Any]) -> Stream:
    """Change name, kind, what happens to uncertain deliveries, and patience (seconds). Raises `RefusedFields`."""
    now = datetime.now(UTC)
    errors = {
        field: f"Give a whole number from {low} to {high} seconds."
        for field, (low, high) in _SECONDS.items()
        if field in values and not (isinstance(values[field], int) and low <= values[field] <= high)
    }
    if "on_uncertain" in values and values["on_uncertain"] not in ("retry_same", "hold"):
        errors["on_uncertain"] = "Choose retry_same or hold."
    if "kind" in values and values["kind"] not in PATIENCE:
        errors["kind"] = "The kind is transactional or marketing."
    with database.write() as session:
        stream = get_stream(session, stream_id)
        if "name" in values:
            errors |= _name_errors(session, stream.project_id, str(values["name"]).strip(), but=stream_id)
        if errors:
            raise RefusedFields(errors)
        for field in ("name", "kind", "on_uncertain", *_SECONDS):
            if field in values:
                setattr(stream, field, str(values[field]).strip() if field == "name" else values[field])
        announce(session, now)
    return stream


def _name_errors(session: Session, project_id: int, name: str, *, but: int | None = None) -> dict[str, str]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        return {"name": "A stream's name has letters, digits, dots, hyphens and underscores, at most 64 of them."}
    taken = session.scalar(select(Stream.id).where(Stream.project_id == project_id, Stream.name == name))
    if taken is not None and taken != but:
        return {"name": f"There is a stream {name!r} already."}
    return {}


def _stream(project_id: int, name: str, kind: str, now: datetime) -> Stream:
    patience = PATIENCE[kind]
    return Stream(
        project_id=project_id,
        name=name,
        kind=kind,
        on_uncertain=patience.on_uncertain,
        retry_first_seconds=patience.first,
        retry_longest_seconds=patience.longest,
        max_age_seconds=patience.max_age,
        patience_seconds=patience.rate_limit,
        created_at=now,
    )
