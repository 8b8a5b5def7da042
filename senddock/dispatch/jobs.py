"""Entry points of RQ jobs. Arguments are ids only; what they work with is the process's own engine."""

import logging

from senddock.dispatch.engine import Engine
from senddock.dispatch.wake import Waker, wakened

log = logging.getLogger(__name__)

_process: "WorkerProcess | None" = None


class WorkerProcess:
    """What the jobs of this process share; set once by the worker before its first job."""

    def __init__(self, engine: Engine, waker: Waker, redis: object, test: "object") -> None:
        self.engine = engine
        self.waker = waker
        self.redis = redis
        self.test = test


def equip(process: WorkerProcess | None) -> None:
    """Give the jobs of this process what they need."""
    global _process  # noqa: PLW0603 - RQ calls functions by name; there is no other way to hand them their engine
    _process = process


def drain() -> int:
    """Send everything that is due; answers how many messages were claimed."""
    process = _equipped()
    wakened(process.redis)  # type: ignore[arg-type]
    return process.engine.drain(process.waker)


def test_connection(test_id: str) -> None:
    """Carry out one run of Test Connection."""
    process = _equipped()
    process.test(test_id)  # type: ignore[operator]


def _equipped() -> WorkerProcess:
    if _process is None:
        raise RuntimeError("this job was run outside `senddock worker`")
    return _process
