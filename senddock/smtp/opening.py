"""Opening a session: DNS, connect, TLS, greeting, EHLO, AUTH, each with its deadline and its name in the log."""

import base64
import functools
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from senddock.domain.reply import Reply, Stage, reply_of
from senddock.smtp.fault import WireFault, fault
from senddock.smtp.resolve import resolve
from senddock.smtp.target import Target
from senddock.smtp.wire import Wire

#: Called with a stage, its milliseconds and a short text as soon as the stage is over.
OnStage = Callable[[Stage, float, str], None]

#: In this order: PLAIN is one round trip, CRAM-MD5 is for servers that offer nothing else.
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


@functools.lru_cache(maxsize=8)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A verifying client context, TLS 1.2 or newer. Making one reads the CA bundle (20 ms), so it is kept."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def open_wire(target: Target, on_stage: OnStage | None = None, *, transcript: list[str] | None = None) -> Wire:
    """Connect and sign in. Raises `WireFault` with the stage at which it went wrong; nothing stays open then."""
    clock = _StageClock(on_stage)
    with clock.stage(Stage.DNS) as note:
        addresses = resolve(target.host, target.port, target.dns_servers, target.timeouts.connect)
        note(f"{target.host} → {', '.join(address for _, address in addresses[:4])}")
    wire = Wire(target.host, target.greet_as)
    wire.transcript = transcript
    try:
        _connect(wire, target, addresses, clock)
        _greet(wire, target, clock)
        if target.encryption == "starttls":
            _start_tls(wire, target, clock)
        if target.username:
            _sign_in(wire, target, clock)
    except BaseException:
        wire.close()
        raise
    return wire


def _connect(
    wire: Wire, target: Target, addresses: Sequence[tuple[socket.AddressFamily, str]], clock: "_StageClock"
) -> None:
    limits = target.timeouts
    last: WireFault | None = None
    with clock.stage(Stage.CONNECT) as note:
        for family, address in addresses:
            wire.at(Stage.CONNECT, max(1.0, limits.connect / len(addresses)))
            try:
                wire.open(family, address, target.port, None)
            except WireFault as error:
                last = error
                continue
            note(f"{address}:{target.port}")
            break
        else:
            assert last is not None
            raise last
    if target.encryption == "ssl":
        with clock.stage(Stage.TLS) as note:
            wire.at(Stage.TLS, limits.tls)
            wire.wrap(tls_context(target.ca_file))
            note(_tls_in_words(wire))


def _greet(wire: Wire, target: Target, clock: "_StageClock") -> None:
    with clock.stage(Stage.GREETING) as note:
        wire.at(Stage.GREETING, target.timeouts.session)
        code, text = wire.getreply()
        if code != 220:
            raise WireFault(_reply(Stage.GREETING, code, text))
        note(text.decode("utf-8", "replace").replace("\n", " ")[:200])
    with clock.stage(Stage.EHLO) as note:
        _ehlo(wire, target)
        note(_features(wire))


def _ehlo(wire: Wire, target: Target) -> None:
    wire.at(Stage.EHLO, target.timeouts.session)
    code, text = wire.ehlo()
    if code != 250:
        # RFC 5321 section 3.2: a server that does not know EHLO may still know HELO.
        if code in (500, 502):
            code, text = wire.helo()
        if code != 250:
            raise WireFault(_reply(Stage.EHLO, code, text))


def _start_tls(wire: Wire, target: Target, clock: "_StageClock") -> None:
    with clock.stage(Stage.TLS) as note:
        wire.at(Stage.TLS, target.timeouts.tls)
        if not wire.has_extn("starttls"):
            # Never go on in the clear: a man in the middle can strip the offer (RFC 3207 section 6).
            raise fault(Stage.TLS, "STARTTLS is not offered by the server")
        code, text = wire.docmd("STARTTLS")
        if code != 220:
            raise WireFault(_reply(Stage.TLS, code, text))
        wire.wrap(tls_context(target.ca_file))
        note(_tls_in_words(wire))
    with clock.stage(Stage.EHLO) as note:
        _ehlo(wire, target)
        note(_features(wire))


