"""SPF macros (RFC 7208 section 7): checking a macro-string and expanding it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

#: `macro-expand` or a run of `macro-literal` (section 7.1). `c`, `r` and `t` are for explanations only.
_TOKEN = re.compile(
    r"%\{([slodiphvcrt])([0-9]{0,9})(r?)([.\-+,/_=]*)\}|%([%_\-])|([\x21-\x24\x26-\x7e]+)", re.IGNORECASE
)
_TOPLABEL = re.compile(r"\.(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?$", re.IGNORECASE)
_LONGEST_NAME = 253


def macro_string_error(text: str) -> str | None:
    """Why `text` is not a macro-string, or `None`."""
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return f"{text[position : position + 12]!r} is not a macro (%{{d}}, %{{i}} …) nor allowed in a name"
        letter, digits = token.group(1), token.group(2)
        if letter and letter.lower() in "crt":
            return f"the macro %{{{letter}}} is for explanations only"
        if digits and int(digits) == 0:
            return f"{token.group(0)} keeps zero labels"
        position = token.end()
    return None


def domain_spec_error(text: str) -> str | None:
    """Why `text` is not a domain-spec (section 7.1: it ends in a macro or in a top label), or `None`."""
    if not text:
        return "the domain name is missing"
    error = macro_string_error(text)
    if error is not None:
        return error
    last = list(_TOKEN.finditer(text))[-1]
    if last.group(6) is None:
        return None if last.group(1) or last.group(5) else "the domain name is missing"
    return None if _TOPLABEL.search(text) else f"{text!r} does not end in a domain name"


@dataclass(frozen=True, slots=True)
class MacroContext:
    """What the letters stand for in one evaluation."""

    sender: str
    domain: str
    ip: IPv4Address | IPv6Address
    helo: str
    #: Finds the validated host name of the client for `%{p}`; called only when the letter is used.
    validated_name: Callable[[str], str]

    def value(self, letter: str) -> str:
        local, _, sender_domain = self.sender.rpartition("@")
        match letter:
            case "s":
                return self.sender
            case "l":
                return local
            case "o":
                return sender_domain
            case "d":
                return self.domain
            case "i":
                return dotted(self.ip)
            case "p":
                return self.validated_name(self.domain)
            case "v":
                return "in-addr" if self.ip.version == 4 else "ip6"
            case _:
                return self.helo


def dotted(ip: IPv4Address | IPv6Address) -> str:
    """The `i` macro: dotted quad, or the 32 nibbles of an IPv6 address with dots between (section 7.3)."""
    return str(ip) if ip.version == 4 else ".".join(f"{int(ip):032x}")


def expand(text: str, value: Callable[[str], str]) -> str:
    """`text` with its macros replaced, cut from the left to 253 characters (section 7.3).

    `value` gives what a letter stands for. Anything it raises passes through; `text` must have been checked before.
    """
    name = "".join(_replacement(token, value) for token in _TOKEN.finditer(text)).rstrip(".")
    while len(name) > _LONGEST_NAME and "." in name:
        name = name.split(".", 1)[1]
    return name


def _replacement(token: re.Match[str], value: Callable[[str], str]) -> str:
    letter, digits, backwards, delimiters, escaped, literal = token.groups()
    if literal is not None:
        return str(literal)
    if escaped is not None:
        return {"%": "%", "_": " ", "-": "%20"}[escaped]
    parts = re.split(f"[{re.escape(delimiters or '.')}]", value(letter.lower()))
    if backwards:
        parts.reverse()
    if digits:
        parts = parts[-int(digits) :]
    joined = ".".join(parts)
    return quote(joined, safe="-._~") if letter.isupper() else joined


def letters(text: str) -> frozenset[str]:
    """The macro letters used in `text`, in lower case."""
    return frozenset(token.group(1).lower() for token in _TOKEN.finditer(text) if token.group(1))
