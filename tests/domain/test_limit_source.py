"""Each limit names the plan it comes from, or is the operator's own."""

from senddock.domain.catalogue import catalogue
from senddock.domain.limit_source import limit_sources


def test_every_plan_is_recognised_by_its_own_limits() -> None:
    for entry in catalogue().values():
        for plan in entry.plans:
            for one in limit_sources(entry, plan.limits()):
                assert one.plan is not None
                assert one.plan.limits() == plan.limits(), (entry.key, plan.key)


def test_a_figure_that_no_plan_has_is_the_operators() -> None:
    found = limit_sources(catalogue()["ses"], {"per_second": 1, "per_day": 12_345, "per_month": None})
    assert [(one.window, one.amount, one.plan.key if one.plan else None) for one in found] == [
        ("second", 1, "sandbox"), ("day", 12_345, None),
    ]  # fmt: skip
    assert limit_sources(None, {"per_day": 5})[0].plan is None
