"""The master: who is here, what is offered to whom, what was accepted, and what becomes of it. It decides nothing about shares: the allocator does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never, get_args

from raymesos.errors import InvariantBroken
from raymesos.kernel.master import (
    accept,
    agents,
    check,
    frameworks,
    metrics,
    offers,
    operating,
    operations,
    operator,
    reconcile,
    registry,
    tasks,
)
from raymesos.kernel.master.state import State, count
from raymesos.machine import ALLOCATOR, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import MasterSettings
from raymesos.wire.messages import (
    Accept,
    Acknowledge,
    AcknowledgeOperation,
    AgentUpdated,
    Allocations,
    AllocatorReady,
    AllocatorReset,
    Decline,
    ExecutorExited,
    ExecutorMessage,
    FreeConverted,
    Kill,
    MasterStarted,
    Operate,
    OperationReport,
    Pong,
    Reconcile,
    ReconcileOperations,
    RegisterAgent,
    ReregisterAgent,
    Revive,
    SetWeights,
    ShutdownExecutor,
    StatusUpdate,
    Subscribe,
    Suppress,
    Teardown,
    ToExecutor,
    UnregisterAgent,
    UpdateFramework,
    WeightsChanged,
)

FromFramework = (
    Subscribe
    | UpdateFramework
    | Teardown
    | Accept
    | Decline
    | Revive
    | Suppress
    | Kill
    | Acknowledge
    | Reconcile
    | AcknowledgeOperation
    | ReconcileOperations
    | ToExecutor
    | ShutdownExecutor
)
FromAgent = (
    RegisterAgent
    | ReregisterAgent
    | AgentUpdated
    | UnregisterAgent
    | Pong
    | StatusUpdate
    | OperationReport
    | ExecutorMessage
    | ExecutorExited
)
FromHost = Wake | LinkDown | LinkUp
MasterInbox = FromFramework | FromAgent | FromHost | AllocatorReady | Allocations | FreeConverted | SetWeights | Operate

_INBOX = dict.fromkeys(get_args(MasterInbox))
"""What a peer may say; anything else is its mistake."""


class MasterMachine:
    """`cluster_id` goes into every id that it gives. `restore` comes before anything else."""

    def __init__(self, settings: MasterSettings, cluster_id: str) -> None:
        self.state = State(settings, cluster_id)

    def restore(self, records: Iterable[Any]) -> None:
        """Take back the registry of former lives."""
        registry.restore(self.state, records)

    def snapshot(self) -> list[Any]:
        return registry.snapshot(self.state)

    def census(self) -> tuple[int, int]:
        """(connected agents, subscribed frameworks)."""
        agents_here = sum(1 for a in self.state.agents.values() if a.connected)
        return agents_here, sum(1 for f in self.state.frameworks.values() if f.address is not None)

    def metrics(self, now_ms: int = 0) -> dict[str, float]:
        """By Mesos' names."""
        return metrics.metrics(self.state, now_ms)

    def check(self) -> None:
        check.check(self.state)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        inbox: MasterInbox = message
        state = self.state
        if type(message) not in _INBOX:
            count(state, "dropped_messages")
            return
        match inbox:
            case Allocations():
                offers.granted(state, inbox, out, now_ms)
            case AllocatorReady():
                _tell_allocator_all(state, out)
                operating.ask_again(state, out, now_ms)
            case FreeConverted():
                operating.free_converted(state, inbox, out, now_ms)
            case Operate():
                operating.operate(state, sender, inbox, out, now_ms)
            case SetWeights():
                operator.set_weights(state, sender, inbox, out, now_ms)
            case Wake() | LinkDown() | LinkUp():
                _hear_host(state, inbox, out, now_ms)
            case (
                RegisterAgent()
                | ReregisterAgent()
                | AgentUpdated()
                | UnregisterAgent()
                | Pong()
                | StatusUpdate()
                | OperationReport()
                | ExecutorMessage()
                | ExecutorExited()
            ):
                _hear_agent(state, sender, inbox, out, now_ms)
            case _:
                _hear_framework(state, sender, inbox, out, now_ms)


