"""Launches of an Accept: tasks one by one, each on what the ones before have left, and groups, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from raymesos.kernel.master import executors, notes
from raymesos.kernel.master.state import Agent, Framework, State, Task, add_task, count
from raymesos.kernel.master.tasks import count_end, told_as
from raymesos.kernel.master.validation import executor_error, group_error, task_error
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.portions import shared_part
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import Convert, ExecutorInfo, LaunchGroup, RunTasks, TaskInfo, TaskStatus, Update


@dataclass(slots=True)
class Accepted:
    """What the operations of one Accept work on. `left` is what those so far have left of the sum of its offers."""

    framework: Framework
    agent: Agent
    role: str
    left: Resources
    shared: Resources
    """One copy of each shared volume that it may use, however many tasks do."""

    @property
    def usable(self) -> Resources:
        """What a task may use: what is left, and shared volumes, which are never used up."""
        return self.left + _without_those_in(self.shared, self.left) if self.shared else self.left


@dataclass(slots=True)
class Sending:
    """What is to be sent to the agent: tasks that were booked, with the descriptions of their executors; `new` are those that were booked with them."""

    tasks: list[TaskInfo] = field(default_factory=list)
    executors: dict[str, ExecutorInfo] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)


def launch(state: State, on: Accepted, tasks: Iterable[TaskInfo], out: Outbox, now_ms: int) -> None:
    """Launch what is valid, in order, each with its executor if that is not there; a task that is not is answered ERROR."""
    sending = Sending()
    for info in tasks:
        error = task_error(on.framework, on.agent, info) or executor_error(
            on.framework, on.agent, on.role, info, on.usable
        )
        if error is None:
            # A group is what was launched as one, not what says so of itself.
            _book(state, on, replace(info, group_id=""), sending, out, now_ms)
        else:
            why = Answer(TaskState.ERROR, Reason.TASK_INVALID, error, on.agent.id)
            answer(state, on.framework, info.task_id, why, out, now_ms)
    _send(state, on, sending, out)


def launch_group(state: State, on: Accepted, group: LaunchGroup, out: Outbox, now_ms: int) -> None:
    """Launch all tasks of the group on its executor, as one message. If one is invalid, all are answered ERROR and none starts."""
    error = group_error(on.framework, on.agent, on.role, group, on.usable)
    if error is not None:
        why = Answer(TaskState.ERROR, Reason.TASK_GROUP_INVALID, error, on.agent.id)
        for info in group.tasks:
            answer(state, on.framework, info.task_id, why, out, now_ms)
        return
    state.groups_named += 1
    group_id = f"{state.master_id}-G{state.groups_named}"
    sending = Sending()
    for info in group.tasks:
        named = replace(info, group_id=group_id, executor_id=group.executor_id, executor=group.executor)
        _book(state, on, named, sending, out, now_ms)
    _send(state, on, sending, out)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the master says of a task that it does not launch."""

    state: TaskState
    reason: Reason
    message: str
    agent_id: str = ""


def answer(state: State, framework: Framework, task_id: str, why: Answer, out: Outbox, now_ms: int) -> None:
    """An update of the master's own: without uuid, not to be acknowledged."""
    told = told_as(framework, why.state)
    status = TaskStatus(task_id, told, why.agent_id, "", Source.MASTER, why.reason, why.message, now_ms)
    count_end(state, told, why.reason, Source.MASTER)
    if framework.address is not None:
        out.send(framework.address, Update(status))


def _book(state: State, on: Accepted, info: TaskInfo, sending: Sending, out: Outbox, now_ms: int) -> None:
    if info.executor is not None:
        info = _book_executor(state, on, info, info.executor, sending, out, now_ms)
    _share(on, info.resources, out)
    on.left = on.left - info.resources
    task = Task(on.framework.id, replace(info, role=on.role), on.agent.id, TaskState.STAGING)
    add_task(state, on.agent, task)
    notes.task_now(out, now_ms, task)
    known = on.agent.executors.get((on.framework.id, info.executor_id)) if on.agent.executors else None
    if known is not None:
        sending.executors[info.executor_id] = known.info
    sending.tasks.append(task.info)


def _book_executor(
    state: State, on: Accepted, info: TaskInfo, executor: ExecutorInfo, sending: Sending, out: Outbox, now_ms: int
) -> TaskInfo:
    """The task without the description: once an executor is booked its id names it, and a thousand tasks carry it once."""
    if (on.framework.id, executor.executor_id) not in on.agent.executors:
        executors.begin(state, on.framework, on.agent, executor, on.role, out, now_ms)
        on.left = on.left - executor.resources
        sending.new.append(executor.executor_id)
    return replace(info, executor_id=executor.executor_id, executor=None)


def _share(on: Accepted, wanted: Resources, out: Outbox) -> None:
    """A shared volume that is not left any more is used by a task already: the framework holds one copy more."""
    more = _without_those_in(shared_part(wanted), on.left) if on.shared else EMPTY
    if more:
        agent = on.agent
        out.send(ALLOCATOR, Convert(on.framework.id, on.role, agent.id, agent.incarnation, more, more + more))
        on.left = on.left + more


def _without_those_in(shared: Resources, others: Resources) -> Resources:
    kinds = {key: None for key, _ in shared_part(others)}
    return shared.filter(lambda key: key not in kinds)


def _send(state: State, on: Accepted, sending: Sending, out: Outbox) -> None:
    if sending.tasks:
        count(state, "messages_launch_tasks")
        described = tuple(sending.executors.values())
        run = RunTasks(on.framework.info, tuple(sending.tasks), described, tuple(sending.new))
        out.send(on.agent.address, run)
