"""Would mail that a provider sends for a domain pass DMARC? The answer decides whether it is a real failover."""

from dataclasses import dataclass, replace
from typing import Any

from senddock.domain.dns_records.alignment import OrganisationalDomain, aligned
from senddock.domain.dns_records.dmarc_methods import BY_LIST, BY_WALK
from senddock.domain.dns_records.dmarc_policy import DmarcPolicy
from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.profile import ReturnPath, SendingProfile
from senddock.domain.dns_records.provider_dkim import Signing
from senddock.domain.dns_records.spf_judgement import Permission


@dataclass(frozen=True, slots=True)
class Identifier:
    """One of the two ways to pass DMARC. Each of `authenticated` and `aligned` is `None` when it cannot be told."""

    domain: str | None
    authenticated: bool | None
    aligned: bool | None
    why: str

    @property
    def counts(self) -> bool | None:
        """True when it passes DMARC on its own."""
        if self.authenticated is False or self.aligned is False:
            return False
        return True if self.authenticated and self.aligned else None

    def to_json(self) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "authenticated": self.authenticated,
            "aligned": self.aligned,
            "passes": self.counts,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class ProviderVerdict:
    """The verdict for one provider; `would_break_dmarc` is `None` when it cannot be told from the DNS alone."""

    key: str
    status: Status
    would_break_dmarc: bool | None
    sentence: str
    spf: Identifier
    dkim: Identifier
    selectors: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "provider": self.key,
            "status": self.status.value,
            "would_break_dmarc": self.would_break_dmarc,
            "verdict": self.sentence,
            "return_path": self.spf.domain,
            "spf": self.spf.to_json(),
            "dkim": {**self.dkim.to_json(), "selectors": list(self.selectors)},
        }


def judge_provider(
    profile: SendingProfile,
    dmarc: DmarcPolicy,
    permission: Permission,
    signing: Signing,
    organisational: OrganisationalDomain,
) -> ProviderVerdict:
    """Put the two ways together with the policy that holds for the domain."""
    domain = dmarc.domain
    spf = _spf(profile, dmarc, permission, organisational)
    signed = aligned(domain, signing.domain, organisational, strict=dmarc.strict_dkim)
    why = signing.why
    if signing.signs and not signed:
        why = (
            f"{why}, but DMARC asks for adkim=s: only d={domain} would count"
            if dmarc.strict_dkim
            else f"{why}, but d={signing.domain} is of another organisation than {domain}"
        )
    dkim = Identifier(signing.domain, signing.signs, signed, why)
    passes = _either(spf.counts, dkim.counts)
    breaks = _breaks(passes, dmarc)
    return ProviderVerdict(
        profile.key,
        _status(passes, spf, dkim, dmarc),
        breaks,
        _sentence(domain, passes, spf, dkim, dmarc),
        spf,
        dkim,
        signing.selectors,
    )


def both_ways(by_list: ProviderVerdict, by_walk: ProviderVerdict) -> ProviderVerdict:
    """One verdict of the two: mail has to pass at receivers of both kinds, so the worse one counts and says for whom."""
    if (by_list.status, by_list.would_break_dmarc) == (by_walk.status, by_walk.would_break_dmarc):
        return by_list
    order = (Status.PASS, Status.WARN, Status.MISSING, Status.FAIL)
    walk_is_worse = order.index(by_walk.status) > order.index(by_list.status) or (
        by_walk.would_break_dmarc is True and not by_list.would_break_dmarc
    )
    worse, other, who = (by_walk, by_list, BY_WALK) if walk_is_worse else (by_list, by_walk, BY_LIST)
    if worse.would_break_dmarc is True and other.would_break_dmarc is None:
        return worse
    breaks = {by_list.would_break_dmarc, by_walk.would_break_dmarc}
    return replace(
        worse,
        would_break_dmarc=True if True in breaks else None if None in breaks else False,
        sentence=f"For {who}: {worse.sentence}",
    )


def _spf(
    profile: SendingProfile, dmarc: DmarcPolicy, permission: Permission, organisational: OrganisationalDomain
) -> Identifier:
    if profile.return_path is ReturnPath.SHARED:
        why = "MAIL FROM is a domain of the provider: SPF passes for the provider, not for your domain"
        return Identifier(None, None, aligned=False, why=why)
    path = profile.return_path_domain(dmarc.domain)
    if path is None:
        return Identifier(
            None, None, None, "The return-path label differs by account: enter the one the provider shows"
        )
    fits = aligned(dmarc.domain, path, organisational, strict=dmarc.strict_spf)
    why = permission.why
    if not fits:
        why = (
            f"{why}; DMARC asks for aspf=s, so MAIL FROM at {path} does not count for {dmarc.domain}"
            if dmarc.strict_spf
            else f"{why}; {path} is of another organisation than {dmarc.domain}, so it does not count"
        )
    return Identifier(path, permission.allowed, fits, why)


def _either(first: bool | None, second: bool | None) -> bool | None:
    if first or second:
        return True
    return None if first is None or second is None else False


def _breaks(passes: bool | None, dmarc: DmarcPolicy) -> bool | None:
    if passes:
        return False
    if dmarc.unanswered:
        return None
    if dmarc.policy is None:
        return False
    return None if passes is None else True


def _status(passes: bool | None, spf: Identifier, dkim: Identifier, dmarc: DmarcPolicy) -> Status:
    if passes:
        return Status.PASS if dkim.counts else Status.WARN
    if passes is None:
        return Status.WARN
    nothing = spf.authenticated is not True and not dkim.authenticated and spf.aligned is not False
    return Status.FAIL if dmarc.policy is not None or nothing else Status.WARN


def _sentence(domain: str, passes: bool | None, spf: Identifier, dkim: Identifier, dmarc: DmarcPolicy) -> str:
    if passes:
        if dkim.counts and spf.counts:
            return f"Mail for {domain} passes DMARC by SPF and by DKIM."
        if dkim.counts:
            return f"Mail for {domain} passes DMARC by DKIM. SPF does not add to it: {spf.why}."
        return f"Mail for {domain} passes DMARC by SPF alone, which forwarding breaks. DKIM: {dkim.why}."
    because = f"SPF: {spf.why}. DKIM: {dkim.why}."
    if passes is None or dmarc.unanswered:
        return f"It cannot be told yet whether mail for {domain} passes DMARC. {because}"
    if dmarc.policy is None:
        return f"Mail for {domain} is not authenticated for this domain; many receivers refuse such mail. {because}"
    effect = {
        "none": "is delivered for now and reported as failing",
        "quarantine": "goes to spam",
        "reject": "is refused",
    }[dmarc.policy]
    return f"Not a real failover: mail for {domain} would fail DMARC (p={dmarc.policy}) and {effect}. {because}"
