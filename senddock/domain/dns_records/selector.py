"""What stands at one DKIM selector of a domain."""

from dataclasses import dataclass
from typing import Any

from senddock.domain.dns_records.dkim_key import DkimKey, judge_dkim_key, looks_like_dkim
from senddock.domain.dns_records.finding import Finding, Status, notes, problems
from senddock.domain.dns_records.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Selector:
    """A judged selector; `chain` are the CNAME targets that were followed to the key."""

    selector: str
    domain: str
    status: Status
    record: str | None = None
    chain: tuple[str, ...] = ()
    key: DkimKey | None = None
    findings: tuple[Finding, ...] = ()
    unanswered: bool = False

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def found(self) -> bool:
        return self.record is not None

    @property
    def usable(self) -> bool:
        return self.key is not None and self.key.usable

    def to_json(self) -> dict[str, Any]:
        return {
            "selector": self.selector,
            "domain": self.domain,
            "status": self.status.value,
            "record": self.record,
            "cname": list(self.chain),
            "key_type": self.key.key_type if self.key else None,
            "key_bits": self.key.bits if self.key else None,
            "revoked": self.key.revoked if self.key else False,
            "testing": self.key.testing if self.key else False,
            "problems": problems(self.findings),
            "notes": notes(self.findings),
        }


def judge_selector(selector: str, domain: str, lookup: Lookup) -> Selector:
    """Judge the TXT answer for `<selector>._domainkey.<domain>`."""
    keys = [value for value in lookup.values if looks_like_dkim(value)]
    if lookup.unanswered:
        why = Finding(Status.WARN, lookup.sentence())
        return Selector(selector, domain, Status.WARN, chain=lookup.chain, findings=(why,), unanswered=True)
    if not keys:
        text = lookup.sentence() if lookup.void else f"{lookup.name} has a TXT record, but it is no DKIM key"
        return Selector(selector, domain, Status.MISSING, chain=lookup.chain, findings=(Finding(Status.WARN, text),))
    if len(keys) > 1:
        why = Finding(Status.FAIL, f"{lookup.name} has {len(keys)} keys; verifiers may take any of them: leave one")
        return Selector(selector, domain, Status.FAIL, "\n".join(keys), lookup.chain, None, (why,))
    key = judge_dkim_key(keys[0])
    return Selector(selector, domain, key.status, keys[0], lookup.chain, key, key.findings)
