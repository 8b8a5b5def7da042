"""Outcomes of a worker that was only slow: recovery took its messages back and called what it had marked uncertain.

What is known about a marked attempt is worth more than "uncertain", whoever holds the message by now.
"""

import logging
from dataclasses import replace

from sqlalchemy import Connection, delete, select, update

from senddock.dispatch.message_state import refresh_state
from senddock.dispatch.named_domains import named_domains
from senddock.dispatch.settlement import INSERT_ATTEMPT, Settlement, tell, write
from senddock.dispatch.tally import Tally, in_doubt, pen_of
from senddock.domain.status import Status
from senddock.models import Attempt, Delivery, Message

log = logging.getLogger(__name__)


def write_late(connection: Connection, settlement: Settlement, *, taken_over: bool) -> None:
    """Put the truth in the place of the doubt; ``taken_over`` when another worker has had the message since."""
    if taken_over:
        log.warning("message %s was taken over by another worker before its outcome was written", settlement.message_id)
    if settlement.attempt is None:
        # Nothing was sent. If it had been marked ahead, recovery has put it into the queue again, in doubt.
        return
    if not taken_over:
        _forget_doubt(connection, settlement)
        write(pen_of(connection), [settlement])
        return
    if not settlement.marked:
        return
    if _is_repeated(connection, settlement):
        _add_to_doubt(connection, settlement)
    else:
        _forget_doubt(connection, settlement)
        pen = pen_of(connection)
        INSERT_ATTEMPT.many(pen, [settlement.attempt])
        Tally.write(pen, [settlement.tally] if settlement.tally else [])
    accepted = [change for change in settlement.deliveries if change["v_status"] == Status.ACCEPTED.value]
    for change in accepted:
        values = {name[2:]: value for name, value in change.items() if name.startswith("v_")}
        connection.execute(
            update(Delivery)
            .where(Delivery.id == change["b_id"], Delivery.status.in_((Status.UNCERTAIN.value, Status.DEFERRED.value)))
            .values(values)
        )
    if accepted:
        refresh_state(connection, settlement.message_id)
        tell(pen_of(connection), [replace(settlement, deliveries=accepted)])


def _is_repeated(connection: Connection, settlement: Settlement) -> bool:
    """True when the message has been sent again because of the doubt, or is about to be: then the doubt stays in the log,
    because it explains the second copy."""
    assert settlement.attempt is not None
    later = select(Attempt.number).where(
        Attempt.message_id == settlement.message_id, Attempt.number > settlement.attempt["number"]
    )
    holder = select(Message.worker_id).where(Message.id == settlement.message_id)
    return connection.execute(later).first() is not None or connection.execute(holder).scalar() is not None


def _add_to_doubt(connection: Connection, settlement: Settlement) -> None:
    """What came after all stands beside the doubt."""
    assert settlement.attempt is not None
    this = (Attempt.message_id == settlement.message_id, Attempt.number == settlement.attempt["number"])
    said = " ".join(str(settlement.attempt[name]) for name in ("code", "enhanced", "text") if settlement.attempt[name])
    text = connection.execute(select(Attempt.text).where(*this)).scalar() or ""
    connection.execute(update(Attempt).where(*this).values(text=f"{text} Its answer came later: {said}"[:2000]))


def _forget_doubt(connection: Connection, settlement: Settlement) -> None:
    """Take back what recovery wrote and counted for this attempt, because its outcome is known after all."""
    assert settlement.attempt is not None
    this = (Attempt.message_id == settlement.message_id, Attempt.number == settlement.attempt["number"])
    before = connection.execute(select(Attempt.finished_at, Attempt.provider_id, Attempt.detail).where(*this)).first()
    if before is None:
        return
    if settlement.tally and before.finished_at is not None:
        counted = in_doubt(before, settlement.tally.stream_id, before.finished_at, named_domains(connection))
        Tally.write(pen_of(connection), [counted.taken_back()])
    connection.execute(delete(Attempt).where(*this))
