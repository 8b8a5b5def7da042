"""What the lanes of a worker share: where a task goes after a lane is done with it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from senddock.dispatch.lanes import Lanes, ProviderQueue
from senddock.dispatch.pace import Exhausted
from senddock.dispatch.planner import Admission, Planner
from senddock.dispatch.roster import Roster
from senddock.dispatch.task import Task
from senddock.models import Provider
from senddock.smtp.pool import Pool


class Carrier:
    """One object for all lanes of a worker; used by the engine's thread only."""

    def __init__(
        self,
        roster: Roster,
        planner: Planner,
        lanes: Lanes,
        pool: Pool,
        now: Callable[[], datetime],
    ) -> None:
        self.roster = roster
        self.planner = planner
        self.lanes = lanes
        self.pool = pool
        self.now = now

    def abandon(self, task: Task) -> None:
        """Leave ``task`` to recovery."""
        self.planner.leave(task)
        self.lanes.left()

    def move_on(self, task: Task, provider: Provider | None, *, first: bool = True) -> None:
        """Queue ``task`` for its next provider, or count it as settled; ``first`` when it has been waiting already."""
        if provider is None:
            self.lanes.left()
        elif self.lanes.stopping:
            self.planner.give_back(task)
            self.lanes.left()
        else:
            self.lanes.push(provider, task, first=first)

    def plan_again(self, tasks: Sequence[Task]) -> None:
        """Tasks that have not tried anything yet: with what is known now the plan may name another provider."""
        for task in tasks:
            self.planner.unplace(task)
            self.move_on(task, self.planner.place(task))

    def admit(self, task: Task, served: ProviderQueue, *, opening: bool) -> Admission:
        """Take the provider's limits for ``task``; when they are not granted it has been given to somebody else.

        ``opening`` says that a connection has to be opened for it.
        """
        admission = self.planner.admit(task, opening=opening)
        if admission is Admission.CROWDED and not self.lanes.crowded(served):
            # Nobody here has a connection: other workers hold them all.
            self.planner.limit(task, Exhausted(1.0, "connections"))
            self.plan_again([task, *self.lanes.cooled(served)])
        elif admission is Admission.CROWDED:
            if task.transaction is not None:
                task.transaction.started_at = None
            self.lanes.push(served.provider, task, first=True)
        elif admission is Admission.ELSEWHERE:
            self.plan_again([task])
        return admission
