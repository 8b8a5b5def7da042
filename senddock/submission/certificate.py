"""The door's certificate, read again when its files are renewed."""

import ssl
from pathlib import Path


class BadCertificate(RuntimeError):
    """The files cannot be used; the text says why."""


class Certificate:
    """A context for listeners and STARTTLS; new handshakes use what was loaded last."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises `BadCertificate`."""
        self._files = (cert, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = self._load()

    def renew(self) -> bool:
        """Load the files again if they changed; True when they did. Raises `BadCertificate`; the old one stays."""
        if self._stamp() == self._loaded:
            return False
        self._loaded = self._load()
        return True

    def _load(self) -> tuple[int, int]:
        stamp = self._stamp()
        try:
            # Tried apart first: half a renewal must not break the context in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            raise BadCertificate(
                f"SENDDOCK_TLS_CERT ({self._files[0]}) and SENDDOCK_TLS_KEY ({self._files[1]}) cannot be used: "
                f"{error.strerror or error}; both must be PEM and belong together"
            ) from error
        return stamp

    def _stamp(self) -> tuple[int, int]:
        try:
            return self._files[0].stat().st_mtime_ns, self._files[1].stat().st_mtime_ns
        except OSError as error:
            raise BadCertificate(f"the certificate cannot be read: {error}") from error
