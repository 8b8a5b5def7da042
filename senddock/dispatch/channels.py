"""Channels: the stream a submission goes to, by name or by what its key says."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from senddock.dispatch.caller import Caller
from senddock.dispatch.refusals import Refused
from senddock.models import Database, Stream

#: Seconds a caller's channel is remembered: each submission asks for one.
_REMEMBERED = 5.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a submission comes from and goes to."""

    project_id: int
    stream_id: int
    via: str
    api_key_id: int | None = None
    #: ``transactional`` or ``marketing``.
    kind: str = "transactional"


def channel_of(
    database: Database, *, via: str, project_id: int | None, stream: str | None, api_key_id: int | None = None
) -> Channel:
    """The stream a submission goes to: by name, or the project's transactional one. Raises `Refused`."""
    chosen = _chosen(_streams(database, project_id), stream)
    return Channel(chosen.project_id, chosen.id, via, api_key_id, chosen.kind)


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a project as they were a moment ago: choosing among them asks no database."""

    rows: Sequence[Stream]

    @classmethod
    def of(cls, database: Database, project_id: int) -> "Streams":
        """Read them."""
        return cls(_streams(database, project_id))

    def named(self, name: str) -> bool:
        """True when there is a stream of that name."""
        return any(row.name == name for row in self.rows)

    def channel(self, who: Caller, wanted: str | None, via: str) -> Channel:
        """The named stream, or the key's own, or the project's first. Raises `Refused`, and `NotAllowed` by the key."""
        chosen = None
        if wanted is None and who.stream_ids:
            chosen = next((row for row in self.rows if row.id == who.stream_ids[0]), None)
        chosen = chosen or _chosen(self.rows, wanted)
        who.check_stream(chosen.id, chosen.name)
        return Channel(chosen.project_id, chosen.id, via, who.key_id, chosen.kind)


class Channels:
    """Channels of callers with a key; one for each door, safe to call from many threads."""

    def __init__(self, database: Database, via: str) -> None:
        self._database = database
        self._via = via
        self._known: dict[tuple[Any, ...], tuple[float, Channel]] = {}

    def of(self, who: Caller, wanted: str | None) -> Channel:
        """The named stream, or the key's own, or the project's first. Raises `Refused`, and `NotAllowed` by the key."""
        key = (who.key_id, who.stream_ids, wanted)
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < _REMEMBERED:
            return known[1]
        channel = Streams.of(self._database, who.project_id).channel(who, wanted, self._via)
        if len(self._known) > 10_000:
            # Names of streams come from outside; guesses must not grow the memory.
            self._known.clear()
        self._known[key] = (time.monotonic(), channel)
        return channel


def _streams(database: Database, project_id: int | None) -> Sequence[Stream]:
    with database.read() as session:
        query = select(Stream).order_by(Stream.id)
        if project_id is not None:
            query = query.where(Stream.project_id == project_id)
        return session.scalars(query).all()


def _chosen(streams: Sequence[Stream], wanted: str | None) -> Stream:
    if wanted:
        named = next((row for row in streams if row.name == wanted), None)
        if named is None:
            names = ", ".join(sorted(row.name for row in streams))
            raise Refused(f"There is no stream {wanted!r}; there are: {names}.", field="stream", code="not_found")
        return named
    chosen = next((row for row in streams if row.kind == "transactional"), streams[0] if streams else None)
    if chosen is None:
        raise Refused("The project has no stream: add one with `senddock stream add`.", field="stream")
    return chosen
