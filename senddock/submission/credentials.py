"""What a client signs in with: SASL PLAIN (RFC 4616) and the LOGIN of old clients."""

import base64
import binascii
from dataclasses import dataclass, field

#: Challenges of LOGIN, word for word: strict clients compare them.
ASK_USERNAME = "334 " + base64.b64encode(b"Username:").decode("ascii")
ASK_PASSWORD = "334 " + base64.b64encode(b"Password:").decode("ascii")


class Unreadable(ValueError):
    """The response is not what the mechanism asks for."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name, which may be anything, and an API key's token."""

    username: str
    token: str = field(repr=False)


def from_plain(response: bytes) -> Credentials:
    """``authorization NUL authentication NUL password`` in base64. Raises `Unreadable`."""
    parts = decoded(response).split("\0")
    if len(parts) != 3:
        raise Unreadable
    return Credentials(parts[1] or parts[0], parts[2].strip())


def decoded(response: bytes) -> str:
    """One base64 response; ``=`` is the empty one (RFC 4954 section 4). Raises `Unreadable`."""
    response = response.strip()
    if response == b"=":
        return ""
    try:
        return base64.b64decode(response, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise Unreadable from error
