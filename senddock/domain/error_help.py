"""What a person reads about an error: what happened, why most likely, what to do next, and where to read more.

One table for the log, the test card, the API's error detail, the command line and the troubleshooting guide.
"""

from dataclasses import dataclass

from senddock.domain.rules import standard_rules
from senddock.domain.verdict import Verdict
from senddock.domain.verdict_class import CLASSES, VerdictClass


@dataclass(frozen=True, slots=True)
class Help:
    """Texts for one error. ``guide`` is an address below ``/guides/``, with its anchor."""

    title: str
    happened: str
    why: str
    next_step: str
    guide: str


_V = VerdictClass
#: What happened, and why most likely.
_STORIES: dict[VerdictClass, tuple[str, str]] = {
    _V.ACCEPTED: (
        "The provider answered that it has the message.",
        "From here on it is the provider's: a bounce or a spam folder shows in its reports, not in this answer.",
    ),
    _V.CONNECTION: (
        "No conversation with the server came about, or it broke off before the message was handed over.",
        "A wrong host name, a port that a firewall or the hosting company blocks, or an outage at the provider.",
    ),
    _V.TLS: (
        "The connection could not be encrypted as asked, so nothing was sent.",
        "SSL on a TLS port or the other way round, a certificate for another name, or one that has expired.",
    ),
    _V.SERVER_TRANSIENT: (
        "The server answered that it cannot do this just now.",
        "An overload or a fault on its side. It is rarely about your settings.",
    ),
    _V.AUTH: (
        "The server does not accept the user name and password.",
        (
            "A typing error, the account's password instead of an SMTP key or app password, a key that was revoked, or "
            "SMTP sign-in that is turned off for the account."
        ),
    ),
    _V.QUOTA_EXCEEDED: (
        "The account may not send more in this hour, day or month.",
        "The plan's allowance is used up, or a new account is still held to a small one.",
    ),
    _V.RATE_LIMITED: (
        "The server asks to be sent less at a time.",
        "More messages a second, or more connections at once, than the account may use.",
    ),
    _V.SENDER_NOT_VERIFIED: (
        "The provider refuses this From address or domain.",
        (
            "The domain is not verified there, the address does not belong to the account, or the account is still in its "
            "sandbox."
        ),
    ),
    _V.RELAY_DENIED: (
        "The server will not pass this mail on to other servers.",
        "The domain is not verified at the provider, or the session was not signed in.",
    ),
    _V.RECIPIENT_PERMANENT: (
        "The address does not exist, is closed, or will not take your mail.",
        "A typing error, somebody who left, or an earlier bounce or complaint that the provider remembers.",
    ),
    _V.RECIPIENT_TRANSIENT: (
        "The mailbox cannot take mail at the moment.",
        "It is full, or gets more mail than its server lets in.",
    ),
    _V.GREYLISTED: (
        "The recipient's server asks unknown senders to come back in some minutes.",
        "A guard against senders that never try twice. The same provider has to come back, from the same address.",
    ),
    _V.CONTENT_REJECTED: (
        "The message, or where it came from, was refused.",
        "Spam-like content, SPF, DKIM or DMARC that do not pass, a listed sending address, or a blocked account.",
    ),
    _V.MESSAGE_TOO_LARGE: (
        "The message is larger than the server takes.",
        "Attachments grow by a third when they are encoded for mail.",
    ),
    _V.UNCERTAIN: (
        "The message was handed over completely and the answer never came.",
        "The connection died in the one moment in which nobody can tell whether the provider took it.",
    ),
    _V.UNKNOWN: (
        "The server said something that no rule and no code explains.",
        "A rare or home-made answer.",
    ),
}


def help_for(verdict: Verdict) -> Help:
    """The texts for one verdict; a rule's own hint is the next step."""
    return _help(verdict.cls, verdict.hint)


def help_for_class(cls: VerdictClass) -> Help:
    """The texts of a class, where only the class was kept."""
    return _help(cls, CLASSES[cls].hint)


def help_for_attempt(cls: str | None, rule_id: str | None) -> Help | None:
    """The texts of a stored attempt: those of its class, with the hint of the rule that decided. ``None`` without class."""
    if cls not in set(VerdictClass):
        return None
    rule = next((rule for rule in standard_rules().rules if rule.id == rule_id), None)
    known = VerdictClass(cls)
    return _help(known, (rule.hint if rule else None) or CLASSES[known].hint)


def _help(cls: VerdictClass, next_step: str) -> Help:
    happened, why = _STORIES[cls]
    return Help(CLASSES[cls].title, happened, why, next_step, f"{CLASSES[cls].guide}#{anchor_of(cls)}")


def anchor_of(cls: VerdictClass) -> str:
    """The anchor of the class's section in the troubleshooting guide."""
    return cls.value.replace("_", "-")
