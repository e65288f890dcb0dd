"""The agent: runs what the master sends in executors, and tells it what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from raymesos.errors import InvariantBroken
from raymesos.kernel.agent import (
    changes,
    executors,
    limits,
    operations,
    recovery,
    registration,
    stopping,
    tasks,
    updates,
)
from raymesos.kernel.agent.state import Leaving, Recovering, State, Stopped, check, parse_key
from raymesos.kernel.agent.state import executors as executors_of
from raymesos.kernel.names import Uuids
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import AgentSettings
from raymesos.wire.messages import (
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    AgentServed,
    ApplyOperation,
    ConfigureAgent,
    Drain,
    DrainOver,
    Estimated,
    ExecutorLost,
    ExecutorMessage,
    ExecutorSubscribe,
    ExecutorUpdate,
    KillTask,
    Leave,
    OperationAcknowledged,
    Ping,
    RegisterAgain,
    RunTasks,
    ShutdownFramework,
    ShutdownOneExecutor,
    StatusAcknowledged,
)

AgentInbox = (
    AgentRefused
    | AgentRegistered
    | AgentServed
    | ApplyOperation
    | ConfigureAgent
    | Estimated
    | Drain
    | DrainOver
    | ExecutorLost
    | ExecutorMessage
    | ExecutorSubscribe
    | ExecutorUpdate
    | KillTask
    | Leave
    | LinkDown
    | LinkUp
    | OperationAcknowledged
    | Ping
    | RegisterAgain
    | RunTasks
    | ShutdownFramework
    | ShutdownOneExecutor
    | StatusAcknowledged
    | Wake
)


class AgentMachine:
    """`known_executors`: (framework id, executor id[, address]) of executors that the host found alive; those of `restore`d records count too.

    `incarnation` is larger for every later life. After `Wake("start")` it recovers those executors, then registers, under `agent_id` if it has one.
    `unestimated`: what `info` says of what it lends is no estimate; the first Estimated is.
    """

    def __init__(
        self,
        settings: AgentSettings,
        info: AgentInfo,
        incarnation: int,
        *,
        agent_id: str | None = None,
        known_executors: Sequence[tuple[str, str] | tuple[str, str, str]] = (),
        unestimated: bool = False,
    ) -> None:
        uuids = Uuids(f"agent/{info.name}", incarnation)
        self.state = State(
            settings, info, incarnation, uuids, agent_id or "", own=info.resources, unestimated=unestimated
        )
        for known in known_executors:
            recovery.expect(self.state, *known)

    @property
    def stopped(self) -> str:
        """Why the agent stopped for good; empty while it has not."""
        return self.state.phase.reason if isinstance(self.state.phase, Stopped) else ""

    @property
    def was_shut_down(self) -> bool:
        """Whether the master has ended all that this life of the agent had, for good or until it takes it again."""
        return isinstance(self.state.phase, Stopped) or self.state.turned_away

    def knows(self, address: str) -> bool:
        """Whether one of its executors lives there."""
        return any(executor.address == address for executor in executors_of(self.state))

    def restore(self, records: Iterable[Any]) -> None:
        """Take back an earlier life's records. Called before anything else."""
        recovery.restore(self.state, records)

    def snapshot(self) -> list[Any]:
        """Records that stand for all that were persisted."""
        return recovery.snapshot(self.state)

    def handle(self, now_ms: int, sender: str, message: AgentInbox, out: Outbox) -> None:
        state = self.state
        _dispatch(state, now_ms, sender, message, out)
        if isinstance(state.phase, Recovering):
            recovery.proceed(state, out, now_ms)
        elif isinstance(state.phase, Leaving):
            stopping.finish_leaving(state, out, now_ms, in_time=True)

    def check(self) -> None:
        check(self.state)


def _dispatch(state: State, now_ms: int, sender: str, message: AgentInbox, out: Outbox) -> None:
    match message:
        case ExecutorUpdate():
            executors.updated(state, sender, message, out, now_ms)
        case StatusAcknowledged():
            updates.acknowledged(state, message, out)
        case RunTasks():
            tasks.run(state, message, out, now_ms)
        case KillTask():
            tasks.kill(state, message, out, now_ms)
        case ApplyOperation():
            operations.apply(state, message, out, now_ms)
        case OperationAcknowledged():
            operations.acknowledged(state, message, out)
        case ExecutorMessage():
            executors.relay(state, message, out)
        case Wake(key):
            _wake(state, now_ms, key, out)
        case Ping():
            registration.pinged(state, message, out)
        case AgentRegistered():
            registration.registered(state, message, out, now_ms)
        case AgentRefused():
            registration.refused(state, message, out, now_ms)
        case ExecutorSubscribe():
            executors.subscribed(state, sender, message, out, now_ms)
        case ExecutorLost():
            stopping.lost(state, message, out, now_ms)
        case ShutdownFramework():
            stopping.shutdown_framework(state, message, out, now_ms)
        case ShutdownOneExecutor():
            stopping.shutdown_executor(state, message, out, now_ms)
        case Estimated(revocable):
            changes.estimated(state, revocable, out, now_ms)
        case ConfigureAgent():
            changes.configured(state, message, out, now_ms)
        case AgentServed():
            changes.served(state, message, out, now_ms)
        case Drain(grace_ms):
            tasks.drain(state, grace_ms, out, now_ms)
        case DrainOver():
            state.draining = False
        case RegisterAgain():
            registration.called_back(state, out)
        case Leave(grace_ms):
            stopping.leave(state, grace_ms, out, now_ms)
        case LinkDown(peer):
            if peer == MASTER:
                registration.link_down(state, out)
            else:
                executors.link_changed(state, peer, out, is_up=False)
        case LinkUp(peer):
            if peer == MASTER:
                registration.link_up(state, out)
            else:
                executors.link_changed(state, peer, out, is_up=True)
        case _:
            assert_never(message)


def _wake(state: State, now_ms: int, key: str, out: Outbox) -> None:
    kind, framework_id, id = parse_key(key)
    match kind:
        case "operation":
            operations.resend(state, framework_id, id, out)
        case "update":
            updates.resend(state, framework_id, id, out)
        case "executor":
            executors.overdue(state, framework_id, id, out, now_ms)
        case "limit":
            limits.tell_less(state, framework_id, id, out)
        case "ask":
            executors.ask_again(state, framework_id, id, out)
        case "register":
            registration.ask_again(state, out)
        case "ping":
            registration.ping_missed(state, out, now_ms)
        case "leave":
            stopping.finish_leaving(state, out, now_ms, in_time=False)
        case "start":
            recovery.begin(state, out, now_ms)
        case _:
            raise InvariantBroken("agent.wake", f"{state.info.name} was woken for {key!r}")
