"""One client's commands in their order (RFC 5321, 4954, 6409): state, and what is answered."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from senddock.submission.admission import is_loopback
from senddock.submission.credentials import ASK_PASSWORD, ASK_USERNAME, Credentials, Unreadable, decoded, from_plain
from senddock.submission.path import BadCommand, printable, read_path

#: Commands in a row that are no commands, or out of order, before the connection is closed.
_MOST_FAULTS = 20
#: First words of what a web browser was made to send here by another page.
_FOREIGN = frozenset({"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"})


class Link(Protocol):
    """What a dialogue needs of its connection."""

    address: str
    tls: bool

    def say(self, reply: str) -> None:
        """Answer; multi-line replies come with their line ends."""

    def hang_up(self, reply: str) -> None:
        """Answer and close."""

    def offers_tls(self) -> bool:
        """True while STARTTLS can be asked for."""

    def start_tls(self) -> None:
        """Answer 220 and speak TLS from here on."""

    def sign_in(self, credentials: Credentials) -> None:
        """Look the key up; `Dialogue.signed_in` is set when it is good."""

    def start_mail(self, then: Callable[[], None]) -> None:
        """Look again whether the key still is good, then go on."""

    def receive(self) -> None:
        """Answer 354 and read a message, or refuse."""


@dataclass(slots=True)
class Transaction:
    """From MAIL to the final dot."""

    sender: str | None
    recipients: list[str] = field(default_factory=list)
    overflown: bool = False


class Dialogue:
    """State machine of one session."""

    __slots__ = (
        "_asking",
        "_faults",
        "_greeted",
        "_link",
        "_max_recipients",
        "_name",
        "_size",
        "transaction",
        "username",
    )

    def __init__(self, link: Link, *, name: str, size: int, max_recipients: int) -> None:
        self._link = link
        self._name = name
        self._size = size
        self._max_recipients = max_recipients
        self._greeted = False
        self._faults = 0
        self._asking: Callable[[bytes], None] | None = None
        #: Set once a key was good; the user name may be a stream's.
        self.username: str | None = None
        self.transaction: Transaction | None = None

    def reset(self) -> None:
        """After STARTTLS nothing that was said before counts (RFC 3207 section 4.2)."""
        self._greeted = False
        self.username = None
        self.transaction = None

    def line(self, line: bytes) -> None:
        """One line without its end."""
        if self._asking is not None:
            asking, self._asking = self._asking, None
            asking(line)
            return
        try:
            text = line.decode().rstrip()
        except UnicodeDecodeError:
            self.fault("500 5.5.2 A command is UTF-8 text")
            return
        verb, _, argument = text.partition(" ")
        command = _COMMANDS.get(verb.upper())
        if command is not None:
            command(self, argument.strip())
        elif verb.upper() in _FOREIGN:
            self._link.hang_up("421 4.7.0 This is a mail server")
        else:
            self.fault("500 5.5.2 This command is not known")

    def fault(self, reply: str) -> None:
        """Refuse; too many faults end the connection."""
        self._faults += 1
        if self._faults >= _MOST_FAULTS:
            self._link.hang_up("421 4.7.0 Too many errors")
        else:
            self._link.say(reply)

    def may_sign_in(self) -> bool:
        """True on an encrypted connection, and on one that does not leave the machine."""
        return self._link.tls or is_loopback(self._link.address)

    def on_ehlo(self, argument: str) -> None:
        """Greeting with a list of what is served."""
        if not argument:
            self.fault("501 5.5.4 Write EHLO and your host name")
            return
        self._greeted, self.transaction = True, None
        lines = [self._name, "PIPELINING", f"SIZE {self._size}", "8BITMIME", "SMTPUTF8"]
        if self._link.offers_tls():
            lines.append("STARTTLS")
        if self.may_sign_in():
            lines.append("AUTH PLAIN LOGIN")
        lines.append("ENHANCEDSTATUSCODES")
        self._link.say("".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}")

    def on_helo(self, argument: str) -> None:
        """Greeting of old clients."""
        if not argument:
            self.fault("501 5.5.4 Write HELO and your host name")
            return
        self._greeted, self.transaction = True, None
        self._link.say(f"250 {self._name}")

    def on_starttls(self, argument: str) -> None:
        """RFC 3207."""
        if argument:
            self.fault("501 5.5.4 STARTTLS has no argument")
        elif not self._link.offers_tls():
            why = "The connection is encrypted already" if self._link.tls else "No certificate is set up here"
            self.fault(f"503 5.5.1 {why}" if self._link.tls else f"454 4.7.0 {why}")
        else:
            self._link.start_tls()

    def on_auth(self, argument: str) -> None:
        """RFC 4954."""
        mechanism, _, initial = argument.partition(" ")
        if not self._greeted:
            self.fault("503 5.5.1 Say EHLO first")
        elif self.username is not None:
            self.fault("503 5.5.1 You are signed in already")
        elif not self.may_sign_in():
            self.fault("538 5.7.11 A key must not travel readable: use STARTTLS or the port with TLS")
        elif mechanism.upper() == "PLAIN":
            self._ask("334 ", self._plain, initial)
        elif mechanism.upper() == "LOGIN":
            self._ask(ASK_USERNAME, self._login_name, initial)
        else:
            self.fault("504 5.5.4 Sign in with PLAIN or LOGIN")

    def _ask(self, challenge: str, then: Callable[[bytes], None], initial: str = "") -> None:
        def answered(line: bytes) -> None:
            if line.strip() == b"*":
                self.fault("501 5.7.0 Signing in was called off")
                return
            try:
                then(line)
            except Unreadable:
                self.fault("501 5.5.2 That is not base64 of what was asked for")

        if initial:
            answered(initial.encode())
        else:
            self._asking = answered
            self._link.say(challenge)

    def _plain(self, response: bytes) -> None:
        self._link.sign_in(from_plain(response))

    def _login_name(self, response: bytes) -> None:
        username = decoded(response)
        self._ask(ASK_PASSWORD, lambda line: self._link.sign_in(Credentials(username, decoded(line).strip())))

    def on_mail(self, argument: str) -> None:
        """Begins a message."""
        if not self._greeted:
            self.fault("503 5.5.1 Say EHLO first")
        elif self.username is None:
            hint = "" if self.may_sign_in() else " after STARTTLS"
            self.fault(f"530 5.7.0 Sign in first{hint}: the password is an API key")
        elif self.transaction is not None:
            self.fault("503 5.5.1 A message is under way: finish it or say RSET")
        else:
            try:
                sender, parameters = read_path(argument, "FROM")
            except BadCommand as error:
                self.fault(str(error))
                return
            size = parameters.get("SIZE") or "0"
            # RFC 1870: at most 20 digits; leading zeros are digits too.
            if not re.fullmatch(r"[0-9]{1,20}", size):
                self.fault("501 5.5.4 SIZE is a number of octets")
                return
            if int(size) > self._size:
                self._link.say(f"552 5.3.4 A message may have {self._size} octets")
                return

            def begin() -> None:
                self.transaction = Transaction(sender)
                self._link.say("250 2.1.0 Ok")

            self._link.start_mail(begin)

    def on_rcpt(self, argument: str) -> None:
        """One recipient."""
        if self.transaction is None:
            self.fault("503 5.5.1 Say MAIL first")
            return
        try:
            recipient, _ = read_path(argument, "TO")
        except BadCommand as error:
            self.fault(str(error))
            return
        if len(self.transaction.recipients) >= self._max_recipients:
            # Said again at DATA: a client that goes on would leave the rest out without telling anybody.
            self.transaction.overflown = True
            self._link.say(f"452 4.5.3 A message may have {self._max_recipients} recipients")
            return
        assert recipient is not None
        self.transaction.recipients.append(recipient)
        self._link.say("250 2.1.5 Ok")

    def on_data(self, argument: str) -> None:
        """The content follows."""
        if argument:
            self.fault("501 5.5.4 DATA has no argument")
        elif self.transaction is None:
            self.fault("503 5.5.1 Say MAIL first")
        elif self.transaction.overflown:
            self.transaction = None
            self._link.say(f"554 5.5.3 A message may have {self._max_recipients} recipients: nothing was taken")
        elif not self.transaction.recipients:
            self.fault("554 5.5.1 There is no valid recipient")
        else:
            self._faults = 0
            self._link.receive()

    def on_rset(self, argument: str) -> None:
        """Forgets the message under way."""
        self.transaction = None
        self._link.say("250 2.0.0 Ok")

    def on_noop(self, argument: str) -> None:
        """Nothing."""
        self._link.say("250 2.0.0 Ok")

    def on_quit(self, argument: str) -> None:
        """The end."""
        self._link.hang_up("221 2.0.0 Bye")

    def on_vrfy(self, argument: str) -> None:
        """Addresses are not looked up."""
        self._link.say("252 2.1.5 Hand the message over and see")

    def on_help(self, argument: str) -> None:
        """The commands."""
        self._link.say(printable("214 2.0.0 EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT"))

    def on_not_here(self, argument: str) -> None:
        """Known commands that are not for submission."""
        self.fault("502 5.5.1 This command is not served here")


_COMMANDS: dict[str, Callable[[Dialogue, str], None]] = {
    "EHLO": Dialogue.on_ehlo,
    "HELO": Dialogue.on_helo,
    "STARTTLS": Dialogue.on_starttls,
    "AUTH": Dialogue.on_auth,
    "MAIL": Dialogue.on_mail,
    "RCPT": Dialogue.on_rcpt,
    "DATA": Dialogue.on_data,
    "RSET": Dialogue.on_rset,
    "NOOP": Dialogue.on_noop,
    "QUIT": Dialogue.on_quit,
    "VRFY": Dialogue.on_vrfy,
    "HELP": Dialogue.on_help,
    "EXPN": Dialogue.on_not_here,
    "ETRN": Dialogue.on_not_here,
    "BDAT": Dialogue.on_not_here,
    "TURN": Dialogue.on_not_here,
}
