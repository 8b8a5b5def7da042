"""Ids of messages: UUIDv7 (RFC 9562), so their order is the order in which messages were accepted."""

import re
from datetime import UTC, datetime

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def is_id(text: str) -> bool:
    """True when it has the form of a message's id."""
    return _ID.fullmatch(text) is not None


def first_id_of(moment: datetime) -> str:
    """The smallest id (UUIDv7, RFC 9562) that a message accepted at ``moment`` can have."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:12]}-7000-8000-000000000000"


def moment_of(message_id: str) -> datetime:
    """When the message with this id was accepted, to the millisecond. Raises ``ValueError``."""
    return datetime.fromtimestamp(int(message_id[:8] + message_id[9:13], 16) / 1000, UTC)
