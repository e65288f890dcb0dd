"""What an agent knows: its place in the cluster, and by framework the executors, tasks and unacknowledged updates that live here.

A task is queued until `handed_over`: its executor is not up yet. `Framework.streams` outlives a task's entry in no case but one: a task that the agent
refused, or never saw, has a stream and no entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.errors import InvariantBroken
from raymesos.kernel.agent import gpus
from raymesos.kernel.names import Uuids, default_executor_id
from raymesos.machine import Outbox
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import as_revocable, remaining
from raymesos.model.settings import AgentSettings
from raymesos.model.tasks import Reason, Source, TaskState, is_terminal
from raymesos.wire.messages import (
    NOT_CHECKED,
    AgentInfo,
    Condition,
    ExecutorInfo,
    ExecutorKept,
    FrameworkInfo,
    OperationStatus,
    TaskInfo,
    TaskStatus,
)
from raymesos.wire.notes import EventNote

# ---------------------------------------------------------------- the agent's own phase


@dataclass(slots=True)
class Recovering:
    """Waits for the executors of its former life; the master hears nothing yet."""


@dataclass(slots=True)
class Joining:
    """Asks the master to be registered, again after `retry_ms`."""

    retry_ms: int


@dataclass(slots=True)
class Joined:
    """Registered. Without a ping for `ping_timeout_ms` it joins again."""

    ping_timeout_ms: int


@dataclass(slots=True)
class Leaving:
    """Everything is being killed; when nothing is left, or its time is over, the agent unregisters."""


@dataclass(slots=True)
class Stopped:
    """Nothing runs and nothing is answered any more."""

    reason: str


Phase = Recovering | Joining | Joined | Leaving | Stopped

# ---------------------------------------------------------------- an executor's phase


@dataclass(slots=True)
class Starting:
    """The launcher was asked; tasks queue."""


@dataclass(slots=True)
class Running:
    """Subscribed."""


@dataclass(slots=True)
class Reconnecting:
    """Its link broke or the agent is new: asked to subscribe again, and again after `retry_ms`; tasks queue."""

    retry_ms: int


@dataclass(slots=True)
class Stopping:
    """To end. Tasks that do not end by themselves get `fate`; `forced` when the launcher was told to end the process."""

    fate: Fate
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What is reported of a task whose executor ended under it."""

    state: TaskState
    reason: Reason
    message: str


@dataclass(slots=True)
class Executor:
    framework_id: str
    id: str
    address: str
    phase: Starting | Running | Reconnecting | Stopping
    for_groups: bool = False
    """It was named by a task group and has had nothing but groups: it leaves after the last one."""
    info: ExecutorInfo | None = None
    """What its framework says of it, if it does; then it holds something itself."""
    mem_milli: int = 0
    """The memory that it and its tasks hold, in thousandths of a MB."""
    limit_milli: int = 0
    """What the launcher was told last that they may have; 0: no limit."""
    limit_waits: bool = False
    """The launcher is to be told soon."""

    @property
    def is_custom(self) -> bool:
        """It is the framework's own program."""
        return self.info is not None and self.info.is_custom

    @property
    def resources(self) -> Resources:
        """What it holds itself."""
        return self.info.resources if self.info is not None else EMPTY


@dataclass(slots=True)
class Task:
    framework_id: str
    executor_id: str
    info: TaskInfo
    state: TaskState
    number: int
    """In the order in which tasks came to this life of the agent."""
    handed_over: bool = False
    kill_grace_ms: int | None = None
    """Not None once a kill was asked for."""
    kill_overrides: bool = False
    """The grace is that of the kill, not the task's own."""
    preempted_for: str = ""
    """What the kill said: a master that begins anew hears it from us."""
    condition: Condition = NOT_CHECKED
    """As its last status told it."""
    fate: Fate | None = None
    """How its end by a kill is reported if the agent itself had it killed."""


@dataclass(slots=True)
class Stream:
    """The updates of one task: `pending` by uuid, oldest first, of which the first is with the master; the uuids that it acknowledged."""

    pending: dict[str, TaskStatus] = field(default_factory=dict)
    acknowledged: dict[str, None] = field(default_factory=dict)
    retry_ms: int = 0


