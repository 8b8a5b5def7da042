"""Open sessions that wait for the next message."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence

from senddock.smtp.session import Session

#: Seconds an idle session is kept. Servers hang up after 5 to 10 s (Resend, SES) up to 5 minutes (RFC 5321 4.5.3.2.7).
IDLE = 8.0
#: Seconds an idle session is kept when another worker waits for a connection to the same provider.
_BRIEF = 0.5


class Pool:
    """Idle sessions by key; a lane takes one out, uses it alone, and puts it back."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._lock = threading.Lock()
        self._sessions: dict[Hashable, list[Session]] = {}

    def take(self, key: Hashable) -> Session | None:
        """The session used last, if one is open and has not been hung up on."""
        while True:
            with self._lock:
                waiting = self._sessions.get(key)
                session = waiting.pop() if waiting else None
            if session is None:
                return None
            if time.monotonic() - session.last_used < self._idle and not session.stale:
                return session
            session.close()

    def has(self, key: Hashable) -> bool:
        """True when a session waits; it may turn out to be stale."""
        with self._lock:
            return bool(self._sessions.get(key))

    def put(self, key: Hashable, session: Session) -> None:
        """Keep ``session`` for the next message."""
        with self._lock:
            self._sessions.setdefault(key, []).append(session)

    def sweep(self, wanted: Callable[[Hashable], bool] | None = None) -> None:
        """Say good-bye on sessions that have been idle for too long, and on those whose key is ``wanted`` elsewhere."""
        now = time.monotonic()
        old: list[Session] = []
        with self._lock:
            for key, waiting in self._sessions.items():
                idle = _BRIEF if wanted is not None and wanted(key) else self._idle
                old += [session for session in waiting if now - session.last_used >= idle]
                waiting[:] = [session for session in waiting if now - session.last_used < idle]
        _farewell(old)

    def close(self) -> None:
        """Say good-bye on all of them."""
        with self._lock:
            sessions = [session for waiting in self._sessions.values() for session in waiting]
            self._sessions.clear()
        _farewell(sessions)


def _farewell(sessions: Sequence[Session]) -> None:
    """Every QUIT is on its way before the first answer is waited for, so that all of them together take two seconds
    at most."""
    leaving = [(session, session.quit()) for session in sessions]
    for _, steps in leaving:
        next(steps, None)
    for session, steps in leaving:
        session.wait(steps)
