"""`/api/streams`: the streams of the key's own project and the order of providers each of them uses."""

from datetime import UTC
from typing import Any

from flask import Blueprint, Response, jsonify, request

from senddock.api.access import caller, services
from senddock.api.errors import ApiError, invalid
from senddock.dispatch import routes, streams
from senddock.dispatch.routes import Order
from senddock.domain.route_order import preview

bp = Blueprint("streams", __name__)


@bp.get("/streams")
def list_streams() -> Response:
    """Every stream of the project."""
    caller().check_reading()
    with services().database.read() as session:
        found = routes.orders(session, caller().project_id)
    return jsonify({"object": "list", "data": [_stream(order) for order in found if _may(order)]})


@bp.put("/streams/<name>")
def put_stream(name: str) -> Response:
    """Make a stream of this name, or change its kind."""
    caller().check_reading()
    kind = _body().get("kind")
    if not isinstance(kind, str):
        raise invalid("The `kind` field must be `transactional` or `marketing`.", "kind")
    database = services().database
    with database.read() as session:
        orders = routes.orders(session, caller().project_id)
    known = next((order for order in orders if order.stream.name == name), None)
    if known is not None:
        caller().check_stream(known.stream.id, name)
        streams.change_stream(database, known.stream.id, {"kind": kind})
    elif caller().stream_ids:
        raise ApiError(403, "validation_error", "This API key is tied to its streams and cannot make another.")
    else:
        streams.add_stream(database, name, kind, orders[0].project)
    return jsonify(_stream(_order(name)))


@bp.get("/streams/<name>/routes")
def get_routes(name: str) -> Response:
    """The order of providers the stream uses."""
    caller().check_reading()
    return jsonify(_routes(_order(name)))


@bp.put("/streams/<name>/routes")
def put_routes(name: str) -> Response:
    """Replace the order; an empty list returns to the standard one."""
    caller().check_reading()
    order = _order(name)
    given = _body().get("routes")
    if not isinstance(given, list):
        raise invalid("The `routes` field must be a list of {provider_id, priority, weight}.", "routes")
    routes.set_routes(services().database, order.stream.id, [_route(item) for item in given])
    return jsonify(_routes(_order(name)))


def _route(item: Any) -> tuple[int, int, int]:
    if not isinstance(item, dict):
        raise invalid("Each route is an object with provider_id, priority and weight.", "routes")
    numbers = [item.get("provider_id"), item.get("priority"), item.get("weight", routes.STANDARD_WEIGHT)]
    if not all(type(number) is int for number in numbers):
        raise invalid("`provider_id`, `priority` and `weight` are whole numbers.", "routes")
    return numbers[0], numbers[1], numbers[2]


def _order(name: str) -> Order:
    with services().database.read() as session:
        for order in routes.orders(session, caller().project_id):
            if order.stream.name == name:
                caller().check_stream(order.stream.id, name)
                return order
    raise ApiError(404, "not_found", f"There is no stream {name!r} in this project.")


def _may(order: Order) -> bool:
    return not caller().stream_ids or order.stream.id in caller().stream_ids


def _stream(order: Order) -> dict[str, Any]:
    row = order.stream
    return {
        "object": "stream",
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "created_at": row.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _routes(order: Order) -> dict[str, Any]:
    return {
        "object": "routes",
        "stream": order.stream.name,
        "own": order.own,
        "preview": preview(order.routes),
        "data": [
            {
                "provider_id": item.provider_id,
                "provider": item.name,
                "priority": item.priority,
                "weight": item.weight,
                "enabled": item.enabled,
            }
            for item in order.routes
        ],
    }


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise ApiError(400, "validation_error", "The body is not a JSON object.")
    return body
