"""How much memory a custom executor may have: what it holds itself and what its tasks hold. The launcher is told of more at once, of less soon: tasks end by the thousand."""

from __future__ import annotations

from raymesos.kernel.agent.state import Executor, State, executor_of, wake_key
from raymesos.kernel.names import launcher_address
from raymesos.machine import Outbox
from raymesos.wire.messages import LimitExecutor

# An executor that has ended tasks may for so long use what they had.
LESS_AFTER_MS = 1_000


def tell(executor: Executor, agent_name: str, out: Outbox) -> None:
    """The executor may have more than the launcher was told. Of others than custom ones each task has a limit of its own."""
    if executor.is_custom and executor.mem_milli > executor.limit_milli:
        _tell(executor, agent_name, out)


def ended(executor: Executor, out: Outbox) -> None:
    """A task of it has ended."""
    if executor.is_custom and not executor.limit_waits and executor.mem_milli < executor.limit_milli:
        executor.limit_waits = True
        out.wake(wake_key("limit", executor.framework_id, executor.id), LESS_AFTER_MS)


def tell_less(state: State, framework_id: str, executor_id: str, out: Outbox) -> None:
    executor = executor_of(state, framework_id, executor_id)
    if executor is not None:
        executor.limit_waits = False
        if executor.mem_milli != executor.limit_milli:
            _tell(executor, state.info.name, out)


def _tell(executor: Executor, agent_name: str, out: Outbox) -> None:
    executor.limit_milli = executor.mem_milli
    limit = LimitExecutor(executor.framework_id, executor.id, executor.mem_milli)
    out.send(launcher_address(agent_name), limit)
