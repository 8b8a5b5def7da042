"""Attachments given by ``path``: fetched while the request waits, within bounds that hold for the whole request."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from senddock.api.errors import ApiError, invalid
from senddock.api.help import Topic
from senddock.http.fetch import Fetched, NotFetched, Reach, fetch

#: Files of one request, octets of all of them together, and requests that fetch at a time in one process: those wait
#: for somebody else's server, and must not hold every thread.
MOST_FILES, MOST_OCTETS, AT_ONCE = 10, 30 * 1024 * 1024, 4


class Basket:
    """The files of one request. The same address is fetched once, however many messages of a batch name it."""

    def __init__(self, reach: Reach, turns: threading.BoundedSemaphore, before: Callable[[], None]) -> None:
        """``before`` is called before the first fetch, and may raise to prevent it."""
        self._reach = reach
        self._turns = turns
        self._before = before
        self._left = MOST_OCTETS
        self._files: dict[str, Fetched] = {}
        #: Set from the first fetch on.
        self._deadline: float | None = None

    def file(self, url: str) -> Fetched:
        """The file at ``url``. Raises `ApiError` 422, and 503 when too many other requests are fetching just now."""
        known = self._files.get(url)
        if known is not None:
            return known
        if len(self._files) >= MOST_FILES:
            raise _refused(f"A request may name {MOST_FILES} files by `path`: send the others in `content`.")
        if self._deadline is None:
            self._before()
            self._deadline = self._turn()
        try:
            found = fetch(url, most=self._left, deadline=self._deadline, reach=self._reach)
        except NotFetched as error:
            raise _refused(f"Invalid `attachments` field: {error}") from error
        self._left -= len(found.data)
        self._files[url] = found
        return found

    def _turn(self) -> float:
        if self._turns.acquire(blocking=False):
            return time.monotonic() + self._reach.seconds
        said = "Too many requests are fetching attachments just now; nothing was stored. Try again."
        busy = ApiError(503, "application_error", said, topic=Topic.ATTACHMENTS)
        busy.headers["Retry-After"] = "5"
        raise busy

    def close(self) -> None:
        """Let the next request fetch."""
        if self._deadline is not None:
            self._turns.release()


class Fetcher:
    """One for each process, safe to call from many threads."""

    def __init__(self, reach: Reach | None = None) -> None:
        self._reach = reach or Reach()
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def basket(self, before: Callable[[], None]) -> Iterator[Basket]:
        """For one request; see `Basket`."""
        basket = Basket(self._reach, self._turns, before)
        try:
            yield basket
        finally:
            basket.close()


def _refused(message: str) -> ApiError:
    return invalid(message, "attachments", "invalid_attachment")
