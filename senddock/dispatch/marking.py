"""Which dot marks are asked for before a final dot: the message's own, and that of the one chained behind it."""

from datetime import datetime

from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.settling import attempt_row
from senddock.dispatch.task import Task, Transaction

#: Octets, and seconds that the server took for the message before, up to which the next dot comes so soon after this one
#: that both may be marked at once.
_SHORT, _SOON = 64 * 1024, 0.1


def marks_wanted(task: Task, following: Task | None, now: datetime, *, answers_in: float) -> list[Mark]:
    """The marks that have to be committed before the dot of ``task`` may leave (docs/adr/0059); none when its own is on disk.

    ``following`` is chained behind it; ``answers_in`` is how long, in seconds, the server took for the dot before.
    """
    transaction = task.transaction
    assert transaction is not None
    transaction.dot_at = now
    mark = transaction.mark
    if mark is not None and mark.fresh():
        mark.attempt["dot_at"] = now
        return []
    marks = [_mark(task, transaction, now)]
    if following is not None and following.transaction is not None and answers_in <= _SOON and _sent_again(following):
        marks.append(_mark(following, following.transaction, now))
    return marks


def _sent_again(task: Task) -> bool:
    """True for a message to which a needless doubt does no harm.

    A worker that is killed between the two dots leaves a mark of a message that has not been sent. Where an uncertain
    message is sent once more by itself, that costs a line in the log; where a person decides, it would cost them a
    decision.
    """
    return (
        task.stream.on_uncertain == "retry_same"
        and len(task.raw) <= _SHORT
        and not any(item.was_uncertain for item in task.pending)
    )


def _mark(task: Task, transaction: Transaction, now: datetime) -> Mark:
    row = attempt_row(task, transaction)
    row["dot_at"] = now
    mark = transaction.mark = Mark(task.id, task.claimed.row.fence, row)
    return mark
