"""Sending an accepted message once more: as a new message with the same content, so each has its own story."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import select

from senddock.content.headers import splice
from senddock.dispatch.refusals import Refused
from senddock.dispatch.submission import Submission
from senddock.domain.envelope import Envelope
from senddock.domain.message_id import is_id
from senddock.models import Content, Database, Delivery, Message, Provider


def copy_of(database: Database, message_id: str, *, provider_id: int | None) -> Submission:
    """The same bytes to the same recipients under a new Message-ID. Raises `Refused` when the content is pruned."""
    with database.read() as session:
        message = session.get(Message, message_id) if is_id(message_id) else None
        content = session.get(Content, message_id) if message is not None else None
        if message is None or content is None:
            raise Refused("The content of this message is not kept any more.", code="not_found")
        if provider_id is not None:
            provider = session.get(Provider, provider_id)
            if provider is None or provider.deleted_at is not None or not provider.enabled:
                raise Refused(f"Provider {provider_id} is not there or disabled.", field="provider", code="not_found")
        query = select(Delivery.recipient).where(Delivery.message_id == message_id).order_by(Delivery.id)
        recipients = session.scalars(query).all()
    header_id = f"<{uuid.uuid4()}@{message.from_domain or 'senddock.invalid'}>"
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return Submission(
        project_id=message.project_id,
        stream_id=message.stream_id,
        via="panel",
        envelope=Envelope.of(message.sender, recipients),
        raw=splice(content.raw, set={"Message-ID": header_id, "Date": date}, remove=()),
        header_message_id=header_id,
        subject=message.subject,
        from_header=message.from_header,
        to_header=message.to_header,
        meta=content.meta,
        from_domain=message.from_domain,
        from_domains=(message.from_domain,) if message.from_domain else (),
        needs_8bit=message.needs_8bit,
        needs_smtputf8=message.needs_smtputf8,
        pinned_provider_id=provider_id,
    )
