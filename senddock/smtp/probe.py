"""Test Connection: one careful walk through every stage, with what was said and what a person could do next."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from senddock.domain.reply import Reply, Stage, reply_of
from senddock.domain.whole_number import LARGEST_BIG, whole_number
from senddock.smtp.fault import WireFault
from senddock.smtp.opening import open_wire
from senddock.smtp.session import Outgoing
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
    #: Titles of the stages still to come, when all goes well, and of those that a failure kept from being reached.
    pending: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    #: The other port that is being tried just now.
    trying: int | None = None
    failure: Reply | None = None
    dialogue: list[str] = field(default_factory=list)
    #: Each a sentence, and the port and encryption it speaks of.
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "stages": self.stages,
            "pending": self.pending,
            "unreached": self.unreached,
            "trying": self.trying,
            "dialogue": self.dialogue[-200:],
            "suggestions": self.suggestions,
            "commands": self.commands,
        }


def probe(
    target: Target, mail: Outgoing | None, *, progress: Callable[[Report], None], elsewhere: bool = True
) -> Report:
    """Walk the stages up to ``MAIL FROM``; with recipients in ``mail`` the test message is sent.

    ``progress`` is called after each stage and may raise `Cancelled`. Never raises for what the server does.
    """
    report = Report(commands=_commands(target), pending=_course(target, mail))
    wire: Wire | None = None
    since = time.monotonic()

    def passed(stage: Stage, milliseconds: float, text: str) -> None:
        nonlocal since
        since = time.monotonic()
        report.stages.append(_stage(stage, milliseconds, _in_short(stage, text), ok=True))
        report.pending = report.pending[1:]
        progress(report)

    try:
        wire = open_wire(target, passed, transcript=report.dialogue)
        if mail is not None:
            _send(wire, mail, target, passed)
        _say_goodbye(wire)
    except WireFault as error:
        report.failure = error.reply
        elapsed = (time.monotonic() - since) * 1000
        report.stages.append(_stage(error.reply.stage, elapsed, error.reply.line(), ok=False))
        report.unreached, report.pending = report.pending[1:], []
    finally:
        if wire is not None:
            wire.close()
    if report.failure is not None and elsewhere:
        report.suggestions = _elsewhere(target, report.failure, lambda port: _try(report, port, progress))
        report.trying = None
    progress(report)
    return report


def _course(target: Target, mail: Outgoing | None) -> list[str]:
    whole = course(target.encryption, signs_in=bool(target.username), sends=mail is not None and bool(mail.recipients))
    return whole if mail is not None else whole[:-1]


def course(encryption: str, *, signs_in: bool, sends: bool) -> list[str]:
    """Titles of the stages in the order in which such a target goes through them, up to the sender or the message."""
    tls = {"ssl": [Stage.TLS, Stage.GREETING, Stage.EHLO], "none": [Stage.GREETING, Stage.EHLO]}
    stages = [Stage.DNS, Stage.CONNECT]
    stages += tls.get(encryption, [Stage.GREETING, Stage.EHLO, Stage.TLS, Stage.EHLO])
    stages += [Stage.AUTH] if signs_in else []
    stages += [Stage.MAIL, *([Stage.RCPT, Stage.FINAL_DOT] if sends else [])]
    return [_TITLES[stage] for stage in stages]


def _try(report: Report, port: int, progress: Callable[[Report], None]) -> None:
    report.trying = port
    progress(report)


def _say_goodbye(wire: Wire) -> None:
    """Everything that was asked for has worked; what the server makes of QUIT changes nothing."""
    try:
        wire.at(Stage.REPLY, 3.0)
        wire.putcmd("QUIT")
        wire.getreply()
    except WireFault as error:
        wire.transcript = [*(wire.transcript or []), f"(no answer to QUIT: {error.reply.text})"]


def _send(wire: Wire, mail: Outgoing, target: Target, passed: Callable[[Stage, float, str], None]) -> None:
    """One command at a time, each with its own time: a person wants to see at which of them it went wrong."""
    limits = target.timeouts
    unusual = " SMTPUTF8" if mail.needs_smtputf8 else ""
    _ask(wire, Stage.MAIL, f"MAIL FROM:<{mail.mail_from}>{unusual}", limits.envelope, passed, mail.mail_from)
    if not mail.recipients:
        wire.at(Stage.MAIL, limits.session)
        wire.putcmd("RSET")
        wire.getreply()
        return
    for recipient in mail.recipients:
        _ask(wire, Stage.RCPT, f"RCPT TO:<{recipient}>", limits.envelope, passed, recipient)
    started = time.monotonic()
    wire.at(Stage.DATA, limits.envelope)
    wire.putcmd("DATA")
    _expect(wire, Stage.DATA, 354)
    wire.at(Stage.DATA, limits.data)
    wire.send(mail.data)
    wire.at(Stage.REPLY, limits.final_dot)
    wire.send(b".\r\n")
    reply = _expect(wire, Stage.FINAL_DOT, 250)
    passed(Stage.FINAL_DOT, (time.monotonic() - started) * 1000, reply.line())


def _ask(
    wire: Wire, stage: Stage, command: str, seconds: float, passed: Callable[[Stage, float, str], None], text: str
) -> None:
    started = time.monotonic()
    wire.at(stage, seconds)
    wire.putcmd(command)
    reply = _expect(wire, stage, 250)
    passed(stage, (time.monotonic() - started) * 1000, f"{text} · {reply.line()}")


def _expect(wire: Wire, stage: Stage, wanted: int) -> Reply:
    code, text = wire.getreply()
    reply = reply_of(code, text.decode("utf-8", "replace"), stage)
    if code // 10 != wanted // 10:
        raise WireFault(reply)
    return reply


def _in_short(stage: Stage, text: str) -> str:
    """EHLO's features with the ones first that matter to an operator: the size limit and the ways to sign in."""
    if stage is not Stage.EHLO:
        return text
    features = [item.strip() for item in text.split(",") if item.strip()]
    first = [_size_in_words(item) for item in features if item.startswith(("SIZE", "AUTH "))]
    return " · ".join([*first, ", ".join(item for item in features if not item.startswith(("SIZE", "AUTH")))]).strip(
        " ·"
    )


