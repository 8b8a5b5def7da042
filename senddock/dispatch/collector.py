"""Python's collector of cycles in processes that live long."""

import gc


def calm_collector(young: int) -> None:
    """Once a process is put together: nothing of it becomes garbage, and cycles are looked for every ``young`` objects.

    The usual 700 took a twentieth of a worker's time. Old objects are looked through rarely: that takes up to 30 ms, which
    somebody's page would wait for.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 50)
