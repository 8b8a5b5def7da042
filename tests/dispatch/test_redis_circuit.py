"""A Redis that hangs costs one wait: then nobody asks it until it answers again."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from senddock.dispatch.redis_circuit import CircuitRedis, NotAsked
from tests.e2e.house import until
from tests.own_redis import OwnRedis, own_redis


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    with own_redis() as made:
        yield made


@pytest.fixture
def client(server: OwnRedis) -> Iterator[CircuitRedis]:
    made = CircuitRedis.connect(server.url)
    yield made
    made.close()


def test_the_first_question_waits_and_the_others_are_not_asked(server: OwnRedis, client: CircuitRedis) -> None:
    client.set("known", "1")
    server.hang()
    with pytest.raises(RedisError) as first:
        client.get("known")
    assert not isinstance(first.value, NotAsked)
    for _ in range(100):
        with pytest.raises(NotAsked):
            client.get("known")
        with pytest.raises(NotAsked), client.pipeline() as pipe:
            pipe.incr("known").execute()
        with pytest.raises(NotAsked):
            client.blpop(["nothing"], 5)


def test_whoever_asks_at_the_same_time_waits_once_together(server: OwnRedis, client: CircuitRedis) -> None:
    server.hang()
    errors: list[RedisError] = []

    def ask() -> None:
        for _ in range(5):
            try:
                client.get("known")
            except RedisError as error:
                errors.append(error)

    crowd = [threading.Thread(target=ask) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(60)
    waited = [error for error in errors if not isinstance(error, NotAsked)]
    assert len(errors) == 40
    assert 1 <= len(waited) <= 8, "nobody waited twice"


def test_it_is_asked_again_as_soon_as_it_answers(server: OwnRedis, client: CircuitRedis) -> None:
    client.set("known", "1")
    server.hang()
    with pytest.raises(RedisError):
        client.get("known")
    assert client.circuit.is_open
    server.go_on()
    until(lambda: not client.circuit.is_open, 60, lambda: "the circuit stays open")
    assert client.get("known") == b"1"


def test_a_dead_redis_refuses_at_once_and_is_asked_each_time(server: OwnRedis, client: CircuitRedis) -> None:
    client.set("known", "1")
    server.kill()
    with pytest.raises(RedisError):
        client.get("known")
    assert not client.circuit.is_open
    server.start()
    assert client.get("known") is None, "a connection that was closed meanwhile is replaced"


def test_a_command_that_waits_for_something_has_time_for_that(client: CircuitRedis) -> None:
    assert client.blpop(["nothing"], 3) is None
    assert client.blmove("nothing", "other", 3) is None
    client.rpush("something", "x")
    assert client.blmove("something", "other", 2) == b"x"
    assert not client.circuit.is_open


_FORKING = """
import os, sys
from redis.exceptions import RedisError
from senddock.dispatch.redis_circuit import CircuitRedis
client = CircuitRedis.connect(sys.argv[1])
try:
    client.ping()
except RedisError:
    pass
print(client.circuit.is_open, flush=True)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    # The thread that would close it is not here.
    print(client.circuit.is_open, flush=True)
    os._exit(0)
"""


def test_a_fork_finds_out_for_itself(server: OwnRedis) -> None:
    server.hang()
    command = [sys.executable, "-c", _FORKING, server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "False"]
