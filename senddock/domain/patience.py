"""How patient a new stream is, by its kind; the operator can set each stream otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds but ``on_uncertain``."""

    on_uncertain: str
    #: First and longest pause between rounds.
    first: int
    longest: int
    #: Age at which a delivery expires.
    max_age: int
    #: Wait for a rate limit before the next provider is used.
    rate_limit: int


PATIENCE = {
    "transactional": Patience("retry_same", 15, 3600, 6 * 3600, 2),
    "marketing": Patience("hold", 300, 4 * 3600, 48 * 3600, 60),
}
