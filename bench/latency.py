"""`make bench`, second part: an idle installation, one message at a time. Time to the answer, and to the provider's 250."""

import sqlite3
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP

MESSAGES = 200
_PAUSE = 0.05


def main() -> None:
    """Measure and print."""
    server = ScriptedSMTP()
    try:
        with installation() as house:
            house.start()
            house.provider("sink", server.port, 1)
            token = house.json("key", "create", "--name", "bench")["token"]
            house.post("/api/emails", {"to": "warm@example.org", "subject": "x", "text": "y"}, token)
            server.wait_for(1)
            _print("POST /api/emails answered", _submit(house, token))
            server.wait_for(MESSAGES + 1)
            until(lambda: house.status()["queue"]["sending"] == 0, 10, house.log.read_text)
            _print("accepted by us -> 250 of the provider", _to_acceptance(house))
            _print_memory(house)
    finally:
        server.stop()


def _submit(house: Installation, token: str) -> list[float]:
    pause, taken = threading.Event(), []
    for _ in range(MESSAGES):
        started = time.perf_counter()
        code, answer = house.post("/api/emails", {"to": "a@example.org", "subject": "x", "text": "y"}, token)
        taken.append((time.perf_counter() - started) * 1000)
        assert code == 200, answer
        pause.wait(_PAUSE)
    return taken


def _to_acceptance(house: Installation) -> list[float]:
    with sqlite3.connect(house.data / "senddock.db") as connection:
        rows = connection.execute(
            "SELECT m.created_at, a.finished_at FROM message m JOIN attempt a ON a.message_id = m.id "
            "WHERE a.verdict_class = 'accepted' ORDER BY m.id LIMIT -1 OFFSET 1"
        ).fetchall()
    return [(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() * 1000 for begin, end in rows]


def _print(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    shown = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99)]
    print(f"{name:40} p50 {shown[0]:6.1f}  p95 {shown[1]:6.1f}  p99 {shown[2]:6.1f} ms  ({len(ordered)})")


def _print_memory(house: Installation) -> None:
    assert house.process is not None
    total = 0
    for pid in [house.process.pid, *house.children()]:
        with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as stream:
            rows = dict(line.split(":", 1) for line in stream if ":" in line)
        total += int(rows["Pss"].split()[0])
    print(f"{'memory of all processes (PSS)':40} {total / 1024:6.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
