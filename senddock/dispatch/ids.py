"""New ids: UUIDv7 (RFC 9562), ascending within a process, true to the clock however many are made.

A library's ids go on by a whole millisecond each, so 3,000 a second run ahead of the clock by two seconds every second, and
what is searched for by time is not found. Here the bits behind the millisecond hold its fractions (RFC 9562 section 6.2,
method 3). The kernel's random numbers cost 30 microseconds a call on some machines: they are taken in supply.
"""

import os
import threading
import time

_SUPPLY = 4096
_OCTETS = 8
_VARIANT = 0b10 << 62


class _Ids:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._random = b""
        #: Milliseconds and their fraction of the last id: 48 and 12 bits.
        self._last = 0

    def new(self) -> str:
        with self._lock:
            milliseconds, rest = divmod(time.time_ns(), 1_000_000)
            moment = self._last = max(milliseconds << 12 | (rest << 12) // 1_000_000, self._last + 1)
            if not self._random:
                self._random = os.urandom(_SUPPLY)
            chance, self._random = self._random[:_OCTETS], self._random[_OCTETS:]
        low = int.from_bytes(chance) & (1 << 62) - 1 | _VARIANT
        digits = f"{moment >> 12:012x}7{moment & 0xFFF:03x}{low:016x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_ids = _Ids()


def new_id() -> str:
    """An id that no other process has; safe to call from many threads."""
    return _ids.new()


def _start_anew() -> None:
    """A copy of this process must not have the same supply."""
    global _ids  # noqa: PLW0603 - one for each process
    _ids = _Ids()


os.register_at_fork(after_in_child=_start_anew)
