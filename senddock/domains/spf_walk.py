"""Reads an SPF record to its last include, without any sending address in mind (see `domain.dns_records.spf_tree`)."""

from ipaddress import ip_network

from senddock.domain.dns_records.finding import Finding, Status
from senddock.domain.dns_records.lookup import Lookup
from senddock.domain.dns_records.spf_macro import expand, letters
from senddock.domain.dns_records.spf_record import COSTLY, Network, SpfRecord, Term, parse_spf
from senddock.domain.dns_records.spf_tree import LOOKUP_LIMIT, VOID_LIMIT, SpfNode, SpfTerm, SpfTree
from senddock.domains.resolver import Resolver
from senddock.domains.spf_source import SpfSource, checkable, fetch_spf

#: A record this far over the limit is hopeless: it is not read to its end, so that a hostile one costs little.
_STOP_AFTER = 4 * LOOKUP_LIMIT
_MX_LIMIT = 10


def walk_spf(resolver: Resolver, domain: str) -> SpfTree:
    """The tree of what `domain` publishes now."""
    walk = _Walk(resolver, domain)
    source = fetch_spf(resolver, domain)
    return walk.tree(source.texts, walk.node(domain, source, ()), unanswered=source.lookup.unanswered)


def walk_spf_text(resolver: Resolver, domain: str, text: str) -> SpfTree:
    """The tree that `domain` would have with `text` as its record: what publishing it would cost."""
    walk = _Walk(resolver, domain)
    return walk.tree((text,), walk.record(domain, parse_spf(text), ()))


