"""Which DMARC policy holds for a domain, and where it was found (RFC 7489 section 6.6.3, DMARCbis section 4.10.1)."""

from dataclasses import dataclass, field
from typing import Any

from senddock.domain.dns_records.dmarc_record import DmarcRecord
from senddock.domain.dns_records.finding import Finding, Status, notes, problems


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """The policy for `domain`. `found_at` is the domain whose `_dmarc` name holds the record, else `None`."""

    domain: str
    status: Status
    found_at: str | None = None
    record: DmarcRecord | None = None
    #: The text found where no single readable record was.
    text: str | None = None
    findings: tuple[Finding, ...] = field(default=())
    unanswered: bool = False
    #: False when the domain has no address and takes no mail, so that np= holds for it.
    exists: bool = True

    @property
    def policy(self) -> str | None:
        """What receivers are asked to do with mail that fails: the record's p=, or its sp= or np= for a subdomain."""
        if self.record is None:
            return None
        if self.found_at == self.domain:
            return self.record.policy
        return self.record.subdomain_policy if self.exists else self.record.missing_policy

    @property
    def strict_dkim(self) -> bool:
        return self.record is not None and self.record.strict_dkim

    @property
    def strict_spf(self) -> bool:
        return self.record is not None and self.record.strict_spf

    def to_json(self) -> dict[str, Any]:
        record = self.record
        return {
            "status": self.status.value,
            "policy": self.policy,
            "record": record.text if record else self.text,
            "found_at": self.found_at,
            "subdomain_policy": record.subdomain_policy if record else None,
            "percent": record.percent if record else None,
            "alignment": {
                "dkim": "strict" if self.strict_dkim else "relaxed",
                "spf": "strict" if self.strict_spf else "relaxed",
            },
            "reports_to": list(record.reports_to) if record else [],
            "problems": problems(self.findings),
            "notes": notes(self.findings),
        }
