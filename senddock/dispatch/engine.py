"""The engine of one worker process: put together here, fed by `drain`, and alive between two jobs."""

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from senddock.dispatch.carrier import Carrier
from senddock.dispatch.claim import Claimed, claim, read_body
from senddock.dispatch.health import Health
from senddock.dispatch.lanes import Lanes
from senddock.dispatch.message_state import abandon
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.pace import Pace
from senddock.dispatch.planner import Planner
from senddock.dispatch.probing import Prober
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.roster import Roster
from senddock.dispatch.task import Task
from senddock.models import Database, StorageUnavailable, Worker
from senddock.secrets.vault import Vault
from senddock.smtp.pool import Pool

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Seconds between two heartbeats; a worker silent for `LEASE` seconds has lost what it held.
HEARTBEAT = 2.0
LEASE = 15.0
#: Messages under way for each lane: enough that a lane never waits for a claim.
_AHEAD = 12
#: Messages in one claim at most.
_BATCH = 100
#: Seconds after which a drain ends, so that the job queue sees its worker again.
_LONGEST_DRAIN = 60.0


class Engine:
    """Everything a worker process keeps between two drains: sessions, lanes, recorder, breakers, heartbeat."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        redis: "Redis | None",
        *,
        lanes: int,
        workers: int,
        dns_servers: tuple[str, ...] = (),
        greet_as: str = "localhost",
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        self._database = database
        self._now = now
        self.roster = Roster(database, vault, dns_servers=dns_servers, greet_as=greet_as)
        self.health = Health(database, redis)
        self.recorder = Recorder(database)
        self.pool = Pool()
        self.planner = Planner(self.roster, self.health, Pace(database, redis, workers=workers), self.recorder, now)
        self._carrier = Carrier(database, self.roster, self.planner, self.recorder, self.pool, now)
        self._lane_count = lanes
        self.lanes = Lanes(lanes, self._carrier.serve, workers=workers)
        self._carrier.lanes = self.lanes
        self.prober = Prober(database, self.roster, self.health, redis, now)
        self._stopping = threading.Event()
        self.worker_id = self._register()
        self._pulse = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._pulse.start()

    def drain(self, wake_another: Callable[[], None] | None = None, *, longest: float = _LONGEST_DRAIN) -> int:
        """Send everything that is due; answers how many messages were claimed.

        ``wake_another`` is called when a full batch shows that there is work for one more worker.
        """
        claimed, deadline = 0, time.monotonic() + longest
        ahead = self._lane_count * _AHEAD
        woken = False
        # What an operator changed a moment ago holds for the message that woke this drain.
        self.roster.forget()
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if not self.lanes.wait_below(ahead, 1.0):
                continue
            batch = self._claim(min(_BATCH, ahead))
            claimed += len(batch)
            if batch:
                self.lanes.entered(len(batch))
                for item in batch:
                    self._place(item)
                if len(batch) >= min(_BATCH, ahead) and wake_another is not None and not woken:
                    woken = True
                    wake_another()
                continue
            if self.lanes.wait_below(1, 0.05):
                # Nothing due and nothing under way; a last look closes the gap to what was submitted meanwhile.
                last = self._claim(_BATCH)
                if not last:
                    break
                claimed += len(last)
                self.lanes.entered(len(last))
                for item in last:
                    self._place(item)
        self.recorder.flush(5.0)
        self.pool.sweep()
        return claimed

    def request_stop(self) -> None:
        """Claim nothing more; `stop` does the rest."""
        self._stopping.set()

    def stop(self, timeout: float = 25.0) -> None:
        """Finish the transactions on the wire, give the rest back, and sign off."""
        self._stopping.set()
        for task in self.lanes.stop(timeout):
            self.planner.give_back(task)
        self.recorder.close()
        self.pool.close()
        self._pulse.join(HEARTBEAT + 1)
        try:
            with self._database.transaction() as connection:
                connection.execute(update(Worker).where(Worker.id == self.worker_id).values(stopped_at=self._now()))
        except StorageUnavailable as error:
            log.warning("could not sign off: %s", error)

    def _claim(self, limit: int) -> list[Claimed]:
        try:
            streams = [stream.id for stream in self.planner.streams()]
            return claim(self._database, worker_id=self.worker_id, stream_ids=streams, limit=limit, now=self._now())
        except StorageUnavailable as error:
            log.error("cannot claim: %s", error)
            self._stopping.wait(1.0)
            return []

    def _place(self, item: Claimed) -> None:
        try:
            self._plan(item)
        except Exception:
            # One message that cannot be planned must not stop the others, nor stay held.
            log.exception("message %s could not be planned", item.row.id)
            abandon(self._database, item.row.id, item.row.fence)
            self.lanes.left()

    def _plan(self, item: Claimed) -> None:
        stream = self.roster.snapshot().streams[item.row.stream_id]
        raw = item.raw if item.raw is not None else read_body(self._database, item.row.id)
        task = Task.of(item, stream, raw, self._now())
        self._carrier.move_on(task, self.planner.place(task))

    def _register(self) -> int:
        now = self._now()
        with self._database.transaction() as connection:
            return int(
                connection.execute(
                    insert(Worker)
                    .values(host=os.uname().nodename, pid=os.getpid(), started_at=now, heartbeat_at=now)
                    .returning(Worker.id)
                ).scalar_one()
            )

    def _beat(self) -> None:
        while not self._stopping.wait(HEARTBEAT):
            try:
                with self._database.transaction() as connection:
                    connection.execute(
                        update(Worker)
                        .where(Worker.id == self.worker_id)
                        .values(heartbeat_at=self._now(), stopped_at=None)
                    )
                self.prober.look()
                if self.lanes.outstanding == 0:
                    self.pool.sweep()
            except StorageUnavailable as error:
                log.error("no heartbeat: %s", error)
            except Exception:
                # The heartbeat is the lease of every message held: it has to go on.
                log.exception("the heartbeat met a defect")
