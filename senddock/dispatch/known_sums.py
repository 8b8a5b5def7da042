"""Sums over sealed blocks that this process has read already: under the same seals they are the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

#: Rows kept at most, of some 200 octets each; a page over a month has about four thousand.
MOST_ROWS = 40_000


class KnownSums:
    """Rows by what they answer and by the seals of the blocks they were summed up from; the least used go first.

    A seal is drawn anew with each making of a block, so an entry whose block is not what it was is never asked for again.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._rows: OrderedDict[Hashable, Sequence[Any]] = OrderedDict()
        self._kept = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], Iterable[Any]]) -> Sequence[Any]:
        """The rows under ``key``, which must name the seals; read when they are not known."""
        with self._lock:
            known = self._rows.get(key)
            if known is not None:
                self._rows.move_to_end(key)
                return known
        rows = [tuple(row) for row in read()]
        with self._lock:
            if key not in self._rows and len(rows) <= self._most:
                self._rows[key] = rows
                self._kept += len(rows)
                while self._kept > self._most:
                    self._kept -= len(self._rows.popitem(last=False)[1])
        return rows
