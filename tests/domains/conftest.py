"""What the tests of the DNS room share besides the name server of `tests.dns_server`."""

import socket

import pytest


@pytest.fixture
def closed_port() -> int:
    """A UDP port on which nothing answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
