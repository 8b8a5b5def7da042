"""Why this provider? The decision for a message that would be handed over now."""

from datetime import UTC, datetime
from typing import Any

from flask import request

from senddock.dispatch import routes
from senddock.dispatch.refusals import Refused
from senddock.dispatch.simulation import Answer, Question, simulate
from senddock.domain.whole_number import whole_number
from senddock.web.htmx import page_or_fragment
from senddock.web.routing.blueprint import bp
from senddock.web.services import services


@bp.get("/simulate")
def simulator() -> Any:
    """The form, and the answer once it is filled in; the address can be kept."""
    asked = request.args
    with services().database.read() as session:
        orders = routes.orders(session)
    answer: Answer | None = None
    refused: Refused | None = None
    if asked.get("to"):
        stream, size = whole_number(asked.get("stream")), whole_number(asked.get("size"))
        question = Question(
            stream_id=orders[0].stream.id if stream is None else stream,
            to=asked["to"],
            sender=asked.get("from", ""),
            size=10_000 if size is None else size,
        )
        try:
            answer = simulate(services().database, services().redis, question, datetime.now(UTC))
        except Refused as error:
            refused = error
    return page_or_fragment(
        "routing/simulate.html",
        "routing/_answer.html",
        http_status=422 if refused else 200,
        orders=orders,
        several=len({order.project for order in orders}) > 1,
        asked=asked,
        answer=answer,
        refused=refused,
    )
