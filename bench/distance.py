"""`make bench`, second part: a provider 50 ms away, with STARTTLS, as most of them are."""

from functools import partial

from bench import contenders
from bench.drain import drain, sqlite
from bench.sinks import distant
from bench.table import MESSAGES, SESSIONS, compare

ROUND_TRIP = 0.05


def main() -> None:
    """Measure and print."""
    # The sessions are opened within the time that is measured, by all contenders: under a second, of about fifteen.
    messages = max(200, MESSAGES // 4)
    with distant(ROUND_TRIP) as server:
        port, ca_file = server.port, server.ca_file
        rows = [
            ("plain smtplib", partial(contenders.smtplib_threads, port, messages // 4, SESSIONS, ca_file)),
            ("nodemailer's pool", partial(contenders.nodemailer, port, messages // 2, SESSIONS, ca_file)),
            (
                "SendDock, SQLite, 1 worker",
                lambda: drain(sqlite, port, messages=messages, sessions=SESSIONS, workers=1, ca_file=ca_file).rate,
            ),
        ]
        limit = SESSIONS / ROUND_TRIP
        compare(f"50 ms round trip, STARTTLS (one message a round trip and session: {limit:.0f}/s)", rows, messages)


if __name__ == "__main__":
    main()
