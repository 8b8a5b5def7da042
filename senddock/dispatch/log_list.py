"""Lists of the log: messages by key, narrowed by what an operator asks for.

One page looks at `WALK` messages at most, however many there are and however few fit. The condition that an index answers
best leads through the log; the others are tried on each message it leads to. Where the page stopped looking before it was
full, the next one goes on (docs/adr/0056).
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, or_, select, true
from sqlalchemy.orm import Session

from senddock.domain.log_filter import LogFilter
from senddock.domain.message_id import first_id_of, is_id
from senddock.domain.verdict import VerdictClass
from senddock.models import Delivery, Message
from senddock.models.message import (
    CLASS_CONDITION,
    DELAYED_CONDITION,
    FALLBACK_CONDITION,
    RARE_CONDITION,
    RARE_STATES,
    SOFT_CONDITION,
)

#: Messages that one page looks at.
WALK = 10_000
_ACCEPTED = VerdictClass.ACCEPTED.value
#: Messages of one Message-ID that are found; more than one is a mistake of an application.
_SAME_ID = 100
#: Messages a live tail looks through again each second, at most, while none of them fits.
_TAIL = 500


class Line(NamedTuple):
    """A message as lists show it: a row of its columns costs a fifth of a `Message`."""

    id: str
    created_at: datetime
    stream_id: int
    via: str
    from_header: str | None
    to_header: str
    recipient_count: int
    subject: str
    state: str
    due_at: datetime | None
    finished_at: datetime | None
    attempts: int
    provider_id: int | None
    failed_over: bool
    last_class: str | None
    last_code: int | None
    reason: str | None


_LINES = select(*(getattr(Message, name) for name in Line._fields))
_NEWEST = select(Message.id).order_by(Message.id.desc()).limit(1)
_THESE = _LINES.where(Message.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, the newest first, and whether there are more on either side."""

    rows: Sequence[Line]
    older: str | None
    newer: str | None
    #: The page ended because it had looked at as many messages as it may; ``older`` goes on with the search.
    stopped: bool = False
    #: Messages it looked at, at most.
    looked: int = 0


@dataclass(frozen=True, slots=True)
class _Way:
    """How to go through the log: ids in order, the condition an index answers, and those tried on each message."""

    key: Any
    lead: ColumnElement[bool]
    others: Sequence[ColumnElement[bool]]
    #: The only messages there can be; then nothing has to be bounded.
    few: bool = False
    #: No index leads: all messages, as they came.
    in_order: bool = False

    @property
    def most(self) -> int:
        """Messages a page looks at. Away from their own order each is a look-up of its own: fewer fit into the time."""
        if self.key is not Message.id:
            return WALK // 4
        return WALK if self.in_order else WALK // 2

    def ids(self) -> Select[str]:
        """All that the index leads to."""
        return select(self.key).where(self.lead)

    def messages(self) -> Select[Any]:
        """Those of them that fit."""
        query = _LINES.where(self.lead, *self.others)
        return query.join(Delivery, Delivery.message_id == Message.id) if self.key is not Message.id else query


def page(
    session: Session, chosen: LogFilter, *, before: str | None = None, after: str | None = None, limit: int = 50
) -> Page:
    """One page: the messages before (older than) or after (newer than) an id, or the newest."""
    way = _way(session, chosen)
    if after is not None:
        return _after(session, way, _bounds(chosen, after=after), limit)
    low, high = _bounds(chosen, before=before)
    floor = None if way.few or not way.others else _nth(session, way, low, high, newest_first=True)
    rows = _rows(session, way, floor or low, high, limit, newest_first=True)
    more, rows = len(rows) > limit, rows[:limit]
    newer = (rows[0].id if rows else before) if before is not None else None
    if more:
        return Page(rows, rows[-1].id, newer)
    # The message at the floor has been looked at: the next page begins below it.
    return Page(rows, floor, newer, stopped=floor is not None, looked=way.most)


