"""An agent that begins again: its memory is gone, its executors may live.

It asks each of them to subscribe and waits a moment. Those that answer bring their tasks and unacknowledged updates; the silent ones are ended. Only then does
it register, under its old id and with all tasks, so that for the master the tasks have never been away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raymesos.kernel.agent import changes, executors, operations, registration, stopping
from raymesos.kernel.agent.state import (
    Executor,
    Outcome,
    Reconnecting,
    Recovering,
    State,
    add_executor,
    drop_executor,
    event,
    executor_of,
    forget_if_idle,
    framework_of,
    record_of,
    tasks_of,
)
from raymesos.kernel.agent.state import executors as all_executors
from raymesos.kernel.names import executor_address
from raymesos.machine import Outbox
from raymesos.wire.messages import (
    AgentIdKept,
    ExecutorDropped,
    ExecutorInfo,
    ExecutorKept,
    OperationForgotten,
    OperationKept,
    OwnKept,
)


def restore(state: State, records: Iterable[Any]) -> None:
    """Take back what an earlier life persisted."""
    base = state.info.resources
    for record in records:
        match record:
            case OwnKept(base, own):
                state.own = own
            case OperationKept(framework_id, status):
                outcome = Outcome(status, state.settings.update_retry_ms)
                state.operations[framework_id, status.operation_id] = outcome
            case OperationForgotten(framework_id, operation_id):
                state.operations.pop((framework_id, operation_id), None)
            case AgentIdKept(agent_id):
                state.agent_id = agent_id
            case ExecutorKept(framework_id, executor_id, address, framework, for_groups, info):
                expect(state, framework_id, executor_id, address, info).for_groups = for_groups
                if framework is not None:
                    framework_of(state, framework_id).info = framework
            case ExecutorDropped(framework_id, executor_id):
                dropped = executor_of(state, framework_id, executor_id)
                if dropped is not None:
                    drop_executor(state, dropped)
    state.lost = operations.resize(state, base)


def snapshot(state: State) -> list[Any]:
    """Records that restore what is known now."""
    kept: list[Any] = [AgentIdKept(state.agent_id)] if state.agent_id else []
    if state.own != state.info.resources:
        kept.append(OwnKept(state.info.resources, state.own))
    kept += [OperationKept(framework_id, o.status) for (framework_id, _), o in state.operations.items()]
    for executor in all_executors(state):
        kept.append(record_of(state.frameworks[executor.framework_id], executor))
    return kept


def expect(
    state: State, framework_id: str, executor_id: str, address: str = "", info: ExecutorInfo | None = None
) -> Executor:
    """An executor of an earlier life may be there."""
    framework = framework_of(state, framework_id)
    known = framework.executors.get(executor_id)
    if known is not None:
        drop_executor(state, known)
    address = address or executor_address(state.info.name, executor_id, framework_id if info is not None else "")
    phase = Reconnecting(state.settings.register_retry_ms)
    executor = Executor(framework_id, executor_id, address, phase, info=info)
    add_executor(state, framework, executor)
    return executor


def begin(state: State, out: Outbox, now_ms: int) -> None:
    """Ask for the executors of the earlier life; `proceed` goes on when each has answered or run out of time."""
    operations.begin(state, out, now_ms)
    for executor in all_executors(state):
        if isinstance(executor.phase, Reconnecting):
            executors.reconnect(state, executor, state.settings.executor_reregistration_ms, out)


def proceed(state: State, out: Outbox, now_ms: int) -> None:
    """Register once no executor is waited for any more."""
    if not isinstance(state.phase, Recovering) or any(isinstance(e.phase, Reconnecting) for e in all_executors(state)):
        return
    if not state.agent_id:
        _give_up_tasks(state, out, now_ms)
    for framework in list(state.frameworks.values()):
        forget_if_idle(state, framework)
    if not state.unestimated:
        changes.take_back(state, out, now_ms)
    registration.join(state, out)


def _give_up_tasks(state: State, out: Outbox, now_ms: int) -> None:
    """The id under which the tasks ran is lost: a master would never learn of them. They end with their executors."""
    for executor in all_executors(state):
        if tasks_of(state, executor):
            event(out, now_ms, "executor lost", executor.id, "its agent has lost the id that its tasks ran under")
            stopping.force(state, executor, stopping.EXECUTOR_SHUT_DOWN, out, now_ms)
