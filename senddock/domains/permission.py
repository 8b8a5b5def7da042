"""Asks whether the SPF record of a name lets a provider send, by its include or by addresses."""

from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.profile import ReturnPath, SendingProfile
from senddock.domain.dns_records.spf_coverage import authorised
from senddock.domain.dns_records.spf_judgement import Permission, permits
from senddock.domain.dns_records.spf_record import Network
from senddock.domain.dns_records.spf_tree import SpfTree
from senddock.domains.resolver import Resolver
from senddock.domains.spf import SpfResult, check_host, walk_spf

#: How many of a provider's networks are tried when only an evaluation can tell.
_SAMPLES = 4


def permission_at(resolver: Resolver, profile: SendingProfile, name: str, tree: SpfTree) -> Permission:
    """Does the record at `name`, read as `tree`, authorise the provider?"""
    if tree.records and profile.addresses and not profile.includes:
        return _by_address(resolver, profile.addresses, name)
    reached = tree.reach(*profile.includes)
    provider = None
    if profile.spf_include and tree.records and (reached is None or _broken(tree)):
        provider = walk_spf(resolver, profile.spf_include)
    permission = permits(tree, profile.includes, provider)
    if permission.allowed is False and reached is not None and provider is not None and len(tree.records) == 1:
        # The record is broken somewhere; a receiver that meets the provider's include first never gets there.
        samples = _samples(provider)
        if samples and _by_address(resolver, samples, name).allowed:
            why = f"{name} includes {reached.node.domain}, met before the record breaks; mend it: {permission.why}"
            return Permission(allowed=True, why=why, lookups=reached.lookups)
    return permission


def return_path_permission(resolver: Resolver, profile: SendingProfile, domain: str) -> tuple[Permission, set[str]]:
    """The provider's SPF at the MAIL FROM domain of mail from `domain`, and the record types missing there."""
    path = profile.return_path_domain(domain)
    if path is None:
        return Permission(None, ""), set()
    tree = walk_spf(resolver, path)
    answer = resolver.lookup(path, "TXT")
    wanted = {record.type for record in profile.return_path_records if record.name != "@"}
    aliases = [record for record in profile.return_path_records if record.type == "CNAME"]
    if profile.return_path is ReturnPath.LABEL and any(
        record.matches(target, domain) for record in aliases for target in answer.chain
    ):
        if tree.records and not _broken(tree):
            return Permission(allowed=True, why=f"{path} leads to the provider's own SPF record"), set()
        if not tree.unanswered:
            return Permission(allowed=False, why=f"{path} leads to {answer.chain[-1]}, which has no usable SPF"), set()
    permission = permission_at(resolver, profile, path, tree)
    missing = set()
    if "TXT" in wanted and permission.allowed is False:
        missing.add("TXT")
    if "MX" in wanted and resolver.lookup(path, "MX").void:
        missing.add("MX")
    if "CNAME" in wanted and permission.allowed is False:
        missing.add("CNAME")
    if profile.return_path is ReturnPath.LABEL and not tree.records and answer.void:
        return Permission(allowed=False, why=f"The return path {path} is not set up"), missing
    return permission, missing


def _by_address(resolver: Resolver, addresses: tuple[str, ...], name: str) -> Permission:
    for address in addresses:
        evaluation = check_host(resolver, address, name)
        if evaluation.result is SpfResult.TEMPERROR:
            return Permission(None, evaluation.why)
        if evaluation.result is not SpfResult.PASS:
            why = f"SPF of {name} answers {evaluation.result.value} for {address}: {evaluation.why}"
            return Permission(allowed=False, why=why)
    return Permission(allowed=True, why=f"{name} lets {', '.join(addresses)} send")


def _samples(provider: SpfTree) -> tuple[str, ...]:
    networks: list[Network] = authorised(provider.root).passes
    step = max(1, len(networks) // _SAMPLES)
    return tuple(str(network.network_address) for network in networks[::step][:_SAMPLES])


def _broken(tree: SpfTree) -> bool:
    return any(finding.status is Status.FAIL for finding in tree.findings)
