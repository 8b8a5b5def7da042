"""Values that the operator sets in the panel, and that the house keeps for itself, by name."""

from datetime import datetime

from sqlalchemy.orm import Session

from senddock.models import Setting


def stored(session: Session, key: str) -> str | None:
    """The value of ``key``; ``None`` when it was never set."""
    row = session.get(Setting, key)
    return row.value if row else None


def store(session: Session, key: str, value: str, now: datetime) -> None:
    """Set ``key`` in the transaction of ``session``."""
    row = session.get(Setting, key)
    if row is None:
        session.add(Setting(key=key, value=value, updated_at=now))
    else:
        row.value, row.updated_at = value, now
