"""Questions to the DNS whose every ending is data: found, no such name, no such type, a server's error, silence."""

import ipaddress
import time
from collections.abc import Callable
from typing import Protocol

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.resolver
import dns.rrset

from senddock.domain.dns_records.lookup import Lookup, Outcome

#: CNAME records followed before a chain is taken for a loop.
_LONGEST_CHAIN = 8
#: Offered with EDNS; larger answers come truncated and are asked for again over TCP (DNS flag day 2020).
_UDP_PAYLOAD = 1232
#: Questions that may go unanswered before name servers that never said a word are taken for dead.
_SILENCES = 2


class Resolver(Protocol):
    """Anything that answers DNS questions as data."""

    def lookup(self, name: str, kind: str) -> Lookup:
        """Records of type `kind` ("TXT", "MX", "A" …) at `name`, CNAME records followed. Never raises."""
        ...


class DnsResolver:
    """Asks real name servers, remembers every answer, and stops asking when its time is used up.

    Make one per check: answers are kept for its whole life, so that one report speaks of one state of the DNS.
    """

    def __init__(
        self,
        dns_servers: tuple[str, ...] = (),
        *,
        timeout: float = 2.0,
        lifetime: float = 5.0,
        budget: float = 20.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`dns_servers` are "address:port" or "address" ("[::1]:5353" for IPv6); none means the system's own.

        `timeout` is the seconds one server gets to answer, `lifetime` the seconds one question may take, `budget` the
        seconds all questions together may take; what is asked after that counts as timed out.
        Raises `ValueError` for a server that is no IP address.
        """
        self._resolver = _stub(dns_servers)
        self._resolver.timeout = timeout
        self._resolver.use_edns(0, 0, _UDP_PAYLOAD)
        self._lifetime = lifetime
        self._monotonic = monotonic
        self._deadline = monotonic() + budget
        self._answers: dict[tuple[str, str], Lookup] = {}
        self._heard = False
        self._silences = 0

    def lookup(self, name: str, kind: str) -> Lookup:
        key = (name.rstrip(".").lower(), kind)
        if key not in self._answers:
            self._answers[key] = self._ask(*key)
        return self._answers[key]

    @property
    def unanswered(self) -> list[str]:
        """What could not be looked up, as sentences; while there is any, a report says less than the records do."""
        return [answer.sentence() for answer in self._answers.values() if answer.unanswered]

    def _ask(self, name: str, kind: str) -> Lookup:
        try:
            target = dns.name.from_text(f"{name}.", idna_codec=dns.name.IDNA_2008_Practical)
        except (dns.exception.DNSException, UnicodeError, ValueError):
            return Lookup(name, kind, Outcome.BAD_NAME)
        chain: list[str] = []
        while True:
            outcome, rrset, followed = self._ask_once(target, kind)
            chain.extend(followed)
            if outcome is not Outcome.NODATA or not followed or len(chain) > _LONGEST_CHAIN:
                break
            # The server knew the CNAME only (it is authoritative for this zone and not for the next): go on ourselves.
            target = dns.name.from_text(f"{chain[-1]}.")
        if len(chain) > _LONGEST_CHAIN:
            outcome = Outcome.SERVFAIL
        values = _texts(rrset) if rrset is not None and outcome is Outcome.FOUND else ()
        return Lookup(name, kind, outcome, values, tuple(chain))

    def _ask_once(self, target: dns.name.Name, kind: str) -> tuple[Outcome, dns.rrset.RRset | None, list[str]]:
        left = min(self._lifetime, self._deadline - self._monotonic())
        given_up = not self._heard and self._silences >= _SILENCES
        if left <= 0 or given_up or not self._resolver.nameservers:
            return Outcome.TIMEOUT, None, []
        outcome, rrset, followed = self._resolve(target, kind, left)
        self._heard = self._heard or outcome is not Outcome.TIMEOUT
        return outcome, rrset, followed

    def _resolve(
        self, target: dns.name.Name, kind: str, left: float
    ) -> tuple[Outcome, dns.rrset.RRset | None, list[str]]:
        try:
            answer = self._resolver.resolve(target, kind, search=False, raise_on_no_answer=False, lifetime=left)
        except dns.resolver.NXDOMAIN as error:
            responses: dict[dns.name.Name, dns.message.Message] = error.kwargs.get("responses", {})
            return Outcome.NXDOMAIN, None, _followed(responses.get(target))
        except dns.resolver.LifetimeTimeout:
            self._silences += 1
            return Outcome.TIMEOUT, None, []
        except dns.exception.DNSException:
            return Outcome.SERVFAIL, None, []
        return Outcome.FOUND if answer.rrset else Outcome.NODATA, answer.rrset, _followed(answer.response)


def _followed(response: dns.message.Message | None) -> list[str]:
    if not isinstance(response, dns.message.QueryMessage):
        return []
    try:
        chained = response.resolve_chaining()
    except dns.exception.DNSException:
        return []
    return [_plain(record.target) for rrset in chained.cnames for record in rrset]


def _texts(rrset: dns.rrset.RRset) -> tuple[str, ...]:
    texts = []
    for record in rrset:
        if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
            texts.append(b"".join(record.strings).decode("utf-8", "replace"))
        elif rrset.rdtype in {dns.rdatatype.CNAME, dns.rdatatype.PTR, dns.rdatatype.NS}:
            texts.append(_plain(record.target))
        elif rrset.rdtype == dns.rdatatype.MX:
            texts.append(f"{record.preference} {_plain(record.exchange) or '.'}")
        else:
            texts.append(record.to_text())
    return tuple(texts)


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).rstrip(".").lower()


def _stub(dns_servers: tuple[str, ...]) -> dns.resolver.Resolver:
    if dns_servers:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*_address(server)) for server in dns_servers]
        return resolver
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return dns.resolver.Resolver(configure=False)


def _address(server: str) -> tuple[str, int]:
    host, port = server, "53"
    if server.startswith("[") and "]" in server:
        host, _, rest = server[1:].partition("]")
        port = rest.removeprefix(":") or "53"
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError(f"{server!r} is not a name server: write its IP address, or address:port")
    return host, number
