"""What the master tells the observer."""

from __future__ import annotations

from itertools import islice

from raymesos.kernel.master.state import Agent, Executor, Framework, State, Task
from raymesos.machine import Outbox
from raymesos.model.settings import OFFERS_SHOWN
from raymesos.wire.messages import AgentInfo, AgentModeKept, TaskStatus
from raymesos.wire.notes import (
    AgentNote,
    EventNote,
    ExecutorNote,
    FrameworkNote,
    MasterNote,
    OffersNote,
    OpenOperation,
    OutstandingNote,
    TaskNote,
)


def all_again(state: State, out: Outbox, now_ms: int) -> None:
    """Tell how everything is: the observer has lost its memory. Tasks come first: of too many notes the first are dropped."""
    for agent in state.agents.values():
        for task in agent.tasks.values():
            task_now(out, now_ms, task)
    for framework in state.frameworks.values():
        for task in framework.unreachable.values():
            task_now(out, now_ms, task)
    for agent in state.agents.values():
        for executor in agent.executors.values():
            executor_now(out, now_ms, executor)
    for agent_id in state.unreachable:
        away_now(state, out, now_ms, agent_id, "unreachable")
    for agent_id in state.recovering:
        away_now(state, out, now_ms, agent_id, "recovering")
    for agent in state.agents.values():
        agent_now(state, out, now_ms, agent)
    for framework in state.frameworks.values():
        framework_now(out, now_ms, framework)
        offers_now(out, now_ms, framework)
        state.untold[framework.id] = None
        state.counted[framework.id] = None
    master_now(state, out, now_ms)


def event(out: Outbox, now_ms: int, kind: str, subject: str, text: str = "") -> None:
    out.note(EventNote(now_ms, kind, subject, text))


def master_now(state: State, out: Outbox, now_ms: int) -> None:
    quotas = tuple(state.quotas.values())
    out.note(MasterNote(now_ms, state.master_id, state.started_ms, tuple(state.weights.items()), quotas))


# ---------------------------------------------------------------- agents


def agent_now(state: State, out: Outbox, now_ms: int, agent: Agent) -> None:
    """How a registered agent is."""
    kept, info = state.modes.get(agent.id), agent.info
    out.note(
        AgentNote(
            now_ms,
            agent.id,
            info.name,
            info.hostname,
            str(agent.mode) if agent.connected else "disconnected",
            agent.whole,
            info.attributes,
            info.region,
            info.zone,
            info.node_id,
            agent.registered_ms,
            agent.reregistered_ms,
            str(agent.mode),
            *_drain(kept),
            tuple([OpenOperation(key[0], s, agent.asked.get(key)) for key, s in agent.operations.items()]),
            info.endpoint,
        )
    )


def agent_of_id_now(state: State, out: Outbox, now_ms: int, agent_id: str) -> None:
    """How an admitted agent is, wherever it is."""
    agent = state.agents.get(agent_id)
    if agent is not None:
        agent_now(state, out, now_ms, agent)
    else:
        away_now(state, out, now_ms, agent_id, "unreachable" if agent_id in state.unreachable else "recovering")


def away_now(state: State, out: Outbox, now_ms: int, agent_id: str, where: str) -> None:
    """`where` an admitted agent is that is not registered."""
    agent_is(out, now_ms, agent_id, state.admitted[agent_id], where, state.modes.get(agent_id))


def agent_is(
    out: Outbox, now_ms: int, agent_id: str, info: AgentInfo, where: str, kept: AgentModeKept | None = None
) -> None:
    """`where` an agent is that is not registered."""
    mode = str(kept.mode) if kept is not None else "active"
    out.note(
        AgentNote(
            now_ms,
            agent_id,
            info.name,
            info.hostname,
            where,
            info.resources,
            info.attributes,
            info.region,
            info.zone,
            info.node_id,
            0,
            0,
            mode,
            *_drain(kept),
        )
    )


def _drain(kept: AgentModeKept | None) -> tuple[int | None, bool]:
    return (kept.grace_ms, kept.mark_gone) if kept is not None else (None, False)


# ---------------------------------------------------------------- frameworks and their offers


def executor_now(out: Outbox, now_ms: int, executor: Executor, state: str = "active") -> None:
    out.note(ExecutorNote(now_ms, executor.framework_id, executor.agent_id, executor.info, state))


def framework_now(out: Outbox, now_ms: int, framework: Framework) -> None:
    info = framework.info
    out.note(
        FrameworkNote(
            now_ms,
            info.id,
            info.name,
            info.roles,
            _where(framework),
            info.principal,
            info,
            framework.suppressed_roles,
            framework.offer_constraints,
            framework.registered_ms or 0,
            framework.reregistered_ms,
            now_ms if framework.removed else 0,
        )
    )


def _where(framework: Framework) -> str:
    if framework.removed:
        return "completed"
    if framework.address is not None:
        return "active"
    return "disconnected" if framework.registered_ms is not None else "recovered"


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


def outstanding(state: State, now_ms: int) -> list[OutstandingNote]:
    """The offers of each framework for which they have changed since the last call.

    The host asks for them now and then: a framework that answers a thousand offers one by one would have those that are left told a thousand times.
    """
    untold, state.untold = state.untold, {}
    found = [(id, state.frameworks.get(id)) for id in untold]
    offers = [(id, framework.offers if framework is not None else {}) for id, framework in found]
    return [
        OutstandingNote(now_ms, id, tuple([state.offers[offer_id] for offer_id in islice(ids, OFFERS_SHOWN)]))
        for id, ids in offers
    ]


# ---------------------------------------------------------------- tasks


def task_now(out: Outbox, now_ms: int, task: Task, status: TaskStatus | None = None) -> None:
    """`status` is what is new of the task; without one, what was heard of it last."""
    info = task.info
    reason, message = (status.reason, status.message) if status is not None else ("", "")
    status = status or task.status
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
            info.executor_id,
            info.labels,
            (status,) if status is not None else (),
            info.v1,
        )
    )
