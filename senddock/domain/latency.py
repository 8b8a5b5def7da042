"""Latency as a histogram: a handful of counters from which quantiles are read, whatever the number of messages.

Each bound is about half as large again as the one before, so a quantile is off by at most a third of its value; inside
a bucket it is interpolated, as Prometheus does it (`histogram_quantile`).
"""

from bisect import bisect_left
from collections.abc import Mapping

#: Upper bounds in milliseconds.
BUCKETS = (5, 10, 20, 35, 50, 75, 100, 150, 250, 400, 600, 1000, 1500, 2500, 4000, 6000, 10000, 20000, 60000, 300000)


def bucket_of(milliseconds: float) -> int:
    """The bound of the bucket that ``milliseconds`` falls into; the last bucket takes what is longer."""
    return BUCKETS[min(bisect_left(BUCKETS, milliseconds), len(BUCKETS) - 1)]


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """Milliseconds within which ``share`` (0 to 1) of the attempts were answered; ``None`` without any.

    ``histogram`` is bound to number of attempts.
    """
    total = sum(histogram.values())
    if total <= 0:
        return None
    wanted, seen, lower = share * total, 0, 0
    for bound in BUCKETS:
        here = histogram.get(bound, 0)
        if here and seen + here >= wanted:
            return lower + (bound - lower) * max(0.0, wanted - seen) / here
        seen += here
        lower = bound
    return float(BUCKETS[-1])
