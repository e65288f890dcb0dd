"""Executors that frameworks have described: what they hold themselves, from their first task to their end; and what passes to and from executors of any kind.

The agent owns the fact that an executor lives. It says so when it registers, and when an executor ends; until then what the executor holds stays its framework's.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import frameworks, notes, preemption
from raymesos.kernel.master.state import (
    Agent,
    Executor,
    Framework,
    State,
    add_executor,
    agent_at,
    count,
    drop_executor,
    subscriber,
)
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.wire.messages import (
    ExecutorExited,
    ExecutorInfo,
    ExecutorMessage,
    Failure,
    FromExecutor,
    Recover,
    ReregisterAgent,
    ShutdownExecutor,
    ShutdownOneExecutor,
    ToExecutor,
)


def begin(
    state: State, framework: Framework, agent: Agent, info: ExecutorInfo, role: str, out: Outbox, now_ms: int
) -> Executor:
    """Book an executor that is not there yet, with what it holds itself of an offer in `role`."""
    executor = Executor(framework.id, replace(info, role=role), agent.id)
    add_executor(state, agent, executor)
    notes.executor_now(out, now_ms, executor)
    return executor


def exited(state: State, sender: str, message: ExecutorExited, out: Outbox, now_ms: int) -> None:
    """What it held is free. Its framework is told, if it is there; its tasks are told of one by one."""
    count(state, "messages_exited_executor")
    agent = agent_at(state, sender)
    if agent is None:
        return
    framework = state.frameworks.get(message.framework_id)
    executor = agent.executors.get((message.framework_id, message.executor_id))
    if executor is not None:
        drop_executor(state, executor)
        _recover(state, agent, executor, out)
        notes.executor_now(out, now_ms, executor, "ended")
    if framework is not None and framework.address is not None:
        out.send(framework.address, Failure(agent.id, message.executor_id, message.exit_status))
        notes.event(out, now_ms, "executor ended", message.executor_id, f"on agent {agent.info.name}")


def level(
    state: State, agent: Agent, message: ReregisterAgent, out: Outbox, now_ms: int
) -> tuple[tuple[str, str], ...]:
    """Take over those that live there. Returns (framework id, executor id) of what we thought was there and is not."""
    brought = {(framework_id, info.executor_id): info for framework_id, info in message.executors}
    for key, info in brought.items():
        framework = frameworks.recovered(state, key[0], out, now_ms) if key not in agent.executors else None
        if framework is not None:  # Of a removed one, the agent is told to end it.
            begin(state, framework, agent, info, info.role, out, now_ms)
        elif (known := agent.executors.get(key)) is not None and known.preempted:
            out.send(agent.address, ShutdownOneExecutor(*key))  # It may not have heard it.
    return tuple([key for key in agent.executors if key not in brought])


def drop_all(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    """The agent is lost, with its executors. The allocator hears of the agent's removal: nothing is to be recovered."""
    for executor in list(agent.executors.values()):
        drop_executor(state, executor)
        notes.executor_now(out, now_ms, executor, "ended")


# ---------------------------------------------------------------- what passes through


def to_executor(state: State, sender: str, message: ToExecutor, out: Outbox) -> None:
    """Best effort: to an agent that is away it is dropped."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_framework_to_executor")
    agent = state.agents.get(message.agent_id)
    if agent is None or not agent.connected:
        count(state, "invalid_framework_to_executor_messages")
        return
    count(state, "valid_framework_to_executor_messages")
    out.send(agent.address, ExecutorMessage(framework.id, message.executor_id, message.data, down=True))


def from_executor(state: State, sender: str, message: ExecutorMessage, out: Outbox) -> None:
    """Best effort: to a framework that is away it is dropped."""
    count(state, "messages_executor_to_framework")
    agent = agent_at(state, sender)
    framework = state.frameworks.get(message.framework_id)
    if agent is None or framework is None or framework.address is None:
        count(state, "invalid_executor_to_framework_messages")
    else:
        count(state, "valid_executor_to_framework_messages")
        out.send(framework.address, FromExecutor(agent.id, message.executor_id, message.data))


def shut_down(state: State, sender: str, message: ShutdownExecutor, out: Outbox) -> None:
    framework = subscriber(state, sender, message.framework_id)
    agent = state.agents.get(message.agent_id)
    if framework is not None and agent is not None and agent.connected:
        out.send(agent.address, ShutdownOneExecutor(framework.id, message.executor_id))


def _recover(state: State, agent: Agent, executor: Executor, out: Outbox) -> None:
    info = executor.info
    if info.resources:
        out.send(
            ALLOCATOR,
            Recover(
                executor.framework_id,
                info.role,
                agent.id,
                agent.incarnation,
                info.resources,
                None,
                task_ended=True,
                release=preemption.released(state, executor),
            ),
        )
