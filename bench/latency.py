"""`make bench`, second part: an idle installation, one message at a time. Time to the answer, and to the provider's 250."""

import sqlite3
import statistics
import threading
import time
from datetime import datetime

from redis import Redis

from bench.memory import print_idle
from senddock import redis_server
from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP, closed_port

MESSAGES = 200
FAILED_OVER = 120
_PAUSE = 0.05


def main() -> None:
    """Measure and print."""
    server = ScriptedSMTP()
    try:
        with installation() as house:
            house.start()
            house.provider("sink", server.port, 2)
            token = house.json("key", "create", "--name", "bench")["token"]
            house.post("/api/emails", {"to": "warm@example.org", "subject": "x", "text": "y"}, token)
            server.wait_for(1)
            _print("POST /api/emails answered", _submit(house, token))
            server.wait_for(MESSAGES + 1)
            until(lambda: _is_idle(house), 60, house.log.read_text)
            direct = _to_acceptance(house)
            _print("accepted by us -> 250 of the provider", direct)
            _print_failover(house, token, server, direct)
            print_idle(house)
    finally:
        server.stop()


def _submit(house: Installation, token: str, messages: int = MESSAGES) -> list[float]:
    pause, taken = threading.Event(), []
    for _ in range(messages):
        started = time.perf_counter()
        code, answer = house.post("/api/emails", {"to": "a@example.org", "subject": "x", "text": "y"}, token)
        taken.append((time.perf_counter() - started) * 1000)
        assert code == 200, answer
        pause.wait(_PAUSE)
    return taken


def _print_failover(house: Installation, token: str, server: ScriptedSMTP, direct: list[float]) -> None:
    """The first provider refuses the connection, and its breaker is kept closed: each message finds out for itself."""
    last = int(_newest(house))
    refuses = house.provider("refuses", closed_port(), 1)["id"]
    with Redis.from_url(redis_server.url_of(house.data)) as client:
        for number in range(1, FAILED_OVER + 1):
            _submit(house, token, 1)
            server.wait_for(MESSAGES + 1 + number)
            # Workers know of a breaker what was there a tenth of a second ago.
            until(lambda: _is_idle(house), 60, house.log.read_text)
            client.hdel("senddock:breakers", f"{refuses}|")
            threading.Event().wait(0.15)
    over = _to_acceptance(house, last)
    tried = _by_way_of(house, last)
    _print("with a first provider that refuses to connect", over)
    _print("of these: from the refused attempt to the 250", tried)
    added = statistics.median(over) - statistics.median(direct)
    print(f"failing over adds {added:.1f} ms (medians; {len(tried)} of {len(over)} met the refusal)")


def _is_idle(house: Installation) -> bool:
    """True when nothing waits and nothing is under way."""
    with sqlite3.connect(house.data / "senddock.db") as connection:
        found = connection.execute("SELECT 1 FROM message WHERE due_at IS NOT NULL OR worker_id IS NOT NULL LIMIT 1")
        return found.fetchone() is None


def _newest(house: Installation) -> int:
    with sqlite3.connect(house.data / "senddock.db") as connection:
        return int(connection.execute("SELECT max(rowid) FROM message").fetchone()[0])


def _by_way_of(house: Installation, after: int) -> list[float]:
    """Milliseconds from the beginning of the first provider's attempt to the end of the second's."""
    with sqlite3.connect(house.data / "senddock.db") as connection:
        rows = connection.execute(
            "SELECT min(a.started_at), max(a.finished_at) FROM message m JOIN attempt a ON a.message_id = m.id "
            "WHERE m.rowid > ? GROUP BY m.id HAVING count(*) > 1",
            (after,),
        ).fetchall()
    return [(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() * 1000 for begin, end in rows]


def _to_acceptance(house: Installation, after: int = 1) -> list[float]:
    with sqlite3.connect(house.data / "senddock.db") as connection:
        rows = connection.execute(
            "SELECT m.created_at, a.finished_at FROM message m JOIN attempt a ON a.message_id = m.id "
            "WHERE a.verdict_class = 'accepted' AND m.rowid > ? ORDER BY m.id",
            (after,),
        ).fetchall()
    return [(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() * 1000 for begin, end in rows]


def _print(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    shown = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99)]
    print(f"{name:40} p50 {shown[0]:6.1f}  p95 {shown[1]:6.1f}  p99 {shown[2]:6.1f} ms  ({len(ordered)})")


if __name__ == "__main__":
    main()
