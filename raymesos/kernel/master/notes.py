"""What the master tells the observer."""

from __future__ import annotations

from raymesos.kernel.master.state import Agent, Framework, State, Task
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.wire.messages import AgentInfo
from raymesos.wire.notes import AgentNote, EventNote, FrameworkNote, OffersNote, TaskNote


def all_again(state: State, out: Outbox, now_ms: int) -> None:
    """Tell how everything is: the observer has lost its memory. Tasks come first: of too many notes the first are dropped."""
    for agent in state.agents.values():
        for task in agent.tasks.values():
            task_now(out, now_ms, task)
    for agent_id in state.unreachable:
        agent_is(out, now_ms, agent_id, state.admitted[agent_id], "unreachable")
    for agent in state.agents.values():
        agent_now(out, now_ms, agent)
    for framework in state.frameworks.values():
        framework_now(out, now_ms, framework)
        offers_now(out, now_ms, framework)


def event(out: Outbox, now_ms: int, kind: str, subject: str, text: str = "") -> None:
    out.note(EventNote(now_ms, kind, subject, text))


def agent_is(out: Outbox, now_ms: int, agent_id: str, info: AgentInfo, state: str) -> None:
    _agent(out, now_ms, agent_id, info, state, info.resources)


def agent_now(out: Outbox, now_ms: int, agent: Agent) -> None:
    _agent(out, now_ms, agent.id, agent.info, str(agent.mode) if agent.connected else "disconnected", agent.whole)


def _agent(out: Outbox, now_ms: int, agent_id: str, info: AgentInfo, state: str, total: Resources) -> None:
    out.note(AgentNote(now_ms, agent_id, info.name, info.hostname, state, total, info.attributes))


def framework_now(out: Outbox, now_ms: int, framework: Framework) -> None:
    state = "completed" if framework.removed else "active" if framework.address is not None else "disconnected"
    info = framework.info
    out.note(FrameworkNote(now_ms, info.id, info.name, info.roles, state, info.principal))


def task_now(out: Outbox, now_ms: int, task: Task, *, reason: str = "", message: str = "") -> None:
    info = task.info
    out.note(
        TaskNote(
            now_ms,
            task.framework_id,
            info.task_id,
            info.name,
            info.role,
            task.agent_id,
            task.state,
            reason,
            message,
            info.resources,
        )
    )


def offers_now(out: Outbox, now_ms: int, framework: Framework) -> None:
    out.note(
        OffersNote(
            now_ms,
            framework.id,
            len(framework.offers),
            framework.sent,
            framework.accepted,
            framework.declined,
            framework.rescinded,
        )
    )
