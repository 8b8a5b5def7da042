"""Checks one sending domain against the providers that send for it."""

from collections.abc import Iterable, Sequence

from senddock.domain.dns_records.advice import (
    advise_dkim,
    advise_dmarc,
    advise_plain_spf,
    advise_return_path,
    advise_spf,
)
from senddock.domain.dns_records.alignment import OrganisationalDomain
from senddock.domain.dns_records.dmarc_methods import DmarcMethods
from senddock.domain.dns_records.finding import Advice, Finding, Status, worst
from senddock.domain.dns_records.profile import SendingProfile, SpfLocation
from senddock.domain.dns_records.provider_dkim import judge_signing
from senddock.domain.dns_records.provider_verdict import ProviderVerdict, both_ways, judge_provider
from senddock.domain.dns_records.selector import Selector
from senddock.domain.dns_records.spf_judgement import Permission, SpfJudgement, judge_spf
from senddock.domain.dns_records.spf_merge import merge_spf
from senddock.domain.dns_records.spf_tree import SpfTree
from senddock.domains.dkim import find_keys
from senddock.domains.dmarc import find_policy
from senddock.domains.dmarc_walk import policy_by_walk, walk_tree
from senddock.domains.name import ascii_domain, organisational_domain
from senddock.domains.permission import permission_at, return_path_permission
from senddock.domains.report import DomainReport, MailExchange
from senddock.domains.resolver import Resolver
from senddock.domains.spf import walk_spf, walk_spf_text


def check_domain(
    domain: str,
    *,
    providers: Sequence[SendingProfile] = (),
    selectors: Sequence[str] = (),
    probe_selectors: Sequence[str] = (),
    resolver: Resolver,
    organisational: OrganisationalDomain = organisational_domain,
) -> DomainReport:
    """Look up and judge `domain`, the domain of a From address.

    `selectors` are the operator's own and always reported, `probe_selectors` are reported when they hold a key.
    Raises `InvalidDomain` for what is no domain name; everything the DNS does, or fails to do, is in the report.
    """
    name = ascii_domain(domain)
    return _Check(resolver, name, organisational, tuple(selectors)).report(domain, providers, probe_selectors)


