"""What the API works with."""

from collections.abc import Callable
from dataclasses import dataclass

from senddock.api.fetching import Fetcher
from senddock.dispatch.channels import Channels
from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.keys import Keyring
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.models import Database

#: Octets of one request: a list of integers takes five times the room of the bytes it stands for.
MAX_BODY = 150 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ApiServices:
    """One for each web process."""

    database: Database
    outbox: Outbox
    wake: Callable[[], None]
    keyring: Keyring
    channels: Channels
    rate: KeyRate
    public_url: str | None
    #: What is said of senders that receivers will not like.
    advice: SenderAdvice
    #: Fetches attachments given by ``path``; ``None`` refuses them.
    fetcher: Fetcher | None = None
    max_body: int = MAX_BODY
