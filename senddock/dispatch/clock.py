"""The clock: wakes workers for due mail each second, takes back what dead workers held, and carries out housekeeping."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from senddock.dispatch.named_domains import name_domains
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.recover import bring_forward, forget_workers, recover
from senddock.models import Database, Message, StorageUnavailable

log = logging.getLogger(__name__)

#: Seconds between two looks.
TICK = 1.0
#: Seconds between two looks for dead workers.
_RECOVER_EVERY = 2.0
_HOUSEKEEPING_EVERY = 3600.0
#: Seconds by which wall clock and monotonic clock may drift apart before leases are not judged by the wall clock.
_JUMP = 5.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Something the clock does every so many seconds besides waking workers."""

    every: float
    do: Callable[[], object]


class Clock:
    """One loop; several clocks beside each other do no harm."""

    def __init__(
        self,
        database: Database,
        wake: Callable[[], None],
        *,
        lease: float,
        now: Callable[[], datetime] = utcnow,
        chores: Sequence[Chore] = (),
    ) -> None:
        """``wake`` wakes a worker; ``chores`` are carried out in the clock's own thread and have to be short."""
        self._database = database
        self._wake = wake
        self._lease = lease
        self._now = now
        self._chores = {chore: -float("inf") for chore in chores}
        self._stopping = threading.Event()
        self._trusted_from = 0.0
        self._last: tuple[float, datetime] | None = None

    def run(self) -> None:
        """Tick until `stop` is called."""
        recovered = housekept = -_HOUSEKEEPING_EVERY
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self.look(started)
                if started - recovered >= _RECOVER_EVERY and started >= self._trusted_from:
                    recovered = started
                    recover(self._database, now=self._now(), lease=self._lease)
                if started - housekept >= _HOUSEKEEPING_EVERY:
                    housekept = started
                    forget_workers(self._database, now=self._now())
                    name_domains(self._database, self._now())
                if self.due():
                    self._wake()
                self._do_chores(started)
            except StorageUnavailable as error:
                log.error("the clock waits for the database: %s", error)
            except Exception:
                # Without the clock deferred mail would never leave: it goes on, whatever one tick met.
                log.exception("a tick of the clock met a defect")
            self._stopping.wait(TICK)

    def _do_chores(self, started: float) -> None:
        for chore, last in self._chores.items():
            if started - last < chore.every:
                continue
            self._chores[chore] = started
            try:
                chore.do()
            except StorageUnavailable:
                raise
            except Exception:
                # One chore's defect must not keep the others from being done.
                log.exception("a chore of the clock met a defect")

    def stop(self) -> None:
        """End `run` at once."""
        self._stopping.set()

    def due(self) -> bool:
        """True when a message is due and nobody holds it."""
        with self._database.connect() as connection:
            return (
                connection.execute(
                    select(Message.id).where(Message.due_at.is_not(None), Message.due_at <= self._now()).limit(1)
                ).first()
                is not None
            )

    def look(self, monotonic: float) -> None:
        """Notice a wall clock that jumps. Forward, it makes every heartbeat look old: wait until workers have beaten
        again. Back, it leaves mail due in a future that is long past: it is due now."""
        now = self._now()
        if self._last is not None:
            elapsed = timedelta(seconds=monotonic - self._last[0])
            if abs((now - self._last[1] - elapsed).total_seconds()) > _JUMP:
                log.warning("the system's clock jumped: leases are not judged for %d s", self._lease)
                self._trusted_from = monotonic + self._lease
                if now < self._last[1]:
                    bring_forward(self._database, now=now)
        self._last = (monotonic, now)
