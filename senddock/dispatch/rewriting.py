"""The From of a provider that sends under its own name only: exchanged at send time, told in the log, never silently."""

from dataclasses import dataclass
from email.utils import getaddresses

from senddock.content.headers import address_header, fields_of, splice, split_head
from senddock.models import Provider


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The message with another From, and what to tell about it."""

    raw: bytes
    #: The From as it was, and as it is now.
    before: str
    after: str

    def told(self) -> dict[str, str]:
        """For the attempt's plan."""
        return {"from": self.before, "to": self.after}


def rewrite(raw: bytes, from_header: str, provider: Provider) -> Rewritten | None:
    """Put the provider's From into ``raw``; ``None`` when it stands there already.

    The original From goes to Reply-To byte for byte, unless the message says itself where it wants its replies.
    """
    names = getaddresses([from_header])
    if [address.lower() for _, address in names] == [provider.from_email.lower()]:
        return None
    after = address_header(provider.from_name, provider.from_email)
    fields = dict(reversed(fields_of(split_head(raw)[0])))
    exchanged = {"From": after}
    if "reply-to" not in fields and "from" in fields:
        original = fields["from"].partition(b":")[2].strip()
        exchanged["Reply-To"] = original.decode("utf-8", "replace")
    return Rewritten(splice(raw, set=exchanged, remove=()), from_header, after)
