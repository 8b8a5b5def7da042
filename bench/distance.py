"""`make bench`, second part: a provider 50 ms away, with STARTTLS, as most of them are."""

import socket
import statistics
import time
from collections.abc import Callable
from functools import partial

from bench import contenders
from bench.drain import drain, sqlite
from bench.sinks import distant
from bench.table import MESSAGES, SESSIONS, compare

ROUND_TRIP = 0.05
#: Questions by which the round trip is measured.
_NOOPS = 40


def measured_round_trip(port: int) -> float:
    """Seconds between a NOOP and its answer, the median: the delay and what proxy and server take for themselves."""
    with socket.create_connection(("127.0.0.1", port), 10) as line, line.makefile("rb") as answers:
        answers.readline()
        times = []
        for _ in range(_NOOPS):
            started = time.perf_counter()
            line.sendall(b"NOOP\r\n")
            answers.readline()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    # The sessions are opened within the time that is measured, by all contenders: under a second, of about fifteen.
    messages = max(200, MESSAGES // 4)
    with distant(ROUND_TRIP) as server:
        port, ca_file = server.port, server.ca_file
        rows: list[tuple[str, Callable[[], float]]] = [
            ("plain smtplib", partial(contenders.smtplib_threads, port, messages // 4, SESSIONS, ca_file)),
            ("nodemailer's pool", partial(contenders.nodemailer, port, messages // 2, SESSIONS, ca_file)),
            (
                "SendDock, SQLite, 1 worker",
                lambda: drain(sqlite, port, messages=messages, sessions=SESSIONS, workers=1, ca_file=ca_file).rate,
            ),
        ]
        limit = SESSIONS / ROUND_TRIP
        compare(f"50 ms round trip, STARTTLS (one message a round trip and session: {limit:.0f}/s)", rows, messages)
        real = measured_round_trip(port)
        print(
            f"measured with nothing else to do, a round trip is {real * 1000:.1f} ms: {SESSIONS / real:.0f}/s at most"
        )


if __name__ == "__main__":
    main()
