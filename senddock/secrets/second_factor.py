"""One-time passwords by time (RFC 6238: SHA-1, 6 digits, 30 s, as all authenticator apps do) and recovery codes."""

import hmac
import io
import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

import pyotp

from senddock.secrets.tokens import token_hash

#: Seconds a one-time password is for, and how many steps a phone's clock may be off (RFC 6238 section 5.2 advises one).
_STEP = 30
_DRIFT = 1
_RECOVERY_CODES = 10
# No vowels and nothing that reads like something else: such a code is copied from paper.
_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"


def new_secret() -> str:
    """A new shared secret in base32: 160 bits, as RFC 4226 section 4 recommends."""
    return pyotp.random_base32()


def setup_address(secret: str, account: str) -> str:
    """The ``otpauth://`` address that authenticator apps read from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name="SendDock")


def qr_code(address: str) -> str:
    """The address as an SVG image in a ``data:`` address; nothing leaves this machine for it."""
    import segno

    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=3, dark="#000", light="#fff", xmldecl=False)
    return "data:image/svg+xml;base64," + b64encode(out.getvalue()).decode("ascii")


def matching_step(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """The time step whose password ``code`` is; ``None`` when it is none later than ``after``."""
    digits = code.replace(" ", "")
    current, password = int(now.timestamp()) // _STEP, pyotp.TOTP(secret)
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        expected = password.generate_otp(step)
        if hmac.compare_digest(expected.encode(), digits.encode()) and (after is None or step > after):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes of 12 letters and digits (57 bits), each of which replaces a one-time password once."""
    return ["-".join(_letters(4) for _ in range(3)) for _ in range(_RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """What is stored of a recovery code; spaces, dashes and capitals do not matter."""
    return token_hash("".join(code.lower().split()).replace("-", ""))


def without_code(hashes: Sequence[str], code: str) -> list[str] | None:
    """``hashes`` without that of ``code``; ``None`` when it is not among them."""
    used = recovery_hash(code)
    kept = [known for known in hashes if not hmac.compare_digest(known, used)]
    return kept if len(kept) < len(hashes) else None


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
