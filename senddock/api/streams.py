"""`/api/streams`: the streams of the key's own project and the order of providers each of them uses."""

from flask import Blueprint, Response

from senddock.api import answers, bodies
from senddock.api.access import call, caller, services
from senddock.api.answers import answer, iso
from senddock.api.errors import ApiError
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
    return answer(answers.StreamList([_stream(order) for order in found if _may(order)]))


@bp.put("/streams/<name>")
def put_stream(name: str) -> Response:
    """Make a stream of this name, or change its kind."""
    caller().check_reading()
    name, kind = bodies.stream_name(name), bodies.stream(call().body()).kind
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
    return answer(_stream(_order(name)))


@bp.get("/streams/<name>/routes")
def get_routes(name: str) -> Response:
    """The order of providers the stream uses."""
    caller().check_reading()
    return answer(_routes(_order(name)))


@bp.put("/streams/<name>/routes")
def put_routes(name: str) -> Response:
    """Replace the order; an empty list returns to the standard one."""
    caller().check_reading()
    order = _order(name)
    given = bodies.routes(call().body()).routes
    places = [(item.provider_id, item.priority, item.weight) for item in given]
    routes.set_routes(services().database, order.stream.id, places)
    return answer(_routes(_order(name)))


def _order(name: str) -> Order:
    with services().database.read() as session:
        for order in routes.orders(session, caller().project_id):
            if order.stream.name == name:
                caller().check_stream(order.stream.id, name)
                return order
    raise ApiError(404, "not_found", f"There is no stream {name!r} in this project.")


def _may(order: Order) -> bool:
    return not caller().stream_ids or order.stream.id in caller().stream_ids


def _stream(order: Order) -> answers.Stream:
    row = order.stream
    return answers.Stream(row.id, row.name, row.kind, iso(row.created_at))  # type: ignore[arg-type]


def _routes(order: Order) -> answers.Routes:
    rows = [
        answers.RouteRow(item.provider_id, item.name, item.priority, item.weight, item.enabled) for item in order.routes
    ]
    return answers.Routes(order.stream.name, order.own, preview(order.routes), rows)
