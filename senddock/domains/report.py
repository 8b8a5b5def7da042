"""The report on one sending domain, and its JSON form."""

from dataclasses import dataclass
from typing import Any

from senddock.domain.dns_records.dmarc_methods import DmarcMethods
from senddock.domain.dns_records.finding import Advice, Finding, Status, notes, problems
from senddock.domain.dns_records.provider_verdict import ProviderVerdict
from senddock.domain.dns_records.selector import Selector
from senddock.domain.dns_records.spf_judgement import SpfJudgement
from senddock.domain.dns_records.spf_tree import SpfTree


@dataclass(frozen=True, slots=True)
class MailExchange:
    """One MX record; `host` is "." for a domain that says it takes no mail (RFC 7505)."""

    priority: int
    host: str


@dataclass(frozen=True, slots=True)
class DomainReport:
    """Everything found out about a domain. `domain` is its ASCII form, `entered` what a person wrote."""

    domain: str
    entered: str
    organisational_domain: str
    spf: SpfJudgement
    spf_tree: SpfTree
    dkim: tuple[Selector, ...]
    dmarc: DmarcMethods
    mx: tuple[MailExchange, ...]
    mx_findings: tuple[Finding, ...]
    providers: tuple[ProviderVerdict, ...]
    advice: tuple[Advice, ...]

    def verdict(self, provider: str) -> ProviderVerdict | None:
        """The verdict for the provider with this key, if it was asked for."""
        return next((item for item in self.providers if item.key == provider), None)

    def to_json(self) -> dict[str, Any]:
        """The outward shape of `senddock domain check --json`."""
        return {
            "domain": self.domain,
            "entered": self.entered,
            "organisational_domain": self.organisational_domain,
            "spf": {
                "status": self.spf.status.value,
                "record": self.spf.record,
                "lookups": self.spf.lookups,
                "void_lookups": self.spf.voids,
                "problems": problems(self.spf.findings),
                "notes": notes(self.spf.findings),
                "tree": self.spf_tree.to_json(),
            },
            "dkim": [item.to_json() for item in self.dkim],
            "dmarc": self.dmarc.to_json(),
            "mx": [{"priority": item.priority, "host": item.host} for item in self.mx],
            "mx_problems": problems(self.mx_findings),
            "providers": [item.to_json() for item in self.providers],
            "advice": [item.to_json() for item in self.advice],
        }

    @property
    def status(self) -> Status:
        """The domain as a whole: what its providers need decides when there are any, else its own records."""
        states = [item.status for item in self.providers] or [self.spf.status, self.dmarc.by_list.status]
        for state in (Status.FAIL, Status.MISSING, Status.WARN):
            if state in states:
                return state
        return Status.PASS
