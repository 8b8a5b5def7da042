"""Test Connection: one careful walk through every stage, with what was said and what a person could do next."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from senddock.domain.reply import Reply, Stage
from senddock.smtp.fault import WireFault
from senddock.smtp.opening import open_wire, tls_name
from senddock.smtp.session import Outgoing, Session
from senddock.smtp.target import Target, Timeouts
from senddock.smtp.wire import Wire

#: Tried in this order when the given port does not answer.
_OTHER_PORTS = ((587, "starttls"), (465, "ssl"), (2525, "starttls"))
_TITLES = {
    Stage.DNS: "DNS",
    Stage.CONNECT: "Connect",
    Stage.TLS: "TLS",
    Stage.GREETING: "Greeting",
    Stage.EHLO: "EHLO",
    Stage.AUTH: "Sign in",
    Stage.MAIL: "Sender",
    Stage.RCPT: "Recipient",
    Stage.DATA: "Message",
    Stage.FINAL_DOT: "Message",
    Stage.REPLY: "Message",
}


class Cancelled(Exception):
    """The person pressed Stop."""


@dataclass(slots=True)
class Report:
    """What was found so far; `to_json` is what the page shows."""

    stages: list[dict[str, Any]] = field(default_factory=list)
    failure: Reply | None = None
    dialogue: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "stages": self.stages,
            "dialogue": self.dialogue[-200:],
            "suggestions": self.suggestions,
            "commands": self.commands,
        }


def probe(
    target: Target, mail: Outgoing | None, *, progress: Callable[[Report], None], elsewhere: bool = True
) -> Report:
    """Walk the stages; with ``mail`` a test message is sent. ``progress`` is called after each stage and may raise
    `Cancelled`. Never raises for what the server does."""
    report = Report(commands=_commands(target))
    wire: Wire | None = None
    since = time.monotonic()

    def passed(stage: Stage, milliseconds: float, text: str) -> None:
        nonlocal since
        since = time.monotonic()
        report.stages.append(_stage(stage, milliseconds, text, ok=True))
        progress(report)

    try:
        wire = open_wire(target, passed, transcript=report.dialogue)
        _note_certificate(wire, report)
        if mail is not None:
            _send(Session(wire, target, 0.0), mail, passed)
        wire.at(Stage.REPLY, 3.0)
        wire.putcmd("QUIT")
        wire.getreply()
    except WireFault as error:
        if wire is not None and error.reply.stage is Stage.REPLY and _sent(report, mail):
            # Only the good-bye failed; everything that was asked for has worked.
            return report
        report.failure = error.reply
        elapsed = (time.monotonic() - since) * 1000
        report.stages.append(_stage(error.reply.stage, elapsed, error.reply.line(), ok=False))
        if elsewhere:
            report.suggestions = _elsewhere(target, error.reply)
    finally:
        if wire is not None:
            wire.close()
    progress(report)
    return report


def _sent(report: Report, mail: Outgoing | None) -> bool:
    return mail is None or any(stage["stage"] == Stage.FINAL_DOT.value for stage in report.stages)


def _send(session: Session, mail: Outgoing, passed: Callable[[Stage, float, str], None]) -> None:
    session.pipelining = False
    started = time.monotonic()
    session.wait(session.begin(mail))
    opening = session.wait(session.opening(mail))
    refusal = opening.refusal or next((reply for reply in opening.recipients if not reply.positive), None)
    if refusal is not None or not opening.ready:
        raise WireFault(refusal or Reply(Stage.DATA, None, None, "The server did not ask for the message"))
    passed(Stage.MAIL, (time.monotonic() - started) * 1000, mail.mail_from)
    passed(Stage.RCPT, 0.0, ", ".join(mail.recipients))
    started = time.monotonic()
    session.wait(session.body(mail))
    session.wait(session.finish())
    reply = session.wait(session.outcome())
    if not reply.positive:
        raise WireFault(reply)
    passed(Stage.FINAL_DOT, (time.monotonic() - started) * 1000, reply.line())


def _stage(stage: Stage, milliseconds: float, text: str, *, ok: bool) -> dict[str, Any]:
    return {"stage": stage.value, "title": _TITLES[stage], "ok": ok, "ms": round(milliseconds, 1), "summary": text}


def _note_certificate(wire: Wire, report: Report) -> None:
    if not isinstance(wire.sock, ssl.SSLSocket):
        return
    certificate = wire.sock.getpeercert() or {}
    alternatives: Any = certificate.get("subjectAltName", ())
    names = [item[1] for item in alternatives if item[0] in ("DNS", "IP Address")]
    summary = tls_name(wire) or "TLS"
    if names:
        summary += f", certificate for {names[0]}"
    until = certificate.get("notAfter")
    if isinstance(until, str):
        days = (datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) - datetime.now(UTC)).days
        summary += f", expires in {days} days"
    for stage in report.stages:
        if stage["stage"] == Stage.TLS.value:
            stage["summary"] = summary


def _elsewhere(target: Target, failure: Reply) -> list[str]:
    """Which other port answers, and whether port and encryption were exchanged."""
    found = []
    if failure.stage in (Stage.TLS, Stage.GREETING, Stage.EHLO) and failure.code is None:
        other = "starttls" if target.encryption == "ssl" else "ssl"
        if _opens(target, target.port, other):
            shown = {"starttls": "TLS (STARTTLS)", "ssl": "SSL"}[other]
            found.append(f"Port {target.port} speaks {shown}: choose it as encryption.")
    if failure.stage is Stage.CONNECT:
        for port, encryption in _OTHER_PORTS:
            if port != target.port and _opens(target, port, encryption):
                shown = {"starttls": "TLS", "ssl": "SSL"}[encryption]
                found.append(f"Port {port} answers: use it with {shown}.")
    return found


def _opens(target: Target, port: int, encryption: str) -> bool:
    short = Timeouts(connect=3.0, tls=4.0, session=4.0)
    other = Target(
        target.host, port, encryption, timeouts=short, dns_servers=target.dns_servers, ca_file=target.ca_file
    )
    try:
        open_wire(other).close()
    except WireFault as error:
        # A certificate that does not fit still shows that TLS is spoken there.
        return error.reply.stage is Stage.TLS and "ertificate" in error.reply.text
    return True


def _commands(target: Target) -> list[str]:
    where = f"{target.host}:{target.port}"
    start = " -starttls smtp" if target.encryption == "starttls" else ""
    commands = [f"telnet {target.host} {target.port}"]
    if target.encryption != "none":
        commands.insert(0, f"openssl s_client{start} -connect {where}")
    return commands
