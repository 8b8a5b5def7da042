"""Doors for the tests."""

import ssl
from collections.abc import Callable

import pytest

from tests.submission.running import RunningDoor


@pytest.fixture
def door(open_door: Callable[..., RunningDoor], server_tls: ssl.SSLContext) -> RunningDoor:
    """A door with a certificate."""
    return open_door(tls=server_tls)
