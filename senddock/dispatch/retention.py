"""How long messages are kept, as the operator chose; nothing is let go before a person has chosen."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from senddock.dispatch.pruning import Age, prune
from senddock.dispatch.refusals import RefusedFields
from senddock.dispatch.stored_settings import store, stored
from senddock.models import Database

log = logging.getLogger(__name__)

_KEY = "retention"
_MOST_DAYS = 3650
#: Messages let go in one go of the clock, so that it never keeps due mail waiting.
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after their end for which messages are kept; ``None`` keeps them for ever."""

    #: Those that were accepted, canceled or suppressed.
    good_days: int | None = None
    #: Those that failed, expired or are uncertain: kept longer, because questions about them come late.
    bad_days: int | None = None


def retention(database: Database) -> Retention:
    """What is chosen."""
    with database.read() as session:
        text = stored(session, _KEY)
    return Retention(**json.loads(text)) if text else Retention()


def choose(database: Database, good_days: int | None, bad_days: int | None, now: datetime) -> None:
    """Keep messages this long from now on. Raises `RefusedFields`."""
    errors = {
        name: f"Write a number of days from 1 to {_MOST_DAYS}, or nothing to keep them for ever."
        for name, days in (("good_days", good_days), ("bad_days", bad_days))
        if days is not None and not 1 <= days <= _MOST_DAYS
    }
    if not errors and bad_days is not None and (good_days is None or good_days > bad_days):
        errors["bad_days"] = "What failed is kept at least as long as what was accepted."
    if errors:
        raise RefusedFields(errors)
    with database.write() as session:
        store(session, _KEY, json.dumps(asdict(Retention(good_days, bad_days))), now)


def carry_out(database: Database, now: datetime) -> int:
    """Let go of what is older than the choice; answers how many messages that were."""
    chosen = retention(database)
    if chosen.good_days is None:
        return 0
    never = now - timedelta(days=_MOST_DAYS * 10)
    bad = now - timedelta(days=chosen.bad_days) if chosen.bad_days is not None else never
    gone = 0
    for number in prune(database, Age(good=now - timedelta(days=chosen.good_days), bad=bad), now):
        gone += number
        if gone >= _AT_ONCE:
            break
    if gone:
        log.info("let go of %d messages that were older than the chosen time", gone)
    return gone
