"""The text of one SPF record taken apart (RFC 7208 sections 4.5, 5, 6 and 12)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from senddock.domain.dns_records.spf_macro import domain_spec_error, macro_string_error

Network = IPv4Network | IPv6Network

#: Mechanisms and modifiers that cost one of the ten look-ups (RFC 7208 section 4.6.4).
COSTLY = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_MODIFIER = re.compile(r"([a-z][a-z0-9\-_.]*)=(.*)", re.IGNORECASE | re.DOTALL)
_DIRECTIVE = re.compile(r"([+\-~?]?)([a-z][a-z0-9\-_.]*)((?:[:/].*)?)", re.IGNORECASE | re.DOTALL)
_CIDR = re.compile(r"(?P<domain>.*?)(?P<four>/\d+)?(?P<six>//\d+)?", re.DOTALL)
_LENGTH = re.compile(r"0|[1-9]\d{0,2}")


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism (`qualifier` is one of `+ - ~ ?`) or modifier (`qualifier` is empty)."""

    text: str
    name: str
    qualifier: str
    #: The domain-spec after the colon or the equals sign; `None` when it is left out.
    target: str | None = None
    #: Prefix lengths of `a` and `mx`.
    prefix4: int = 32
    prefix6: int = 128
    #: The network of `ip4` and `ip6`.
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record with the terms that could be read. Any entry in `errors` makes it a permanent error for receivers."""

    text: str
    terms: tuple[Term, ...]
    errors: tuple[str, ...]

    @property
    def mechanisms(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.qualifier)

    @property
    def redirect(self) -> str | None:
        """Target of the redirect modifier, which counts only in a record without `all` (section 6.1)."""
        return next((term.target for term in self.terms if term.name == "redirect" and not term.qualifier), None)

    @property
    def all_qualifier(self) -> str | None:
        """The qualifier of the first `all`, or `None`."""
        return next((term.qualifier for term in self.mechanisms if term.name == "all"), None)


def spf_texts(values: Iterable[str]) -> list[str]:
    """Those TXT values that are SPF records by their version section (section 4.5)."""
    return [value for value in values if value[:6].lower() == "v=spf1" and value[6:7] in {"", " "}]


def parse_spf(text: str) -> SpfRecord:
    """Read a record that `spf_texts` has chosen. Never raises: what cannot be read is named in `errors`."""
    terms: list[Term] = []
    errors: list[str] = []
    for word in text[6:].split(" "):
        if not word:
            continue
        try:
            terms.append(_term(word))
        except ValueError as error:
            errors.append(f"{word!r} cannot be read: {error}")
    errors.extend(
        f"'{name}=' appears more than once"
        for name in ("redirect", "exp")
        if sum(1 for term in terms if term.name == name and not term.qualifier) > 1
    )
    return SpfRecord(text, tuple(terms), tuple(errors))


def _term(word: str) -> Term:
    if not word.isascii() or not word.isprintable():
        raise ValueError("only printable ASCII is allowed, separated by spaces")
    modifier = _MODIFIER.fullmatch(word)
    if modifier is not None:
        name, value = modifier.group(1).lower(), modifier.group(2)
        error = domain_spec_error(value) if name in {"redirect", "exp"} else macro_string_error(value)
        if error is not None and name in {"redirect", "exp"}:
            raise ValueError(error)
        if error is not None:
            raise ValueError(f"the value of the modifier {name!r}: {error}")
        return Term(word, name, "", value)
    directive = _DIRECTIVE.fullmatch(word)
    if directive is None:
        raise ValueError("it is neither a mechanism nor a modifier")
    qualifier, name, rest = directive.group(1) or "+", directive.group(2).lower(), directive.group(3)
    match name:
        case "all":
            if rest:
                raise ValueError("'all' takes no value")
            return Term(word, name, qualifier)
        case "ip4" | "ip6":
            return Term(word, name, qualifier, network=_network(name, rest))
        case "a" | "mx":
            return _with_prefixes(word, name, qualifier, rest)
        case "include" | "exists" | "ptr":
            return Term(word, name, qualifier, _target(rest, optional=name == "ptr"))
        case _:
            raise ValueError(f"there is no mechanism {name!r}")


def _target(rest: str, *, optional: bool) -> str | None:
    if not rest and optional:
        return None
    if not rest.startswith(":"):
        raise ValueError("a colon and a domain name have to follow")
    error = domain_spec_error(rest[1:])
    if error is not None:
        raise ValueError(error)
    return rest[1:]


def _with_prefixes(word: str, name: str, qualifier: str, rest: str) -> Term:
    parts = _CIDR.fullmatch(rest)
    assert parts is not None
    domain = parts.group("domain")
    target = _target(domain, optional=False) if domain else None
    prefix4 = _prefix((parts.group("four") or "/32")[1:], 32)
    prefix6 = _prefix((parts.group("six") or "//128")[2:], 128)
    return Term(word, name, qualifier, target, prefix4, prefix6)


def _prefix(digits: str, longest: int) -> int:
    if not _LENGTH.fullmatch(digits) or int(digits) > longest:
        raise ValueError(f"/{digits} is not a prefix length between 0 and {longest}")
    return int(digits)


def _network(name: str, rest: str) -> Network:
    address, slash, length = rest[1:].partition("/")
    if not rest.startswith(":") or not address:
        raise ValueError("a colon and an address have to follow")
    longest = 32 if name == "ip4" else 128
    prefix = _prefix(length, longest) if slash else longest
    kind = IPv4Network if name == "ip4" else IPv6Network
    try:
        network = ip_network(f"{address}/{prefix}", strict=False)
    except ValueError:
        network = None
    if not isinstance(network, kind):
        raise ValueError(f"{address!r} is not an IPv{4 if name == 'ip4' else 6} address")
    return network
