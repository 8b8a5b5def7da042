"""`/api/openapi.json` (OpenAPI 3.1), made from the types that read requests and write answers."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from senddock import __version__
from senddock.api import answers, schemas

_REF = "#/components/schemas/{name}"
_UUID = {"type": "string", "format": "uuid"}
_ID = {"name": "message_id", "in": "path", "required": True, "schema": _UUID, "description": "The id of the message."}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": msgspec.json.schema(schemas.StreamName),
    "description": "Name of the stream.",
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]+$"},
    "description": "The same key with the same request within 24 hours is answered as before, and sends nothing again.",
}
_STREAM = {
    "name": "X-SendDock-Stream",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[!-~]*$"},
    "description": "Name of the stream; empty is as if it were not there.",
}
_VALIDATION = {
    "name": "x-batch-validation",
    "in": "header",
    "schema": {"type": "string", "enum": ["strict", "permissive"], "default": "strict"},
    "description": "`strict` takes all or none; `permissive` takes the good ones and names the others in `errors`.",
}
_PAGING = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
    {"name": "after", "in": "query", "schema": _UUID, "description": "Older than this message."},
    {"name": "before", "in": "query", "schema": _UUID, "description": "Newer than this message."},
]
_ERRORS = {
    "400": "The body is not JSON, or the idempotency key is none.",
    "401": "No API key, or one that may only send.",
    "403": "The API key is unknown, revoked, expired, or not meant for this sender, stream or network.",
    "404": "There is no such message or stream.",
    "409": "The idempotency key was used for another request.",
    "413": "The request is too large.",
    "415": "The body is not JSON by its content type.",
    "422": "A member cannot be used; `field` names it.",
    "429": "More requests a second than the key may make; `retry-after` says when to go on.",
    "500": "A defect here; `request_id` finds it in the log.",
    "503": "The database takes no writes just now; nothing was stored.",
}
_LIMITS = {
    "ratelimit-limit": "Requests the key may make in a second.",
    "ratelimit-remaining": "Requests left in this second.",
    "ratelimit-reset": "Seconds until the next.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One address with one method."""

    method: str
    path: str
    name: str
    summary: str
    answer: type
    body: Any = None
    parameters: list[dict[str, Any]] = field(default_factory=list)
    errors: tuple[str, ...] = ("401", "403", "429", "500")


_READ = ("401", "403", "404", "422", "429", "500")
_WRITE = ("400", "401", "403", "404", "413", "415", "422", "429", "500", "503")
OPERATIONS = [
    Operation(
        "post",
        "/emails",
        "sendEmail",
        "Send a message",
        answers.Sent,
        schemas.SendEmail,
        [_IDEMPOTENCY, _STREAM],
        (*_WRITE, "409"),
    ),
    Operation(
        "post",
        "/emails/batch",
        "sendBatch",
        "Send 1 to 100 messages in one transaction",
        answers.SentBatch,
        list[schemas.SendEmail],
        [_IDEMPOTENCY, _STREAM, _VALIDATION],
        (*_WRITE, "409"),
    ),
    Operation(
        "get", "/emails", "listEmails", "List messages, the newest first", answers.EmailList, None, _PAGING, _READ
    ),
    Operation("get", "/emails/{message_id}", "getEmail", "One message", answers.Email, None, [_ID], _READ),
    Operation(
        "patch",
        "/emails/{message_id}",
        "rescheduleEmail",
        "Another time for a scheduled message",
        answers.Touched,
        schemas.Reschedule,
        [_ID],
        _WRITE,
    ),
    Operation(
        "post",
        "/emails/{message_id}/cancel",
        "cancelEmail",
        "Take a waiting message out of the queue",
        answers.Touched,
        None,
        [_ID],
        (*_READ, "503"),
    ),
    Operation(
        "get",
        "/emails/{message_id}/attempts",
        "listAttempts",
        "Every attempt with its stage, verdict and reply",
        answers.AttemptList,
        None,
        [_ID],
        _READ,
    ),
    Operation("get", "/streams", "listStreams", "The streams of the key's project", answers.StreamList, errors=_READ),
    Operation(
        "put",
        "/streams/{name}",
        "putStream",
        "Make a stream of this name, or change its kind",
        answers.Stream,
        schemas.PutStream,
        [_NAME],
        _WRITE,
    ),
    Operation(
        "get",
        "/streams/{name}/routes",
        "getRoutes",
        "The order of providers a stream uses",
        answers.Routes,
        None,
        [_NAME],
        _READ,
    ),
    Operation(
        "put",
        "/streams/{name}/routes",
        "putRoutes",
        "Replace the order; an empty list returns to the standard one",
        answers.Routes,
        schemas.PutRoutes,
        [_NAME],
        _WRITE,
    ),
]


_BODIES = (schemas.SendEmail, schemas.Reschedule, schemas.PutStream, schemas.PutRoutes)


def document(server: str, *, fetching: bool) -> dict[str, Any]:
    """The whole description; ``server`` is the address of the API, ``fetching`` whether attachments may have a path."""
    types = [*_BODIES, answers.ErrorBody, *(row.answer for row in OPERATIONS)]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    components["SendEmail"] |= schemas.NEEDS_A_BODY
    attachment = components["AttachmentBody"]
    attachment["anyOf"] = [schemas.NEEDS_CONTENT, schemas.NEEDS_PATH] if fetching else [schemas.NEEDS_CONTENT]
    if not fetching:
        del attachment["properties"]["path"]
    paths: dict[str, dict[str, Any]] = {}
    for row in OPERATIONS:
        paths.setdefault(row.path, {})[row.method] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SendDock",
            "version": __version__,
            "description": "Accepts mail, stores it, and sends it through your own SMTP accounts. The shape is Resend's: "
            "their SDKs work with this server's address as base URL.",
        },
        "servers": [{"url": server}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "A key made under API Keys."}
            },
        },
    }


def _operation(row: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": row.name, "summary": row.summary, "tags": [row.path.split("/")[1]]}
    if row.parameters:
        found["parameters"] = row.parameters
    if row.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _body(row.body)}}}
    found["responses"] = {
        "200": {
            "description": (row.answer.__doc__ or "").partition("\n")[0],
            "headers": {name: {"description": text, "schema": {"type": "integer"}} for name, text in _LIMITS.items()},
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=row.answer.__name__)}}},
        },
        **{code: _error(code) for code in sorted(row.errors)},
    }
    return found


def _body(body: Any) -> dict[str, Any]:
    if body in _BODIES:
        return {"$ref": _REF.format(name=body.__name__)}
    one = {"$ref": _REF.format(name="SendEmail")}
    return {"type": "array", "items": one, "minItems": 1, "maxItems": 100}


def _error(code: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="ErrorBody")}
    return {"description": _ERRORS[code], "content": {"application/json": {"schema": schema}}}
