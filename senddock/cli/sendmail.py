"""`senddock-sendmail`: the command that cron, PHP's mail() and many tools call to send mail.

With SENDDOCK_SENDMAIL_KEY it speaks to the SMTP door with that API key; otherwise it writes to the database itself, for
which its user must be the one SendDock runs as. Exit codes are those of sysexits.h, as callers expect them.
"""

import logging
import os
import sys
from dataclasses import dataclass, field

from senddock.config import ConfigurationError, Settings

_OK, _USAGE, _DATA, _NO_USER, _TRY_LATER, _CONFIG = 0, 64, 65, 67, 75, 78
#: Flags that carry a value, in the same word or in the next.
_VALUED = "fFrBNRVhoOpXC"
_MODES = {"m", ""}


@dataclass(slots=True)
class Call:
    """What the command line asks for."""

    from_header: bool = False
    dot_is_text: bool = False
    sender: str | None = None
    full_name: str | None = None
    recipients: list[str] = field(default_factory=list)


class Failed(Exception):
    """The mail was not taken."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main() -> None:
    """Entry point."""
    # Callers such as cron mail whatever is said here: only failures are.
    logging.getLogger("senddock").setLevel(logging.ERROR)
    try:
        call = read_arguments(sys.argv[1:])
        if sys.stdin is None:
            raise Failed(_DATA, "standard input is closed: the message is expected there")
        _send(call, _read_message(sys.stdin.buffer.read(), call))
    except Failed as error:
        sys.stderr.write(f"senddock-sendmail: {error}\n")
        sys.exit(error.code)
    sys.exit(_OK)


def read_arguments(arguments: list[str]) -> Call:
    """Understand what sendmail understands. Raises `Failed`."""
    call, rest = Call(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            call.recipients += rest
            break
        if word == "-" or not word.startswith("-"):
            call.recipients.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _VALUED:
                value = letters or (rest.pop(0) if rest else "")
                _valued(call, letter, value)
                break
            if letter == "b":
                if letters not in _MODES:
                    raise Failed(_USAGE, f"-b{letters} is not served here: only handing mail over is (-bm)")
                break
            if letter in "qd":
                break
            call.from_header = call.from_header or letter == "t"
            call.dot_is_text = call.dot_is_text or letter == "i"
    return call


def _valued(call: Call, letter: str, value: str) -> None:
    if letter in "fr":
        call.sender = value.strip("<>") if "@" in value else None
    elif letter == "F":
        call.full_name = value
    elif letter == "o" and value == "i":
        call.dot_is_text = True


def _read_message(data: bytes, call: Call) -> bytes:
    """Up to a lone dot, unless that is text."""
    if call.dot_is_text:
        return data
    kept = []
    for line in data.splitlines(keepends=True):
        if line.rstrip(b"\r\n") == b".":
            break
        kept.append(line)
    return b"".join(kept)


def _send(call: Call, data: bytes) -> None:
    from senddock.content.headers import address_header
    from senddock.content.invalid import InvalidContent
    from senddock.content.whole import WholeMessage

    try:
        settings = Settings.from_env()
        whole = WholeMessage(data)
        if call.from_header:
            call.recipients += [address for _, address in whole.mailboxes("to", "cc", "bcc")]
        people = list(dict.fromkeys(call.recipients))
        if not people:
            raise Failed(_USAGE, "no recipient: name one, or give -t and a To field")
        for person in people:
            if "@" not in person:
                raise Failed(_NO_USER, f"{person!r} is a local name: write an address (cron: MAILTO=you@example.com)")
        if not whole.mailboxes("from"):
            # Such as "root (Cron Daemon)": the chosen provider's From is better than none that can be answered.
            whole.drop("from")
        content = whole.all_bytes()
        if call.sender and not whole.mailboxes("from"):
            content = f"From: {address_header(call.full_name, call.sender)}\r\n".encode() + content
        if settings.sendmail_key:
            _through_the_door(settings, call.sender, people, content)
        else:
            _into_the_database(call.sender, people, content)
    except InvalidContent as error:
        raise Failed(_DATA, error.message) from error
    except ValueError as error:
        code = _CONFIG if isinstance(error, ConfigurationError) else _DATA
        raise Failed(code, str(error)) from error


def _through_the_door(settings: Settings, sender: str | None, people: list[str], content: bytes) -> None:
    import smtplib

    from senddock.domain.envelope import Address

    envelope = [Address.parse(one) for one in (*([sender] if sender else []), *people)]
    wire = [*([] if sender else [""]), *(one.wire() for one in envelope)]
    host, port = settings.smtp_bind
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the address to call, not to bind
    try:
        with smtplib.SMTP(host, port, timeout=120) as client:
            client.login(os.environ.get("USER") or "sendmail", settings.sendmail_key or "")
            extended = ["SMTPUTF8"] if any(one.needs_smtputf8 for one in envelope) else []
            refused = client.sendmail(wire[0], wire[1:], content, extended)
    except smtplib.SMTPAuthenticationError as error:
        raise Failed(_CONFIG, f"SENDDOCK_SENDMAIL_KEY: {_words(error.smtp_error)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise Failed(_NO_USER, f"{code} {_words(text)}") from error
    except smtplib.SMTPResponseException as error:
        code = _TRY_LATER if error.smtp_code < 500 else _DATA
        raise Failed(code, f"{error.smtp_code} {_words(error.smtp_error)}") from error
    except OSError as error:
        raise Failed(
            _TRY_LATER, f"the SMTP door on {host}:{port} cannot be reached ({error}): is SendDock running?"
        ) from error
    if refused:
        raise Failed(_NO_USER, f"not taken for {', '.join(refused)}")


def _words(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _into_the_database(sender: str | None, people: list[str], content: bytes) -> None:
    from senddock.cli.house import House
    from senddock.cli.sending import hand_over, whole_submission
    from senddock.models import StorageUnavailable

    house = House()
    try:
        hand_over(house, whole_submission(house, content, sender=sender, recipients=tuple(people), stream=None))
    except (StorageUnavailable, ConfigurationError, OSError) as error:
        raise Failed(
            _TRY_LATER,
            f"{error} (users who may not write to the data folder need SENDDOCK_SENDMAIL_KEY)",
        ) from error