def _after(session: Session, way: _Way, bounds: tuple[str | None, str | None], limit: int) -> Page:
    low, high = bounds
    ceiling = None if way.few or not way.others else _nth(session, way, low, high, newest_first=False)
    rows = _rows(session, way, low, _following(ceiling) if ceiling else high, limit, newest_first=False)
    more, rows = len(rows) > limit, rows[:limit][::-1]
    if more:
        return Page(rows, rows[-1].id, rows[0].id)
    return Page(rows, rows[-1].id if rows else ceiling or low, ceiling)


def newer_than(session: Session, chosen: LogFilter, message_id: str, limit: int = 100) -> Sequence[Line]:
    """Messages that came after ``message_id``, the newest first; for the live tail."""
    way = _way(session, chosen)
    low, high = _bounds(chosen, after=message_id)
    floor = None if way.few or not way.others else _nth(session, way, low, high, newest_first=True)
    return _rows(session, way, floor or low, high, limit - 1, newest_first=True)


def newest_id(session: Session) -> str:
    """Where the live tail begins; empty while there is no message."""
    return session.connection().execute(_NEWEST).scalar() or ""


def moved_on(session: Session, message_id: str) -> bool:
    """True when so many messages came after this one that a tail should begin at a newer one."""
    if not is_id(message_id):
        return False
    query = select(Message.id).where(Message.id > message_id).order_by(Message.id).offset(_TAIL).limit(1)
    return session.scalar(query) is not None


def changed(session: Session, shown: Sequence[str]) -> Sequence[Line]:
    """Those of ``shown`` (``id:state:attempts``) that went on since they were shown."""
    known = {text.split(":")[0]: text for text in shown if text.count(":") == 2 and is_id(text.split(":")[0])}
    if not known:
        return []
    rows = map(Line._make, session.connection().execute(_THESE, {"ids": list(known)}))
    return [row for row in rows if known[row.id] != f"{row.id}:{row.state}:{row.attempts}"]


def named(session: Session, text: str, limit: int = 8) -> Sequence[Line]:
    """Messages by id, Message-ID or recipient: only what an index answers, because it is asked with every letter."""
    wanted = text.strip()
    chosen = LogFilter(text=wanted if wanted.startswith("<") else wanted.lower())
    if chosen.is_id or chosen.is_message_id or chosen.is_address:
        return page(session, chosen, limit=limit).rows
    return []


def _rows(
    session: Session, way: _Way, low: str | None, high: str | None, limit: int, *, newest_first: bool
) -> list[Line]:
    """One more than ``limit``, when there are."""
    query = way.messages().where(*_between(way.key, low, high))
    ordered = query.order_by(way.key.desc() if newest_first else way.key).limit(limit + 1)
    found = map(Line._make, session.connection().execute(ordered))
    return list({line.id: line for line in found}.values())


def _nth(session: Session, way: _Way, low: str | None, high: str | None, *, newest_first: bool) -> str | None:
    """The id at which a page has looked at `WALK` messages; ``None`` when there are not so many."""
    query = way.ids().where(*_between(way.key, low, high))
    ordered = query.order_by(way.key.desc() if newest_first else way.key)
    return session.connection().execute(ordered.offset(way.most).limit(1)).scalar()


def _between(key: Any, low: str | None, high: str | None) -> list[ColumnElement[bool]]:
    """``low`` belongs to it, ``high`` does not."""
    return [*([key >= low] if low is not None else []), *([key < high] if high is not None else [])]


def _bounds(chosen: LogFilter, *, before: str | None = None, after: str | None = None) -> tuple[str | None, str | None]:
    """The smallest id that may be shown, and the first that may not."""
    lows = [first_id_of(chosen.since)] if chosen.since is not None else []
    highs = [first_id_of(chosen.until)] if chosen.until is not None else []
    lows += [_following(after)] if after and is_id(after) else []
    highs += [before] if before and is_id(before) else []
    return max(lows, default=None), min(highs, default=None)


