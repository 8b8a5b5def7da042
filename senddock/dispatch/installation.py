"""Facts about this installation for a person who has to look after it: database, Redis, processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from sqlalchemy import func, select, text

from senddock.models import Database, Worker

if TYPE_CHECKING:
    from redis import Redis

#: A worker that has not been heard of for this long is shown no more.
_SHOWN = timedelta(hours=1)
#: Seconds after which a heartbeat is late; see `senddock.dispatch.engine.LEASE`.
_LATE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Process:
    """One worker."""

    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """``redis`` and ``database_bytes`` are ``None`` when they could not be found out."""

    database: str
    database_bytes: int | None
    redis: str | None
    workers: Sequence[Process]


def facts(database: Database, redis: "Redis", now: datetime) -> Facts:
    """Look everything up; a Redis that does not answer is a fact too."""
    with database.read() as session:
        rows = session.scalars(
            select(Worker).where(Worker.stopped_at.is_(None), Worker.heartbeat_at > now - _SHOWN).order_by(Worker.id)
        ).all()
        if database.is_sqlite:
            name = f"SQLite {session.scalar(text('SELECT sqlite_version()'))}"
            file = Path(database.engine.url.database or "")
            size = file.stat().st_size if file.is_file() else None
        else:
            name = f"PostgreSQL {session.scalar(text('SHOW server_version'))}"
            size = session.scalar(select(func.pg_database_size(func.current_database())))
    return Facts(
        database=name,
        database_bytes=size,
        redis=_redis_version(redis),
        workers=[
            Process(row.host, row.pid, row.started_at, row.heartbeat_at, now - row.heartbeat_at > _LATE) for row in rows
        ],
    )


def _redis_version(redis: "Redis") -> str | None:
    try:
        found = redis.info("server")
    except RedisError:
        return None
    return f"Redis {found['redis_version']}"
