"""What the contenders send to: Postfix's smtp-sink on loopback, and a server with STARTTLS that is far away."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def postfix_tool(name: str) -> str:
    """Where a program of Debian's postfix package is."""
    return shutil.which(name) or f"/usr/sbin/{name}"


@contextlib.contextmanager
def smtp_sink() -> Iterator[int]:
    """smtp-sink on a port of its own."""
    port = free_port()
    user = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [postfix_tool("smtp-sink"), *user, f"127.0.0.1:{port}", "500"], stdout=subprocess.DEVNULL
    )
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True, slots=True)
class Distant:
    """A server behind a proxy that delays every byte, and the certificate authority it is trusted by."""

    port: int
    ca_file: str


@contextlib.contextmanager
def distant(round_trip: float) -> Iterator[Distant]:
    """A server that offers STARTTLS and PIPELINING, ``round_trip`` seconds away, in a process of its own."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory(prefix="sdb") as folder:
        ca_file, identity = Path(folder) / "ca.pem", Path(folder) / "server.pem"
        authority.cert_pem.write_to_path(str(ca_file))
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(identity))
        port = free_port()
        command = [sys.executable, "-m", "bench.far_server", str(port), str(identity), str(round_trip)]
        process = subprocess.Popen(command)
        try:
            wait_for_port(port)
            yield Distant(port, str(ca_file))
        finally:
            process.terminate()
            process.wait(10)


def wait_for_port(port: int) -> None:
    """Until somebody listens on ``port``."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
    raise TimeoutError(f"nothing listens on port {port}")


def client_context(ca_file: str) -> ssl.SSLContext:
    """A context that trusts the distant server."""
    return ssl.create_default_context(cafile=ca_file)
