"""A record may authorise a provider's addresses without including it by name."""

from ipaddress import ip_network

import pytest

from senddock.domain.dns_records.spf_coverage import authorised
from senddock.domain.dns_records.spf_tree import SpfNode, SpfTerm


def term(text: str) -> SpfTerm:
    qualifier, rest = (text[0], text[1:]) if text[0] in "+-~?" else ("+", text)
    name, _, value = rest.partition(":")
    networks = (ip_network(value),) if name in {"ip4", "ip6"} else ()
    return SpfTerm(text, name, qualifier, networks=networks)


def node(*texts: str) -> SpfNode:
    return SpfNode("example.com", "v=spf1", tuple(term(text) for text in texts))


PROVIDER = node("ip4:192.0.2.0/24", "ip6:2001:db8::/32", "~all")


@pytest.mark.parametrize(
    ("own", "covered"),
    [
        (node("ip4:192.0.2.0/24", "ip6:2001:db8::/32", "-all"), True),
        (node("ip4:192.0.2.0/25", "ip4:192.0.2.128/25", "ip6:2001:db8::/30", "-all"), True),
        (node("ip4:192.0.2.0/24", "-all"), False),
        (node("ip4:192.0.2.0/25", "ip6:2001:db8::/32", "-all"), False),
        (node("-ip4:192.0.2.9/32", "ip4:192.0.2.0/24", "ip6:2001:db8::/32", "-all"), False),
        (node("?ip4:192.0.0.0/16", "ip4:192.0.2.0/24", "ip6:2001:db8::/32", "-all"), False),
        (node("ip4:192.0.2.0/24", "ip6:2001:db8::/32", "-ip4:192.0.2.0/24", "-all"), True),
        (node("-all", "ip4:192.0.2.0/24", "ip6:2001:db8::/32"), False),
        (node("+all"), True),
    ],
)
def test_it_compares_addresses_in_the_order_a_receiver_reads_them(own: SpfNode, covered: bool) -> None:
    assert authorised(own).covers(authorised(PROVIDER)) is covered


def test_it_does_not_claim_to_cover_what_depends_on_the_message() -> None:
    everything = node("ip4:0.0.0.0/0", "~all")

    assert not authorised(everything).covers(authorised(node("ip4:192.0.2.0/24", "exists:%{i}.example.net", "-all")))


def test_only_a_pass_inside_an_include_counts() -> None:
    inner = node("ip4:192.0.2.0/24", "ip6:2001:db8::/32", "-all")
    passing = SpfNode("example.com", "v=spf1", (SpfTerm("include:x", "include", "+", node=inner),))
    doubtful = SpfNode("example.com", "v=spf1", (SpfTerm("?include:x", "include", "?", node=inner),))

    assert authorised(passing).covers(authorised(PROVIDER))
    assert not authorised(doubtful).covers(authorised(PROVIDER))