def _size_in_words(feature: str) -> str:
    if feature.startswith("AUTH"):
        return " ".join(feature.split())
    octets = whole_number(feature.removeprefix("SIZE").strip(), LARGEST_BIG)
    return f"SIZE {octets / 1048576:.1f} MiB" if octets else feature


def _stage(stage: Stage, milliseconds: float, text: str, *, ok: bool) -> dict[str, Any]:
    return {"stage": stage.value, "title": _TITLES[stage], "ok": ok, "ms": round(milliseconds, 1), "summary": text}


def _elsewhere(target: Target, failure: Reply, trying: Callable[[int], None]) -> list[dict[str, Any]]:
    """Which other port answers, and whether port and encryption were exchanged. ``trying`` is told of each port."""
    found = []
    if failure.stage in (Stage.TLS, Stage.GREETING, Stage.EHLO) and failure.code is None:
        other = "starttls" if target.encryption == "ssl" else "ssl"
        trying(target.port)
        if _opens(target, target.port, other):
            shown = {"starttls": "TLS (STARTTLS)", "ssl": "SSL"}[other]
            text = f"Port {target.port} speaks {shown}: choose it as encryption."
            found.append({"text": text, "port": target.port, "encryption": other})
    if failure.stage is Stage.CONNECT:
        for port, encryption in _OTHER_PORTS:
            if port == target.port:
                continue
            trying(port)
            if _opens(target, port, encryption):
                shown = {"starttls": "TLS", "ssl": "SSL"}[encryption]
                text = f"Port {port} answers: use it with {shown}."
                found.append({"text": text, "port": port, "encryption": encryption})
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
