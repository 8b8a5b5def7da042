"""Credentials at rest: AES-256-GCM (NIST SP 800-38D), bound to their row, so a moved ciphertext does not open."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE_BYTES = 12
_CANARY = b"senddock"


class WrongMasterKey(RuntimeError):
    """No key of the ring sealed this; the text never holds a secret."""


class SealBroken(RuntimeError):
    """The envelope was altered or belongs to another row."""


class Vault:
    """A ring of 256-bit keys: the first seals, all of them open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Raises ``ValueError`` when there is no key or one is not 32 bytes long."""
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("the vault needs keys of exactly 32 bytes")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])
        self._finger_key = hashlib.sha256(b"senddock fingerprint\0" + keys[-1]).digest()

    def __repr__(self) -> str:
        return f"<Vault keys={list(self._ciphers)}>"

    def seal(self, plaintext: bytes, *, table: str, row: str, column: str) -> str:
        """Encrypt for one place. The envelope is ``v1:key id:base64(nonce + ciphertext)``."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plaintext, _place(table, row, column))
        return f"{_VERSION}:{self._newest}:{base64.b64encode(nonce + sealed).decode('ascii')}"

    def open(self, envelope: str, *, table: str, row: str, column: str) -> bytes:
        """Decrypt. Raises `WrongMasterKey` or `SealBroken`."""
        version, key_id, body = _parts(envelope)
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise WrongMasterKey("another master key sealed it: start with the key that was used, or enter it again")
        try:
            data = base64.b64decode(body, validate=True)
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _place(table, row, column))
        except (InvalidTag, ValueError) as error:
            raise SealBroken("the sealed value was altered or belongs to another row: enter it again") from error

    def needs_rewrap(self, envelope: str) -> bool:
        """True when another key than the newest sealed it."""
        return _parts(envelope)[1] != self._newest

    def canary(self) -> str:
        """A sealed word to store, so that the next boot can tell whether it holds the right key."""
        return self.seal(_CANARY, table="setting", row="canary", column="value")

    def check_canary(self, envelope: str) -> None:
        """Raises `WrongMasterKey` when this ring did not seal the canary."""
        try:
            word = self.open(envelope, table="setting", row="canary", column="value")
        except SealBroken as error:
            raise WrongMasterKey("the stored canary does not open with this master key") from error
        if not hmac.compare_digest(word, _CANARY):
            raise WrongMasterKey("the stored canary does not open with this master key")

    def derive(self, purpose: bytes) -> bytes:
        """A key for another purpose, from the oldest key of the ring so that rotation does not end sessions."""
        return hmac.new(self._finger_key, b"derive\0" + purpose, hashlib.sha256).digest()

    def fingerprint(self, secret: str) -> str:
        """Eight hex digits to recognise a secret by; keyed, so that they cannot be searched for."""
        return hmac.new(self._finger_key, secret.encode(), hashlib.sha256).hexdigest()[:8]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"senddock key id\0" + key).hexdigest()[:8]


def _place(table: str, row: str, column: str) -> bytes:
    # Each part with its length in front: "a" + "bc" must not be the same place as "ab" + "c".
    return b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in (table, row, column))


def _parts(envelope: str) -> tuple[str, str, str]:
    parts = envelope.split(":", 2)
    if len(parts) != 3:
        raise SealBroken("the sealed value cannot be read")
    return parts[0], parts[1], parts[2]
