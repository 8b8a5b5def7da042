"""What the catalogue knows of how each provider sends for a domain."""

import functools

from senddock.domain.catalogue import entry_for, entry_of_host
from senddock.domain.dns_records.facts import profile_from_dns_facts
from senddock.domain.dns_records.profile import SendingProfile


@functools.cache
def known_profile(key: str | None, host: str = "") -> SendingProfile | None:
    """The profile of a catalogue entry, else of the one whose server ``host`` is; ``None`` when nothing is known."""
    entry = entry_for(key)
    if host and (entry is None or entry.key == "generic"):
        entry = entry_of_host(host) or entry
    return profile_from_dns_facts(entry.key, entry.dns, entry.name) if entry is not None else None
