"""One worker of the benchmark: python -m bench.worker URL KEY LANES WORKERS. Says when it is ready, waits for a line, drains
the queue, and prints what it did as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

from senddock.dispatch.collector import calm_collector
from senddock.dispatch.engine import Engine
from senddock.models import Database
from senddock.secrets.vault import Vault


def main() -> None:
    """Drain once."""
    url, key, lanes, workers = sys.argv[1:5]
    engine = Engine(Database(url), Vault([bytes.fromhex(key)]), None, lanes=int(lanes), workers=int(workers))
    calm_collector(20_000)
    print("ready", flush=True)
    sys.stdin.readline()
    before, cpu = _resident(), time.process_time()
    claimed = engine.drain(longest=3600)
    report = {
        "claimed": claimed,
        "cpu": time.process_time() - cpu,
        "before_mb": before,
        "highest_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report), flush=True)
    sys.stdin.readline()
    engine.stop()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
