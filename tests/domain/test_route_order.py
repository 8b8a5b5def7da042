"""The order of routes: the line that previews it, and every order reachable by moving one up or down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senddock.domain.route_order import Placed, joined, moved, preview, put_before, tiers

SES, RESEND, HOSTINGER = (
    Placed(1, "AWS SES", 1, 70),
    Placed(2, "Resend", 1, 30),
    Placed(3, "Hostinger", 2, 100),
)
ORDER = [SES, RESEND, HOSTINGER]


def shape(routes: list[Placed]) -> list[list[int]]:
    return [[item.provider_id for item, _ in tier.members] for tier in tiers(routes)]


@pytest.mark.parametrize(
    ("routes", "line"),
    [
        (ORDER, "1 AWS SES 70 % · Resend 30 %, then 2 Hostinger"),
        ([SES, HOSTINGER], "1 AWS SES, then 2 Hostinger"),
        ([Placed(1, "a", 1, 1), Placed(2, "b", 1, 1), Placed(3, "c", 1, 1)], "1 a 33.3 % · b 33.3 % · c 33.3 %"),
        ([Placed(1, "a", 1, 999), Placed(2, "b", 1, 1)], "1 a 99.9 % · b 0.1 %"),
        ([Placed(1, "off", 1, 5, enabled=False), Placed(2, "on", 7, 5)], "1 on"),
        ([Placed(1, "off", 1, 50, enabled=False), Placed(2, "on", 1, 5)], "1 on"),
        ([], ""),
    ],
)
def test_the_preview_says_shares_and_turns(routes: list[Placed], line: str) -> None:
    assert preview(routes) == line


def test_one_step_leaves_a_shared_tier_or_joins_the_next() -> None:
    assert shape(moved(ORDER, 3, -1)) == [[1, 2, 3]]
    assert shape(moved(ORDER, 2, -1)) == [[2], [1], [3]]
    assert shape(moved(ORDER, 2, 1)) == [[1], [2], [3]]
    assert shape(moved(ORDER, 3, 1)) == [[1, 2], [3]], "the last one stays"
    assert shape(moved(moved(ORDER, 3, -1), 3, -1)) == [[3], [1, 2]]


def test_dropping_on_a_provider_shares_its_tier_and_between_two_makes_a_tier() -> None:
    assert shape(joined(ORDER, 1, 3)) == [[2], [3, 1]]
    assert shape(put_before(ORDER, 3, 1)) == [[3], [1, 2]]
    assert shape(put_before(ORDER, 1, None)) == [[2], [3], [1]]
    assert shape(joined(ORDER, 1, 1)) == shape(put_before(ORDER, 2, 2)) == [[1, 2], [3]]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=5), st.data())
def test_no_move_loses_a_provider_or_a_weight_and_priorities_have_no_gaps(
    given_routes: list[tuple[int, int]], data: st.DataObject
) -> None:
    routes = [Placed(number, f"p{number}", priority, weight) for number, (priority, weight) in enumerate(given_routes)]
    for _ in range(6):
        one, other = (data.draw(st.integers(0, len(routes) - 1)) for _ in range(2))
        step = data.draw(st.sampled_from((-1, 1)))
        for change in (moved(routes, one, step), joined(routes, one, other), put_before(routes, one, other)):
            assert sorted((item.provider_id, item.weight) for item in change) == sorted(
                (item.provider_id, item.weight) for item in routes
            )
            assert sorted({item.priority for item in change}) == list(range(1, len(tiers(change)) + 1))
        routes = moved(routes, one, step)
