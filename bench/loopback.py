"""`make bench`, first part: from queued rows to committed results on loopback, beside what people use today."""

from functools import partial

from bench import contenders
from bench.drain import Place, drain, postgresql, sqlite
from bench.sinks import smtp_sink
from bench.table import MESSAGES, SESSIONS, compare
from tests import postgres


def main() -> None:
    """Measure and print."""
    with smtp_sink() as port:

        def ours(place: Place, workers: int) -> float:
            return drain(place, port, messages=MESSAGES, sessions=SESSIONS, workers=workers).rate

        rows = [("smtp-source (no queue, no log): the ceiling", partial(contenders.source, port, MESSAGES, SESSIONS))]
        for name, place in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            if name == "SQLite" or postgres.binaries():
                rows += [
                    (f"SendDock, {name}, {workers} worker{'s' * (workers > 1)}", partial(ours, place, workers))
                    for workers in (1, 2)
                ]
        rows += [
            ("nodemailer's pool (no queue on disk, no log)", partial(contenders.nodemailer, port, MESSAGES, SESSIONS)),
            ("django-post-office, SQLite", partial(contenders.post_office, port, MESSAGES, SESSIONS)),
            ("Postfix, accept to relay", partial(contenders.postfix, port, MESSAGES, SESSIONS)),
        ]
        compare("Loopback, smtp-sink", rows, MESSAGES)


if __name__ == "__main__":
    main()
