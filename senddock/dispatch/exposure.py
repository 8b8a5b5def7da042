"""Counting for experiments, in the transaction of the outcome: each recipient once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from senddock.dispatch.sums import add_sums, adding
from senddock.domain.latency import bucket_of
from senddock.models import ExperimentRecipient, ExperimentResult
from senddock.models.prepared import Pen, Prepared

_SEEN = ["experiment_id", "recipient_hash", "provider_id", "mailbox"]
_SEE = Prepared(
    insert(ExperimentRecipient).on_conflict_do_nothing().returning(ExperimentRecipient.experiment_id), _SEEN
)
_RESULTS = adding(ExperimentResult, "recipients")


@dataclass(frozen=True, slots=True)
class Exposure:
    """A recipient that takes part: the arm it was assigned to, and the outcome of its first attempt."""

    experiment_id: int
    recipient_hash: int
    provider_id: int
    mailbox: str
    outcome: str
    duration_ms: float


def count_exposures(pen: Pen, exposures: Iterable[Exposure]) -> None:
    """Note the recipients, and add those that were not noted before to the results."""
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    # Sorted like everything two writers may touch.
    for item in sorted(exposures, key=lambda one: (one.experiment_id, one.recipient_hash)):
        _SEE.many(pen, [{name: getattr(item, name) for name in _SEEN}])
        # Asked for and not counted: how many rows a statement changed is not known while it is on its way.
        if pen.cursor.fetchone() is not None:
            bucket = bucket_of(item.duration_ms) if item.outcome == "accepted" else 0
            sums[item.experiment_id, item.provider_id, item.mailbox, item.outcome, bucket] += 1
    add_sums(pen, _RESULTS, {key: (number,) for key, number in sums.items()})
