"""The version of the configuration: workers look at it each second and load the configuration again when it has grown."""

from datetime import datetime

from sqlalchemy.orm import Session

from senddock.models import Setting

#: Key of the setting that grows with every change to providers, routes or streams.
VERSION_KEY = "providers_version"


def announce(session: Session, now: datetime) -> None:
    """Note a change in the transaction that makes it."""
    session.flush()
    row = session.get(Setting, VERSION_KEY)
    if row is None:
        session.add(Setting(key=VERSION_KEY, value="1", updated_at=now))
    else:
        row.value, row.updated_at = str(int(row.value) + 1), now
