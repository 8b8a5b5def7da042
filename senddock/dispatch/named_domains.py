"""Which recipient domains statistics count by name: the well-known ones, and the busiest of this installation.

The list is made once an hour from the newest deliveries, so that the question costs the same in a large log, and holds a
hundred names at most: it bounds the statistics' rows whatever addresses the world sends to.
"""

import json
from datetime import datetime

from sqlalchemy import Connection, select

from senddock.dispatch.version import announce
from senddock.domain.mailbox import busiest
from senddock.models import Database, Delivery, Setting

_KEY = "statistics_domains"
#: Deliveries looked at.
_SAMPLE = 20_000


def named_domains(connection: Connection) -> frozenset[str]:
    """The list as it is now."""
    text = connection.execute(select(Setting.value).where(Setting.key == _KEY)).scalar()
    return frozenset(json.loads(text)) if text else frozenset()


def name_domains(database: Database, now: datetime) -> frozenset[str]:
    """Bring the list up to date; workers learn of it like of any other change."""
    with database.connect() as connection:
        known = named_domains(connection)
        newest = connection.execute(select(Delivery.recipient).order_by(Delivery.id.desc()).limit(_SAMPLE)).scalars()
        wanted = busiest((recipient.rpartition("@")[2] for recipient in newest), known)
    if wanted != known:
        with database.write() as session:
            session.merge(Setting(key=_KEY, value=json.dumps(sorted(wanted)), updated_at=now))
            announce(session, now)
    return wanted
