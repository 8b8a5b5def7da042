"""The whole of an SPF record as a tree, read without a sending address in mind: includes followed, costs counted.

A receiver stops at the first match; this reading does not, so it answers what a receiver has to face at worst
(RFC 7208 section 4.6.4) and what the record authorises in general.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from senddock.domain.dns_records.finding import Finding
from senddock.domain.dns_records.spf_record import Network

#: RFC 7208 section 4.6.4: terms that ask the DNS, and questions that may come back empty.
LOOKUP_LIMIT = 10
VOID_LIMIT = 2


@dataclass(frozen=True, slots=True)
class SpfTerm:
    """One term where it stands."""

    text: str
    name: str
    qualifier: str
    #: Where it points after macros; `None` when that depends on the message (`dynamic`) or the term names nothing.
    target: str | None = None
    dynamic: bool = False
    #: How many of the ten look-ups were used up once this term, with all inside it, was read.
    lookups_after: int = 0
    #: The addresses an `ip4`, `ip6`, `a` or `mx` stands for.
    networks: tuple[Network, ...] = ()
    #: The record behind an `include` or a `redirect`.
    node: "SpfNode | None" = None


@dataclass(frozen=True, slots=True)
class SpfNode:
    """One record and what it says; `record` is `None` where none could be read and a finding says why."""

    domain: str
    record: str | None
    terms: tuple[SpfTerm, ...] = ()

    @property
    def all_qualifier(self) -> str | None:
        """What the record says of everybody else: its own `all`, or that of the record it is redirected to."""
        for term in self.terms:
            if term.name == "all":
                return term.qualifier
            if term.name == "redirect" and term.node is not None:
                return term.node.all_qualifier
        return None


@dataclass(frozen=True, slots=True)
class Reach:
    """A record that mail may pass by: `lookups` of the ten were used when it had been read to its end."""

    node: SpfNode
    lookups: int

    @property
    def within_limit(self) -> bool:
        return self.lookups <= LOOKUP_LIMIT


@dataclass(frozen=True, slots=True)
class SpfTree:
    """The reading of one domain's record. `records` holds every SPF record found there: more than one is an error."""

    root: SpfNode
    records: tuple[str, ...]
    lookups: int
    #: Questions that come back empty for a client with an IPv4 address, and for one with an IPv6 address.
    voids: int
    voids_ipv6: int
    findings: tuple[Finding, ...]
    #: True when the name servers did not say whether there is a record: nothing is known.
    unanswered: bool = False

    def reach(self, *targets: str) -> Reach | None:
        """Where one of `targets` is included so that its pass is a pass of the whole record; `None` if it is not.

        Only `+` counts all the way down: mail matched by `?include:` or `~include:` is not authorised.
        """
        wanted = {target.lower().rstrip(".") for target in targets}
        return next((found for found in _passing(self.root) if found.node.domain in wanted), None)

    def to_json(self) -> dict[str, Any]:
        """The tree for a page: nested `{"domain", "record", "terms": [...]}`."""
        return _node_json(self.root)


def _passing(node: SpfNode) -> Iterator[Reach]:
    for term in node.terms:
        follows = term.name == "redirect" or (term.name == "include" and term.qualifier == "+")
        if follows and term.node is not None:
            yield Reach(term.node, term.lookups_after)
            yield from _passing(term.node)


def _node_json(node: SpfNode) -> dict[str, Any]:
    terms = []
    for term in node.terms:
        shown: dict[str, Any] = {"text": term.text, "lookups_after": term.lookups_after}
        if term.node is not None:
            shown["record"] = _node_json(term.node)
        terms.append(shown)
    return {"domain": node.domain, "record": node.record, "terms": terms}
