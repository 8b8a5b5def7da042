"""A message that arrives whole (SMTP door, ``--eml``): kept byte for byte but for what must change."""

import contextlib
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime, getaddresses

from senddock.content.headers import fields_of, read_header, splice, split_head
from senddock.content.invalid import InvalidContent
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import MAX_MESSAGE_BYTES
from senddock.dispatch.submission import Submission
from senddock.domain.envelope import Address, Envelope, InvalidAddress

#: Fields that speak to SendDock and do not travel on.
CONTROL = ("X-SendDock-Stream", "X-SendDock-Send-At", "X-SendDock-Tag", "Resend-Idempotency-Key")
_BARE = re.compile(rb"\r\n|\r|\n")


def raw_submission(
    data: bytes,
    sender: str | None,
    recipients: Sequence[str],
    channel: Channel,
    now: datetime,
    *,
    scheduled_at: datetime | None = None,
) -> Submission:
    """Check and complete. Raises `InvalidContent`."""
    # Bare CR or LF would let text after a dot be read as commands by a lenient server (SMTP smuggling, CVE-2023-51764).
    raw = _BARE.sub(b"\r\n", data)
    if len(raw) > MAX_MESSAGE_BYTES:
        raise InvalidContent("message", f"The message has {len(raw)} octets; at most {MAX_MESSAGE_BYTES}.")
    names = {name for name, _ in fields_of(split_head(raw)[0])}
    if not names:
        raise InvalidContent("message", "The message has no header.")
    from_header = read_header(raw, "From")
    try:
        envelope = Envelope.of(sender or _first_in(from_header), recipients)
    except InvalidAddress as error:
        raise InvalidContent("recipients", str(error)) from error
    from_addresses = _addresses_in(from_header)
    added = {}
    message_id = read_header(raw, "Message-ID")
    if message_id is None:
        domain = envelope.sender.ascii_domain if envelope.sender else "senddock.invalid"
        message_id = added["Message-ID"] = f"<{uuid.uuid4()}@{domain}>"
    if "date" not in names:
        added["Date"] = format_datetime(now)
    raw = splice(raw, set=added, remove=("Bcc", *CONTROL))
    international = envelope.sender is not None and envelope.sender.needs_smtputf8
    international = international or any(item.needs_smtputf8 for item in envelope.recipients)
    return Submission(
        project_id=channel.project_id,
        stream_id=channel.stream_id,
        via=channel.via,
        api_key_id=channel.api_key_id,
        envelope=envelope,
        raw=raw,
        header_message_id=message_id.strip(),
        subject=read_header(raw, "Subject") or "",
        from_header=from_header,
        from_domain=from_addresses[0].ascii_domain if from_addresses else None,
        from_domains=tuple(dict.fromkeys(address.ascii_domain for address in from_addresses)),
        to_header=str(envelope.recipients[0]),
        meta={"to": [str(item) for item in envelope.recipients], "cc": [], "bcc": [], "reply_to": [], "tags": []},
        needs_8bit=not raw.isascii(),
        needs_smtputf8=international,
        scheduled_at=scheduled_at,
    )


def _first_in(header: str | None) -> str | None:
    found = _addresses_in(header)
    return str(found[0]) if found else None


def _addresses_in(header: str | None) -> list[Address]:
    """The addresses of a From field; what is none of them is left out."""
    found = []
    for _, address in getaddresses([header or ""]):
        with contextlib.suppress(InvalidAddress):
            found.append(Address.parse(address))
    return found
