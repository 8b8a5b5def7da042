"""What an attempt, or the decision not to make one, changes on disk, and the statements that write it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Dialect, bindparam, insert, update

from senddock.dispatch.consequences import anybody_listens, follow_up, note_all
from senddock.dispatch.tally import Tally
from senddock.models import Attempt, Delivery, Message
from senddock.models.prepared import Pen, Prepared

_ATTEMPT = [column.key for column in Attempt.__table__.columns]
_DELIVERY = "status next_attempt_at tries sticky_provider_id verdict_class code enhanced text finished_at".split()
_MESSAGE = "state due_at attempts rounds provider_id failed_over last_class last_code reason plan finished_at".split()


def _assignments(names: Sequence[str]) -> dict[str, Any]:
    return {name: bindparam(f"v_{name}") for name in names}


INSERT_ATTEMPT = Prepared(insert(Attempt), _ATTEMPT)
_UPDATE_DELIVERY = Prepared(
    update(Delivery).where(Delivery.id == bindparam("b_id")).values(_assignments(_DELIVERY)), []
)
_UPDATE_MESSAGE = Prepared(
    update(Message)
    .where(Message.id == bindparam("b_id"), Message.fence == bindparam("b_fence"))
    .values({"worker_id": bindparam("v_worker_id"), **_assignments(_MESSAGE)}),
    [],
)
#: A statement and its rows.
Bound = tuple[Prepared, list[Any]]


@dataclass(slots=True)
class Settlement:
    """What an attempt, or the decision not to make one, changes."""

    message_id: str
    fence: int
    #: The attempt's row. ``None`` when there was no attempt.
    attempt: dict[str, Any] | None = None
    #: A mark of this attempt was committed before.
    marked: bool = False
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    #: Set when the worker lets go of the message.
    message: dict[str, Any] | None = None
    tally: Tally | None = None

    def ends(self, number: int) -> bool:
        """True when nothing is open about attempt ``number`` once this is on disk."""
        return self.attempt is None or self.attempt["number"] == number


def bind(dialect: Dialect, settlements: Sequence[Settlement]) -> list[Bound]:
    """Statements and their rows, in the order in which they have to be run."""
    messages = [
        {"b_id": item.message_id, "b_fence": item.fence, "v_worker_id": None, **item.message}
        for item in settlements
        if item.message
    ]
    attempts = [item.attempt for item in settlements if item.attempt]
    return [
        (INSERT_ATTEMPT, INSERT_ATTEMPT.bind(dialect, attempts)),
        (_UPDATE_DELIVERY, _UPDATE_DELIVERY.bind(dialect, [row for item in settlements for row in item.deliveries])),
        (_UPDATE_MESSAGE, _UPDATE_MESSAGE.bind(dialect, messages)),
    ]


def write(
    pen: Pen,
    settlements: Sequence[Settlement],
    rows: Sequence[Bound] | None = None,
    *,
    listening: bool | None = None,
) -> None:
    """Write ``settlements``; ``rows`` is what `bind` made of them, when that has been done already.

    ``listening`` says that a webhook endpoint is enabled, when the caller has asked for that.
    """
    for statement, bound in bind(pen.dialect, settlements) if rows is None else rows:
        statement.write(pen, bound)
    Tally.write(pen, [item.tally for item in settlements if item.tally])
    tell(pen, settlements, listening)


def tell(pen: Pen, settlements: Sequence[Settlement], listening: bool | None = None) -> None:
    """What the recipients' new states bring about besides."""
    told = [item for item in settlements if item.deliveries]
    if told:
        listening = anybody_listens(pen) if listening is None else listening
        note_all(pen, [event for item in told for event in follow_up(pen, item.message_id, item.deliveries, listening)])
