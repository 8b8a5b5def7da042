"""The schedule of retries."""

from datetime import UTC, datetime, timedelta

import pytest

from senddock.domain.retry import Schedule, expiry, next_try
from senddock.domain.verdict import VerdictClass
from senddock.domain.waits import wait_in

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TRANSACTIONAL = Schedule(15, 3600, 6 * 3600)


def seconds(tries: int, chance: float, **values: object) -> float:
    given = {"verdict": VerdictClass.CONNECTION, "wait": None, **values}
    return (next_try(TRANSACTIONAL, tries=tries, now=NOW, chance=chance, **given) - NOW).total_seconds()  # type: ignore[arg-type]


def test_the_pause_doubles_up_to_the_longest_and_is_spread_by_full_jitter() -> None:
    ceilings = [seconds(tries, 0.999999) for tries in range(1, 12)]
    assert [round(value) for value in ceilings] == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert seconds(5, 0.5) == 120
    assert seconds(5, 0.0) == 1


def test_a_time_the_server_named_is_honoured() -> None:
    assert seconds(1, 0.0, wait=341) == 341
    assert 341 <= seconds(1, 0.99, wait=341) <= 376


def test_greylisting_and_full_mailboxes_have_schedules_of_their_own() -> None:
    assert [seconds(tries, 0.0, verdict=VerdictClass.GREYLISTED) for tries in (1, 2, 9)] == [300, 900, 3600]
    assert seconds(1, 0.0, verdict=VerdictClass.RECIPIENT_TRANSIENT) == 3600


def test_many_tries_do_not_make_large_numbers() -> None:
    assert seconds(10_000, 0.5) == 1800


def test_a_message_gives_up_at_its_own_time_when_that_is_sooner() -> None:
    sooner = NOW + timedelta(minutes=5)
    assert expiry(TRANSACTIONAL, created_at=NOW, scheduled_at=None, expires_at=sooner) == sooner
    assert expiry(TRANSACTIONAL, created_at=NOW, scheduled_at=None, expires_at=None) == NOW + timedelta(hours=6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Account will be enabled in 341 seconds", 341),
        ("try again in 5 minutes", 300),
        ("please retry after 1h", 3600),
        ("recipient limit exceeded, try again after Thu, 01 Jan 2026 13:00:00 UTC", 3600),
        ("try again after Thu, 01 Jan 2026 11:00:00 UTC", 0),
        ("Too many mails (mail bomb), try again in 1 hour(s) 25 minute(s)", 5100),
        ("Greylisted for 300 seconds, please come back later", 300),
        ("Greylisting in action, please come back in 00:05:00", 300),
        ("please retry after 3600 seconds", 3600),
        ("Retry-After: 30", 30),
        ("please wait at least 15 minutes and try again", 900),
        ("please try again 15min later", 900),
        ("try again in an hour", 3600),
        ("the account will be reset in 2 days and 3 hours", 183_600),
        ("Please wait 24 hours before sending again", 86_400),
        ("the limit resets at 00:30 UTC", 45_000),
        ("blocked until 2026-01-01 13:00:00 UTC, retry then", 3600),
        ("try again after 2026-01-01T13:00:00Z", 3600),
        ("too many new recipients today; retry tomorrow", 43_200),
        ("try again in 99999 days", None),
        ("try again after 45 Xyz 2026 99:99:99 UTC", None),
        ("Error: too many mails within 60 minutes", None),
        ("Try again later (10). gsmtp", None),
        ("domains are limited to 100 messages / hour", None),
        ("You sent 300 messages in 10 minutes", None),
        ("Mailbox full", None),
    ],
)
def test_waits_are_read_from_the_text(text: str, expected: int | None) -> None:
    assert wait_in(text, NOW) == expected
