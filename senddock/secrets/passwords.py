"""Passwords of people: argon2id (RFC 9106), with the parameters of argon2-cffi's low-memory profile."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

#: Characters; NIST SP 800-63B section 5.1.1.2 asks for at least 8 and no rules of composition.
SHORTEST = 10
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# Verified against when there is no such account, so that the answer takes as long.
_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The hash to store. Raises ``ValueError`` with a sentence for a person when it is too short."""
    if len(password) < SHORTEST:
        raise ValueError(f"The password needs at least {SHORTEST} characters.")
    return _HASHER.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` is the one of ``stored``; takes the same time when there is no account."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