@dataclass(slots=True)
class Framework:
    """`info` is None while only an executor of it is known. `ending`: no task of it may start any more."""

    id: str
    info: FrameworkInfo | None = None
    executors: dict[str, Executor] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    ending: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of an operation with an id, until it is acknowledged."""

    status: OperationStatus
    retry_ms: int


@dataclass(slots=True)
class State:
    settings: AgentSettings
    info: AgentInfo
    incarnation: int
    uuids: Uuids
    agent_id: str = ""
    phase: Phase = field(default_factory=Recovering)
    told: AgentInfo | None = None
    """What the master was last told of the agent; None while it was told nothing."""
    own: Resources = EMPTY
    """What operations have made of `info.resources`."""
    lost: Resources = EMPTY
    """What they had made in a former life, and the agent is too small for now; told once."""
    operations: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    """By (framework id, operation id)."""
    used: Resources = EMPTY
    """What its tasks and executors hold until they end. It may be more than `total` when that became less."""
    numbered: int = 0
    """How many tasks came in this life."""
    frameworks: dict[str, Framework] = field(default_factory=dict)
    ended: dict[tuple[str, str], None] = field(default_factory=dict)
    """(framework id, task id) of the last tasks whose terminal update was acknowledged."""
    turned_away: bool = False
    """It was refused for now in this life, and has given up all that it had."""
    unestimated: bool = False
    """No estimate came in this life yet: nothing of what former ones lent is asked back."""
    draining: bool = False
    """Its tasks are being killed and it takes no new ones, as the master said since it last registered us."""

    @property
    def total(self) -> Resources:
        """All that there is: the agent's own, and what it lends out."""
        return self.own + as_revocable(self.info.revocable)

    @property
    def free(self) -> Resources:
        return remaining(self.total, self.used)


# ---------------------------------------------------------------- looking up


def framework_of(state: State, framework_id: str) -> Framework:
    """The framework's entry, made if there is none."""
    found = state.frameworks.get(framework_id)
    if found is None:
        found = state.frameworks[framework_id] = Framework(framework_id)
    return found


def executor_of(state: State, framework_id: str, executor_id: str) -> Executor | None:
    framework = state.frameworks.get(framework_id)
    return framework.executors.get(executor_id) if framework is not None else None


def executors(state: State) -> list[Executor]:
    return [e for f in state.frameworks.values() for e in f.executors.values()]


def tasks_of(state: State, executor: Executor) -> list[Task]:
    """The executor's tasks that are not terminal."""
    tasks = state.frameworks[executor.framework_id].tasks.values()
    return [t for t in tasks if t.executor_id == executor.id and not is_terminal(t.state)]


def executor_id_of(framework_id: str, task: TaskInfo) -> str:
    return task.executor_id or default_executor_id(framework_id)


def forget_if_idle(state: State, framework: Framework) -> None:
    """Drop the entry of a framework of which nothing is left here."""
    if not framework.executors and not framework.tasks and not framework.streams:
        state.frameworks.pop(framework.id, None)


def add_executor(state: State, framework: Framework, executor: Executor) -> None:
    """Book an executor and what it holds itself."""
    framework.executors[executor.id] = executor
    executor.mem_milli = executor.resources.scalar("mem")
    state.used = state.used + executor.resources


def drop_executor(state: State, executor: Executor) -> None:
    """Forget the executor, of which no task is left; what it held is free."""
    del state.frameworks[executor.framework_id].executors[executor.id]
    state.used = state.used - executor.resources


def record_of(framework: Framework, executor: Executor, *, address: str | None = None) -> ExecutorKept:
    """What the agent's next life has to know of the executor."""
    where = executor.address if address is None else address
    return ExecutorKept(framework.id, executor.id, where, framework.info, executor.for_groups, executor.info)


def add_task(state: State, framework: Framework, executor_id: str, info: TaskInfo, now: TaskState) -> Task:
    """Book a task and what it holds."""
    state.used = state.used + info.resources
    framework.executors[executor_id].mem_milli += info.resources.scalar("mem")
    state.numbered += 1
    task = framework.tasks[info.task_id] = Task(framework.id, executor_id, info, now, state.numbered)
    return task


def live_tasks(state: State) -> list[Task]:
    """All that have not ended, in the order in which they came."""
    found = [t for f in state.frameworks.values() for t in f.tasks.values() if not is_terminal(t.state)]
    return sorted(found, key=lambda t: t.number)


