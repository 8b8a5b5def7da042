"""A key's limit a second holds at the SMTP door, for all of its processes and together with the HTTP API."""

from collections.abc import Callable
from dataclasses import replace

from redis import Redis

from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.keys import Keyring
from tests.submission.running import RunningDoor

MESSAGE = b"From: us@example.com\r\nSubject: Hi\r\n\r\nHello\r\n."


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_message_over_the_limit_is_put_off_with_what_to_do(
    redis: Redis, open_door: Callable[..., RunningDoor]
) -> None:
    moment = Moment()
    door = open_door(rate=KeyRate(redis, moment), per_second=2)
    wire = door.raw().sign_in(door.token)
    for _ in range(2):
        assert wire.envelope().ask(MESSAGE).startswith("250")
    refused = (
        "451 4.7.1 This API key may hand over 2 messages a second: try again in 1 s, or raise its limit under API Keys"
    )
    assert wire.ask("MAIL FROM:<us@example.com>") == refused
    assert wire.ask("RCPT TO:<ana@example.org>").startswith("503"), "nothing was begun"
    assert door.raw().sign_in(door.token).ask("MAIL FROM:<us@example.com>") == refused, (
        "another session is no way round"
    )
    moment.now += 1
    assert wire.envelope().ask(MESSAGE).startswith("250"), "the same session goes on in the next second"
    assert len(door.messages()) == 3


def test_the_limit_is_shared_with_other_processes_and_the_http_api(
    redis: Redis, open_door: Callable[..., RunningDoor]
) -> None:
    moment = Moment()
    door = open_door(rate=KeyRate(redis, moment), per_second=3)
    elsewhere, who = KeyRate(redis, moment), Keyring(door.database).admit(door.token, "127.0.0.1")
    assert all(elsewhere.take(who).granted for _ in range(2))
    wire = door.raw().sign_in(door.token)
    assert wire.envelope().ask(MESSAGE).startswith("250")
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("451 4.7.1")
    assert not elsewhere.take(who).granted
    assert elsewhere.take(replace(who, key_id=who.key_id + 1)).granted, "other keys are not concerned"


def test_without_redis_the_door_counts_for_itself(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door(rate=KeyRate(Redis(unix_socket_path="/nonexistent/redis.sock"), Moment()), per_second=1)
    wire = door.raw().sign_in(door.token)
    assert wire.envelope().ask(MESSAGE).startswith("250")
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("451 4.7.1")


def test_a_key_without_a_limit_of_its_own_is_never_put_off(redis: Redis, open_door: Callable[..., RunningDoor]) -> None:
    door = open_door(rate=KeyRate(redis, Moment()))
    wire = door.raw().sign_in(door.token)
    assert all(wire.ask("MAIL FROM:<us@example.com>").startswith("250") and wire.ask("RSET") for _ in range(1100))
