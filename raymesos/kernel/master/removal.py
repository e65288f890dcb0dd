"""Agents that are lost, and may come back, or gone, and may not; and what becomes of the tasks that were there."""

from __future__ import annotations

from raymesos.kernel.master import executors, inverse, notes, offers, operating, operations, tasks
from raymesos.kernel.master.state import (
    Agent,
    Framework,
    State,
    Task,
    count,
    drop_task,
    ended_for_framework,
    trim,
    unname,
)
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentGone,
    AgentRefused,
    AgentRemoved,
    AgentUnreachable,
    Failure,
    Gone,
    OperationState,
)

# What becomes of the tasks of an agent that is removed, as Mesos tells it.
_ENDS = {
    Gone.LEFT: (TaskState.GONE, Reason.AGENT_REMOVED),
    Gone.DOWN: (TaskState.LOST, Reason.AGENT_REMOVED),
    Gone.MARKED: (TaskState.GONE_BY_OPERATOR, Reason.AGENT_REMOVED_BY_OPERATOR),
}


def remove(state: State, agent: Agent, out: Outbox, now_ms: int, why: str, gone: Gone = Gone.LEFT) -> None:
    """The agent is gone for good, and its tasks with it."""
    marked = gone is Gone.MARKED
    operations.end_all(state, agent, OperationState.GONE_BY_OPERATOR if marked else OperationState.UNKNOWN, out)
    _end_tasks(state, agent, *_ENDS[gone], f"Agent {agent.info.hostname} removed: {why}", out, now_ms)
    _drop(state, agent, out, now_ms)
    forget(state, agent.id, out, now_ms, gone)
    count(state, "slave_removals")
    notes.event(out, now_ms, "agent removed", agent.id, f"{agent.info.name}: {why}")


def mark_gone(state: State, agent_id: str, out: Outbox, now_ms: int) -> None:
    """The agent, registered or away, is gone for good because an operator said so: it has to stop now, or when it is heard of again."""
    agent = state.agents.get(agent_id)
    if agent is None:
        forget(state, agent_id, out, now_ms, Gone.MARKED)
        return
    if agent.connected:
        out.send(agent.address, AgentRefused("Agent has been marked gone"))
    remove(state, agent, out, now_ms, "marked gone", Gone.MARKED)


def lose(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    """The agent answers no ping: it is unreachable until it registers again."""
    text = f"Agent {agent.info.hostname} is unreachable: health check timed out"
    operations.end_all(state, agent, OperationState.UNREACHABLE, out)
    _end_tasks(state, agent, TaskState.UNREACHABLE, Reason.AGENT_REMOVED, text, out, now_ms)
    _drop(state, agent, out, now_ms)
    mark_unreachable(state, agent.id, out, now_ms)
    count(state, "slave_removals")
    count(state, "slave_removals/reason_unhealthy")
    count(state, "slave_unreachable_scheduled")
    count(state, "slave_unreachable_completed")
    notes.away_now(state, out, now_ms, agent.id, "unreachable")
    notes.event(out, now_ms, "agent lost", agent.id, f"{agent.info.name} answered no ping")


def mark_unreachable(state: State, agent_id: str, out: Outbox, now_ms: int) -> None:
    """On record as unreachable. Of too many, those that were lost first are given up."""
    state.unreachable[agent_id] = now_ms
    out.persist(AgentUnreachable(agent_id, now_ms))
    while len(state.unreachable) > state.settings.gone_agents:
        forget(state, next(iter(state.unreachable)), out, now_ms)


def forget(state: State, agent_id: str, out: Outbox, now_ms: int, why: Gone = Gone.LEFT) -> None:
    """On record as gone: neither it nor what ran there may come back."""
    info = state.admitted.pop(agent_id, None)
    if state.unreachable.pop(agent_id, None) is not None and info is not None:
        text = f"Agent {info.hostname} removed while it was unreachable"
        _end_unreachable(state, agent_id, *_ENDS[why], text, out, now_ms)
    if info is not None:
        notes.agent_is(out, now_ms, agent_id, info, "gone")
    state.recovering.pop(agent_id, None)
    state.modes.pop(agent_id, None)
    state.gone[agent_id] = why
    trim(state.gone, state.settings.gone_agents)
    out.persist(AgentGone(agent_id, why))


def _end_tasks(state: State, agent: Agent, new: TaskState, reason: Reason, text: str, out: Outbox, now_ms: int) -> None:
    """Tell the frameworks of their tasks here. Unreachable ones are kept apart: they may come back."""
    for task in list(agent.tasks.values()):
        drop_task(state, task)
        framework = state.frameworks.get(task.framework_id)
        if framework is None or framework.removed or task.stray or ended_for_framework(task):
            continue
        _end_task(state, framework, task, new, reason, text, out, now_ms)
        if new is TaskState.UNREACHABLE:
            framework.unreachable[task.info.task_id] = task
            trim(framework.unreachable, state.settings.unreachable_tasks_per_framework)


def _end_unreachable(
    state: State, agent_id: str, new: TaskState, reason: Reason, text: str, out: Outbox, now_ms: int
) -> None:
    """The agent's tasks will not come back. Frameworks that were told LOST have given them up already."""
    for framework in state.frameworks.values():
        for task in [t for t in framework.unreachable.values() if t.agent_id == agent_id]:
            del framework.unreachable[task.info.task_id]
            if framework.partition_aware:
                _end_task(state, framework, task, new, reason, text, out, now_ms)


def _end_task(
    state: State, framework: Framework, task: Task, new: TaskState, reason: Reason, text: str, out: Outbox, now_ms: int
) -> None:
    task.state = new  # It is on no agent's books: nothing counts it.
    since = now_ms if new is TaskState.UNREACHABLE else None
    told = tasks.tell(state, framework, task, new, reason, text, out, now_ms, unreachable_ms=since)
    notes.task_now(out, now_ms, task, told)


def _drop(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    """Off the books: offers rescinded, allocator and frameworks told."""
    offers.rescind_of_agent(state, agent, out, now_ms)
    inverse.rescind_of_agent(state, agent, out)
    executors.drop_all(state, agent, out, now_ms)
    del state.agents[agent.id]
    operating.give_up(state, agent, out)
    unname(state, agent)
    out.send(ALLOCATOR, AgentRemoved(agent.id))
    for framework in state.frameworks.values():
        if framework.address is not None:
            out.send(framework.address, Failure(agent.id))
