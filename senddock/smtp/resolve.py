"""From a host name to addresses that can be connected to."""

import ipaddress
import socket

import dns.exception
import dns.resolver

from senddock.domain.reply import Stage
from senddock.smtp.fault import fault, fault_of


def resolve(
    host: str, port: int, dns_servers: tuple[str, ...] = (), seconds: float = 10.0
) -> list[tuple[socket.AddressFamily, str]]:
    """Addresses of ``host``, in the order to try them. Raises `WireFault` at stage ``dns``.

    With name servers of its own a look-up takes at most ``seconds``; the system's resolver has a limit of its own.
    """
    try:
        literal = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        literal = None
    if literal is not None:
        return [(socket.AF_INET6 if literal.version == 6 else socket.AF_INET, str(literal))]
    if not dns_servers:
        return _ask_system(host, port)
    return _ask_servers(host, dns_servers, seconds)


def _ask_system(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise fault(Stage.DNS, f"Host name not found: {host!r} is not a host name") from error
    except OSError as error:
        raise fault_of(error, Stage.DNS) from error
    addresses = [(family, str(address[0])) for family, _, _, _, address in found]
    # IPv4 first: a host without working IPv6 would otherwise pay a connect time-out for each message.
    return sorted(dict.fromkeys(addresses), key=lambda item: item[0] != socket.AF_INET)


def _ask_servers(host: str, dns_servers: tuple[str, ...], seconds: float) -> list[tuple[socket.AddressFamily, str]]:
    resolver = dns.resolver.Resolver(configure=False)
    first_port = int(dns_servers[0].rpartition(":")[2])
    resolver.nameservers = [server.rpartition(":")[0].strip("[]") for server in dns_servers]
    resolver.port = first_port
    resolver.nameserver_ports = {
        server.rpartition(":")[0].strip("[]"): int(server.rpartition(":")[2]) for server in dns_servers
    }
    found: list[tuple[socket.AddressFamily, str]] = []
    for kind, family in (("A", socket.AF_INET), ("AAAA", socket.AF_INET6)):
        try:
            answer = resolver.resolve(host, kind, lifetime=seconds, search=False)
        except dns.resolver.NoAnswer:
            continue
        except dns.resolver.NXDOMAIN as error:
            raise fault(Stage.DNS, f"Host name not found: {host} does not exist") from error
        except dns.exception.DNSException as error:
            if found:
                break
            raise fault(Stage.DNS, f"Host name not found: the name servers do not answer for {host}") from error
        found.extend((family, record.to_text()) for record in answer)
    if not found:
        raise fault(Stage.DNS, f"Host name not found: {host} has no address")
    return found
