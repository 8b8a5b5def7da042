"""Failures of the wire as values: where in the dialogue it broke and what a person should read."""

import errno
import socket
import ssl

from senddock.domain.reply import Reply, Stage


class WireFault(Exception):
    """The dialogue cannot go on. ``reply`` holds the stage and either the server's refusal or the fault in words."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.stage}: {reply.line()}")
        self.reply = reply


def fault(stage: Stage, text: str) -> WireFault:
    """A fault without any reply from the server."""
    return WireFault(Reply(stage, None, None, text))


_BY_ERRNO = {
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset by the server",
    errno.ENOTCONN: "Connection reset by the server",
    errno.EPIPE: "Connection closed by the server",
    errno.ECONNABORTED: "Connection closed by the server",
    errno.EHOSTUNREACH: "No route to the host",
    errno.ENETUNREACH: "Network is unreachable",
    errno.ETIMEDOUT: "Connection timeout",
}


def fault_of(error: OSError, stage: Stage) -> WireFault:
    """Translate what the operating system or the TLS library raised into words for the log."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return fault(stage, f"Certificate not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return fault(stage, "Connection closed by the server")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return fault(stage, f"TLS handshake failed: {reason}")
    if isinstance(error, TimeoutError):
        return fault(
            stage, "Connection timeout" if stage is Stage.CONNECT else f"Timeout waiting for the server at {stage}"
        )
    if isinstance(error, socket.gaierror):
        return fault(Stage.DNS, f"Host name not found: {error.strerror}")
    return fault(stage, _BY_ERRNO.get(error.errno or 0, f"Connection failed: {error.strerror or error}"))
