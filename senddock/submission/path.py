"""The arguments of MAIL and RCPT (RFC 5321 section 4.1.2)."""

import re

from senddock.domain.envelope import Address, InvalidAddress

_PATH = re.compile(r'\s*<((?:"(?:\\.|[^"\\])*"|[^<>"])*)>(?:\s+(.*))?', re.DOTALL)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
#: Parameters that are understood; those of DSN (RFC 3461) are accepted and have no effect: the log says what came of it.
_KNOWN = {"FROM": frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"}), "TO": frozenset({"NOTIFY", "ORCPT"})}


class BadCommand(ValueError):
    """The argument is refused; the text is the whole reply."""


def read_path(argument: str, keyword: str) -> tuple[str | None, dict[str, str | None]]:
    """Address and parameters of ``FROM:<…>`` or ``TO:<…>``; ``None`` for the null reverse-path. Raises `BadCommand`."""
    verb = "MAIL" if keyword == "FROM" else "RCPT"
    head, colon, rest = argument.partition(":")
    if not colon or head.strip().upper() != keyword:
        raise BadCommand(f"501 5.5.4 Write {verb} {keyword}:<name@example.com>")
    found = _PATH.fullmatch(rest)
    if found is None:
        raise BadCommand(f"553 5.1.{_detail(keyword)} The address must stand in angle brackets: <name@example.com>")
    parameters = _parameters(found.group(2) or "", keyword)
    text = found.group(1)
    if not text and keyword == "FROM":
        return None, parameters
    try:
        return str(Address.parse(text)), parameters
    except InvalidAddress as error:
        raise BadCommand(f"553 5.1.{_detail(keyword)} {printable(str(error))}") from error


def printable(text: str) -> str:
    """Text for a reply: one line of ASCII, so that every client can read it."""
    return re.sub(r"[^ -~]", "?", text)


def _detail(keyword: str) -> int:
    # RFC 3463: X.1.7 is a bad sender's address, X.1.3 a bad destination address.
    return 7 if keyword == "FROM" else 3


def _parameters(text: str, keyword: str) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        name = found.group(1).upper() if found else ""
        if found is None or name not in _KNOWN[keyword]:
            raise BadCommand(f"555 5.5.4 The parameter {printable(word)[:60]} is not known here")
        parameters[name] = found.group(2)
    return parameters
