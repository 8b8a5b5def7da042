"""Ids of messages: UUIDv7 (RFC 9562), so their order is the order in which messages were accepted."""

from datetime import datetime


def first_id_of(moment: datetime) -> str:
    """The smallest id (UUIDv7, RFC 9562) that a message accepted at ``moment`` can have."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:12]}-7000-8000-000000000000"