class _Check:
    def __init__(
        self, resolver: Resolver, domain: str, organisational: OrganisationalDomain, selectors: tuple[str, ...]
    ) -> None:
        self._resolver = resolver
        self._domain = domain
        self._organisational = organisational
        self._selectors = tuple(dict.fromkeys(item.strip().lower() for item in selectors if item.strip()))
        self._advice: list[Advice] = []

    def report(self, entered: str, providers: Sequence[SendingProfile], probes: Sequence[str]) -> DomainReport:
        mx, mx_findings = self._mail_exchanges()
        tree = walk_spf(self._resolver, self._domain)
        spf = self._spf(tree, providers, receives_mail=any(item.host != "." for item in mx))
        methods = self._dmarc()
        dmarc = methods.by_list
        keys = self._keys(providers, probes)
        verdicts: list[ProviderVerdict] = []
        for profile in providers:
            permission, missing = return_path_permission(self._resolver, profile, self._domain)
            signing = judge_signing(profile, self._domain, keys, self._selectors)
            verdicts.append(
                both_ways(
                    judge_provider(profile, dmarc, permission, signing, self._organisational),
                    judge_provider(profile, methods.by_walk, permission, signing, self._organisation_by_walk),
                )
            )
            if any(record.name == "@" and record.type == "MX" for record in profile.return_path_records) and not mx:
                missing = {*missing, "MX"}
            self._advice.extend(advise_return_path(profile, self._domain, missing_types=missing))
            self._advice.extend(advise_dkim(profile, self._domain, signing, keys))
        self._advice.extend(advise_dmarc(dmarc))
        return DomainReport(
            domain=self._domain,
            entered=entered,
            organisational_domain=self._organisational(self._domain),
            spf=spf,
            spf_tree=tree,
            dkim=tuple(self._shown(keys, providers)),
            dmarc=methods,
            mx=tuple(mx),
            mx_findings=tuple(mx_findings),
            providers=tuple(verdicts),
            advice=tuple(dict.fromkeys(self._advice)),
        )

    def _dmarc(self) -> DmarcMethods:
        walk = walk_tree(self._resolver, self._domain)
        return DmarcMethods(
            find_policy(self._resolver, self._domain, self._organisational),
            policy_by_walk(self._resolver, walk),
            self._organisational(self._domain),
            walk,
        )

    def _organisation_by_walk(self, name: str) -> str:
        return walk_tree(self._resolver, name).organisation

    def _spf(self, tree: SpfTree, providers: Sequence[SendingProfile], *, receives_mail: bool) -> SpfJudgement:
        judged = judge_spf(tree)
        if tree.unanswered:
            return judged
        needing = [item for item in providers if item.spf_location is SpfLocation.DOMAIN]
        permissions = {item.key: permission_at(self._resolver, item, self._domain, tree) for item in needing}
        extra = [found for item in needing for found in _about(item, permissions[item.key], tree)]
        self._advise_spf(tree, judged, providers, [item for item in needing if not permissions[item.key].allowed])
        if judged.status is Status.MISSING:
            if not needing:
                self._advice.append(advise_plain_spf(self._domain, receives_mail=receives_mail))
            return SpfJudgement(Status.MISSING, None, 0, 0, (*judged.findings, *extra))
        findings = (*judged.findings, *extra)
        return SpfJudgement(worst(findings), judged.record, judged.lookups, judged.voids, findings)

    def _advise_spf(
        self,
        tree: SpfTree,
        judged: SpfJudgement,
        providers: Sequence[SendingProfile],
        lacking: Sequence[SendingProfile],
    ) -> None:
        wanted = [item for item in lacking if not item.includes or tree.reach(*item.includes) is None]
        includes = [item.spf_include for item in wanted if item.spf_include]
        addresses = [address for item in wanted if not item.includes for address in item.addresses]
        if not tree.records and not includes and not addresses:
            return
        merged = merge_spf(tree.records, includes, addresses)
        needs_change = bool(includes or addresses) or judged.status in {Status.WARN, Status.FAIL}
        if not needs_change or merged.text in tree.records:
            return
        cost = walk_spf_text(self._resolver, self._domain, merged.text).lookups
        elsewhere = [item for item in providers if item.spf_location is not SpfLocation.DOMAIN]
        droppable = [
            f"include:{name}" for item in elsewhere for name in item.includes if f"include:{name}" in merged.text
        ]
        unsure = [item.spf_include for item in wanted if "spf" in item.unconfirmed and item.spf_include in merged.added]
        self._advice.append(
            advise_spf(
                self._domain,
                merged,
                exists=bool(tree.records),
                lookups=cost,
                droppable=droppable,
                unconfirmed=[name for name in unsure if name],
            )
        )

    def _keys(self, providers: Sequence[SendingProfile], probes: Sequence[str]) -> list[Selector]:
        asked = [*self._selectors, *probes]
        for profile in providers:
            asked.extend((*profile.selectors, *profile.probe_selectors))
        keys = find_keys(self._resolver, self._domain, asked)
        organisation = self._organisational(self._domain)
        if organisation != self._domain and not any(item.usable for item in keys):
            # Providers may sign for the whole organisation: such a key aligns under relaxed alignment.
            keys.extend(item for item in find_keys(self._resolver, organisation, asked) if item.found)
        return keys

    def _shown(self, keys: Iterable[Selector], providers: Sequence[SendingProfile]) -> list[Selector]:
        always = {*self._selectors, *(name for profile in providers for name in profile.selectors)}
        return [item for item in keys if item.found or item.selector in always]

    def _mail_exchanges(self) -> tuple[list[MailExchange], list[Finding]]:
        answer = self._resolver.lookup(self._domain, "MX")
        if answer.unanswered:
            return [], [Finding(Status.WARN, answer.sentence())]
        pairs = sorted((int(value.split(" ", 1)[0]), value.split(" ", 1)[1]) for value in answer.values)
        found = [MailExchange(priority, host) for priority, host in pairs]
        if any(item.host == "." for item in found):
            return found, [Finding(Status.WARN, f"{self._domain} says that it takes no mail: replies are refused")]
        if found or any(self._resolver.lookup(self._domain, kind).values for kind in ("A", "AAAA")):
            return found, []
        why = f"{self._domain} has neither an MX record nor an address: many receivers refuse mail from such a domain"
        return found, [Finding(Status.WARN, why)]


def _about(profile: SendingProfile, permission: Permission, tree: SpfTree) -> list[Finding]:
    if permission.flattened:
        return [Finding(Status.WARN, permission.why)]
    if permission.allowed is False and tree.records and profile.includes and tree.reach(*profile.includes) is None:
        text = f"The record does not include {profile.includes[0]}, which {profile.title} needs on this name"
        return [Finding(Status.FAIL, text)]
    return []