def _following(message_id: str) -> str:
    """The first id that can come after this one."""
    return str(uuid.UUID(int=min(uuid.UUID(message_id).int + 1, 2**128 - 1)))


def _way(session: Session, chosen: LogFilter) -> _Way:
    """Choose what leads: what is likely to lead to the fewest messages. All else is written so that no index takes it."""
    text = chosen.text or ""
    asked = [kind for kind, is_asked in _LEADS.items() if is_asked(chosen)]
    others = [*(_plain(chosen, kind) for kind in asked), *_others(chosen)]
    if chosen.is_address:
        return _Way(Delivery.message_id, Delivery.recipient == text, others)
    if chosen.is_id:
        return _Way(Message.id, Message.id == text.lower(), others, few=True)
    if chosen.is_message_id:
        same = select(Message.id).where(Message.header_message_id == text).limit(_SAME_ID)
        return _Way(Message.id, Message.id.in_(same), others, few=True)
    if text:
        others.append(_contains(session, text))
    if asked:
        return _Way(Message.id, _leading(chosen, asked[0]), others[1:])
    return _Way(Message.id, true(), others, in_order=True)


#: Conditions with an index of their own, the rarest first.
_LEADS: dict[str, Callable[[LogFilter], bool]] = {
    "state": lambda chosen: chosen.state in RARE_STATES,
    "verdict": lambda chosen: bool(chosen.verdict) and chosen.verdict != _ACCEPTED,
    "soft_bounce": lambda chosen: chosen.soft_bounce,
    "delayed": lambda chosen: chosen.delayed,
    "fallback": lambda chosen: chosen.fallback,
    "provider": lambda chosen: chosen.provider is not None,
}


def _leading(chosen: LogFilter, kind: str) -> Any:
    """The condition in the words that its index takes."""
    match kind:
        case "state":
            return and_(Message.state == chosen.state, RARE_CONDITION)
        case "verdict":
            return and_(Message.last_class == chosen.verdict, CLASS_CONDITION)
        case "provider":
            return Message.provider_id == chosen.provider
        case _:
            return {"soft_bounce": SOFT_CONDITION, "delayed": DELAYED_CONDITION, "fallback": FALLBACK_CONDITION}[kind]


def _plain(chosen: LogFilter, kind: str) -> ColumnElement[bool]:
    """The same condition in words that no index takes."""
    word, last = Message.state.concat(""), Message.last_class.concat("")
    match kind:
        case "state":
            return word == chosen.state
        case "verdict":
            return last == chosen.verdict
        case "soft_bounce":
            return last.in_(("recipient_transient", "greylisted"))
        case "delayed":
            return or_(word == "deferred", Message.rounds + 0 > 1)
        case "fallback":
            return case((Message.failed_over, 1), else_=0) == 1
        case _:
            return Message.provider_id + 0 == chosen.provider


def _others(chosen: LogFilter) -> Iterator[ColumnElement[bool]]:
    """Conditions that are always tried on each message: most messages fit, or an index would cost every message."""
    if chosen.state and chosen.state not in RARE_STATES:
        yield Message.state == chosen.state
    if chosen.verdict == _ACCEPTED:
        yield Message.last_class == chosen.verdict
    if chosen.stream is not None:
        yield Message.stream_id + 0 == chosen.stream
    if chosen.key is not None:
        yield Message.api_key_id == chosen.key


def _contains(session: Session, text: str) -> ColumnElement[bool]:
    columns = (Message.subject, Message.to_header, Message.from_header)
    if session.get_bind().dialect.name == "sqlite":
        # Its LIKE ignores the case of ASCII by itself; asked to lower both sides it needs twice the time.
        return or_(*(column.contains(text, autoescape=True) for column in columns))
    return or_(*(column.icontains(text, autoescape=True) for column in columns))
