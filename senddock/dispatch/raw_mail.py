"""A message that arrives whole (SMTP door, ``--eml``, sendmail): kept byte for byte but for what must change."""

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime, formataddr

from senddock.content.control_fields import Wishes, wishes_of
from senddock.content.invalid import InvalidContent
from senddock.content.long_lines import LONGEST, shortened, unfoldable
from senddock.content.whole import WholeMessage
from senddock.dispatch.channels import Channel
from senddock.dispatch.ids import new_id
from senddock.dispatch.mailing import MAX_MESSAGE_BYTES, warnings_of
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.dispatch.submission import Submission
from senddock.domain.envelope import Address, Envelope, InvalidAddress


def raw_submission(
    data: bytes | WholeMessage,
    sender: str | None,
    recipients: Sequence[str],
    channel: Channel,
    now: datetime,
    *,
    wishes: Wishes | None = None,
    advice: SenderAdvice | None = None,
) -> Submission:
    """Check and complete, remarking what ``advice`` says of the sender. Raises `InvalidContent`.

    Without ``wishes`` those of the message's control fields count; the stream among them is the caller's business.
    """
    whole = data if isinstance(data, WholeMessage) else WholeMessage(data)
    wishes = wishes or wishes_of(whole.control(), now)
    from_header = whole.first("from")
    authors = whole.mailboxes("from")
    from_addresses = [Address.parse(address) for _, address in authors]
    try:
        envelope = Envelope.of(sender or (str(from_addresses[0]) if from_addresses else None), recipients)
    except InvalidAddress as error:
        raise InvalidContent("recipients", str(error)) from error
    added = {}
    message_id = whole.first("message-id")
    if message_id is None:
        domain = envelope.sender.ascii_domain if envelope.sender else "senddock.invalid"
        message_id = added["Message-ID"] = f"<{new_id()}@{domain}>"
    if whole.first("date") is None:
        added["Date"] = format_datetime(now)
    raw = shortened(whole.bytes_with(added))
    too_long = unfoldable(raw)
    if too_long is not None:
        name, length = too_long
        said = f"The header {name} has a line of {length} characters without a space to fold it at; servers take {LONGEST}."
        raise InvalidContent("message", said)
    if len(raw) > MAX_MESSAGE_BYTES:
        raise InvalidContent("message", f"The message has {len(raw)} octets; at most {MAX_MESSAGE_BYTES}.")
    warnings = warnings_of(channel, _unsubscribe(whole), authors[0] if authors else None, advice)
    addresses = [*envelope.recipients, *([envelope.sender] if envelope.sender else [])]
    return Submission(
        project_id=channel.project_id,
        stream_id=channel.stream_id,
        via=channel.via,
        api_key_id=channel.api_key_id,
        envelope=envelope,
        raw=raw,
        header_message_id=message_id.strip(),
        subject=whole.first("subject") or "",
        from_header=from_header or None,
        from_domain=from_addresses[0].ascii_domain if from_addresses else None,
        from_domains=tuple(dict.fromkeys(address.ascii_domain for address in from_addresses)),
        to_header=str(envelope.recipients[0]),
        meta={**_meta(whole, envelope, wishes), **warnings},
        needs_8bit=not raw.isascii(),
        # Decided by the addresses: some clients announce SMTPUTF8 with every message.
        needs_smtputf8=any(address.needs_smtputf8 for address in addresses),
        scheduled_at=wishes.send_at,
    )


def _meta(whole: WholeMessage, envelope: Envelope, wishes: Wishes) -> dict[str, object]:
    """Recipients by header; who stands in no header was a blind copy."""
    to, cc = whole.mailboxes("to"), whole.mailboxes("cc")
    named = {address.lower() for _, address in (*to, *cc)}
    return {
        "to": [_shown(item) for item in to],
        "cc": [_shown(item) for item in cc],
        "bcc": [str(item) for item in envelope.recipients if str(item).lower() not in named],
        "reply_to": [_shown(item) for item in whole.mailboxes("reply-to")],
        "tags": [dict(tag) for tag in wishes.tags],
    }


def _unsubscribe(whole: WholeMessage) -> dict[str, str]:
    found = {name: whole.first(name) for name in ("list-unsubscribe", "list-unsubscribe-post")}
    return {name: value for name, value in found.items() if value is not None}


def _shown(mailbox: tuple[str, str]) -> str:
    name, address = mailbox
    return formataddr(mailbox) if name and name.isascii() else f"{name} <{address}>" if name else address
