"""The routes of a stream: which providers it uses, in which order, with which shares; and who shares a provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.dispatch.streams import find_stream, get_stream
from senddock.dispatch.version import announce
from senddock.domain.route_order import HIGHEST, Placed
from senddock.domain.whole_number import whole_number
from senddock.models import Database, Project, Provider, Route, Stream

#: Weight of a provider that a stream uses without routes of its own.
STANDARD_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Order:
    """The providers of one stream as they are tried."""

    stream: Stream
    project: str
    #: False while the stream has no routes of its own and uses every provider by the provider's priority.
    own: bool
    routes: Sequence[Placed]


def orders(session: Session, project_id: int | None = None) -> Sequence[Order]:
    """Every stream with its order; by project and stream."""
    providers = _providers(session)
    own: dict[int, list[Placed]] = {}
    for route in session.scalars(select(Route).order_by(Route.priority, Route.id)):
        if route.provider_id in providers:
            row = providers[route.provider_id]
            placed = Placed(row.id, row.name, route.priority, route.weight, row.enabled)
            own.setdefault(route.stream_id, []).append(placed)
    query = select(Stream, Project.name).join(Project, Project.id == Stream.project_id)
    if project_id is not None:
        query = query.where(Stream.project_id == project_id)
    rows = session.execute(query.order_by(Stream.project_id, Stream.id)).all()
    usual = standard(session)
    return [Order(row[0], row[1], row[0].id in own, own.get(row[0].id, usual)) for row in rows]


def order_of(session: Session, stream_id: int) -> Order:
    """One stream's order. Raises `Refused` with code ``not_found``."""
    stream = get_stream(session, stream_id)
    return next(order for order in orders(session, stream.project_id) if order.stream.id == stream_id)


def standard(session: Session) -> list[Placed]:
    """What a stream without routes uses."""
    return [
        Placed(row.id, row.name, row.priority, STANDARD_WEIGHT, row.enabled) for row in _providers(session).values()
    ]


def all_routes(database: Database, stream: str | None, project: str | None = None) -> list[dict[str, Any]]:
    """Stored routes by stream and priority."""
    with database.read() as session:
        chosen = find_stream(session, stream, project).id if stream else None
        return [
            {
                "project": order.project,
                "stream": order.stream.name,
                "provider_id": item.provider_id,
                "provider": item.name,
                "priority": item.priority,
                "weight": item.weight,
            }
            for order in orders(session)
            if order.own and chosen in (None, order.stream.id)
            for item in order.routes
        ]


def parse_route(text: str) -> tuple[int, int, int]:
    """``PROVIDER_ID:PRIORITY[:WEIGHT]``. Raises `Refused`."""
    parts = text.split(":")
    numbers = [number for number in map(whole_number, parts) if number is not None]
    if len(parts) not in (2, 3) or len(numbers) != len(parts):
        raise Refused(f"{text!r} is not PROVIDER_ID:PRIORITY or PROVIDER_ID:PRIORITY:WEIGHT.", field="route")
    numbers.append(STANDARD_WEIGHT)
    return numbers[0], numbers[1], numbers[2]


def set_routes(database: Database, stream_id: int, routes: Sequence[tuple[int, int, int]]) -> None:
    """Replace the routes of a stream by (provider id, priority, weight); none returns to the standard order.

    Raises `Refused`; then the old ones stay.
    """
    now = datetime.now(UTC)
    seen: set[int] = set()
    with database.write() as session:
        get_stream(session, stream_id)
        providers = _providers(session)
        session.execute(delete(Route).where(Route.stream_id == stream_id))
        for provider_id, priority, weight in routes:
            if provider_id not in providers:
                raise Refused(f"There is no provider {provider_id}.", field="routes", code="not_found")
            if provider_id in seen:
                name = providers[provider_id].name
                raise Refused(f"{name} stands in the order twice; give it one place.", field="routes")
            if not (1 <= priority <= HIGHEST and 1 <= weight <= HIGHEST):
                raise Refused(f"Priority and weight are whole numbers from 1 to {HIGHEST}.", field="routes")
            seen.add(provider_id)
            session.add(Route(stream_id=stream_id, provider_id=provider_id, priority=priority, weight=weight))
        announce(session, now)


def set_routes_by_name(
    database: Database, stream: str, routes: Sequence[tuple[int, int, int]], project: str | None = None
) -> None:
    """`set_routes` for the command line. Raises `Refused`."""
    with database.read() as session:
        stream_id = find_stream(session, stream, project).id
    set_routes(database, stream_id, routes)


@dataclass(frozen=True, slots=True)
class User:
    """A stream that may send with a provider's credentials."""

    project_id: int
    project: str
    stream_id: int
    stream: str
    kind: str
    #: False when it uses the provider because it has no routes of its own.
    own: bool


def users_of(session: Session, provider_id: int) -> Sequence[User]:
    """Who shares a provider's credentials: every stream whose order has it."""
    return [
        User(order.stream.project_id, order.project, order.stream.id, order.stream.name, order.stream.kind, order.own)
        for order in orders(session)
        if any(item.provider_id == provider_id for item in order.routes)
    ]


def _providers(session: Session) -> dict[int, Provider]:
    query = select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)
    return {row.id: row for row in session.scalars(query)}
