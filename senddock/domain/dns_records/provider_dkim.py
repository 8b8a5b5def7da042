"""Does a provider sign for a domain, as far as the published keys tell?"""

from collections.abc import Sequence
from dataclasses import dataclass

from senddock.domain.dns_records.profile import SendingProfile
from senddock.domain.dns_records.selector import Selector


@dataclass(frozen=True, slots=True)
class Signing:
    """`signs` is `None` when it cannot be told; `domain` is the d= that the found key stands for."""

    signs: bool | None
    domain: str
    why: str
    selectors: tuple[str, ...] = ()


def judge_signing(
    profile: SendingProfile, domain: str, selectors: Sequence[Selector], operators: Sequence[str]
) -> Signing:
    """Judge from the looked-up `selectors`; `operators` are those that the operator named for this domain."""
    own = [item for item in selectors if _belongs(profile, item, operators)]
    usable = [item for item in own if item.usable]
    if usable:
        # A key at the domain itself aligns even under adkim=s, one at the organisational domain does not.
        best = next((item for item in usable if item.domain == domain), usable[0])
        names = tuple(item.selector for item in usable if item.domain == best.domain)
        return Signing(signs=True, domain=best.domain, why=f"DKIM key at {best.name}", selectors=names)
    unanswered = next((item for item in own if item.unanswered), None)
    if unanswered is not None:
        return Signing(None, domain, f"{unanswered.name} could not be looked up just now")
    broken = next((item for item in own if item.found), None)
    if broken is not None:
        why = broken.findings[0].text if broken.findings else "the key cannot be used"
        return Signing(signs=False, domain=domain, why=f"{broken.name}: {why}", selectors=(broken.selector,))
    if not profile.selectors and not profile.probe_selectors and not operators:
        return Signing(None, domain, "This provider's selectors cannot be guessed: enter those that its page shows")
    if not profile.selectors and not operators:
        tried = ", ".join(profile.probe_selectors)
        return Signing(None, domain, f"No DKIM key at the selectors that are usual here ({tried}): enter yours")
    return Signing(signs=False, domain=domain, why="No DKIM key of this provider is published")


def _belongs(profile: SendingProfile, item: Selector, operators: Sequence[str]) -> bool:
    """Selectors such as `s1` are used by several providers: a CNAME to somebody else's key is not this one's."""
    expected = profile.dkim_record(item.selector)
    known = item.selector in (*profile.selectors, *profile.probe_selectors)
    if not item.chain:
        # Operators may name selectors for any provider; with documented ones of its own, only those count.
        return known or (item.selector in operators and not profile.selectors)
    if expected is not None and expected.type == "CNAME":
        return any(expected.matches(target, item.domain) for target in item.chain)
    patterns = [record for record in profile.dkim_records if record.type == "CNAME"]
    if patterns:
        return any(record.matches(target, item.domain) for record in patterns for target in item.chain)
    if item.selector in operators and not profile.selectors:
        return True
    return item.selector in profile.selectors or (known and "CNAME" in profile.dkim_kind)
