"""`make bench`, memory: an idle installation, process by process, and a worker that drains a long queue."""

import os
from pathlib import Path

from bench.drain import drain, sqlite
from bench.sinks import smtp_sink
from tests.e2e.house import Installation, installation

#: BENCH_QUEUE makes the queue shorter.
QUEUE = int(os.environ.get("BENCH_QUEUE", "100000"))


def main() -> None:
    """Measure and print."""
    with installation() as house:
        house.start()
        print_idle(house)
    with smtp_sink() as port:
        for messages in (QUEUE // 10, QUEUE):
            done = drain(sqlite, port, messages=messages, sessions=10, workers=1)
            before, highest = done.memory
            print(f"worker that drains {messages:>7,} messages: {before:.0f} MB before, {highest:.0f} MB at the most")


def print_idle(house: Installation) -> None:
    """Resident memory of every process of `senddock up`, and what they take together."""
    assert house.process is not None
    totals = [0.0, 0.0]
    print(f"\nIdle `senddock up`{'':40}{'RSS':>8}{'PSS':>8}  MB")
    for pid in [house.process.pid, *house.children()]:
        rss, pss = _memory(pid)
        totals[0] += rss
        totals[1] += pss
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[-38:].strip()
        command = f"{Path(f'/proc/{pid}/comm').read_text(encoding='ascii').strip():16} {command}"
        print(f"  {command:56}{rss:>8.0f}{pss:>8.0f}")
    print(
        f"  {'all processes (RSS counts shared pages once a process)':56}{totals[0]:>8.0f}{totals[1]:>8.0f}", flush=True
    )


def _memory(pid: int) -> tuple[float, float]:
    with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as stream:
        rows = dict(line.split(":", 1) for line in stream if ":" in line)
    return int(rows["Rss"].split()[0]) / 1024, int(rows["Pss"].split()[0]) / 1024


if __name__ == "__main__":
    main()
