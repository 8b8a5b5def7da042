"""How the kernel shares processors between this worker and the others."""

import logging
import os

log = logging.getLogger(__name__)


def wake_without_preempting() -> None:
    """For the calling thread: an answer that arrives does not take the processor from whoever is running.

    At normal priority each answer of a server on the same machine interrupts that server in the middle of the answers of
    the other sessions, which then miss the commit (sched(7), SCHED_BATCH; docs/adr/0059). Where nobody else wants the
    processor nothing changes.
    """
    try:
        # Whoever has chosen another way for this process, such as `chrt`, had a reason.
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError) as error:
        # Another kernel than Linux, or a sandbox that forbids it: slower under load, otherwise the same.
        log.debug("the kernel keeps its usual way of sharing processors: %s", error)
