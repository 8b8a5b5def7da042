"""The engine of one worker process: put together here, fed by `drain`, and alive between two jobs."""

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from senddock.dispatch import dot_marks
from senddock.dispatch.carrier import Carrier
from senddock.dispatch.claim import Claimed, claim, read_body
from senddock.dispatch.health import Health
from senddock.dispatch.lane import Lane
from senddock.dispatch.lanes import Lanes
from senddock.dispatch.loop import Loop
from senddock.dispatch.message_state import abandon_all
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.pace import Pace
from senddock.dispatch.planner import Planner
from senddock.dispatch.probing import Prober
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.roster import Roster
from senddock.dispatch.scheduling import wake_without_preempting
from senddock.dispatch.task import Task
from senddock.domain.rules import standard_rules
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
#: Seconds after which due mail is looked for although the lanes have enough: something urgent may have come.
_LOOK = 0.1
#: Seconds that mail held back by a limit waits at least, so that it leaves in more than ones.
_BRIEFLY = 0.01
#: Seconds after which a drain ends, so that the job queue sees its worker again.
_LONGEST_DRAIN = 60.0


@dataclass(slots=True)
class _Drain:
    """One call of `Engine.drain`."""

    wake_another: Callable[[], None] | None
    #: Monotonic seconds.
    until: float
    #: Called when mail that waits for a limit may go on.
    wake: Callable[[], None] | None
    begun: bool = False
    look_at: float = 0.0
    claimed: int = 0
    over: threading.Event = field(default_factory=threading.Event)


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
        # Reading the rules takes a quarter of a second, which the first message that fails over must not wait for.
        standard_rules()
        self.roster = Roster(database, vault, dns_servers=dns_servers, greet_as=greet_as)
        self.health = Health(database, redis)
        self.worker_id = self._register()
        self.recorder = Recorder(database, self.worker_id)
        self.pool = Pool()
        self.planner = Planner(self.roster, self.health, Pace(database, redis, workers=workers), self.recorder, now)
        self.lanes = Lanes(lanes)
        self._carrier = Carrier(self.roster, self.planner, self.lanes, self.pool, now)
        self._loop = Loop(self.lanes, self.recorder, lambda served: Lane(self._carrier, served))
        self.prober = Prober(database, self.roster, self.health, redis, now)
        self._ahead = max(_BATCH, lanes * _AHEAD)
        self._claim_after = 0.0
        self._claim_in_doubt = False
        self._drains: deque[_Drain] = deque()
        self._stopping = threading.Event()
        self._alarm: threading.Timer | None = None
        self._give_up_at = math.inf
        self._pulse = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._pulse.start()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def drain(self, wake_another: Callable[[], None] | None = None, *, longest: float = _LONGEST_DRAIN) -> int:
        """Send everything that is due; answers how many messages were claimed.

        ``wake_another`` is called when a full batch shows that there is work for one more worker.
        """
        drain = _Drain(wake_another, time.monotonic() + longest, wake_another)
        self._drains.append(drain)
        self._loop.wake()
        drain.over.wait(longest + 10.0)
        return drain.claimed

    def request_stop(self) -> None:
        """Claim nothing more; `stop` does the rest."""
        self._stopping.set()
        self._loop.wake()

    def stop(self, timeout: float = 25.0) -> None:
        """Finish the transactions on the wire, give the rest back, and sign off."""
        self._give_up_at = time.monotonic() + timeout
        if self._alarm is not None:
            self._alarm.cancel()
        self.request_stop()
        self._thread.join(timeout + 10.0)
        self._pulse.join(HEARTBEAT + 1)
        try:
            with self._database.transaction() as connection:
                connection.execute(update(Worker).where(Worker.id == self.worker_id).values(stopped_at=self._now()))
        except StorageUnavailable as error:
            log.warning("could not sign off: %s", error)

    def _run(self) -> None:
        """The engine's thread: claims, plans, and drives the lanes."""
        wake_without_preempting()
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:
                # The next turn must come. A claim that this one made and lost is held by a worker that lives: no lease ends it.
                self._claim_in_doubt = True
                log.exception("the engine met a defect")
                self._stopping.wait(0.2)
        self._wind_up()

    def _turn(self) -> None:
        drain = self._drains[0] if self._drains else None
        if drain is not None:
            if not drain.begun:
                drain.begun = True
                # What an operator changed a moment ago holds for the message that woke this drain.
                self.roster.forget()
            self._feed(drain)
        if self._claim_in_doubt:
            self._let_go_of_strays()
        self._loop.turn(0.05 if drain is not None or self._loop.busy or self.recorder.waiting else 1.0)

    def _feed(self, drain: "_Drain") -> None:
        """Claim what the lanes can take; end the drain when nothing is due and nothing under way."""
        now = time.monotonic()
        room = self._ahead - self.lanes.outstanding
        if now >= drain.until:
            self._end(drain)
        elif now >= self._claim_after and (room * 2 >= self._ahead or now >= drain.look_at):
            drain.look_at = now + _LOOK
            # Marketing mail that fills the lanes must not keep transactional mail from being seen.
            urgent = room <= 0
            most = min(_BATCH, room + self._ahead if urgent else room)
            batch = self._claim(most, urgent=urgent) if most > 0 else []
            drain.claimed += len(batch)
            self.lanes.entered(len(batch))
            for item in batch:
                self._place(item)
            if len(batch) >= _BATCH and drain.wake_another is not None:
                drain.wake_another()
                drain.wake_another = None
            if not batch and self.lanes.outstanding == 0 and not self.recorder.waiting:
                self._end(drain)

    def _end(self, drain: "_Drain") -> None:
        self._drains.popleft()
        self._set_alarm(drain.wake)
        drain.over.set()

    def _set_alarm(self, wake: Callable[[], None] | None) -> None:
        """Mail that a limit holds back for a moment goes on when the moment is over; no worker waits for it."""
        resumes = self.planner.resumes_at
        if wake is None or resumes is None or self._stopping.is_set():
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = threading.Timer(max(_BRIEFLY, (resumes - self._now()).total_seconds()), wake)
        self._alarm.daemon = True
        self._alarm.start()

    def _wind_up(self) -> None:
        """Transactions on the wire are finished, what was not begun goes back, outcomes are written."""
        for task in self.lanes.stop():
            self.planner.give_back(task)
            self.lanes.left()
        while (self._loop.busy or self.recorder.waiting) and time.monotonic() < self._give_up_at:
            self._loop.turn(0.05)
        self._loop.close()
        self.pool.close()
        while self._drains:
            self._end(self._drains[0])

    def _claim(self, limit: int, *, urgent: bool = False) -> list[Claimed]:
        """Due messages, transactional first; with ``urgent`` only those."""
        try:
            rooms = {stream.id: room for stream, room in self.planner.claimable() if stream.rank == 0 or not urgent}
            return claim(
                self._database,
                worker_id=self.worker_id,
                stream_ids=list(rooms),
                limit=limit,
                now=self._now(),
                rooms=rooms,
            )
        except StorageUnavailable as error:
            log.error("cannot claim: %s", error)
            self._claim_after = time.monotonic() + 1.0
            self._claim_in_doubt = True
            return []

    def _let_go_of_strays(self) -> None:
        """A claim whose commit was not answered may have been carried out: its messages would be held by this worker,
        which lives and does not know of them, for ever. With nothing in hand, whatever is held is such a stray."""
        if self.lanes.outstanding or self.recorder.waiting or time.monotonic() < self._claim_after:
            return
        try:
            strays = abandon_all(self._database, self.worker_id)
        except StorageUnavailable as error:
            log.error("what an unanswered claim has taken is looked for later: %s", error)
            self._claim_after = time.monotonic() + 1.0
            return
        self._claim_in_doubt = False
        if strays:
            log.warning("%d messages had been taken by a claim that was not answered: recovery takes them back", strays)

    def _place(self, item: Claimed) -> None:
        try:
            stream = self.roster.snapshot().streams[item.row.stream_id]
            raw = item.raw if item.raw is not None else read_body(self._database, item.row.id)
            task = Task.of(item, stream, raw, self._now())
            self._carrier.move_on(task, self.planner.place(task), first=False)
        except Exception:
            # One message that cannot be planned must not stop the others, nor stay held.
            log.exception("message %s could not be planned", item.row.id)
            self.recorder.leave(item.row.id, item.row.fence)
            self.lanes.left()

    def _register(self) -> int:
        """Sign on. The row of the dot marks is there from the beginning, so that recovery can hold it."""
        now = self._now()
        with self._database.transaction() as connection:
            worker_id = int(
                connection.execute(
                    insert(Worker)
                    .values(host=os.uname().nodename, pid=os.getpid(), started_at=now, heartbeat_at=now)
                    .returning(Worker.id)
                ).scalar_one()
            )
            dot_marks.begin(connection, worker_id)
        return worker_id

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
                wanted = self.planner.pace.connections.renew()
                if self.lanes.outstanding == 0 or wanted:
                    self.pool.sweep(partial(_is_for, wanted))
            except StorageUnavailable as error:
                log.error("no heartbeat: %s", error)
            except Exception:
                # The heartbeat is the lease of every message held: it has to go on.
                log.exception("the heartbeat met a defect")


def _is_for(wanted: frozenset[int], key: Hashable) -> bool:
    """True for a pool's key of one of these providers."""
    return isinstance(key, tuple) and key[0] in wanted
