"""The master key: from the settings, or from a file made on the first boot that only its owner can read."""

import base64
import binascii
import os
import stat
from pathlib import Path


class MasterKeyError(RuntimeError):
    """The key cannot be used; the text says what to do and never holds the key."""


def load_or_create(data_dir: Path, configured: str | None) -> tuple[bytes, ...]:
    """The key ring, newest first. Makes ``master.key`` (mode 0600) when there is none and none is configured."""
    if configured:
        return parse_ring(configured, "SENDDOCK_MASTER_KEY")
    file = data_dir / "master.key"
    if not file.exists():
        return (_create(file),)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise MasterKeyError(f"{file} can be read by others (mode {mode:04o}): run chmod 600 {file}")
    return parse_ring(file.read_text("ascii", "replace"), str(file))


def parse_ring(text: str, where: str) -> tuple[bytes, ...]:
    """Keys from base64, separated by commas or lines. Raises `MasterKeyError` naming ``where``."""
    keys = []
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        try:
            key = base64.b64decode(part.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32:
            raise MasterKeyError(f"{where} must hold 32 bytes in base64; make one with: openssl rand -base64 32")
        if len(set(key)) < 8:
            raise MasterKeyError(f"{where} holds a key that is not random; make one with: openssl rand -base64 32")
        keys.append(key)
    if not keys:
        raise MasterKeyError(f"{where} is empty; make a key with: openssl rand -base64 32")
    return tuple(keys)


def _create(file: Path) -> bytes:
    key = os.urandom(32)
    # O_EXCL: two processes that boot together must not each believe in a key of their own.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(base64.b64encode(key) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return key


def write_ring(data_dir: Path, keys: tuple[bytes, ...]) -> None:
    """Replace ``master.key`` in one step; a crash leaves the old file or the new one, never half of it."""
    file = data_dir / "master.key"
    partial = data_dir / "master.key.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
