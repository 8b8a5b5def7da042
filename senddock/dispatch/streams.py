"""Projects, their streams, and the routes of a stream."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.dispatch.version import announce
from senddock.domain.patience import PATIENCE
from senddock.models import Database, Project, Provider, Route, Stream


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
        if session.scalar(select(Stream.id).where(Stream.project_id == owner.id, Stream.name == name)) is not None:
            raise Refused(f"There is a stream {name!r} already.", field="name", code="conflict")
        stream = _stream(owner.id, name, kind, now)
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


def all_routes(database: Database, stream: str | None) -> list[dict[str, Any]]:
    """Routes by stream and priority."""
    with database.read() as session:
        query = (
            select(Stream.name, Provider.id, Provider.name, Route.priority, Route.weight)
            .join(Stream, Stream.id == Route.stream_id)
            .join(Provider, Provider.id == Route.provider_id)
            .order_by(Stream.id, Route.priority, Route.id)
        )
        if stream:
            query = query.where(Stream.name == stream)
        return [
            {"stream": row[0], "provider_id": row[1], "provider": row[2], "priority": row[3], "weight": row[4]}
            for row in session.execute(query).all()
        ]


def parse_route(text: str) -> tuple[int, int, int]:
    """``PROVIDER_ID:PRIORITY[:WEIGHT]``. Raises `Refused`."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isdigit() for part in parts):
        raise Refused(f"{text!r} is not PROVIDER_ID:PRIORITY or PROVIDER_ID:PRIORITY:WEIGHT.", field="route")
    numbers = [int(part) for part in parts] + [100]
    if numbers[1] < 1 or numbers[2] < 1:
        raise Refused("Priority and weight are at least 1.", field="route")
    return numbers[0], numbers[1], numbers[2]


def set_routes(database: Database, stream: str, routes: Sequence[tuple[int, int, int]]) -> None:
    """Replace the routes of a stream. Raises `Refused`; then the old ones stay."""
    now = datetime.now(UTC)
    with database.write() as session:
        chosen = session.scalar(select(Stream).where(Stream.name == stream).order_by(Stream.id))
        if chosen is None:
            raise Refused(f"There is no stream {stream!r}.", field="stream", code="not_found")
        session.execute(delete(Route).where(Route.stream_id == chosen.id))
        for provider_id, priority, weight in routes:
            provider = session.get(Provider, provider_id)
            if provider is None or provider.deleted_at is not None:
                raise Refused(f"There is no provider {provider_id}.", field="route", code="not_found")
            session.add(Route(stream_id=chosen.id, provider_id=provider_id, priority=priority, weight=weight))
        announce(session, now)


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
