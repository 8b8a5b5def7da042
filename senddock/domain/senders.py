"""Who may be the From of a message, and what to say about an address or a name that will not be liked.

The rules are those of the user documentation: From is at a domain of one's own that the provider has verified; addresses
of public mailbox services cannot be verified by anybody but their service, so DMARC fails for them everywhere else.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

#: What the user documentation recommends.
GOOD_ADDRESSES = ("hello@myapp.com", "team@myapp.com", "notifications@myapp.com", "john@myapp.com")
GOOD_NAMES = ("John from MyApp", "MyApp Team", "MyApp Notifications", "MyApp Newsletter")

#: Public mailbox domains and the host names of the services that may send for them.
_MICROSOFT = ("outlook.com", "office365.com", "hotmail.com", "live.com")
_YAHOO = ("yahoo.com", "yahoodns.net")
_APPLE = ("mail.me.com", "icloud.com")
_GOOGLE = ("gmail.com", "google.com", "googlemail.com")
_GMX = ("gmx.net", "gmx.com", "gmx.de")
_YANDEX = ("yandex.ru", "yandex.com", "yandex.net")
_PROTON = ("protonmail.ch", "proton.me", "protonmail.com")
_MAIL_RU = ("mail.ru",)
_PUBLIC: dict[str, tuple[str, ...]] = {
    "gmail.com": _GOOGLE, "googlemail.com": _GOOGLE,
    "yahoo.com": _YAHOO, "ymail.com": _YAHOO, "rocketmail.com": _YAHOO, "myyahoo.com": _YAHOO,
    "outlook.com": _MICROSOFT, "hotmail.com": _MICROSOFT, "live.com": _MICROSOFT, "msn.com": _MICROSOFT,
    "passport.com": _MICROSOFT, "windowslive.com": _MICROSOFT,
    "aol.com": ("aol.com", *_YAHOO), "aim.com": ("aol.com", *_YAHOO),
    "icloud.com": _APPLE, "me.com": _APPLE, "mac.com": _APPLE,
    "gmx.com": _GMX, "gmx.de": _GMX, "gmx.net": _GMX, "gmx.at": _GMX, "gmx.ch": _GMX, "web.de": ("web.de",),
    "yandex.com": _YANDEX, "yandex.ru": _YANDEX, "ya.ru": _YANDEX,
    "mail.ru": _MAIL_RU, "bk.ru": _MAIL_RU, "list.ru": _MAIL_RU, "inbox.ru": _MAIL_RU,
    "proton.me": _PROTON, "protonmail.com": _PROTON, "pm.me": _PROTON,
    "zohomail.com": ("zoho.com", "zoho.eu", "zoho.in"),
    "fastmail.com": ("fastmail.com", "messagingengine.com"), "fastmail.fm": ("fastmail.com", "messagingengine.com"),
    "tutanota.com": (), "tuta.io": (), "tuta.com": (), "hey.com": (), "duck.com": (),
    "mail.com": ("mail.com",), "email.com": ("mail.com",),
    "t-online.de": ("t-online.de",), "freenet.de": ("freenet.de",),
    "orange.fr": ("orange.fr",), "wanadoo.fr": ("orange.fr",), "free.fr": ("free.fr",), "laposte.net": ("laposte.net",),
    "libero.it": ("libero.it",), "virgilio.it": ("virgilio.it",),
    "comcast.net": ("comcast.net",), "verizon.net": _YAHOO, "att.net": ("att.net", *_YAHOO),
    "qq.com": ("qq.com",), "163.com": ("163.com",), "126.com": ("126.com",), "sina.com": ("sina.com",),
    "naver.com": ("naver.com",), "rediffmail.com": ("rediffmail.com",),
    "uol.com.br": ("uol.com.br",), "bol.com.br": ("bol.com.br",), "terra.com.br": ("terra.com.br",),
}  # fmt: skip
#: Services with a domain for each country, such as yahoo.co.uk and hotmail.fr.
_BY_COUNTRY = {"yahoo": _YAHOO, "hotmail": _MICROSOFT, "outlook": _MICROSOFT, "live": _MICROSOFT, "ymail": _YAHOO}
_SECOND_LEVELS = frozenset({"co", "com"})

_NO_REPLY = ("noreply", "donotreply", "dontreply", "neverreply")


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark about a sender. ``level`` is ``error`` (must not be used) or ``warn``."""

    level: str
    field: str
    text: str


