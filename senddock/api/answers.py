"""Answers: the types they are written from, and from which `/api/openapi.json` is made."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from flask import Response
from msgspec import Meta, Struct, field

from senddock.api.schemas import StreamKind, Tag

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Moment = Annotated[str, Meta(description="ISO 8601, UTC.", extra_json_schema={"format": "date-time"})]
LastEvent = Literal[
    "queued",
    "scheduled",
    "sent",
    "delivered",
    "delivery_delayed",
    "bounced",
    "complained",
    "opened",
    "clicked",
    "failed",
    "canceled",
    "suppressed",
]


class Remark(Struct):
    """Something that was accepted and should be better; ``guide`` is the address where more is said."""

    name: str
    message: str
    guide: str


class Sent(Struct, omit_defaults=True):
    """The message is on disk."""

    id: Uuid
    warnings: Annotated[
        list[Remark],
        Meta(description="What receivers will not like, or what keeps it waiting; absent when there is none."),
    ] = []


class BatchError(Struct):
    """Why one message of a permissive batch was not taken."""

    index: int
    message: str


class SentBatch(Struct, omit_defaults=True):
    """The ids, in the order of the messages taken; ``errors`` in permissive batches only."""

    data: list[Sent]
    errors: list[BatchError] | msgspec.UnsetType = msgspec.UNSET


class Touched(Struct):
    """The message that was changed."""

    id: Uuid
    object: Literal["email"] = "email"


class EmailRow(Struct):
    """A message without its content."""

    id: Uuid
    message_id: str
    from_: str | None = field(name="from")
    to: list[str]
    cc: list[str] | None
    bcc: list[str] | None
    reply_to: list[str] | None
    subject: str
    created_at: Moment
    scheduled_at: Moment | None
    last_event: LastEvent


class EmailList(Struct):
    """A page, the newest first."""

    has_more: bool
    data: list[EmailRow]
    object: Literal["list"] = "list"


class ReplyHelp(Struct):
    """What a refusal by a provider means: what happened, why most likely, what to do, and where more is said."""

    title: str
    happened: str
    why: str
    next_step: str
    guide: str


class DeliveryBody(Struct):
    """One recipient's state; ``help`` when its last attempt was not accepted."""

    recipient: str
    status: str
    reply: str | None
    class_: str | None = field(name="class")
    next_attempt_at: str | None
    help: ReplyHelp | None = None


class Email(EmailRow, kw_only=True):
    """A message with its content; ``html`` and ``text`` are null once the content has been pruned."""

    html: str | None
    text: str | None
    tags: list[Tag]
    stream: str
    deliveries: list[DeliveryBody]
    expires_at: Moment | None
    topic_id: None = None
    object: Literal["email"] = "email"


class AttemptList(Struct):
    """Every attempt with its stage, verdict and reply."""

    data: list[dict[str, Any]]
    object: Literal["list"] = "list"


class Stream(Struct):
    """A stream of the key's project."""

    id: int
    name: str
    kind: StreamKind
    created_at: Moment
    object: Literal["stream"] = "stream"


class StreamList(Struct):
    """Every stream that the key may use."""

    data: list[Stream]
    object: Literal["list"] = "list"


class RouteRow(Struct):
    """A provider's place in the order."""

    provider_id: int
    provider: str
    priority: int
    weight: int
    enabled: bool


class Routes(Struct):
    """The order of providers; ``own`` is false for the standard one, ``preview`` says it in one line."""

    stream: str
    own: bool
    preview: str
    data: list[RouteRow]
    object: Literal["routes"] = "routes"


class ErrorBody(Struct):
    """Every refusal and failure has this flat form; further members may follow."""

    statusCode: int  # noqa: N815 - the SDKs' name
    name: str
    message: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET
    hint: Annotated[str, Meta(description="Why it came about, most likely.")] | msgspec.UnsetType = msgspec.UNSET
    next_step: Annotated[str, Meta(description="What to do about it.")] | msgspec.UnsetType = msgspec.UNSET
    guide: Annotated[str, Meta(description="Address where more is said.")] | msgspec.UnsetType = msgspec.UNSET
    request_id: str | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Reply:
    """JSON over the wire, before it is anybody's response object."""

    body: bytes
    status: int = 200
    headers: list[tuple[str, str]] = dataclass_field(default_factory=list)

    def response(self) -> Response:
        """For Flask."""
        return Response(self.body, self.status, self.headers, mimetype="application/json")


def reply(body: Any) -> Reply:
    """200 with one of the types above."""
    return Reply(_encoder.encode(body))


def answer(body: Any) -> Response:
    """The same for Flask."""
    return reply(body).response()


def iso(moment: datetime) -> str:
    """As the SDKs' examples write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
