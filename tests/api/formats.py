"""What JSON Schema cannot say of the API's requests, said to schemathesis."""

from typing import Any

import schemathesis
from hypothesis import strategies as st

#: A few of each kind: drawing letter by letter takes a minute where an edge of the length cannot be met.
_ADDRESSES = [
    "a@b.example",
    "Ana <ana@example.org>",
    '"Doe, Jane" <jane.doe+x@mail.example>',
    "jörg@müller.example",
    "<o'k@x.example>",
]
schemathesis.openapi.format("mailbox", st.sampled_from(_ADDRESSES))
schemathesis.openapi.format("send-time", st.sampled_from(["in 5 minutes", "in an hour", "in 2 days", "in 3 h"]))
schemathesis.openapi.format("expiry-time", st.sampled_from(["in 20 days", "in 600 h"]))


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """28.0 is an integer for JSON Schema; octets are written 28."""
    return _whole(body)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


_MAILBOXES = ("to", "cc", "bcc", "from", "reply_to", "replyTo")
_TIMES = ("scheduled_at", "scheduledAt", "expires_at", "expiresAt")


def kept(body: Any) -> bool:
    """True when strings in formats of our own are in them: schemathesis also tries words that it has seen elsewhere."""
    if isinstance(body, list):
        return all(kept(item) for item in body)
    if not isinstance(body, dict):
        return True
    return all("@" in text for name in _MAILBOXES for text in _texts(body.get(name))) and all(
        text.startswith("in ") for name in _TIMES for text in _texts(body.get(name))
    )


def possible(case: Any) -> bool:
    """True when a case keeps what JSON Schema cannot say: 50 recipients in three members together, one cursor of two."""
    query = case.query or {}
    if query.get("after") and query.get("before"):
        return False
    bodies = case.body if isinstance(case.body, list) else [case.body]
    return all(
        sum(len(_texts(body.get(name))) for name in ("to", "cc", "bcc")) <= 50
        for body in bodies
        if isinstance(body, dict)
    )


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []
