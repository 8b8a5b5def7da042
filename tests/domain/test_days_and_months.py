"""Allowances that start anew at an hour of a place, over a year with its changes of the clock; and of a month."""

import calendar
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senddock.domain.pacing import Limit, limits_of

#: An hour forward and back, none, half an hour, a change at midnight, and the far sides of the day.
ZONES = ("Europe/Berlin", "UTC", "Australia/Lord_Howe", "Africa/Cairo", "America/New_York", "Pacific/Kiritimati")
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def day_at(now: datetime, hour: int, zone: str) -> Limit:
    nothing = dict.fromkeys(("per_second", "per_minute", "per_hour", "per_month"))
    (limit,) = limits_of(**nothing, per_day=100, now=now, day_reset_hour=hour, day_zone=zone)
    return limit


@given(minute=st.integers(0, 366 * 1440), hour=st.integers(0, 23), zone=st.sampled_from(ZONES))
def test_every_moment_is_in_one_day_which_the_next_one_follows_without_a_gap(minute: int, hour: int, zone: str) -> None:
    now = YEAR + timedelta(minutes=minute)
    day = day_at(now, hour, zone)
    assert day.period_start is not None
    end = day.period_start + day.seconds
    assert day.period_start <= now.timestamp() < end
    assert 23 * 3600 <= day.seconds <= 25 * 3600
    following = day_at(datetime.fromtimestamp(end, UTC), hour, zone)
    assert following.period_start == end
    last = day_at(datetime.fromtimestamp(end - 1, UTC), hour, zone)
    assert last == day, "all of a day is the same day"


@pytest.mark.parametrize("hour", range(24))
def test_a_year_has_as_many_days_as_the_calendar_whatever_the_clocks_do(hour: int) -> None:
    moments = [YEAR + timedelta(minutes=30 * step) for step in range(365 * 48)]
    starts = sorted({day_at(moment, hour, "Europe/Berlin").period_start or 0 for moment in moments})
    assert len(starts) in (365, 366)
    lengths = [after - before for before, after in pairwise(starts)]
    assert lengths.count(23 * 3600) == 1
    assert lengths.count(25 * 3600) == 1
    assert set(lengths) == {23 * 3600, 24 * 3600, 25 * 3600}
    berlin = ZoneInfo("Europe/Berlin")
    hours = [datetime.fromtimestamp(start, berlin).hour for start in starts]
    # Where the clock leaves the hour out, the day begins with the hour after it.
    assert [item for item in hours if item != hour] == ([3] if hour == 2 else [])


def test_no_calendar_month_holds_more_than_a_months_allowance() -> None:
    (limit,) = limits_of(per_second=None, per_minute=None, per_hour=None, per_day=None, per_month=100, now=YEAR)
    longest = max(calendar.monthrange(year, month)[1] for year in (2026, 2028) for month in range(1, 13))
    # All of it on the first, and again as soon as it is back: that is never in the same month.
    assert limit.seconds >= longest * 86400
