"""What an endpoint may ask for when it is told too much."""

from datetime import UTC, datetime

import pytest

from senddock.domain.webhook_schedule import LONGEST_ASKED, asked_pause, next_try

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (" 0 ", 0),
        ("Wed, 25 Nov 2026 10:02:00 GMT", 120),
        ("Wed, 25 Nov 2026 09:00:00 GMT", 0),
        ("Wed, 25 Nov 2026 10:02:00 -0000", 120),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("\u0663", None),
        ("Wed, 99 Nov 2026 10:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int | None) -> None:
    assert asked_pause(text, NOW) == seconds


def test_a_number_that_no_machine_can_read_is_a_long_pause() -> None:
    asked = asked_pause("9" * 10_000, NOW)
    assert asked == 999_999_999
    following = next_try(1, NOW, chance=0.0, asked=asked)
    assert following is not None
    assert (following - NOW).total_seconds() == LONGEST_ASKED
