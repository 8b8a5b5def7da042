"""Does one SPF record authorise the addresses that another one does, whether or not it includes it by name?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from senddock.domain.dns_records.spf_record import Network
from senddock.domain.dns_records.spf_tree import SpfNode


@dataclass(slots=True)
class Authorised:
    """The addresses a record passes. `complete` is false when some depend on the message (`exists`, `ptr`, macros)."""

    passes: list[Network] = field(default_factory=list)
    #: Addresses refused before anything could pass them.
    denied: list[Network] = field(default_factory=list)
    everybody: bool = False
    complete: bool = True

    def covers(self, other: "Authorised") -> bool:
        """True when every address that `other` passes is known to pass here too."""
        if self.everybody:
            return True
        if other.everybody or not other.complete or not other.passes:
            return False
        four = tuple(collapse_addresses(net for net in self.passes if isinstance(net, IPv4Network)))
        six = tuple(collapse_addresses(net for net in self.passes if isinstance(net, IPv6Network)))
        return all(
            inside(net, four if net.version == 4 else six) and not any(net.overlaps(no) for no in self.denied)
            for net in other.passes
        )


def inside(network: Network, others: Sequence[Network]) -> bool:
    """True when `network` lies within one of `others`, which are of the same IP version."""
    return any(
        other.network_address <= network.network_address  # type: ignore[operator]
        and network.broadcast_address <= other.broadcast_address  # type: ignore[operator]
        for other in others
    )


def authorised(node: SpfNode) -> Authorised:
    """The addresses that `node` passes, in the order in which a receiver reads it."""
    result = Authorised(complete=node.record is not None)
    for term in node.terms:
        if term.name == "all":
            result.everybody = result.everybody or term.qualifier == "+"
            break
        if term.name in {"include", "redirect"} and term.node is not None:
            if term.name == "include" and term.qualifier != "+":
                result.denied.extend(authorised(term.node).passes)
                continue
            behind = authorised(term.node)
            result.passes.extend(_without(behind.passes, result.denied))
            result.denied.extend(behind.denied)
            result.everybody = result.everybody or behind.everybody
            result.complete = result.complete and behind.complete
        elif term.dynamic or term.name in {"exists", "ptr", "include", "redirect"}:
            result.complete = False
        elif term.qualifier == "+":
            result.passes.extend(_without(term.networks, result.denied))
        else:
            result.denied.extend(_without(term.networks, result.passes))
    return result


def _without(networks: Iterable[Network], already: Sequence[Network]) -> list[Network]:
    return [net for net in networks if not inside(net, [other for other in already if other.version == net.version])]
