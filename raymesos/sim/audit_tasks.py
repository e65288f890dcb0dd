"""The auditor's account of each task: asked for by its framework, sent to an agent, at work there, and told of in order until it ends once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raymesos.model.conversions import disk_kind
from raymesos.model.resources import EMPTY, Key, Quantity, Resources, Shared, build
from raymesos.model.tasks import Source, TaskState, is_terminal
from raymesos.sim.audit_grants import Broken
from raymesos.sim.audit_offers import TaskKey
from raymesos.wire.messages import (
    Accept,
    ExecutorInfo,
    ExecutorSubscribe,
    ExecutorUpdate,
    FrameworkRemoved,
    Kill,
    Launch,
    LaunchGroup,
    RunTasks,
    StatusAcknowledged,
    StatusUpdate,
    Subscribed,
    TaskInfo,
    TaskStatus,
    Update,
)

RANK = {TaskState.STAGING: 0, TaskState.STARTING: 1, TaskState.RUNNING: 2, TaskState.KILLING: 3}
END = 4


@dataclass(slots=True)
class _Group:
    """Tasks that were asked for as one. `broken` says which of them failed or was killed; then none of the others may stay at work."""

    task_ids: tuple[str, ...]
    agent: str = ""
    broken: str = ""


@dataclass(slots=True)
class _Task:
    """`made` are the updates that its agent has of it, `told` those that its framework has, oldest first, by uuid."""

    info: TaskInfo
    agent: str = ""
    ceiling: Resources = EMPTY
    """What its agent had when it was sent there."""
    made: dict[str, None] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)
    rank: int = 0
    begun: bool = False
    gone: bool = False
    """The master said that it is no more, without an update of the agent."""
    given_up: bool = False
    """Its framework does not wait for its end any more."""
    group: _Group | None = None


class TaskAudit:
    """What is to be watched of each kind of machine, and of user work."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._tasks: dict[TaskKey, _Task] = {}
        self._ended: dict[TaskKey, str] = {}
        self._sent_to: dict[str, dict[str, TaskKey]] = {}
        """By agent: the tasks that were sent to it and are not known to have ended, by task id."""
        self._work: dict[str, dict[str, Resources]] = {}
        self._totals: dict[str, Resources] = {}
        self._running: dict[str, Resources] = {}
        self._ids: dict[str, str] = {}
        self.forgetful: dict[str, None] = {}
        """Addresses of frameworks that give up what is unreachable or will not be killed, and know of no task after a crash but those that the master names."""
        self.launched = 0
        self.cpus_at_work = 0
        """Thousandths of CPUs that work holds now."""
        self.ends: dict[str, int] = {}
        """How many tasks ended in each state, as their frameworks were told."""
        self.taken_by_master: dict[type, Callable[[str, str, Any], None]] = {
            Accept: self._asked,
            Kill: self._kill_asked,
        }
        self.sent_by_master: dict[type, Callable[[str, str, Any, Any], None]] = {
            RunTasks: self._launched,
            StatusAcknowledged: self._acknowledged,
            FrameworkRemoved: lambda a, to, m, cause: self._framework_removed(m.framework_id),
        }
        self.taken_by_agent: dict[type, Callable[[str, str, Any], None]] = {
            ExecutorUpdate: self._made,
            ExecutorSubscribe: self._subscribed,
        }
        self.taken_by_framework: dict[type, Callable[[str, str, Any], None]] = {
            Subscribed: lambda address, s, m: self._ids.__setitem__(address, m.framework_id),
            Update: lambda address, s, m: self._framework_told(self._ids.get(address, ""), m.status),
        }

    # ------------------------------------------------------------ agents

    def agent_added(self, name: str, total: Resources) -> None:
        self._totals[name] = total
        self._running[name] = EMPTY
        self._work.setdefault(name, {})

    def agent_updated(self, name: str, total: Resources) -> None:
        self._totals[name] = total

    def agent_died(self, name: str) -> None:
        """What its executors hold they will tell again; what it alone had is lost with it."""
        for key in self._sent_to.get(name, {}).values():
            task = self._tasks[key]
            task.made = {u: None for u in task.made if u in task.told}

    def framework_died(self, address: str) -> None:
        if address in self.forgetful:
            for key, task in self._tasks.items():
                task.given_up = task.given_up or key[0] == self._ids.get(address)

    def _forgetful_ids(self) -> list[str | None]:
        return [self._ids.get(address) for address in self.forgetful]

    def agent_removed(self, name: str) -> None:
        """It is gone with all that it knew; to the master, one that comes in its place at once may be the same without memory."""
        self.agent_died(name)
        for key in self._sent_to.pop(name, {}).values():
            self._tasks[key].gone = True

    # ------------------------------------------------------------ asked for, sent, at work

    def _asked(self, address: str, sender: str, message: Accept) -> None:
        for operation in message.operations:
            if not isinstance(operation, Launch | LaunchGroup):
                continue
            group = _Group(tuple([i.task_id for i in operation.tasks])) if isinstance(operation, LaunchGroup) else None
            for info in operation.tasks:
                self._tasks.setdefault((message.framework_id, info.task_id), _Task(info, group=group))

    def _kill_asked(self, address: str, sender: str, message: Kill) -> None:
        task = self._tasks.get((message.framework_id, message.task_id))
        if task is not None and sender in self.forgetful:
            task.given_up = True

    def _launched(self, address: str, to: str, message: RunTasks, cause: Any) -> None:
        name = to.removeprefix("agent/")
        for info in message.tasks:
            self.launched += 1
            key = (message.framework.id, info.task_id)
            task = self._tasks.get(key)
            if task is None or task.info.resources != info.resources:
                self._broken(
                    "work.unasked", f"task {info.task_id} is sent to {name}, {message.framework.id} did not ask for it"
                )
                continue
            if task.agent or key in self._ended:
                self._broken(
                    "work.twice",
                    f"task {info.task_id} is sent to {name} after it was sent to {task.agent or 'an agent'}",
                )
            task.agent, task.ceiling = name, self._totals.get(name, EMPTY)
            if task.group is not None:
                self._group_sent(task.group, name, info, message)
            self._sent_to.setdefault(name, {})[info.task_id] = key

    def _group_sent(self, group: _Group, name: str, info: TaskInfo, message: RunTasks) -> None:
        """A group goes out whole, to one agent."""
        sent = {i.task_id: None for i in message.tasks if i.group_id == info.group_id}
        if not info.group_id or tuple(sent) != group.task_ids or group.agent not in ("", name):
            self._broken(
                "group.split", f"task {info.task_id} is sent to {name} with {list(sent)}, its group is {group}"
            )
        group.agent = name

    def work_began(self, agent: str, task_id: str) -> None:
        key = self._sent_to.get(agent, {}).get(task_id)
        task = self._tasks.get(key) if key is not None else None
        if task is None:
            self._broken("work.unasked", f"task {task_id} is at work on {agent}, nobody sent it there")
            return
        if task.begun:
            self._broken("work.twice", f"task {task_id} is at work on {agent} for the second time")
        task.begun = True
        self._work[agent][task_id] = task.info.resources
        self.cpus_at_work += task.info.resources.scalar("cpus")
        self._running[agent] = self._running[agent] + task.info.resources
        total, running = _bare(self._totals[agent]), _bare(self._running[agent])
        if not total.contains(running) and not self._was_there(task, total, running):
            self._broken("node.overcommitted", f"{agent} has {total}, with task {task_id} it runs {running}")

    def _was_there(self, task: _Task, total: Resources, running: Resources) -> bool:
        """Whether of what the task takes no more is in use than there is, or was when it was sent: of other resources more may be, since the agent shrank."""
        kinds = [key for key, _ in _bare(task.info.resources)]
        touched = running.filter(kinds.__contains__)
        return total.contains(touched) or _bare(task.ceiling).contains(touched)

    def work_ended(self, agent: str, task_id: str) -> None:
        resources = self._work.get(agent, {}).pop(task_id, None)
        if resources is not None:
            self.cpus_at_work -= resources.scalar("cpus")
            self._running[agent] = self._running[agent] - resources

    def executor_began(self, agent: str, info: ExecutorInfo) -> None:
        """What it holds itself is in use, also while no task is at work in it. Whether there was so much is seen when its first task begins."""
        self._running[agent] = self._running[agent] + info.resources

    def executor_ended(self, agent: str, info: ExecutorInfo) -> None:
        self._running[agent] = self._running[agent] - info.resources

    # ------------------------------------------------------------ updates

    def _made(self, address: str, sender: str, message: ExecutorUpdate) -> None:
        self._make(message.framework_id, message.status)

    def _subscribed(self, address: str, sender: str, message: ExecutorSubscribe) -> None:
        for status in message.updates:
            self._make(message.framework_id, status)

    def _acknowledged(self, address: str, to: str, message: StatusAcknowledged, cause: Any) -> None:
        """The master answers an update itself when its framework does not know the killing state: then it need not be told."""
        if isinstance(cause, StatusUpdate) and cause.status.state is TaskState.KILLING:
            task = self._tasks.get((message.framework_id, message.task_id))
            if task is not None:
                task.made.pop(message.uuid, None)

    def _make(self, framework_id: str, status: TaskStatus) -> None:
        task = self._tasks.get((framework_id, status.task_id))
        if task is not None:
            task.made[status.uuid] = None

    def _framework_told(self, framework_id: str, status: TaskStatus) -> None:
        key = (framework_id, status.task_id)
        if not status.uuid:
            self._told_by_master(key, status)
            return
        if key in self._ended:
            if status.uuid != self._ended[key]:
                self._broken("update.after_end", f"task {status.task_id} is {status.state} after its end")
            return
        task = self._tasks.get(key)
        if task is None:
            self._broken("update.unknown", f"{framework_id} hears of {status.task_id}, for which it never asked")
            return
        self._told(key, task, status)

    def _told(self, key: TaskKey, task: _Task, status: TaskStatus) -> None:
        if status.uuid in task.told:
            if next(reversed(task.told)) != status.uuid:
                self._broken(
                    "update.order",
                    f"task {status.task_id}: update {status.uuid} ({status.state}) again after later ones",
                )
            return
        rank = RANK.get(status.state, END)
        if rank < task.rank:
            self._broken("update.order", f"task {status.task_id} is {status.state} after a later state")
        task.rank = max(rank, task.rank)
        task.told[status.uuid] = None
        if is_terminal(status.state):
            self._check_all_told(task, status)
            self._end(key, task, status)

    def _check_all_told(self, task: _Task, status: TaskStatus) -> None:
        """An end is the last update: all that were made before it have been told, in their order."""
        left_out = [uuid for uuid in task.made if uuid not in task.told]
        if left_out:
            self._broken(
                "update.lost",
                f"task {status.task_id} ended as {status.state}, {len(left_out)} updates before it were not told",
            )
        elif [u for u in task.told if u in task.made] != list(task.made):
            self._broken(
                "update.order", f"task {status.task_id}: updates were told in another order than they were made in"
            )

    def _end(self, key: TaskKey, task: _Task, status: TaskStatus) -> None:
        self._ended[key] = status.uuid
        if task.group is not None and status.state in (TaskState.FAILED, TaskState.KILLED):
            task.group.broken = f"{status.task_id} is {status.state}"
        self.ends[status.state] = self.ends.get(status.state, 0) + 1
        del self._tasks[key]
        self._sent_to.get(task.agent, {}).pop(status.task_id, None)

    def _told_by_master(self, key: TaskKey, status: TaskStatus) -> None:
        task = self._tasks.get(key)
        if task is not None and status.state is TaskState.UNREACHABLE:
            task.given_up = key[0] in self._forgetful_ids()
        over = is_terminal(status.state) or status.state is TaskState.UNKNOWN
        if task is None or not over or status.source is not Source.MASTER:
            return
        task.gone = True  # It may come back with its agent, if its framework was told LOST for want of a better word.
        if not task.agent:
            self.ends[status.state] = self.ends.get(status.state, 0) + 1
            self._ended[key] = ""
            del self._tasks[key]

    def _framework_removed(self, framework_id: str) -> None:
        """Nobody waits for its updates any more."""
        for key, task in self._tasks.items():
            if key[0] == framework_id:
                task.gone = True

    # ------------------------------------------------------------ the end

    def all_ended(self) -> None:
        """Each task that is not at work has ended, as far as its framework knows; and no task of a group is at work of which another failed or was killed."""
        for (framework_id, task_id), task in self._tasks.items():
            at_work = task_id in self._work.get(task.agent, {})
            if at_work and task.group is not None and task.group.broken:
                self._broken("group.outlived", f"task {task_id} of {framework_id} is at work, {task.group.broken}")
            if not at_work and not task.gone and not task.given_up:
                where = f"sent to {task.agent}" if task.agent else "not sent to any agent"
                self._broken("task.lost", f"task {task_id} of {framework_id} ({where}) never ended for its framework")


def _bare(resources: Resources) -> Resources:
    """Without what operations make of them: reservations and volumes. What is shared counts once."""
    if resources.is_plain:
        return resources
    return build([_bare_piece(key, quantity) for key, quantity in resources])


def _bare_piece(key: Key, quantity: Quantity) -> tuple[Key, Quantity]:
    return disk_kind(key)._replace(reservations=()), quantity.value if isinstance(quantity, Shared) else quantity
