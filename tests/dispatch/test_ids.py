"""Ids ascend, say their time, and are not shared by the copies of a process."""

import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime

from senddock.dispatch.ids import new_id
from senddock.domain.message_id import first_id_of, is_id, moment_of


def test_ids_are_uuids_of_version_7_that_ascend() -> None:
    made = [new_id() for _ in range(5000)]
    assert made == sorted(set(made))
    assert all(is_id(one) for one in made)
    for one in made[:100]:
        read = uuid.UUID(one)
        assert (str(read), read.version, read.variant) == (one, 7, uuid.RFC_4122)


def test_they_stay_true_to_the_clock_however_many_are_made() -> None:
    began = datetime.now(UTC)
    made = [new_id() for _ in range(20_000)]
    ended = datetime.now(UTC)
    assert first_id_of(began) <= made[0]
    # A fraction of a millisecond has 4,096 steps: no loop of Python's makes ids faster than that.
    assert (moment_of(made[-1]) - ended).total_seconds() < 1
    assert time.time() >= moment_of(made[0]).timestamp()


def test_threads_share_none() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend([new_id() for _ in range(500)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one[19:] for one in found}) == len(found) == 2000, "the random part alone tells them apart"


_FORKING = """
import os
from senddock.dispatch.ids import new_id
new_id()
child = os.fork()
if child:
    # First all of the copy's, so that the lines of the two do not mix.
    os.waitpid(child, 0)
print("\\n".join(new_id()[19:] for _ in range(500)), flush=True)
"""


def test_the_copy_of_a_process_has_a_supply_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKING], capture_output=True, text=True, check=True, timeout=60)
    assert len(set(done.stdout.split())) == len(done.stdout.split()) == 1000