def set_state(state: State, task: Task, new: TaskState) -> None:
    """The end of a task frees what it held."""
    if is_terminal(new) and not is_terminal(task.state):
        state.used = state.used - task.info.resources
        state.frameworks[task.framework_id].executors[task.executor_id].mem_milli -= task.info.resources.scalar("mem")
    task.state = new


def is_connected(state: State) -> bool:
    """True while the master is believed to listen."""
    return isinstance(state.phase, Joined | Leaving)


def status_of(state: State, now_ms: int, task_id: str, executor_id: str, fate: Fate) -> TaskStatus:
    """A status that the agent itself reports."""
    return TaskStatus(
        task_id=task_id,
        state=fate.state,
        agent_id=state.agent_id,
        executor_id=executor_id,
        source=Source.AGENT,
        reason=fate.reason,
        message=fate.message,
        timestamp_ms=now_ms,
        uuid=state.uuids.next(),
    )


def event(out: Outbox, now_ms: int, kind: str, subject: str, text: str = "") -> None:
    out.note(EventNote(now_ms, kind, subject, text))


# ---------------------------------------------------------------- wakes


def wake_key(kind: str, framework_id: str, id: str) -> str:
    """The key of a wake for one task or executor; `parse_key` takes it apart. Framework ids hold no spaces."""
    return f"{kind} {framework_id} {id}"


def parse_key(key: str) -> tuple[str, str, str]:
    kind, _, rest = key.partition(" ")
    framework_id, _, id = rest.partition(" ")
    return kind, framework_id, id


# ---------------------------------------------------------------- the books


def check(state: State) -> None:
    """Raises InvariantBroken if the agent's books do not agree."""
    used: Resources = EMPTY
    for framework in state.frameworks.values():
        for executor in framework.executors.values():
            used = used + executor.resources
            _check_memory(state, executor)
        for task in framework.tasks.values():
            _check_task(framework, task)
            if not is_terminal(task.state):
                used = used + task.info.resources
        for task_id, stream in framework.streams.items():
            _check_stream(framework, task_id, stream)
    if used != state.used:
        raise InvariantBroken("agent.used", f"{state.info.name} counts {state.used} as used, {used} is held")
    gpus.check(live_tasks(state))
    if state.own.quantities() != state.info.resources.quantities():
        raise InvariantBroken("agent.own", f"operations have made {state.own} of {state.info.resources}")
    if len(state.ended) > state.settings.ended_tasks:
        raise InvariantBroken("agent.ended", f"{len(state.ended)} ended tasks are remembered")


def _check_memory(state: State, executor: Executor) -> None:
    tasks = tasks_of(state, executor)
    held = executor.resources.scalar("mem") + sum([t.info.resources.scalar("mem") for t in tasks])
    if held != executor.mem_milli:
        raise InvariantBroken("agent.memory", f"{executor.id} counts {executor.mem_milli}, {held} is held")


def _check_task(framework: Framework, task: Task) -> None:
    executor = framework.executors.get(task.executor_id)
    where = f"task {task.info.task_id} of {framework.id}, {task.state}"
    if is_terminal(task.state):
        stream = framework.streams.get(task.info.task_id)
        if stream is None or not stream.pending:
            raise InvariantBroken("agent.ended_task", f"{where}: nothing is left to report of it")
    elif executor is None:
        raise InvariantBroken("agent.orphan", f"{where}: executor {task.executor_id} is not known")
    elif not task.handed_over and isinstance(executor.phase, Running):
        raise InvariantBroken("agent.queue", f"{where}: queued although executor {executor.id} is up")


def _check_stream(framework: Framework, task_id: str, stream: Stream) -> None:
    states = [s.state for s in stream.pending.values()]
    if any(is_terminal(s) for s in states[:-1]):
        raise InvariantBroken(
            "agent.stream", f"task {task_id} of {framework.id}: {states}: an end is not the last update"
        )
    task = framework.tasks.get(task_id)
    if task is not None and states and states[-1] is not task.state:
        raise InvariantBroken(
            "agent.stream", f"task {task_id} of {framework.id} is {task.state}, last update {states[-1]}"
        )
