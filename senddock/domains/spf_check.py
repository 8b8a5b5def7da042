"""check_host(): what a receiver makes of one sending address (RFC 7208 section 4), stopping where a receiver stops."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from senddock.domain.dns_records.lookup import Lookup
from senddock.domain.dns_records.spf_macro import MacroContext, expand
from senddock.domain.dns_records.spf_record import COSTLY, SpfRecord, Term
from senddock.domain.dns_records.spf_tree import LOOKUP_LIMIT, VOID_LIMIT
from senddock.domains.resolver import Resolver
from senddock.domains.spf_source import fetch_spf

_NAMES_LIMIT = 10


class SpfResult(StrEnum):
    """RFC 7208 section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 -- a result, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


_OF_QUALIFIER = {"+": SpfResult.PASS, "-": SpfResult.FAIL, "~": SpfResult.SOFTFAIL, "?": SpfResult.NEUTRAL}


@dataclass(frozen=True, slots=True)
class SpfEvaluation:
    """The result with what led to it: `why` names the term that decided, or the error."""

    result: SpfResult
    why: str
    lookups: int
    voids: int


def check_host(resolver: Resolver, ip: str, domain: str, *, sender: str = "", helo: str = "") -> SpfEvaluation:
    """Evaluate SPF for a connection from `ip` with the MAIL FROM `sender` (default: postmaster at `domain`).

    Raises `ValueError` when `ip` is no IP address.
    """
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    local, _, sender_domain = sender.rpartition("@")
    evaluation = _Evaluation(resolver, address, f"{local or 'postmaster'}@{sender_domain or domain}", helo or domain)
    try:
        result, why = evaluation.check(domain)
    except _Stop as stop:
        result, why = stop.result, stop.why
    return SpfEvaluation(result, why, evaluation.lookups, evaluation.voids)


class _Stop(Exception):
    def __init__(self, result: SpfResult, why: str) -> None:
        super().__init__(why)
        self.result = result
        self.why = why


class _Evaluation:
    def __init__(self, resolver: Resolver, ip: IPv4Address | IPv6Address, sender: str, helo: str) -> None:
        self._resolver = resolver
        self._ip = ip
        self._sender = sender
        self._helo = helo
        self._kind = "A" if ip.version == 4 else "AAAA"
        self.lookups = 0
        self.voids = 0

    def check(self, domain: str) -> tuple[SpfResult, str]:
        source = fetch_spf(self._resolver, domain)
        if source.lookup.unanswered:
            raise _Stop(SpfResult.TEMPERROR, source.lookup.sentence())
        if len(source.texts) > 1:
            raise _Stop(SpfResult.PERMERROR, f"{domain} has {len(source.texts)} SPF records")
        record = source.record
        if record is None:
            return SpfResult.NONE, f"{domain} has no SPF record"
        if record.errors:
            raise _Stop(SpfResult.PERMERROR, record.errors[0])
        for term in record.mechanisms:
            if self._matches(term, domain):
                return _OF_QUALIFIER[term.qualifier], f"{term.text} in the record of {domain}"
        return self._otherwise(record, domain)

    def _otherwise(self, record: SpfRecord, domain: str) -> tuple[SpfResult, str]:
        if record.redirect is None:
            return SpfResult.NEUTRAL, f"nothing in the record of {domain} matches"
        self._spend()
        target = self._expand(record.redirect, domain)
        result, why = self.check(target)
        if result is SpfResult.NONE:
            raise _Stop(SpfResult.PERMERROR, f"redirect={target}: {why}")
        return result, why

    def _matches(self, term: Term, domain: str) -> bool:
        if term.name in COSTLY:
            self._spend()
        target = domain if term.target is None else self._expand(term.target, domain)
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                return term.network is not None and self._ip in term.network
            case "include":
                result, why = self.check(target)
                if result is SpfResult.NONE:
                    raise _Stop(SpfResult.PERMERROR, f"{term.text}: {why}")
                return result is SpfResult.PASS
            case "a":
                return self._in_hosts([target], term)
            case "mx":
                return self._in_hosts(self._exchanges(target), term)
            case "exists":
                return bool(self._ask(target, "A").values)
            case _:
                return any(_at_or_below(name, target) for name in self._validated_names())

    def _exchanges(self, target: str) -> list[str]:
        values = self._ask(target, "MX").values
        if len(values) > _NAMES_LIMIT:
            raise _Stop(SpfResult.PERMERROR, f"{target} has {len(values)} mail servers; {_NAMES_LIMIT} are allowed")
        return [value.split(" ", 1)[1] for value in values if not value.endswith(" .")]

    def _in_hosts(self, hosts: list[str], term: Term) -> bool:
        prefix = term.prefix4 if self._ip.version == 4 else term.prefix6
        answers = [self._answered(host, self._kind) for host in hosts]
        if answers and all(answer.void for answer in answers):
            self._void()
        networks = (ip_network(f"{address}/{prefix}", strict=False) for answer in answers for address in answer.values)
        return any(self._ip in network for network in networks)

    def _validated_names(self) -> list[str]:
        # Errors while looking for names make the mechanism not match; they never end the evaluation (section 5.5).
        pointer = f"{self._ip.reverse_pointer}"
        found = self._resolver.lookup(pointer, "PTR")
        names = found.values[:_NAMES_LIMIT]
        return [name for name in names if str(self._ip) in self._plain_addresses(name)]

    def _plain_addresses(self, host: str) -> set[str]:
        return {str(ip_address(value)) for value in self._resolver.lookup(host, self._kind).values}

    def _validated_name(self, domain: str) -> str:
        names = sorted(self._validated_names(), key=lambda name: (name != domain, not _at_or_below(name, domain)))
        return names[0] if names else "unknown"

    def _expand(self, text: str, domain: str) -> str:
        named: Callable[[str], str] = self._validated_name
        return expand(text, MacroContext(self._sender, domain, self._ip, self._helo, named).value)

    def _ask(self, name: str, kind: str) -> Lookup:
        answer = self._answered(name, kind)
        if answer.void:
            self._void()
        return answer

    def _answered(self, name: str, kind: str) -> Lookup:
        answer = self._resolver.lookup(name, kind)
        if answer.unanswered:
            raise _Stop(SpfResult.TEMPERROR, answer.sentence())
        return answer

    def _spend(self) -> None:
        self.lookups += 1
        if self.lookups > LOOKUP_LIMIT:
            raise _Stop(SpfResult.PERMERROR, f"the record needs more than {LOOKUP_LIMIT} look-ups")

    def _void(self) -> None:
        self.voids += 1
        if self.voids > VOID_LIMIT:
            raise _Stop(SpfResult.PERMERROR, f"more than {VOID_LIMIT} look-ups came back empty")


def _at_or_below(name: str, domain: str) -> bool:
    name, domain = name.lower().rstrip("."), domain.lower().rstrip(".")
    return name == domain or name.endswith(f".{domain}")
