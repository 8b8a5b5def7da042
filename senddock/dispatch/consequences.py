"""What an outcome brings about besides itself, in its own transaction: a dead address is suppressed, webhooks are told."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import String, bindparam, cast, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once

from senddock.domain.status import Status
from senddock.models import Message, Suppression, WebhookEvent
from senddock.models.base import Uid, UtcDateTime
from senddock.models.prepared import Pen, Prepared

#: True when a webhook endpoint is enabled.
LISTENING = "EXISTS (SELECT 1 FROM webhook_endpoint WHERE disabled_at IS NULL)"
_NOTE = Prepared(insert(WebhookEvent), ["at", "kind", "delivery_id", "data"])
#: What a recipient's new state tells an application; a wait for a limit or for another provider tells nothing.
_TOLD = frozenset({Status.ACCEPTED, Status.FAILED, Status.EXPIRED, Status.UNCERTAIN, Status.SUPPRESSED})
_SUPPRESS = Prepared(
    insert_once(Suppression)
    .from_select(
        ["project_id", "address", "origin", "source_message_id", "note", "created_at"],
        select(
            Message.project_id,
            bindparam("s_address", type_=String()),
            bindparam("s_origin", type_=String()),
            cast(Message.id, String),
            bindparam("s_note", type_=String()),
            bindparam("s_at", type_=UtcDateTime()),
        ).where(Message.id == bindparam("s_message", type_=Uid)),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "address"])
    .returning(Suppression.id),
    [],
)


def follow_up(pen: Pen, message_id: str, changes: Sequence[Mapping[str, Any]], listening: bool) -> list[dict[str, Any]]:
    """Suppress dead addresses of one message; answers the events to note when somebody is ``listening``."""
    events: list[dict[str, Any]] = []
    for change in changes:
        at = change["v_finished_at"] or datetime.now(UTC)
        data = {"message_id": message_id, "recipient": change["recipient"]}
        if listening and _is_told(change):
            answer = {name: change[f"v_{name}"] for name in ("verdict_class", "code", "enhanced", "text")}
            events.append(_event(at, change["v_status"], {**data, **answer}))
        if change.get("suppress"):
            address = change["recipient"].lower()
            row = {"s_address": address, "s_origin": "bounce", "s_note": (change["v_text"] or "")[:500], "s_at": at}
            _SUPPRESS.many(pen, [{**row, "s_message": message_id}])
            if listening and pen.cursor.fetchone() is not None:
                events.append(_event(at, "suppression.added", {**data, "origin": "bounce", "address": address}))
    return events


def anybody_listens(pen: Pen) -> bool:
    """True when a webhook endpoint is enabled."""
    pen.cursor.execute(f"SELECT {LISTENING}")
    return bool(pen.cursor.fetchone()[0])


def note_all(pen: Pen, events: Sequence[Mapping[str, Any]]) -> None:
    """Write the events down for `senddock.dispatch.webhook_fanout`."""
    _NOTE.many(pen, events)


def _is_told(change: Mapping[str, Any]) -> bool:
    if change["v_status"] == Status.DEFERRED.value:
        return change["v_verdict_class"] is not None and change["v_tries"] <= 1
    return change["v_status"] in _TOLD


def _event(at: datetime, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"at": at, "kind": kind, "delivery_id": None, "data": data}
