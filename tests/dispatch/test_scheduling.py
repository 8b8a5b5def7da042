"""The engine's thread leaves the processor to whoever runs, and nothing else of the process does."""

import os
import threading

from senddock.dispatch.scheduling import wake_without_preempting
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP


def in_a_thread(policy: int) -> int:
    """The policy of a thread that had ``policy`` before."""
    found: list[int] = []

    def run() -> None:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        wake_without_preempting()
        found.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_of_the_usual_kind_wakes_without_preempting_others() -> None:
    assert in_a_thread(os.SCHED_OTHER) == os.SCHED_BATCH


def test_another_choice_for_the_process_is_kept() -> None:
    assert in_a_thread(os.SCHED_IDLE) == os.SCHED_IDLE


def test_only_the_engine_s_thread_is_changed(sqlite_bench: Bench) -> None:
    before = os.sched_getscheduler(0)
    server = ScriptedSMTP()
    try:
        sqlite_bench.provider(server.port)
        sqlite_bench.submit()
        sqlite_bench.engine.drain()
    finally:
        server.stop()
    policies = {
        thread.name: os.sched_getscheduler(thread.native_id) for thread in threading.enumerate() if thread.native_id
    }
    assert policies["engine"] == (os.SCHED_BATCH if before == os.SCHED_OTHER else before)
    assert policies["heartbeat"] == os.sched_getscheduler(0) == before
