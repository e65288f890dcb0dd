"""What an executor knows: its tasks, the updates that nobody acknowledged, and the reports that nobody took.

A task is forgotten when it has ended, its updates are acknowledged and its reports are taken. A group is forgotten when its last task has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.errors import InvariantBroken
from raymesos.kernel.names import Uuids
from raymesos.model.settings import ExecutorSettings
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.messages import NOT_CHECKED, AgentInfo, Check, Checked, Condition, TaskInfo, TaskStatus
from raymesos.wire.work import ChunkWork, CommandsWork, WorkReport


@dataclass(slots=True)
class Waiting:
    """Not given to the shim: it is away, or too many reports wait to be taken."""


@dataclass(slots=True)
class Begun:
    """The shim was told."""


@dataclass(slots=True)
class Running:
    """The shim has said so."""


@dataclass(slots=True)
class Killing:
    """The shim was told to stop it. `why` is NONE when the master asked, or when another task of its group has ended: which one, says `because`.

    With another `why` it is FAILED: out of time, or for what its checks found, which `because` says.
    """

    why: Reason
    because: str = ""


@dataclass(slots=True)
class Ended:
    """Its end was reported. `forgotten` once the shim was told to drop it."""

    forgotten: bool = False


@dataclass(slots=True)
class Checking:
    """How one check of a task stands."""

    check: Check
    since_ms: int
    """When the task began to run."""
    awaited: int = 0
    """The number of the probe that is under way; 0 if none is."""
    passed: bool = False
    """It was well at least once."""
    failures: int = 0
    """In a row, of those that count."""
    well: bool | None = None
    """As it was told last."""
    seen: Checked | None = None
    text: str = ""
    """What was seen last."""


@dataclass(slots=True)
class Task:
    info: TaskInfo
    phase: Waiting | Begun | Running | Killing | Ended
    state: TaskState
    """The last one reported."""
    updates: dict[str, TaskStatus] = field(default_factory=dict)
    """By uuid, oldest first, until acknowledged."""
    reports: int = 0
    """How many of its reports are kept."""
    health: Checking | None = None
    readiness: Checking | None = None
    """Both from when it runs, if it has such a check."""

    @property
    def condition(self) -> Condition:
        """As its statuses tell it."""
        health, readiness = self.health, self.readiness
        if health is None and readiness is None:
            return NOT_CHECKED
        return Condition(
            health.well if health is not None else None,
            readiness.well if readiness is not None else None,
            readiness.seen if readiness is not None else None,
        )


@dataclass(slots=True)
class Kept:
    """A report until it is taken."""

    report: WorkReport
    size: int
    sent_ms: int


@dataclass(slots=True)
class Receiver:
    """A framework to which reports go: those it has not taken, by (task id, part), oldest first."""

    address: str
    kept: dict[tuple[str, int], Kept] = field(default_factory=dict)
    retry_ms: int = 0
    is_up: bool = True


@dataclass(slots=True)
class Subscribing:
    """The agent has not answered yet: ask again after `retry_ms`. Updates wait."""

    retry_ms: int


@dataclass(slots=True)
class Subscribed:
    pass


@dataclass(slots=True)
class State:
    settings: ExecutorSettings
    framework_id: str
    executor_id: str
    agent_address: str
    shim_address: str
    uuids: Uuids
    phase: Subscribing | Subscribed
    agent_id: str = ""
    agent: AgentInfo | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    unsent: list[TaskStatus] = field(default_factory=list)
    """Updates made since the last ExecutorSubscribe, which is not answered yet."""
    waiting: dict[str, None] = field(default_factory=dict)
    """Ids of the tasks that wait, first come first."""
    receivers: dict[str, Receiver] = field(default_factory=dict)
    kept_bytes: int = 0
    orphans: dict[str, None] = field(default_factory=dict)
    """Tasks that were reported as failed when the shim was lost; it must stop them if it comes back."""
    shim_is_up: bool = True
    leaving: bool = False
    groups: dict[str, dict[str, None]] = field(default_factory=dict)
    """By group id: the ids of its tasks that have not ended."""
    broken: dict[str, str] = field(default_factory=dict)
    """Groups of which a task failed or was killed in this turn, and what became of which task; their others are stopped before the turn is over."""
    probed: int = 0
    """How many probes were asked for."""
    untold: dict[str, TaskState] = field(default_factory=dict)
    """By task id: that it starts or runs, which is not worth a message if it ends at once."""


BREAKS_GROUP = (TaskState.FAILED, TaskState.KILLED)
"""When a task of a group ends so, the group's others are killed. (Mesos: default executor)"""


def reply_to(task: Task) -> str:
    """Where the reports of the task go; empty for work that reports nothing."""
    return task.info.work.reply_to if isinstance(task.info.work, ChunkWork | CommandsWork) else ""


def forget_if_done(state: State, task: Task) -> None:
    if isinstance(task.phase, Ended) and task.phase.forgotten and not task.updates:
        state.tasks.pop(task.info.task_id, None)


def check(state: State) -> None:
    """Raises InvariantBroken if the executor's books do not agree."""
    kept = [(key, k) for r in state.receivers.values() for key, k in r.kept.items()]
    if sum(k.size for _, k in kept) != state.kept_bytes:
        raise InvariantBroken("executor.kept", f"{state.executor_id} counts {state.kept_bytes} bytes of kept reports")
    counts: dict[str, int] = {}
    for (task_id, _), _kept in kept:
        counts[task_id] = counts.get(task_id, 0) + 1
    for task_id, task in state.tasks.items():
        story = f"task {task_id} is {type(task.phase).__name__}, {task.state}"
        if isinstance(task.phase, Ended) is not is_terminal(task.state):
            raise InvariantBroken("executor.state", story)
        if isinstance(task.phase, Waiting) is not (task_id in state.waiting):
            raise InvariantBroken("executor.waiting", story)
        if task.reports != counts.get(task_id, 0):
            raise InvariantBroken("executor.reports", f"{story}; {task.reports} reports counted")
        if isinstance(task.phase, Ended) and task.phase.forgotten is not (task.reports == 0):
            raise InvariantBroken("executor.forgotten", f"{story}; {task.reports} reports kept")
        if isinstance(task.phase, Ended) and task.phase.forgotten and not task.updates:
            raise InvariantBroken("executor.done", story)
        if any(c is not None and c.awaited for c in (task.health, task.readiness)) and not isinstance(
            task.phase, Running
        ):
            raise InvariantBroken("executor.checks", f"{story}; an answer to a probe is awaited")
    _check_groups(state)
    for task_id in state.untold:
        if task_id not in state.tasks or not isinstance(state.tasks[task_id].phase, Begun | Running):
            raise InvariantBroken("executor.untold", f"of task {task_id} there is nothing to tell")


def _check_groups(state: State) -> None:
    left: dict[str, dict[str, None]] = {}
    for task_id, task in state.tasks.items():
        if task.info.group_id and not isinstance(task.phase, Ended):
            left.setdefault(task.info.group_id, {})[task_id] = None
    if left != state.groups or state.broken:
        raise InvariantBroken("executor.groups", f"{left} are left, {state.groups} counted, {state.broken} not stopped")
    for task_id, task in state.tasks.items():
        if task.state not in BREAKS_GROUP:
            continue
        for other_id in state.groups.get(task.info.group_id, ()):
            if not isinstance(state.tasks[other_id].phase, Killing):
                raise InvariantBroken(
                    "executor.group",
                    f"task {task_id} is {task.state}, task {other_id} of its group is not being killed",
                )
