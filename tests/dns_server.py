"""A real DNS server on loopback, UDP and TCP on one port, that answers from a zone written in the test."""

import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from senddock.domains.resolver import DnsResolver

#: A zone: name -> records ("TXT v=spf1 -all", "MX 10 mx.example.test", "CNAME other.test"), or one of the words
#: SERVFAIL, REFUSED, SILENT (never answers) for the whole name. TXT text is quoted here unless it brings own quotes.
Zone = Mapping[str, Sequence[str] | str]


class DnsServer:
    """The running server; `servers` is a value for `SENDDOCK_DNS_SERVERS`, `asked` lists ("udp", name, type)."""

    def __init__(self, zone: Zone, *, truncate: Sequence[str] = (), follow_cnames: bool = True) -> None:
        self.zone = {name.lower().rstrip("."): records for name, records in zone.items()}
        self.truncate = frozenset(truncate)
        self.follow_cnames = follow_cnames
        self.asked: list[tuple[str, str, str]] = []
        self._udp, self._tcp = _listen(self)
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in (self._udp, self._tcp)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def servers(self) -> tuple[str, ...]:
        host, port = self._udp.server_address[:2]
        return (f"{host!s}:{port}",)

    def resolver(self, **limits: Any) -> DnsResolver:
        return DnsResolver(self.servers, **{"timeout": 20.0, "lifetime": 60.0, "budget": 120.0, **limits})

    def close(self) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((transport, name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if transport == "udp" and name in self.truncate:
            response.flags |= dns.flags.TC
            return response.to_wire()
        word = self._fill(response, name, kind)
        if word == "SILENT":
            return None
        size = 65535 if transport == "tcp" else max(query.payload, 512)
        try:
            return response.to_wire(max_size=size)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> str:
        for _ in range(20):
            records = self.zone.get(name, ())
            if isinstance(records, str):
                if records != "SILENT":
                    response.set_rcode(dns.rcode.from_text(records))
                return records
            if name not in self.zone and not any(known.endswith(f".{name}") for known in self.zone):
                response.set_rcode(dns.rcode.NXDOMAIN)
                return ""
            found = [_rdata(record) for record in records if record.split(" ", 1)[0] == kind]
            alias = next((record.split(" ", 1)[1] for record in records if record.startswith("CNAME ")), None)
            if found or alias is None or kind == "CNAME":
                if found:
                    response.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", kind, found))
                return ""
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", _rdata(f"CNAME {alias}")))
            name = alias.lower().rstrip(".")
            if not self.follow_cnames:
                return ""
        return ""


def _rdata(record: str) -> str:
    kind, _, text = record.partition(" ")
    if kind == "TXT" and not text.startswith('"'):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return " ".join(f'"{escaped[start : start + 250]}"' for start in range(0, len(escaped), 250)) or '""'
    if kind in {"CNAME", "MX", "PTR"}:
        return f"{text.rstrip('.')}."
    return text


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = False
    max_packet_size = 4096


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = False


def _listen(owner: DnsServer) -> tuple[_Udp, _Tcp]:
    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            reply = owner.answer(data, "udp")
            if reply is not None:
                sock.sendto(reply, self.client_address)

    class OverTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = self.rfile.read(2)
            if len(length) == 2:
                reply = owner.answer(self.rfile.read(struct.unpack("!H", length)[0]), "tcp")
                if reply is not None:
                    self.wfile.write(struct.pack("!H", len(reply)) + reply)

    for _ in range(20):
        udp = _Udp(("127.0.0.1", 0), OverUdp)
        try:
            return udp, _Tcp(("127.0.0.1", udp.server_address[1]), OverTcp)
        except OSError:
            # Somebody holds this number for TCP: take another one.
            udp.server_close()
    raise RuntimeError("no port is free for both UDP and TCP")
