"""Tasks after launch: updates forwarded to their framework, acknowledgements back, kills, and resources returned when a task has ended."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import notes, preemption
from raymesos.kernel.master.state import (
    Agent,
    Framework,
    State,
    Task,
    agent_at,
    count,
    drop_task,
    set_state,
    stop_holding,
    subscriber,
)
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.tasks import (
    AT_AGENTS,
    Capability,
    Reason,
    Source,
    TaskState,
    for_framework,
    is_terminal,
    may_follow,
)
from raymesos.wire.messages import (
    NOT_CHECKED,
    Acknowledge,
    AgentMode,
    Condition,
    Recover,
    StatusAcknowledged,
    StatusUpdate,
    TaskStatus,
    Update,
)

# Of a kill with another reason than these is known already why it came.
_UNEXPLAINED = (Reason.NONE, Reason.TASK_KILLED_DURING_LAUNCH)


def updated(state: State, sender: str, message: StatusUpdate, out: Outbox, now_ms: int) -> None:
    """Book the newest state and forward the update. The agent resends until its framework has acknowledged; what nobody will, is acknowledged here."""
    agent = agent_at(state, sender)
    if agent is None:
        return  # It is not registered, so it registers again, with all that it has.
    count(state, "messages_status_update")
    if message.status.state not in AT_AGENTS:
        _acknowledge_for(agent, message, out)
        return
    message = _explained(state, agent, message)
    task = agent.tasks.get((message.framework_id, message.status.task_id))
    count(state, "invalid_status_updates" if task is None else "valid_status_updates")
    if task is not None:
        _book(state, task, message, out, now_ms)
    framework = state.frameworks.get(message.framework_id)
    if (task is not None and task.stray) or message.framework_id not in state.known_frameworks:
        _acknowledge_for(agent, message, out)
        if task is not None and is_terminal(message.status.state):
            drop_task(state, task)
    elif framework is not None and framework.address is not None:
        _forward(framework, agent, message, out)


def acknowledged(state: State, sender: str, message: Acknowledge, out: Outbox) -> None:
    """Pass it on; a task whose terminal update it answers is forgotten. While the agent is away it is lost: the update comes again."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_status_update_acknowledgement")
    agent = state.agents.get(message.agent_id)
    if agent is None or not agent.connected:
        count(state, "invalid_status_update_acknowledgements")
        return
    count(state, "valid_status_update_acknowledgements")
    task = framework.tasks.get(message.task_id)
    if (
        task is not None
        and task.agent_id == agent.id
        and task.status is not None
        and task.status.uuid == message.uuid
        and is_terminal(task.status.state)
    ):
        drop_task(state, task)
    out.send(agent.address, StatusAcknowledged(framework.id, message.task_id, message.uuid))


def release(state: State, task: Task, out: Outbox) -> None:
    """Give what the task held back to the allocator, once."""
    agent = state.agents[task.agent_id]
    if not stop_holding(agent, task):
        return
    # A launch that bounced off its agent waits for the next periodic pass: offered again at once, it would bounce for ever between
    # an agent that takes nothing (its executor is on its way out) and a framework that tries again.
    ended = task.state is not TaskState.DROPPED
    out.send(
        ALLOCATOR,
        Recover(
            task.framework_id,
            task.info.role,
            agent.id,
            agent.incarnation,
            task.info.resources,
            None,
            task_ended=ended,
            release=preemption.released(state, task),
        ),
    )


def tell(
    state: State,
    framework: Framework,
    task: Task,
    new: TaskState,
    reason: Reason,
    message: str,
    out: Outbox,
    now_ms: int,
    *,
    unreachable_ms: int | None = None,
    condition: Condition = NOT_CHECKED,
) -> TaskStatus:
    """An update of the master's own about a task: no uuid, not to be acknowledged. Returns it."""
    told = told_as(framework, new)
    status = TaskStatus(
        task.info.task_id,
        told,
        task.agent_id,
        task.info.executor_id,
        Source.MASTER,
        reason,
        message,
        now_ms,
        unreachable_ms=unreachable_ms,
        healthy=condition.healthy,
        ready=condition.ready,
        checked=condition.checked,
    )
    count_end(state, told, reason, Source.MASTER)
    if framework.address is not None:
        out.send(framework.address, Update(status))
    return status


def _explained(state: State, agent: Agent, message: StatusUpdate) -> StatusUpdate:
    """A kill on a draining agent says so. If the agent is to be gone afterwards, a framework that knows the word is told that of the task. (Mesos: slave.cpp, statusUpdate)

    It is said here, where the drain is known for good: an agent that restarts while it drains has forgotten why its tasks are being killed.
    """
    kept, status = state.modes.get(agent.id), message.status
    task = agent.tasks.get((message.framework_id, status.task_id))
    if task is not None and task.preempted_for and status.state in (TaskState.KILLING, TaskState.KILLED):
        text = f"preempted for {task.preempted_for}"
        return replace(message, status=replace(status, reason=Reason.PREEMPTED, message=text))
    if kept is None or kept.mode is AgentMode.DEACTIVATED or status.reason not in _UNEXPLAINED:
        return message
    if status.state not in (TaskState.KILLING, TaskState.KILLED):
        return message
    framework = state.frameworks.get(message.framework_id)
    new: TaskState = status.state
    latest = message.latest_state
    if kept.mark_gone and framework is not None and framework.partition_aware:
        new, latest = (TaskState.GONE_BY_OPERATOR if s is TaskState.KILLED else s for s in (new, latest))
    status = replace(status, state=new, reason=Reason.AGENT_DRAINING)
    return replace(message, status=status, latest_state=latest)


def _book(state: State, task: Task, message: StatusUpdate, out: Outbox, now_ms: int) -> None:
    status = message.status
    repeated = task.status is not None and task.status.uuid == status.uuid
    task.status = status
    for newer in (status.state, message.latest_state):
        if newer in AT_AGENTS and may_follow(task.state, newer):
            set_state(state, task, newer)
    if is_terminal(task.state):
        release(state, task, out)
    if not repeated:
        count_end(state, status.state, status.reason, status.source)
        notes.task_now(out, now_ms, task, status)


def _forward(framework: Framework, agent: Agent, message: StatusUpdate, out: Outbox) -> None:
    status = message.status
    if status.state is TaskState.KILLING and Capability.TASK_KILLING_STATE not in framework.info.capabilities:
        _acknowledge_for(agent, message, out)
        return
    told = told_as(framework, status.state)
    if told is not status.state or status.agent_id != agent.id:
        status = replace(status, state=told, agent_id=agent.id)
    out.send(str(framework.address), Update(status))


def _acknowledge_for(agent: Agent, message: StatusUpdate, out: Outbox) -> None:
    """There is nobody who would: the agent may stop resending."""
    out.send(agent.address, StatusAcknowledged(message.framework_id, message.status.task_id, message.status.uuid))


def told_as(framework: Framework, state: TaskState) -> TaskState:
    """The state in words that the framework knows."""
    if state is TaskState.KILLING and Capability.TASK_KILLING_STATE not in framework.info.capabilities:
        return TaskState.RUNNING
    return for_framework(state, partition_aware=framework.partition_aware)


def count_end(state: State, new: TaskState, reason: Reason, source: Source) -> None:
    """Count the end of a task, if it is one, by Mesos' names."""
    if is_terminal(new):
        name = new.removeprefix("TASK_").lower()
        count(state, f"tasks_{name}")
        if reason is not Reason.NONE:
            count(state, f"task_{name}/{source.lower()}/{reason.lower()}")
