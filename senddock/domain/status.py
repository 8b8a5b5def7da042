"""The states of a delivery and how the states of several recipients add up to one for the message."""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """State of one delivery (one message to one recipient); a message shows one of the same words."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    #: The outcome is not known: the final dot was sent and no reply came. Never handed to another provider by itself.
    UNCERTAIN = "uncertain"
    #: The provider took responsibility with a 2xx reply. It is not the same as delivered.
    ACCEPTED = "accepted"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPPRESSED = "suppressed"


#: Waiting for the engine: the engine will act on these by itself.
PENDING = frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.DEFERRED})
#: Nothing more happens unless a person or new evidence asks for it.
FINAL = frozenset(
    {Status.ACCEPTED, Status.FAILED, Status.EXPIRED, Status.CANCELED, Status.SUPPRESSED, Status.UNCERTAIN}
)

# The message shows the state that needs the most attention first; recipients are told apart on its page.
_PRECEDENCE = (
    Status.SENDING,
    Status.QUEUED,
    Status.SCHEDULED,
    Status.DEFERRED,
    Status.UNCERTAIN,
    Status.FAILED,
    Status.EXPIRED,
    Status.ACCEPTED,
    Status.CANCELED,
    Status.SUPPRESSED,
)


def summarise(statuses: Iterable[Status]) -> Status:
    """The one state a message shows for its recipients' states.

    Raises ``ValueError`` when there is no recipient: an envelope without recipients cannot exist.
    """
    present = set(statuses)
    for status in _PRECEDENCE:
        if status in present:
            return status
    raise ValueError("a message has at least one recipient")


#: Evidence that came after acceptance outranks the state; names are those of the API's ``last_event``.
LAST_EVENT = {
    Status.SCHEDULED: "scheduled",
    Status.QUEUED: "queued",
    Status.SENDING: "queued",
    Status.DEFERRED: "delivery_delayed",
    Status.UNCERTAIN: "delivery_delayed",
    Status.ACCEPTED: "sent",
    Status.FAILED: "failed",
    Status.EXPIRED: "failed",
    Status.CANCELED: "canceled",
    Status.SUPPRESSED: "suppressed",
}
