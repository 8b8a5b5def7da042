"""Finds the DMARC policy of a domain as RFC 7489 does (section 6.6.3) and asks whether its reports may go where it says.

`senddock.domains.dmarc_walk` finds it as DMARCbis does.
"""

from senddock.domain.dns_records.alignment import OrganisationalDomain
from senddock.domain.dns_records.dmarc_policy import DmarcPolicy
from senddock.domain.dns_records.dmarc_record import dmarc_texts, nearly_dmarc, parse_dmarc, report_domain
from senddock.domain.dns_records.finding import Finding, Status, worst
from senddock.domains.resolver import Resolver


def find_policy(resolver: Resolver, domain: str, organisational: OrganisationalDomain) -> DmarcPolicy:
    """The record at the domain itself, else the one at its organisational domain."""
    organisation = organisational(domain)
    findings: list[Finding] = []
    text: str | None = None
    for place in dict.fromkeys((domain, organisation)):
        answer = resolver.lookup(f"_dmarc.{place}", "TXT")
        if answer.unanswered:
            why = Finding(Status.WARN, answer.sentence())
            return DmarcPolicy(domain, Status.WARN, findings=(*findings, why), unanswered=True)
        texts = dmarc_texts(answer.values)
        if len(texts) > 1:
            why = Finding(
                Status.FAIL, f"_dmarc.{place} has {len(texts)} DMARC records; receivers then use none of them"
            )
            return DmarcPolicy(domain, Status.FAIL, place, text="\n".join(texts), findings=(*findings, why))
        if texts:
            return _policy(resolver, domain, place, texts[0], findings, organisational)
        for nearly in nearly_dmarc(answer.values):
            text = nearly
            findings.append(
                Finding(Status.FAIL, f"_dmarc.{place}: receivers ignore a record that does not start with 'v=DMARC1;'")
            )
    status = Status.FAIL if text is not None else Status.MISSING
    return DmarcPolicy(domain, status, text=text, findings=tuple(findings))


def _policy(
    resolver: Resolver,
    domain: str,
    place: str,
    text: str,
    findings: list[Finding],
    organisational: OrganisationalDomain,
) -> DmarcPolicy:
    record = parse_dmarc(text)
    found = [*findings, *record.findings]
    if record.psd == "y":
        found.append(
            Finding(
                Status.WARN,
                f"psd=y says that {place} is a public suffix such as co.uk: receivers that walk the tree take every name "
                "below it for an organisation of its own. Take it out unless you run a registry",
            )
        )
    for address in record.reports_to:
        other = report_domain(address)
        if organisational(other) == organisational(place):
            continue
        # Section 7.1: somebody else's domain has to agree to receive the reports.
        permission = resolver.lookup(f"{place}._report._dmarc.{other}", "TXT")
        if not permission.unanswered and not dmarc_texts(permission.values):
            found.append(
                Finding(
                    Status.WARN,
                    f"Reports to {address} will not be sent: {other} has to publish 'v=DMARC1;' as a TXT record at "
                    f"{place}._report._dmarc.{other}",
                )
            )
    return DmarcPolicy(domain, worst(found), place, record, findings=tuple(found))
