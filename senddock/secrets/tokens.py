"""Random tokens: shown once, stored as SHA-256. They have 256 bits, so a slow hash would add nothing."""

import hashlib
import secrets

#: What API keys begin with, so that scanners for leaked secrets and people recognise them.
PREFIX = "sd_"


def new_token(prefix: str = PREFIX) -> str:
    """A new token with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def shown_prefix(token: str) -> str:
    """The beginning of a token, enough to tell keys apart in a list."""
    return token[:9] + "…"
