"""What a refusal carries beside its message: why it came about most likely, what to do next, and where to read more."""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a refusal is about; the value is the anchor of its section in the guide to the API."""

    KEYS = "keys"
    SCOPES = "scopes"
    LIMITS = "rate-limits"
    IDEMPOTENCY = "idempotency"
    SENDER = "sender"
    RECIPIENTS = "recipients"
    CONTENT = "content"
    HEADERS = "headers"
    TAGS = "tags"
    ATTACHMENTS = "attachments"
    TIMES = "times"
    STREAMS = "streams"
    BATCH = "batches"
    LISTS = "lists"
    ADDRESSES = "addresses"
    JSON = "json"
    SIZE = "size"
    STATE = "state"
    STORAGE = "not-stored"
    DEFECT = "defects"


@dataclass(frozen=True, slots=True)
class Help:
    """``hint`` is why, most likely; ``guide`` is an address below ``/guides/``."""

    hint: str
    next_step: str
    guide: str


_T = Topic
_TEXTS: dict[Topic, tuple[str, str]] = {
    _T.KEYS: (
        "The key is missing, mistyped, revoked, expired, or not meant for the address you call from.",
        "Make a key under API Keys in the panel, or with `senddock key create`, and send it as `Authorization: Bearer sd_…`.",
    ),
    _T.SCOPES: (
        "Each key has a scope (sending or full), and may be tied to streams and From domains.",
        "Use a key that may do this, or make one under API Keys with full access.",
    ),
    _T.LIMITS: (
        "The key's limit is counted in seconds of the clock, over all processes and the SMTP door together.",
        "Wait for the seconds in `retry-after`, send up to 100 messages in one batch, or raise the key's limit.",
    ),
    _T.IDEMPOTENCY: (
        "A key stands for one request for 24 hours: the same body is answered as before, another body is refused.",
        "Use a key of 1 to 256 characters that belongs to one message, such as `order-4711-receipt`.",
    ),
    _T.SENDER: (
        "From is one address at a domain of your own, such as `Shop <shop@example.com>`.",
        "Correct `from`, leave it out to use the provider's own, or use a key that may send from this domain.",
    ),
    _T.RECIPIENTS: (
        "Addresses are `ana@example.org` or `Ana <ana@example.org>`, one text or a list, 50 in to, cc and bcc together.",
        "Correct the address that the message names, or spread the recipients over a batch.",
    ),
    _T.CONTENT: (
        "A message has a `subject` of one line, and `html`, `text` or both.",
        "Correct the member that `field` names.",
    ),
    _T.HEADERS: (
        "A line break would begin another header field, and fields that have a member of their own are made from it.",
        "Keep each value to one line, and use `from`, `to`, `subject`, `reply_to` and `attachments` for those fields.",
    ),
    _T.TAGS: (
        "A tag has a `name` and a `value` of ASCII letters, digits, underscores and hyphens, at most 256 each.",
        "Replace other characters before sending.",
    ),
    _T.ATTACHMENTS: (
        "An attachment has its bytes in `content`; or `path`, a public https address, where SENDDOCK_ATTACHMENT_URLS is on.",
        "Send the bytes as base64 in `content`: up to 40 MB for the whole message after encoding.",
    ),
    _T.TIMES: (
        "Times are ISO 8601 (UTC without a zone) or `in N seconds`, `minutes`, `hours`, `days`; at most 30 days ahead.",
        "Write it as 2027-08-05T11:52:01Z or `in 1 hour`.",
    ),
    _T.STREAMS: (
        "A stream belongs to the project of the key, and a key can be tied to some of them.",
        "Leave `stream` out for the key's own, or look at what there is with `GET /api/streams`.",
    ),
    _T.BATCH: (
        "A batch is a JSON list of 1 to 100 messages; `strict` takes all or none, `permissive` the good ones.",
        "Correct the message at `index`, or send the header `x-batch-validation: permissive`.",
    ),
    _T.LISTS: (
        "A page has 1 to 100 rows, the newest first; `after` and `before` are ids of messages, one of them at a time.",
        "Take the id of the last row as `after` for the next page.",
    ),
    _T.ADDRESSES: (
        "There is no such thing at this address, it belongs to another project, or it does not take this method.",
        "Compare it with `/api/docs`; the base address of SDKs ends with `/api`.",
    ),
    _T.JSON: (
        "Bodies are JSON in UTF-8, sent as `Content-Type: application/json` and not compressed.",
        "Let a JSON library write the body instead of putting texts together.",
    ),
    _T.SIZE: (
        "A list of octets takes five times the room of the bytes it stands for, base64 a third more.",
        "Send attachments as base64, or a link to the file instead of the file.",
    ),
    _T.STATE: (
        "Only what still waits can be changed or canceled: what a provider has taken cannot be called back.",
        "Look at `GET /api/emails/{id}` for where the message is.",
    ),
    _T.STORAGE: (
        "The disk is full or read-only, or the database is away. Nothing of this request was stored.",
        "Send the same request again after the seconds in `retry-after`; with an idempotency key it cannot be doubled.",
    ),
    _T.DEFECT: (
        "This is a defect of SendDock, not of your request.",
        "Look for `request_id` in the log, and send the request again with the same idempotency key.",
    ),
}
_BY_NAME = {
    "missing_api_key": _T.KEYS,
    "invalid_api_key": _T.KEYS,
    "restricted_api_key": _T.SCOPES,
    "rate_limit_exceeded": _T.LIMITS,
    "invalid_idempotency_key": _T.IDEMPOTENCY,
    "invalid_idempotent_request": _T.IDEMPOTENCY,
    "not_found": _T.ADDRESSES,
    "method_not_allowed": _T.ADDRESSES,
}
_BY_FIELD = {
    "from": _T.SENDER,
    **dict.fromkeys(("to", "cc", "bcc", "reply_to"), _T.RECIPIENTS),
    **dict.fromkeys(("subject", "html", "text", "template"), _T.CONTENT),
    "headers": _T.HEADERS,
    "tags": _T.TAGS,
    "attachments": _T.ATTACHMENTS,
    **dict.fromkeys(("scheduled_at", "expires_at"), _T.TIMES),
    **dict.fromkeys(("stream", "name", "kind", "routes", "provider_id", "priority", "weight"), _T.STREAMS),
    "x-batch-validation": _T.BATCH,
    **dict.fromkeys(("limit", "after", "before"), _T.LISTS),
}
_BY_STATUS = {400: _T.JSON, 403: _T.SCOPES, 413: _T.SIZE, 415: _T.JSON, 500: _T.DEFECT, 503: _T.STORAGE}


def topic_of(status: int, name: str, field: str | None) -> Topic | None:
    """What a refusal is about, by what it says; the field goes first: it is nearest to the cause."""
    return _BY_FIELD.get(field or "") or _BY_NAME.get(name) or _BY_STATUS.get(status)


def help_about(topic: Topic) -> Help:
    """The texts."""
    hint, next_step = _TEXTS[topic]
    return Help(hint, next_step, f"http-api#{topic.value}")
