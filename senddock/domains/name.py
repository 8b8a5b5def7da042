"""Names of sending domains: made comparable, and cut to their organisational domain."""

import functools
import ipaddress

import dns.exception
import dns.name
import publicsuffixlist


class InvalidDomain(ValueError):
    """What was entered is no domain name; the message says why and what to enter instead."""


def ascii_domain(text: str) -> str:
    """The lower-case ASCII form of a domain ("münchen.example" becomes "xn--mnchen-3ya.example").

    Raises `InvalidDomain` for an address, a URL, an IP address, a single label and what DNS cannot hold.
    """
    name = text.strip().rstrip(".")
    if any(sign in name for sign in "@/:\\"):
        raise InvalidDomain(f"{text!r} is not a domain name: enter only what stands after the @, such as example.com")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        raise InvalidDomain(f"{text!r} is an IP address: enter the domain of your From address, such as example.com")
    try:
        encoded = dns.name.from_text(f"{name}.", idna_codec=dns.name.IDNA_2008_UTS_46).to_text(omit_final_dot=True)
    except (dns.exception.DNSException, UnicodeError, ValueError) as error:
        raise InvalidDomain(f"{text!r} is not a domain name; enter one such as example.com") from error
    labels = encoded.lower().split(".")
    if len(labels) < 2 or not all(label.replace("-", "").replace("_", "").isalnum() for label in labels):
        raise InvalidDomain(f"{text!r} is not a domain name: enter one such as example.com")
    return encoded.lower()


def organisational_domain(name: str) -> str:
    """The registered domain that `name` belongs to by the public suffix list (RFC 7489 section 3.2).

    `name` itself when it is a public suffix. The list comes with the package `publicsuffixlist`; nothing is fetched.
    """
    plain = name.lower().rstrip(".")
    return _suffixes().privatesuffix(plain) or plain


@functools.cache
def _suffixes() -> publicsuffixlist.PublicSuffixList:
    return publicsuffixlist.PublicSuffixList()
