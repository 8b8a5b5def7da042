"""From fields (HTTP, form, command line) to a submission, and from raw bytes to one; both checked and composed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from senddock.content.addresses import Mailbox, parse_mailbox
from senddock.content.compose import Attachment, MailParts, compose
from senddock.content.invalid import InvalidContent
from senddock.dispatch.channels import Channel
from senddock.dispatch.ids import new_id
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.dispatch.submission import Submission
from senddock.domain.envelope import Envelope
from senddock.domain.unsubscribe import missing_unsubscribe

#: Recipients of one message in To, Cc and Bcc together.
MAX_RECIPIENTS = 50
#: Octets of one composed message.
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
_UNSUBSCRIBE = "deliverability#reputation"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as an application writes it; addresses may have display names."""

    to: Sequence[str]
    subject: str
    from_: str | None = None
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    html: str | None = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    tags: Sequence[Mapping[str, str]] = ()
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    pinned_provider_id: int | None = None


def submission_of(mail: Mail, channel: Channel, now: datetime, advice: SenderAdvice | None = None) -> Submission:
    """Check and compose, remarking what ``advice`` says of the sender. Raises `InvalidContent` naming the field.

    Nothing is stored here.
    """
    sender = parse_mailbox(mail.from_, "from") if mail.from_ else None
    to = _mailboxes(mail.to, "to")
    cc = _mailboxes(mail.cc, "cc")
    bcc = _mailboxes(mail.bcc, "bcc")
    reply_to = _mailboxes(mail.reply_to, "reply_to")
    recipients = [*to, *cc, *bcc]
    if not to:
        raise InvalidContent("to", "Missing `to` field: a message needs at least one recipient.")
    if len(recipients) > MAX_RECIPIENTS:
        raise InvalidContent(
            "to", f"The message has {len(recipients)} recipients; at most {MAX_RECIPIENTS} in to, cc and bcc together."
        )
    if any(letter in mail.subject for letter in "\r\n\x00"):
        raise InvalidContent("subject", "The `subject` field contains a line break, which would start another header.")
    domain = sender.address.ascii_domain if sender else "senddock.invalid"
    message_id = f"<{new_id()}@{domain}>"
    raw = compose(
        MailParts(
            from_=sender,
            to=to,
            cc=cc,
            reply_to=reply_to,
            subject=mail.subject,
            date=now,
            message_id=message_id,
            html=mail.html,
            text=mail.text,
            headers=mail.headers,
            attachments=tuple(mail.attachments),
        )
    )
    if len(raw) > MAX_MESSAGE_BYTES:
        raise InvalidContent(
            "attachments", f"The message has {len(raw)} octets; at most {MAX_MESSAGE_BYTES} after encoding."
        )
    addresses = [str(mailbox.address) for mailbox in recipients]
    international = any(mailbox.address.needs_smtputf8 for mailbox in [*recipients, *([sender] if sender else [])])
    return Submission(
        project_id=channel.project_id,
        stream_id=channel.stream_id,
        via=channel.via,
        api_key_id=channel.api_key_id,
        envelope=Envelope.of(str(sender.address) if sender else None, addresses),
        raw=raw,
        header_message_id=message_id,
        subject=mail.subject,
        from_header=str(sender) if sender else None,
        from_domain=sender.address.ascii_domain if sender else None,
        from_domains=(sender.address.ascii_domain,) if sender else (),
        to_header=str(to[0]),
        meta={
            "to": [str(mailbox) for mailbox in to],
            "cc": [str(mailbox) for mailbox in cc],
            "bcc": [str(mailbox) for mailbox in bcc],
            "reply_to": [str(mailbox) for mailbox in reply_to],
            "tags": [dict(tag) for tag in mail.tags],
            **warnings_of(channel, mail.headers, (sender.name, str(sender.address)) if sender else None, advice),
        },
        needs_smtputf8=international,
        needs_8bit=international,
        scheduled_at=mail.scheduled_at,
        expires_at=mail.expires_at,
        pinned_provider_id=mail.pinned_provider_id,
    )


def warnings_of(
    channel: Channel, headers: Mapping[str, str], sender: tuple[str, str] | None, advice: SenderAdvice | None
) -> dict[str, list[dict[str, str]]]:
    """What was accepted and should be better, as the member ``warnings`` of the message's ``meta``; empty when nothing.

    ``sender`` is name and address of From.
    """
    name, email = sender or (None, None)
    said = advice.warnings(email, name or None) if advice is not None else ()
    found = [{"name": one.name, "message": one.message, "guide": one.guide} for one in said]
    missing = missing_unsubscribe(headers) if channel.kind == "marketing" else None
    if missing:
        found.append({"name": "unsubscribe_missing", "message": missing, "guide": _UNSUBSCRIBE})
    return {"warnings": found} if found else {}


def _mailboxes(texts: Sequence[str], name: str) -> tuple[Mailbox, ...]:
    return tuple(parse_mailbox(text, name) for text in texts)