class _Walk:
    def __init__(self, resolver: Resolver, domain: str) -> None:
        self._resolver = resolver
        self._domain = domain
        self._lookups = 0
        self._voids = {4: 0, 6: 0}
        self._findings: list[Finding] = []

    def tree(self, texts: tuple[str, ...], root: SpfNode, *, unanswered: bool = False) -> SpfTree:
        if self._lookups > LOOKUP_LIMIT:
            least = "at least " if self._lookups > _STOP_AFTER else ""
            self._fail(
                f"The record needs {least}{self._lookups} DNS look-ups; receivers stop after {LOOKUP_LIMIT} and treat "
                "it as broken (RFC 7208 section 4.6.4)"
            )
        for version, count in self._voids.items():
            if count > VOID_LIMIT:
                status = Status.FAIL if version == 4 else Status.WARN
                clients = "" if version == 4 else " for a sender with an IPv6 address"
                self._find(
                    status,
                    f"{count} look-ups come back empty{clients}; receivers stop after {VOID_LIMIT} and treat the "
                    "record as broken (RFC 7208 section 4.6.4): take names out that do not exist any more",
                )
        findings = tuple(dict.fromkeys(self._findings))
        return SpfTree(root, texts, self._lookups, self._voids[4], self._voids[6], findings, unanswered)

    def node(self, domain: str, source: SpfSource, path: tuple[str, ...]) -> SpfNode:
        if source.record is not None:
            return self.record(domain, source.record, path)
        if len(source.texts) > 1:
            self._fail(
                f"{domain} has {len(source.texts)} SPF records; only one is allowed, and receivers treat several as "
                "broken (RFC 7208 section 3.2): merge them into one"
            )
        elif source.lookup.unanswered:
            self._find(Status.WARN, source.lookup.sentence())
        elif path:
            why = source.lookup.sentence() if source.lookup.void else "there is no SPF record"
            self._fail(f"{path[-1]} refers to {domain}, but {why}; receivers treat the whole record as broken")
        return SpfNode(domain, None)

    def record(self, domain: str, record: SpfRecord, path: tuple[str, ...]) -> SpfNode:
        for error in record.errors:
            self._fail(f"SPF record of {domain}: {error}; receivers treat the whole record as broken")
        path = (*path, domain)
        terms: list[SpfTerm] = []
        for term in record.mechanisms:
            terms.append(self._term(term, domain, path))
            if term.name == "all":
                break
        has_all = record.all_qualifier is not None
        self._remark_order(record, domain, has_all=has_all)
        if not has_all:
            terms.extend(
                self._term(term, domain, path)
                for term in record.terms
                if term.name == "redirect" and not term.qualifier
            )
        return SpfNode(domain, record.text, tuple(terms))

    def _remark_order(self, record: SpfRecord, domain: str, *, has_all: bool) -> None:
        names = [term.name for term in record.mechanisms]
        if has_all and names.index("all") < len(names) - 1:
            self._find(Status.WARN, f"SPF record of {domain}: what stands after 'all' is never read")
        if has_all and record.redirect is not None:
            self._find(Status.WARN, f"SPF record of {domain}: 'redirect=' is never read in a record with 'all'")

    def _term(self, term: Term, domain: str, path: tuple[str, ...]) -> SpfTerm:
        if term.name not in COSTLY:
            own = (term.network,) if term.network is not None else ()
            return SpfTerm(term.text, term.name, term.qualifier, None, lookups_after=self._lookups, networks=own)
        self._lookups += 1
        if self._lookups > _STOP_AFTER:
            return SpfTerm(term.text, term.name, term.qualifier, None, dynamic=True, lookups_after=self._lookups)
        target = self._target(term, domain)
        node: SpfNode | None = None
        networks: tuple[Network, ...] = ()
        if term.name == "ptr":
            self._find(
                Status.WARN, f"{domain} uses 'ptr', which is slow and unreliable: RFC 7208 section 5.5 forbids it"
            )
        elif target is not None and term.name in {"include", "redirect"}:
            node = self._follow(term, target, path)
        elif target is not None and term.name == "exists":
            self._count_void(self._resolver.lookup(target, "A"))
        elif target is not None:
            networks = self._networks(term, target)
        return SpfTerm(term.text, term.name, term.qualifier, target, target is None, self._lookups, networks, node)

    def _target(self, term: Term, domain: str) -> str | None:
        if term.target is None:
            return domain
        if letters(term.target) - {"d", "o"}:
            return None
        return expand(term.target, lambda letter: self._domain if letter == "o" else domain).lower()

    def _follow(self, term: Term, target: str, path: tuple[str, ...]) -> SpfNode | None:
        if target in path:
            self._fail(
                f"{path[-1]} refers back to {target} ('{term.text}'): the record never ends, receivers refuse it"
            )
            return None
        return self.node(target, fetch_spf(self._resolver, target), path)

    def _networks(self, term: Term, target: str) -> tuple[Network, ...]:
        hosts = [target]
        if term.name == "mx":
            found = self._resolver.lookup(target, "MX")
            self._count_void(found)
            hosts = [value.split(" ", 1)[1] for value in found.values if not value.endswith(" .")]
            if len(hosts) > _MX_LIMIT:
                self._fail(
                    f"'{term.text}' names {len(hosts)} mail servers; receivers read {_MX_LIMIT} (RFC 7208 4.6.4)"
                )
        networks: list[Network] = []
        for kind, version, prefix in (("A", 4, term.prefix4), ("AAAA", 6, term.prefix6)):
            answers = [self._resolver.lookup(host, kind) for host in hosts[:_MX_LIMIT] if checkable(host)]
            if answers and all(answer.void for answer in answers):
                self._voids[version] += 1
            for answer in answers:
                if answer.unanswered:
                    self._find(Status.WARN, answer.sentence())
                networks.extend(ip_network(f"{address}/{prefix}", strict=False) for address in answer.values)
        return tuple(networks)

    def _count_void(self, lookup: Lookup) -> None:
        if lookup.unanswered:
            self._find(Status.WARN, lookup.sentence())
        if lookup.void:
            self._voids[4] += 1
            self._voids[6] += 1

    def _fail(self, text: str) -> None:
        self._find(Status.FAIL, text)

    def _find(self, status: Status, text: str) -> None:
        self._findings.append(Finding(status, text))
