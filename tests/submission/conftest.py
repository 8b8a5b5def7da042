"""Doors for the tests."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from senddock.models import Database
from tests.submission.running import RunningDoor


@pytest.fixture
def open_door(sqlite: Database) -> Iterator[Callable[..., RunningDoor]]:
    """Makes doors on SQLite; all of them are stopped at the end."""
    made: list[RunningDoor] = []

    def make(database: Database | None = None, **options: Any) -> RunningDoor:
        made.append(RunningDoor(database or sqlite, **options))
        return made[-1]

    yield make
    for door in made:
        door.stop()


@pytest.fixture
def door(open_door: Callable[..., RunningDoor], server_tls: ssl.SSLContext) -> RunningDoor:
    """A door with a certificate."""
    return open_door(tls=server_tls)
