"""Intervals for shares that are counted: Wilson's for one, Newcombe's for the difference of two. Pure.

Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22. Newcombe (1998), "Interval
estimation for the difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17,
method 10. Both keep their level at shares near 0 and 1, where bounces and complaints are.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its limits."""

    estimate: float
    low: float
    high: float


def wilson(hits: int, total: int, level: float = 0.95) -> Interval:
    """The share ``hits / total``. Raises ``ValueError`` without observations."""
    if total < 1 or not 0 <= hits <= total:
        raise ValueError("hits lie between 0 and a total of at least 1")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    # At 0 and at `total` the formula is exact and floating point is not.
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == total else centre + half
    return Interval(share, low, high)


def newcombe(hits: int, total: int, other_hits: int, other_total: int, level: float = 0.95) -> Interval:
    """The difference ``hits / total - other_hits / other_total``."""
    one, other = wilson(hits, total, level), wilson(other_hits, other_total, level)
    difference = one.estimate - other.estimate
    return Interval(
        difference,
        difference - sqrt((one.estimate - one.low) ** 2 + (other.high - other.estimate) ** 2),
        difference + sqrt((one.high - one.estimate) ** 2 + (other.estimate - other.low) ** 2),
    )
