"""DMARC identifier alignment (RFC 7489 section 3.1)."""

from collections.abc import Callable

#: Gives the organisational domain of a name (RFC 7489 section 3.2), the name itself when it has none.
OrganisationalDomain = Callable[[str], str]


def aligned(author_domain: str, authenticated: str, organisational: OrganisationalDomain, *, strict: bool) -> bool:
    """Is `authenticated` (DKIM's d=, or the MAIL FROM domain) aligned with the domain of the From address?"""
    author, other = author_domain.lower().rstrip("."), authenticated.lower().rstrip(".")
    if author == other:
        return True
    return not strict and organisational(author) == organisational(other)