def _hear_framework(state: State, sender: str, message: FromFramework, out: Outbox, now_ms: int) -> None:
    match message:
        case Subscribe():
            frameworks.subscribe(state, sender, message, out, now_ms)
        case UpdateFramework():
            frameworks.update(state, sender, message, out, now_ms)
        case Teardown():
            frameworks.teardown(state, sender, message, out, now_ms)
        case Accept():
            accept.accepted(state, sender, message, out, now_ms)
        case Decline():
            offers.declined(state, sender, message, out, now_ms)
        case Revive():
            frameworks.revive(state, sender, message, out)
        case Suppress():
            frameworks.suppress(state, sender, message, out)
        case Kill():
            reconcile.kill(state, sender, message, out, now_ms)
        case Acknowledge():
            tasks.acknowledged(state, sender, message, out)
        case Reconcile():
            reconcile.reconcile(state, sender, message, out, now_ms)
        case AcknowledgeOperation():
            operations.acknowledged(state, sender, message, out)
        case ReconcileOperations():
            operations.reconcile(state, sender, message, out)
        case ToExecutor():
            tasks.to_executor(state, sender, message, out)
        case ShutdownExecutor():
            tasks.shutdown_executor(state, sender, message, out)
        case _:
            assert_never(message)


def _hear_agent(state: State, sender: str, message: FromAgent, out: Outbox, now_ms: int) -> None:
    match message:
        case RegisterAgent():
            agents.register(state, sender, message, out, now_ms)
        case ReregisterAgent():
            agents.reregister(state, sender, message, out, now_ms)
        case AgentUpdated():
            agents.updated(state, sender, message, out, now_ms)
        case UnregisterAgent():
            agents.unregister(state, sender, message, out, now_ms)
        case Pong():
            agents.ponged(state, sender, message)
        case StatusUpdate():
            tasks.updated(state, sender, message, out, now_ms)
        case OperationReport():
            operations.reported(state, sender, message, out)
        case ExecutorMessage():
            tasks.from_executor(state, sender, message, out)
        case ExecutorExited():
            tasks.executor_exited(state, sender, message, out, now_ms)
        case _:
            assert_never(message)


def _hear_host(state: State, message: FromHost, out: Outbox, now_ms: int) -> None:
    match message:
        case Wake("start"):
            _start(state, out, now_ms)
        case Wake("ping"):
            agents.ping_all(state, out, now_ms)
        case Wake("offers"):
            offers.expire(state, out, now_ms)
        case Wake("recovery"):
            agents.give_up_recovering(state, out, now_ms)
        case Wake(key) if key.startswith("failover "):
            frameworks.failover_over(state, key.removeprefix("failover "), out, now_ms)
        case Wake(key):
            raise InvariantBroken("master.wake", f"woken for {key!r}")
        case LinkDown(peer):
            agents.link_down(state, peer, out, now_ms)
            frameworks.link_down(state, peer, out, now_ms)
        case LinkUp(peer, restarted):
            if restarted and peer != ALLOCATOR:
                # Its memory is gone and what was sent lately is lost: it will register or subscribe again.
                agents.link_down(state, peer, out, now_ms)
                frameworks.link_down(state, peer, out, now_ms)
        case _:
            assert_never(message)


def _start(state: State, out: Outbox, now_ms: int) -> None:
    """A new life: a new epoch, and time for agents and frameworks of the former one to come back."""
    state.epoch += 1
    state.started_ms = now_ms
    out.persist(MasterStarted(state.cluster_id, state.epoch))
    _tell_allocator_all(state, out)
    out.wake("ping", state.settings.agent_ping_ms)
    if state.recovering:
        out.wake("recovery", state.settings.agent_reregister_ms)
    for info in state.known_frameworks.values():
        out.wake(f"failover {info.id}", max(info.failover_timeout_ms, state.settings.agent_reregister_ms))


def _tell_allocator_all(state: State, out: Outbox) -> None:
    """Reset the allocator's books and tell it everything; grants of before are void."""
    state.resets += 1
    out.send(ALLOCATOR, AllocatorReset(state.allocator_epoch))
    if state.weights:
        out.send(ALLOCATOR, WeightsChanged(tuple(state.weights.items())))
    for framework in state.frameworks.values():
        frameworks.tell_allocator(framework, out)
    agents.tell_all(state, out)
