"""Runs contenders in turn, so that a slow minute of the machine hits all of them, and prints the medians."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence

#: BENCH_MESSAGES and BENCH_RUNS make a part smaller.
MESSAGES = int(os.environ.get("BENCH_MESSAGES", "10000"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SESSIONS = 10
#: BENCH_ONLY names parts of contenders' names, divided by commas: only those run.
_ONLY = [part.strip().lower() for part in os.environ.get("BENCH_ONLY", "").split(",") if part.strip()]


def compare(title: str, contenders: Sequence[tuple[str, Callable[[], float]]], messages: int, unit: str = "/s") -> None:
    """Run each ``RUNS`` times and print one line each."""
    contenders = [item for item in contenders if not _ONLY or any(part in item[0].lower() for part in _ONLY)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{title}\n{machine}; {messages} messages of 2 KB, {SESSIONS} sessions, median of {RUNS}")
    rates: dict[str, list[float]] = {name: [] for name, _ in contenders}
    for _ in range(RUNS):
        for name, run in contenders:
            rates[name].append(run())
    width = max(len(name) for name in rates)
    print(f"{'':{width}}{'median' + unit:>12}{'min':>9}{'max':>9}")
    for name, values in rates.items():
        print(f"{name:{width}}{statistics.median(values):>12,.0f}{min(values):>9,.0f}{max(values):>9,.0f}", flush=True)
