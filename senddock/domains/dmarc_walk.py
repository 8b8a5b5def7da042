"""Walks up the DNS tree for DMARC records (draft-ietf-dmarc-dmarcbis section 4.10)."""

from senddock.domain.dns_records.dmarc_policy import DmarcPolicy
from senddock.domain.dns_records.dmarc_record import dmarc_texts, parse_dmarc
from senddock.domain.dns_records.dmarc_tree import Step, TreeWalk, ends, places
from senddock.domain.dns_records.finding import Finding, Status, worst
from senddock.domains.resolver import Resolver


def walk_tree(resolver: Resolver, domain: str) -> TreeWalk:
    """Ask at `domain` and above it, eight names at most. A name that does not answer is passed by, and marked."""
    name = domain.lower().rstrip(".")
    steps: list[Step] = []
    for place in places(name):
        steps.append(_step(resolver, place))
        if ends(steps[-1], name):
            break
    return TreeWalk(name, tuple(steps))


def policy_by_walk(resolver: Resolver, walk: TreeWalk) -> DmarcPolicy:
    """The policy for the domain from which `walk` started (section 4.10.1)."""
    domain = walk.domain
    found = tuple(step.finding for step in walk.steps if step.finding is not None)
    own = walk.steps[0]
    if walk.unanswered and own.record is None:
        return DmarcPolicy(domain, Status.WARN, findings=found, unanswered=True)
    if walk.decisive is None:
        several = any(item.status is Status.FAIL for item in found)
        return DmarcPolicy(domain, Status.FAIL if several else Status.MISSING, findings=found)
    place, record = walk.decisive
    findings = (*found, *record.findings)
    exists = place == domain or record.missing_policy == record.subdomain_policy or _exists(resolver, domain)
    # The policy is known, but a name that did not answer may move the organisational domain up.
    return DmarcPolicy(
        domain, worst(findings), place, record, findings=findings, unanswered=walk.unanswered, exists=exists
    )


def _step(resolver: Resolver, place: str) -> Step:
    answer = resolver.lookup(f"_dmarc.{place}", "TXT")
    if answer.unanswered:
        return Step(place, finding=Finding(Status.WARN, answer.sentence()), unanswered=True)
    texts = dmarc_texts(answer.values)
    if len(texts) > 1:
        text = f"_dmarc.{place} has {len(texts)} DMARC records; the walk discards them all and goes on"
        return Step(place, finding=Finding(Status.FAIL, text))
    return Step(place, parse_dmarc(texts[0]) if texts else None)


def _exists(resolver: Resolver, domain: str) -> bool:
    """Section 3.2.9: a domain without A, AAAA and MX does not exist; one that does not answer counts as existing."""
    return any(not resolver.lookup(domain, kind).void for kind in ("MX", "A", "AAAA"))
