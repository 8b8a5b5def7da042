"""Fetching the one SPF record of a name (RFC 7208 sections 4.3 to 4.5)."""

from dataclasses import dataclass

from senddock.domain.dns_records.lookup import Lookup, Outcome
from senddock.domain.dns_records.spf_record import SpfRecord, parse_spf, spf_texts
from senddock.domains.resolver import Resolver


@dataclass(frozen=True, slots=True)
class SpfSource:
    """What the name holds: `record` only when there is exactly one SPF record."""

    lookup: Lookup
    texts: tuple[str, ...]
    record: SpfRecord | None


def fetch_spf(resolver: Resolver, domain: str) -> SpfSource:
    """Ask for the TXT records of `domain` and pick the SPF record."""
    if not checkable(domain):
        return SpfSource(Lookup(domain, "TXT", Outcome.BAD_NAME), (), None)
    lookup = resolver.lookup(domain, "TXT")
    texts = tuple(spf_texts(lookup.values))
    return SpfSource(lookup, texts, parse_spf(texts[0]) if len(texts) == 1 else None)


def checkable(domain: str) -> bool:
    """False for names that check_host() must answer with `none`: one label, empty labels, too long (section 4.3)."""
    labels = domain.rstrip(".").split(".")
    return len(labels) > 1 and len(domain) <= 253 and all(0 < len(label) <= 63 for label in labels)
