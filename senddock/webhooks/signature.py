"""Standard Webhooks 1.0.0: the signature that receivers check, under both names that their libraries look for."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"
#: Octets of a secret; the specification asks for 24 to 64.
_OCTETS = 32


def new_secret() -> str:
    """A fresh signing secret: ``whsec_`` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_OCTETS)).decode("ascii")


def sign(secret: str, event_id: str, timestamp: int, body: str) -> str:
    """``v1,<base64 HMAC-SHA256>`` over ``id.timestamp.body``. Raises ``ValueError`` for what is no secret."""
    key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    digest = hmac.new(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def headers(secrets_: Sequence[str], event_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The three headers twice: ``webhook-*`` for Standard Webhooks, ``svix-*`` for users of Resend's and Svix' libraries.

    With several secrets (while one is being replaced) there is a signature by each; a receiver needs to know one.
    """
    signatures = " ".join(sign(secret, event_id, timestamp, body) for secret in secrets_)
    values = {"id": event_id, "timestamp": str(timestamp), "signature": signatures}
    return {f"{family}-{name}": value for family in ("webhook", "svix") for name, value in values.items()}
