"""The classes of verdicts and what each of them means for the message, the provider and the person."""

from dataclasses import dataclass
from enum import StrEnum


class VerdictClass(StrEnum):
    """One word for what happened; used in code, columns, API, panel and command line."""

    ACCEPTED = "accepted"
    CONNECTION = "connection"
    TLS = "tls"
    SERVER_TRANSIENT = "server_transient"
    AUTH = "auth"
    QUOTA_EXCEEDED = "quota_exceeded"
    RATE_LIMITED = "rate_limited"
    SENDER_NOT_VERIFIED = "sender_not_verified"
    RELAY_DENIED = "relay_denied"
    RECIPIENT_PERMANENT = "recipient_permanent"
    RECIPIENT_TRANSIENT = "recipient_transient"
    GREYLISTED = "greylisted"
    CONTENT_REJECTED = "content_rejected"
    MESSAGE_TOO_LARGE = "message_too_large"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


class Blame(StrEnum):
    """Who or what is at fault."""

    NOBODY = "nobody"
    PROVIDER = "provider"
    SENDER = "sender"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    UNKNOWN = "unknown"


class FailOver(StrEnum):
    """Whether another provider is tried in the same round."""

    NO = "no"
    YES = "yes"
    #: To one other provider, once.
    ONCE = "once"
    #: Only to a provider that takes larger messages.
    LARGER = "larger"
    #: Only when the wait is longer than the stream's patience.
    IF_WAIT = "if_wait"


class Opens(StrEnum):
    """What it does to the provider's breaker."""

    NOTHING = "nothing"
    FAILURE = "failure"
    HALF = "half"
    #: Wrong credentials: the second refusal opens it, because repeated sign-ins get accounts locked.
    OPEN_AT_SECOND = "open_at_second"
    #: Only for this From domain.
    SENDER_DOMAIN = "sender_domain"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """The row of the verdict table."""

    blame: Blame
    fail_over: FailOver
    retry: bool
    opens: Opens
    title: str
    hint: str
    #: Guide that explains more.
    guide: str


CLASSES: dict[VerdictClass, ClassFacts] = {
    VerdictClass.ACCEPTED: ClassFacts(
        Blame.NOBODY, FailOver.NO, False, Opens.NOTHING, "Accepted by the provider",
        "The provider took responsibility. Whether it reached the mailbox shows in the provider's own reports.",
        "troubleshooting",
    ),
    VerdictClass.CONNECTION: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.FAILURE, "The server could not be reached",
        "Check host and port. Try port 2525 or 465: many hosts block 25 and 587.", "troubleshooting",
    ),
    VerdictClass.TLS: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.FAILURE, "No secure connection",
        "Port and encryption must match: 465 is SSL, 587 and 2525 are TLS (STARTTLS). "
        "If they do, the certificate does not fit the host name.", "troubleshooting",
    ),
    VerdictClass.SERVER_TRANSIENT: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.FAILURE, "The provider has a temporary problem",
        "Nothing to do: another provider takes over and this one is tried again. If it lasts, look at its status page.",
        "troubleshooting",
    ),
    VerdictClass.AUTH: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.OPEN_AT_SECOND, "Wrong username or password",
        "Verify username and password. API providers often want a fixed word as user name, mailbox providers an app "
        "password; the provider's guide says which.", "troubleshooting",
    ),
    VerdictClass.QUOTA_EXCEEDED: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.NOTHING, "Sending quota used up",
        "Wait 24hrs or upgrade the plan; other providers take over meanwhile.", "troubleshooting",
    ),
    VerdictClass.RATE_LIMITED: ClassFacts(
        Blame.PROVIDER, FailOver.IF_WAIT, True, Opens.NOTHING, "Too fast for this provider",
        "Lower the provider's rate or its parallel connections.", "troubleshooting",
    ),
    VerdictClass.SENDER_NOT_VERIFIED: ClassFacts(
        Blame.SENDER, FailOver.YES, True, Opens.SENDER_DOMAIN, "Sender not verified at this provider",
        "Verify the sending domain in the provider, or use a From address that belongs to it.", "troubleshooting",
    ),
    VerdictClass.RELAY_DENIED: ClassFacts(
        Blame.PROVIDER, FailOver.YES, True, Opens.SENDER_DOMAIN, "The provider will not relay this mail",
        "Verify your domain in the provider and check that a user name and password are set.", "troubleshooting",
    ),
    VerdictClass.RECIPIENT_PERMANENT: ClassFacts(
        Blame.RECIPIENT, FailOver.NO, False, Opens.NOTHING, "The address does not exist or refuses mail",
        "Correct or remove the address. Another provider would only hurt your reputation.", "troubleshooting",
    ),
    VerdictClass.RECIPIENT_TRANSIENT: ClassFacts(
        Blame.RECIPIENT, FailOver.NO, True, Opens.NOTHING, "The mailbox cannot take mail just now",
        "Nothing to do: it is tried again over hours.", "troubleshooting",
    ),
    VerdictClass.GREYLISTED: ClassFacts(
        Blame.RECIPIENT, FailOver.NO, True, Opens.NOTHING, "Asked to come back later",
        "Normal for a first contact: the same provider tries again in some minutes.", "troubleshooting",
    ),
    VerdictClass.CONTENT_REJECTED: ClassFacts(
        Blame.MESSAGE, FailOver.NO, False, Opens.NOTHING, "The message was refused",
        "The server's words tell which it is. Check the domain's records first, then links and attachments.",
        "troubleshooting",
    ),
    VerdictClass.MESSAGE_TOO_LARGE: ClassFacts(
        Blame.MESSAGE, FailOver.LARGER, False, Opens.NOTHING, "The message is too large",
        "Attachments grow by a third in transit; send a link instead.", "troubleshooting",
    ),
    VerdictClass.UNCERTAIN: ClassFacts(
        Blame.PROVIDER, FailOver.NO, True, Opens.HALF, "No answer after the final dot",
        "The provider may have it. Look for the Message-ID in its log before you send it again.", "troubleshooting",
    ),
    VerdictClass.UNKNOWN: ClassFacts(
        Blame.UNKNOWN, FailOver.ONCE, False, Opens.NOTHING, "An answer no rule knows",
        "Read the server's words. One other provider was tried; teach a rule from the attempt when it comes again.",
        "troubleshooting",
    ),
}  # fmt: skip
