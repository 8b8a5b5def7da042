"""Bodies of requests: the types that read them, and from which `/api/openapi.json` is made.

Reading is strict in what a value is and lenient in what is there besides: unknown members are ignored, as the SDKs of
several years send several of them.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Octet = Annotated[int, Meta(ge=0, le=255)]
Octets = list[Octet]
Line = Annotated[str, Meta(pattern=r"^[^\r\n\x00]*$")]
Mailbox = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=1000,
        description="`ana@example.org` or `Ana <ana@example.org>`",
        extra_json_schema={"format": "mailbox"},
    ),
]
Mailboxes = Annotated[list[Mailbox], Meta(max_length=50)]
Recipients = Annotated[list[Mailbox], Meta(min_length=1, max_length=50)]
_TIME = "ISO 8601 (UTC when it names no zone), or `in N seconds|minutes|hours|days`; at most 30 days ahead."
SendTime = Annotated[
    str, Meta(min_length=4, max_length=64, description=_TIME, extra_json_schema={"format": "send-time"})
]
Expiry = Annotated[
    str, Meta(min_length=4, max_length=64, description=_TIME, extra_json_schema={"format": "expiry-time"})
]
HeaderName = Annotated[str, Meta(pattern=r"^[!-9;-~]{1,76}$")]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]
#: Python's `$` also stands before a line break at the end, which is none of these letters.
_END = r"$(?!\n)"
TagName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-]{1,256}" + _END)]
TagValue = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-]{0,256}" + _END)]
Base64 = Annotated[str, Meta(description="Base64.", extra_json_schema={"format": "byte", "contentEncoding": "base64"})]
Filename = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,255}$")]
ContentId = Annotated[str, Meta(pattern=r"^[!-;=?-~]{0,128}$")]
ContentType = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9!#$&^_.+\-]+/[A-Za-z0-9!#$&^_.+\-]+( *;[ -~]*)?$", examples=["image/png"])
]


class Tag(Struct):
    """A mark of your own."""

    name: TagName
    value: TagValue = ""


class NodeBuffer(Struct, tag_field="type", tag="Buffer"):
    """What ``JSON.stringify`` makes of Node's Buffer."""

    data: Octets


class AttachmentBody(Struct):
    """A file that travels along; its bytes stand in ``content``."""

    content: Annotated[
        Base64 | Octets | NodeBuffer | None,
        Meta(description="The bytes: base64, a list of octets, or Node's Buffer as JSON."),
    ] = None
    path: Annotated[
        str | None,
        Meta(description="An https address to fetch the file from."),
    ] = None
    filename: Filename | bool | None = None
    content_type: ContentType | None = None
    content_id: Annotated[ContentId | None, Meta(description='Shown by the HTML as `<img src="cid:…">`.')] = None
    inline_content_id: Annotated[ContentId | None, Meta(description="Older name of `content_id`.")] = None
    camel_type: ContentType | None = field(default=None, name="contentType")
    camel_id: ContentId | None = field(default=None, name="contentId")


class SendEmail(Struct):
    """One message."""

    to: Mailbox | Recipients
    subject: Line
    from_: Annotated[Mailbox | None, Meta(description="Left out, the From address of the chosen provider is used.")] = (
        field(default=None, name="from")
    )
    cc: Mailbox | Mailboxes | None = None
    bcc: Mailbox | Mailboxes | None = None
    reply_to: Mailbox | Mailboxes | None = None
    html: Text | None = None
    text: Annotated[
        Text | None, Meta(description='Left out, it is made from `html`; `""` sends the message without a text part.')
    ] = None
    headers: Annotated[
        dict[HeaderName, Line] | None,
        Meta(description="Header fields of your own; those with a member here are refused."),
    ] = None
    tags: list[Tag] | None = None
    attachments: list[AttachmentBody] | None = None
    scheduled_at: SendTime | None = None
    expires_at: Annotated[
        Expiry | None,
        Meta(description="After this moment the message is not sent any more, such as a one-time password."),
    ] = None
    stream: Annotated[str | None, Meta(description="Name of the stream; the header X-SendDock-Stream goes first.")] = (
        None
    )
    template: Annotated[None, Meta(description="Not supported: send `html` or `text`.")] = None
    camel_reply_to: Mailbox | Mailboxes | None = field(default=None, name="replyTo")
    camel_scheduled_at: SendTime | None = field(default=None, name="scheduledAt")
    camel_expires_at: Expiry | None = field(default=None, name="expiresAt")


class Reschedule(Struct):
    """Another time for a scheduled message."""

    scheduled_at: SendTime


StreamName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}" + _END)]
StreamKind = Literal["transactional", "marketing"]
Place = Annotated[int, Meta(ge=1, le=1000)]


class PutStream(Struct):
    """What a stream is for."""

    kind: StreamKind


class RouteBody(Struct):
    """A provider's place in the order of a stream."""

    provider_id: Annotated[int, Meta(ge=1, le=2**53)]
    priority: Annotated[Place, Meta(description="1 goes first; providers of one priority share the mail.")]
    weight: Annotated[Place, Meta(description="The share among providers of one priority.")] = 100


class PutRoutes(Struct):
    """The whole order; an empty list returns to the standard one."""

    routes: list[RouteBody]


#: Said of `SendEmail` and `AttachmentBody` beyond their members: what types cannot say.
NEEDS_A_BODY: dict[str, Any] = {
    "anyOf": [
        {"required": ["html"], "properties": {"html": {"type": "string"}}},
        {"required": ["text"], "properties": {"text": {"type": "string"}}},
    ]
}
NEEDS_CONTENT: dict[str, Any] = {
    "required": ["content"],
    "properties": {"content": {"type": ["string", "array", "object"]}},
}
NEEDS_PATH: dict[str, Any] = {"required": ["path"], "properties": {"path": {"type": "string"}}}