def _sign_in(wire: Wire, target: Target, clock: "_StageClock") -> None:
    with clock.stage(Stage.AUTH) as note:
        offered = wire.esmtp_features.get("auth", "").upper().split()
        usable = [mechanism for mechanism in _MECHANISMS if mechanism in offered]
        if not usable:
            detail = f"it offers only {' '.join(offered)}" if offered else "it offers no AUTH"
            raise WireFault(Reply(Stage.AUTH, 504, "5.7.4", f"The server has no sign-in that can be used: {detail}"))
        for mechanism in usable:
            wire.at(Stage.AUTH, target.timeouts.session)
            code, text = _authenticate(wire, mechanism, target.username or "", target.password or "")
            if code in (235, 503):
                note(mechanism)
                return
            # Only "this mechanism is not for you" is worth a second try: repeated refusals get accounts locked.
            if code not in (500, 502, 504, 534, 538):
                break
        raise WireFault(_reply(Stage.AUTH, code, text))


def _authenticate(wire: Wire, mechanism: str, username: str, password: str) -> tuple[int, bytes]:
    """One AUTH exchange (RFC 4954); user name and password are UTF-8 (RFC 4616)."""
    if mechanism == "PLAIN":
        return wire.docmd("AUTH", "PLAIN " + _b64(f"\0{username}\0{password}"))
    if mechanism == "LOGIN":
        code, text = wire.docmd("AUTH", "LOGIN")
        for answer in (username, password):
            if code != 334:
                break
            code, text = wire.docmd(_b64(answer))
        return code, text
    wire.user, wire.password = username, password
    try:
        code, text = wire.docmd("AUTH", "CRAM-MD5")
        if code == 334:
            code, text = wire.docmd(_b64(wire.auth_cram_md5(base64.b64decode(text)) or ""))
    except ValueError as error:
        raise fault(Stage.AUTH, "Connection failed: the server's CRAM-MD5 challenge cannot be read") from error
    finally:
        wire.user = wire.password = ""
    return code, text


def tls_name(wire: Wire) -> str | None:
    """Version and cipher of the session, or ``None`` when it is not encrypted."""
    if not isinstance(wire.sock, ssl.SSLSocket):
        return None
    cipher = wire.sock.cipher()
    return f"{wire.sock.version()} {cipher[0]}" if cipher else wire.sock.version()


def _tls_in_words(wire: Wire) -> str:
    """Version and cipher with the certificate's name and how long it still holds."""
    words = [tls_name(wire) or "TLS"]
    certificate = (wire.sock.getpeercert() or {}) if isinstance(wire.sock, ssl.SSLSocket) else {}
    alternatives: Any = certificate.get("subjectAltName", ())
    names = [item[1] for item in alternatives if item[0] in ("DNS", "IP Address")]
    if names:
        words.append(f"certificate for {names[0]}")
    until = certificate.get("notAfter")
    if isinstance(until, str):
        days = int((ssl.cert_time_to_seconds(until) - time.time()) // 86400)
        words.append(f"expires in {days} days")
    return ", ".join(words)


def _features(wire: Wire) -> str:
    return ", ".join(f"{name.upper()} {value}".strip() for name, value in wire.esmtp_features.items())


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _reply(stage: Stage, code: int, text: bytes) -> Reply:
    return reply_of(code, text.decode("utf-8", "replace"), stage)


class _StageClock:
    """Times each stage and tells whoever listens."""

    def __init__(self, on_stage: OnStage | None) -> None:
        self._on_stage = on_stage

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[Callable[[str], None]]:
        noted = ""

        def note(text: str) -> None:
            nonlocal noted
            noted = text

        started = time.monotonic()
        yield note
        if self._on_stage is not None:
            self._on_stage(stage, (time.monotonic() - started) * 1000, noted)
