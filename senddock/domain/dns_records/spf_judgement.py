"""How a domain's own SPF record stands, and whether it lets one provider send."""

from collections.abc import Sequence
from dataclasses import dataclass

from senddock.domain.dns_records.finding import Finding, Status, worst
from senddock.domain.dns_records.spf_coverage import authorised
from senddock.domain.dns_records.spf_tree import LOOKUP_LIMIT, SpfTree


@dataclass(frozen=True, slots=True)
class SpfJudgement:
    """The status of a record with everything that led to it."""

    status: Status
    record: str | None
    lookups: int
    voids: int
    findings: tuple[Finding, ...]


def judge_spf(tree: SpfTree) -> SpfJudgement:
    """Judge the record itself; whether it names the right providers is `permits`' question."""
    record = tree.records[0] if tree.records else None
    if tree.unanswered:
        return SpfJudgement(Status.WARN, None, 0, 0, tree.findings)
    if record is None:
        return SpfJudgement(Status.MISSING, None, 0, 0, tree.findings)
    findings = list(tree.findings)
    if len(tree.records) == 1:
        findings.extend(_about_everybody_else(tree))
        if tree.lookups == LOOKUP_LIMIT:
            findings.append(
                Finding(Status.PASS, f"All {LOOKUP_LIMIT} allowed look-ups are used: nothing more can be included")
            )
    shown = record if len(tree.records) == 1 else "\n".join(tree.records)
    return SpfJudgement(worst(findings), shown, tree.lookups, tree.voids, tuple(findings))


def _about_everybody_else(tree: SpfTree) -> list[Finding]:
    if authorised(tree.root).everybody:
        return [Finding(Status.FAIL, "'+all' lets every server in the world send for this domain: use ~all")]
    if any(term.name == "redirect" for term in tree.root.terms):
        return []
    match tree.root.all_qualifier:
        case None:
            return [Finding(Status.WARN, "The record does not end in ~all or -all: it says nothing of other servers")]
        case "?":
            return [Finding(Status.WARN, "'?all' says nothing of other servers: use ~all")]
        case _:
            return []


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a record lets a provider's servers send. `allowed` is `None` when that cannot be told from here."""

    allowed: bool | None
    why: str
    #: The look-ups used up when the provider's part had been read; `None` when it is not included by name.
    lookups: int | None = None
    #: True when the addresses are listed without the provider's include: right today, and nobody will say when not.
    flattened: bool = False


def permits(tree: SpfTree, includes: Sequence[str], provider: SpfTree | None = None) -> Permission:
    """Does the record of `tree` authorise what any of the provider's `includes` authorises, within the limits?

    `provider` is the tree of the first include; with it a record that lists the same addresses itself is recognised.
    """
    if tree.unanswered:
        return Permission(None, tree.findings[0].text if tree.findings else "The record could not be looked up")
    if not tree.records:
        return Permission(allowed=False, why=f"{tree.root.domain} has no SPF record")
    broken = next((finding.text for finding in tree.findings if finding.status is Status.FAIL), None)
    if not includes:
        return Permission(None, "The provider publishes no SPF include to compare with")
    reached = tree.reach(*includes)
    if reached is not None and reached.node.record is None:
        return Permission(None, f"{reached.node.domain} is included, but could not be read just now", reached.lookups)
    if reached is not None and not reached.within_limit:
        why = (
            f"{reached.node.domain} is read only after {reached.lookups} look-ups; receivers stop after {LOOKUP_LIMIT}"
        )
        return Permission(allowed=False, why=why, lookups=reached.lookups)
    if broken is not None:
        return Permission(allowed=False, why=broken, lookups=reached.lookups if reached else None)
    if reached is not None:
        return Permission(
            allowed=True, why=f"{tree.root.domain} includes {reached.node.domain}", lookups=reached.lookups
        )
    if provider is not None and authorised(tree.root).covers(authorised(provider.root)):
        why = f"{tree.root.domain} lists the addresses of {includes[0]} itself; it will not follow when they change"
        return Permission(allowed=True, why=why, flattened=True)
    return Permission(allowed=False, why=f"The SPF record of {tree.root.domain} does not include {includes[0]}")
