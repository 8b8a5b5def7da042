"""`make bench`, first part: from queued rows to committed results on loopback, beside what people use today."""

import statistics
from functools import partial

from bench import contenders
from bench.drain import Place, drain, postgresql, sqlite
from bench.sinks import smtp_sink
from bench.table import MESSAGES, SESSIONS, compare
from tests import postgres


def main() -> None:
    """Measure and print."""
    with smtp_sink() as port:
        cpu: dict[str, list[float]] = {}

        def ours(name: str, place: Place, workers: int) -> float:
            drained = drain(place, port, messages=MESSAGES, sessions=SESSIONS, workers=workers)
            cpu.setdefault(f"{name}, {workers}", []).append(drained.cpu)
            return drained.rate

        rows = [("smtp-source (no queue, no log): the ceiling", partial(contenders.source, port, MESSAGES, SESSIONS))]
        for name, place in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            if name == "SQLite" or postgres.binaries():
                rows += [
                    (f"SendDock, {name}, {workers} worker{'s' * (workers > 1)}", partial(ours, name, place, workers))
                    for workers in (1, 2)
                ]
        rows += [
            ("nodemailer's pool (no queue on disk, no log)", partial(contenders.nodemailer, port, MESSAGES, SESSIONS)),
            ("django-post-office, SQLite", partial(contenders.post_office, port, MESSAGES, SESSIONS)),
            ("Postfix, accept to relay", partial(contenders.postfix, port, MESSAGES, SESSIONS)),
        ]
        compare("Loopback, smtp-sink", rows, MESSAGES)
        used = ", ".join(f"{name}: {statistics.median(values):.0f}" for name, values in cpu.items())
        print(f"processor time of SendDock's workers together, microseconds a message: {used}")


if __name__ == "__main__":
    main()
