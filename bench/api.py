"""`make bench`, the HTTP API: single sends, their latency at 200 a second, and batches; each answered after its commit.

`senddock web` as in production (gunicorn, SQLite with synchronous=FULL, a Redis), no workers beside it. The client speaks
HTTP over kept connections with prepared requests, so that what is measured is the server; both share the machine.
"""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from senddock import redis_server, schema
from senddock.dispatch import keys
from senddock.models import Database
from tests.api.live import served

SECONDS = 8.0
MAIL = {
    "from": "Shop <shop@example.com>",
    "to": "ana@example.org",
    "subject": "Your order 4711",
    "html": "<p>Thank you for your order.</p>" * 40,
    "text": "Thank you for your order. " * 30,
}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="sdb", dir="/tmp") as name:
        folder = Path(name)
        redis, _ = redis_server.start(folder)
        url = f"sqlite:///{folder}/senddock.db"
        database = Database(url)
        schema.upgrade(database)
        token = keys.create(database, "bench", per_second=100_000)[1]
        database.close()
        try:
            with served(folder, url, redis_server.url_of(folder)) as address:
                host, _, port = address.removeprefix("http://").partition(":")
                where = (host, int(port))
                single, batch = _request("emails", MAIL, token), _request("emails/batch", [MAIL] * 100, token)
                _closed_loop(where, single, 4, 1.0)
                for connections in (1, 8, 16):
                    _print(
                        f"single sends, {connections} connections",
                        *_closed_loop(where, single, connections, SECONDS),
                        1,
                    )
                _print("single sends, 200 a second", *_open_loop(where, single, 200, SECONDS), 1)
                _print("batches of 100, 2 connections", *_closed_loop(where, batch, 2, SECONDS), 100)
        finally:
            redis.terminate()
            redis.wait(10)


def _request(path: str, body: object, token: str) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"POST /api/{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def _call(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    answer = b""
    while True:
        answer += connection.recv(65536)
        head, found, rest = answer.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(rest) >= length:
                assert head.startswith(b"HTTP/1.1 200"), answer
                return


def _closed_loop(where: tuple[str, int], request: bytes, connections: int, seconds: float) -> tuple[list[float], float]:
    """Each connection sends its next request when the last is answered."""
    until = time.perf_counter() + seconds

    def work(taken: list[float]) -> None:
        with socket.create_connection(where) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (begun := time.perf_counter()) < until:
                _call(connection, request)
                taken.append(time.perf_counter() - begun)

    return _run(work, connections)


def _open_loop(where: tuple[str, int], request: bytes, rate: int, seconds: float) -> tuple[list[float], float]:
    """Requests leave at their time whether or not others were answered; a late start counts as latency."""
    start, lock, number = time.perf_counter() + 0.2, threading.Lock(), [0]
    pause = threading.Event()

    def work(taken: list[float]) -> None:
        with socket.create_connection(where) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with lock:
                    due = start + number[0] / rate
                    number[0] += 1
                if due > start + seconds:
                    return
                pause.wait(max(0.0, due - time.perf_counter()))
                _call(connection, request)
                taken.append(time.perf_counter() - due)

    return _run(work, 12)


def _run(work: Callable[[list[float]], None], connections: int) -> tuple[list[float], float]:
    found: list[list[float]] = [[] for _ in range(connections)]
    threads = [threading.Thread(target=work, args=(taken,)) for taken in found]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [value for taken in found for value in taken], time.perf_counter() - begun


def _print(name: str, taken: list[float], seconds: float, each: int) -> None:
    ordered = sorted(taken)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.99))
    print(f"{name:34} {len(taken) * each / seconds:8.0f} messages/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")


if __name__ == "__main__":
    main()
