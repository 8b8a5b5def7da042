"""How much of a stream's mail its limits let out just now: what is claimed beyond it would only be put back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from senddock.dispatch.pace import PLENTY, Exhausted, Pace
from senddock.dispatch.roster import StreamView
from senddock.domain.routing import Candidate
from senddock.models import Provider

#: Seconds for which mail stays in the queue unclaimed when only a limit holds it back.
_SOON = 30.0


def room_for(
    stream: StreamView,
    candidates: Sequence[Candidate],
    providers: Mapping[int, Provider],
    pace: Pace,
    now: datetime,
) -> int | datetime:
    """A number of messages, or when there is room again.

    Without a provider, or with a long wait, messages are claimed all the same, so that each says what it waits for.
    """
    room, soonest = 0, None
    for candidate in candidates:
        if not candidate.enabled or candidate.closed_why is not None:
            continue
        until = candidate.limited_until
        if until is None or until <= now:
            left = pace.room(providers[candidate.provider_id], transactional=stream.rank == 0, now=now)
            if not isinstance(left, Exhausted):
                room += left
                continue
            until = now + timedelta(seconds=left.seconds)
        soonest = min(until, soonest or until)
    if room == 0 and soonest is not None and (soonest - now).total_seconds() <= _SOON:
        return soonest
    return room or PLENTY