@lru_cache(maxsize=1024)
def public_mailbox(domain: str) -> tuple[str, ...] | None:
    """The host names of the service behind a public mailbox domain, or ``None`` when it is no such domain."""
    name = domain.strip().rstrip(".").lower()
    known = _PUBLIC.get(name)
    if known is not None:
        return known
    first, *rest = name.split(".")
    country = rest[1:] if len(rest) == 2 and rest[0] in _SECOND_LEVELS else rest
    if first in _BY_COUNTRY and len(country) == 1 and len(country[0]) == 2:
        return _BY_COUNTRY[first]
    return None


@lru_cache(maxsize=1024)
def keeps_mailbox(domain: str, host: str) -> bool:
    """True when ``host`` is the SMTP server of the public mailbox service that owns ``domain``."""
    server = host.strip().rstrip(".").lower()
    return any(server == name or server.endswith(f".{name}") for name in public_mailbox(domain) or ())


def may_send_from(policy: str, own_domains: Iterable[str], domain: str) -> bool:
    """Does the policy ``any``, ``own`` or ``rewrite`` let a provider send with a From at ``domain``?

    ``rewrite`` never shows another domain than the provider's own, so only its own is sent from.
    """
    if policy == "any":
        return True
    return any(covers(own, domain) for own in own_domains)


@lru_cache(maxsize=1024)
def covers(own: str, domain: str) -> bool:
    """A verified domain may be used with its subdomains: relaxed alignment (RFC 7489 section 3.1) holds for them."""
    own, domain = own.lower(), domain.lower()
    return domain == own or domain.endswith(f".{own}")


def why_not(policy: str, own_domains: Collection[str], host: str, domain: str | None) -> str | None:
    """Why a provider may not carry mail From ``domain``, for the log; ``None`` when it may."""
    if domain is None or policy == "rewrite":
        return None
    if public_mailbox(domain) is not None and not keeps_mailbox(domain, host):
        return f"may not send from {domain}: only that mailbox service can sign for it"
    if not may_send_from(policy, own_domains, domain):
        return f"may not send from {domain}: its senders are {', '.join(sorted(own_domains))}"
    return None


def from_remarks(email: str, name: str | None, hosts: Collection[str] = ()) -> list[Remark]:
    """About the From address and name; ``hosts`` are the SMTP servers of the providers that could send it."""
    address = email.strip().lower()
    local, _, domain = address.rpartition("@")
    found = []
    if public_mailbox(domain) is not None and not any(keeps_mailbox(domain, host) for host in hosts):
        text = (
            f"{domain} is a public mailbox domain that you cannot verify: use your own domain, such as "
            f"{GOOD_ADDRESSES[0]}."
        )
        found.append(Remark("error", "from_email", text))
    if _is_no_reply(local):
        text = f"{local}@ looks like spam and cannot be answered. Use {' or '.join(_with(domain))} instead."
        found.append(Remark("warn", "from_email", text))
    return found + name_remarks(address, name)


def name_remarks(address: str, name: str | None) -> list[Remark]:
    """About the From name alone."""
    shown = (name or "").strip().strip('"').strip()
    if not shown:
        return [_name(f"Without a name people see only the address. Try “{GOOD_NAMES[1]}”.")]
    if _is_no_reply(shown):
        return [_name(f"“{shown}” is impersonal. Try “{GOOD_NAMES[0]}” or “{GOOD_NAMES[1]}”.")]
    if shown.lower() == address.strip().lower():
        return [_name(f"The name repeats the address. Try “{GOOD_NAMES[2]}”.")]
    return []


def _name(text: str) -> Remark:
    return Remark("warn", "from_name", text)


def _is_no_reply(text: str) -> bool:
    letters = "".join(letter for letter in text.lower() if letter.isalnum())
    return letters.startswith(_NO_REPLY) or letters == "noanswer"


def _with(domain: str) -> list[str]:
    return [f"{local}@{domain or 'myapp.com'}" for local in ("hello", "team", "notifications")]
