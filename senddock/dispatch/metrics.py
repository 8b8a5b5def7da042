"""The house in Prometheus' text format 0.0.4, from the same rollups and rows the panel reads.

Counters are sums over all rollups. When old statistics are pruned they fall, which Prometheus takes for a restart.
"""

import operator
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch import block_sums, blocks, experiments, journal
from senddock.dispatch.statistics import end_of
from senddock.domain.latency import BUCKETS
from senddock.models import HourlyRollup

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATES = ("healthy", "recovering", "limited", "failing", "paused", "disabled")
#: Labels and value of one line.
Sample = tuple[dict[str, str], float]


def exposition(session: Session, now: datetime, version: str) -> str:
    """Everything, as it goes over the wire."""
    status = journal.queue_status(session, now)
    names, streams = journal.provider_names(session), journal.stream_names(session)
    pieces = _all_time(session, now)
    rows = _added(block_sums.totals(session, blocks.OUTCOMES, pieces, blocks.OUTCOMES.keys, blocks.OUTCOMES.sums), 3)

    def labels(row: Any) -> dict[str, str]:
        return {
            "provider_id": str(row[1]),
            "provider": names.get(row[1], ""),
            "stream": streams.get(row[0], ""),
            "class": row[2],
        }

    oldest = status["oldest_queued_seconds"]
    lines = [
        *_family("senddock_build_info", "gauge", "Version of SendDock.", [({"version": version}, 1)]),
        *_family(
            "senddock_queue_messages",
            "gauge",
            "Messages that wait, are under way, or are uncertain.",
            [({"state": state}, number) for state, number in status["queue"].items()],
        ),
        *_family(
            "senddock_queue_oldest_seconds", "gauge", "Age of the oldest message that is due.", [({}, oldest or 0)]
        ),
        *_family("senddock_workers", "gauge", "Workers that are alive.", [({}, status["workers"])]),
        *_family("senddock_experiments_running", "gauge", "Experiments.", [({}, experiments.running(session, now))]),
        *_family(
            "senddock_provider_state",
            "gauge",
            "1 for the state a provider is in.",
            [
                (
                    {"provider_id": str(item["id"]), "provider": item["name"], "state": state},
                    int(item["state"] == state),
                )
                for item in status["providers"]
                for state in _STATES
            ],
        ),
        *_family(
            "senddock_recipients_total", "counter", "Recipients answered.", [(labels(row), row[3]) for row in rows]
        ),
        *_family("senddock_attempts_total", "counter", "SMTP transactions.", [(labels(row), row[4]) for row in rows]),
        *_family(
            "senddock_failovers_total",
            "counter",
            "Attempts after which another provider took over.",
            [(labels(row), row[5]) for row in rows if row[5]],
        ),
        *_histogram(session, pieces, names, rows),
    ]
    return "\n".join(lines) + "\n"


def _all_time(session: Session, now: datetime) -> Sequence[block_sums.Stretch]:
    """Every hour since the first, in the longest blocks there are."""
    oldest = session.scalar(select(HourlyRollup.hour).order_by(HourlyRollup.hour).limit(1))
    longest = blocks.LENGTHS[0]
    return (
        block_sums.stretches(session, blocks.floor(oldest, longest), end_of(now), longest) if oldest is not None else ()
    )


def _added(rows: Iterable[Any], keys: int) -> Sequence[tuple[Any, ...]]:
    """Rows with the same first ``keys`` cells as one, the others added up."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        key, figures = tuple(row[:keys]), tuple(row[keys:])
        known = found.get(key)
        found[key] = figures if known is None else tuple(map(operator.add, known, figures))
    return [(*key, *found[key]) for key in sorted(found)]


def _histogram(
    session: Session, pieces: Sequence[block_sums.Stretch], names: dict[int, str], rows: Sequence[Any]
) -> Iterable[str]:
    found: dict[int, dict[int, int]] = defaultdict(dict)
    latencies = block_sums.totals(session, blocks.LATENCIES, pieces, ("provider_id", "bucket"), ("attempts",))
    for provider_id, bucket, attempts in _added(latencies, 2):
        found[provider_id][bucket] = attempts
    seconds: dict[int, float] = defaultdict(float)
    for row in rows:
        if row[2] == "accepted":
            seconds[row[1]] += row[6] / 1000
    name = "senddock_acceptance_seconds"
    yield f"# HELP {name} Time to acceptance."
    yield f"# TYPE {name} histogram"
    for provider_id, histogram in sorted(found.items()):
        own = {"provider_id": str(provider_id), "provider": names.get(provider_id, "")}
        total = 0
        # The last bucket also takes what is longer than its bound.
        for bound in BUCKETS[:-1]:
            total += histogram.get(bound, 0)
            yield _line(f"{name}_bucket", {**own, "le": f"{bound / 1000:g}"}, total)
        total += histogram.get(BUCKETS[-1], 0)
        yield _line(f"{name}_bucket", {**own, "le": "+Inf"}, total)
        yield _line(f"{name}_sum", own, round(seconds[provider_id], 3))
        yield _line(f"{name}_count", own, total)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _line(name, labels, value)


def _line(name: str, labels: dict[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
