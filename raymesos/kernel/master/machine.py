"""The master: who is here, what is offered to whom, what was accepted, and what becomes of it. It decides nothing about shares: the allocator does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never, get_args

from raymesos.errors import InvariantBroken
from raymesos.kernel.master import (
    accept,
    agents,
    check,
    counts,
    draining,
    executors,
    frameworks,
    inverse,
    limits,
    maintenance,
    metrics,
    notes,
    offers,
    operating,
    operations,
    operator,
    preemption,
    quotas,
    reconcile,
    registry,
    tasks,
)
from raymesos.kernel.master.state import State, count
from raymesos.machine import ALLOCATOR, OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import MasterSettings
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    AgentUpdated,
    Allocations,
    AllocatorReady,
    AllocatorReset,
    DeactivateAgent,
    Decline,
    DeclineInverse,
    Disconnect,
    DrainAgent,
    ExecutorExited,
    ExecutorMessage,
    FreeConverted,
    InverseGrants,
    Kill,
    MachineId,
    MarkAgentGone,
    MasterStarted,
    Operate,
    OperationReport,
    Pong,
    Preempt,
    ReactivateAgent,
    Reconcile,
    ReconcileOperations,
    RegisterAgent,
    ReregisterAgent,
    Revive,
    ScheduleMaintenance,
    SetQuotas,
    SetWeights,
    ShutdownExecutor,
    StartMaintenance,
    StatusUpdate,
    StopMaintenance,
    Subscribe,
    Suppress,
    Teardown,
    TeardownFramework,
    ToExecutor,
    UnregisterAgent,
    UpdateFramework,
    WeightsChanged,
)
from raymesos.wire.notes import CallsNote, OutstandingNote

FromFramework = (
    Subscribe
    | UpdateFramework
    | Disconnect
    | Teardown
    | Accept
    | Decline
    | AcceptInverse
    | DeclineInverse
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
OfAgents = DrainAgent | DeactivateAgent | ReactivateAgent | MarkAgentGone
OfMaintenance = ScheduleMaintenance | StartMaintenance | StopMaintenance
FromOperator = OfAgents | OfMaintenance | SetWeights | SetQuotas | Operate | TeardownFramework
FromAllocator = AllocatorReady | Allocations | Preempt | InverseGrants | FreeConverted
MasterInbox = FromFramework | FromAgent | FromHost | FromAllocator | FromOperator

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

    def outstanding(self, now_ms: int) -> list[OutstandingNote]:
        """The offers of each framework for which they have changed since the last call: too much to tell at each change."""
        return notes.outstanding(self.state, now_ms)

    def counted(self, now_ms: int) -> list[CallsNote]:
        """What was counted of each framework, for which something was since the last call."""
        return counts.counted(self.state, now_ms)

    def knows(self, address: str) -> bool:
        """Whether a framework or an agent lives there."""
        return address in self.state.framework_of_address or address in self.state.agent_of_address

    def maintenance_status(self) -> list[tuple[MachineId, bool, dict[str, str]]]:
        """(machine, whether it is down, last answers to inverse offers by framework id) of each machine on the schedule."""
        return maintenance.status(self.state)

    def agent_state(self, agent_id: str) -> str:
        """active, draining, drained, deactivated, or where it is: disconnected, unreachable, recovering, gone; empty if it is unknown."""
        return draining.state_of(self.state, agent_id)

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
            case Preempt():
                preemption.preempt(state, inbox, out, now_ms)
            case InverseGrants():
                inverse.granted(state, inbox, out)
            case SetQuotas():
                quotas.set_quotas(state, sender, inbox, out, now_ms)
            case TeardownFramework():
                frameworks.teardown_by_operator(state, sender, inbox, out, now_ms)
            case SetWeights():
                operator.set_weights(state, sender, inbox, out, now_ms)
            case DrainAgent() | DeactivateAgent() | ReactivateAgent() | MarkAgentGone():
                _hear_of_agents(state, sender, inbox, out, now_ms)
            case ScheduleMaintenance() | StartMaintenance() | StopMaintenance():
                _hear_of_maintenance(state, sender, inbox, out, now_ms)
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
                if limits.passes(state, sender, inbox, out, now_ms):
                    _hear_framework(state, sender, inbox, out, now_ms)
        if out.sends:
            counts.told(state, out)


def _hear_of_agents(state: State, sender: str, message: OfAgents, out: Outbox, now_ms: int) -> None:
    match message:
        case DrainAgent():
            draining.drain(state, sender, message, out, now_ms)
        case DeactivateAgent():
            draining.deactivate(state, sender, message, out, now_ms)
        case ReactivateAgent():
            draining.reactivate(state, sender, message, out, now_ms)
        case MarkAgentGone():
            draining.mark_gone(state, sender, message, out, now_ms)
        case _:
            assert_never(message)


def _hear_of_maintenance(state: State, sender: str, message: OfMaintenance, out: Outbox, now_ms: int) -> None:
    match message:
        case ScheduleMaintenance():
            maintenance.replace_schedule(state, sender, message, out, now_ms)
        case StartMaintenance():
            maintenance.start(state, sender, message, out, now_ms)
        case StopMaintenance():
            maintenance.stop(state, sender, message, out, now_ms)
        case _:
            assert_never(message)


def _hear_framework(state: State, sender: str, message: FromFramework, out: Outbox, now_ms: int) -> None:
    if not isinstance(message, Subscribe):
        counts.called(state, sender, message)
    match message:
        case Subscribe():
            frameworks.subscribe(state, sender, message, out, now_ms)
            counts.called(state, sender, message)
        case UpdateFramework():
            frameworks.update(state, sender, message, out, now_ms)
        case Disconnect():
            frameworks.link_down(state, sender, out, now_ms)
        case Teardown():
            frameworks.teardown(state, sender, message, out, now_ms)
        case Accept():
            accept.accepted(state, sender, message, out, now_ms)
        case Decline():
            offers.declined(state, sender, message, out, now_ms)
        case AcceptInverse() | DeclineInverse():
            maintenance.answered(state, sender, message, out, now_ms)
        case Revive():
            frameworks.revive(state, sender, message, out, now_ms)
        case Suppress():
            frameworks.suppress(state, sender, message, out, now_ms)
        case Kill():
            reconcile.kill(state, sender, message, out, now_ms)
        case Acknowledge():
            tasks.acknowledged(state, sender, message, out)
            draining.settle(state, message.agent_id, out, now_ms)
        case Reconcile():
            reconcile.reconcile(state, sender, message, out, now_ms)
        case AcknowledgeOperation():
            operations.acknowledged(state, sender, message, out, now_ms)
            draining.settle(state, message.agent_id, out, now_ms)
        case ReconcileOperations():
            operations.reconcile(state, sender, message, out)
        case ToExecutor():
            executors.to_executor(state, sender, message, out)
        case ShutdownExecutor():
            executors.shut_down(state, sender, message, out)
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
            draining.settle(state, state.agent_of_address.get(sender, ""), out, now_ms)
        case OperationReport():
            operations.reported(state, sender, message, out, now_ms)
            draining.settle(state, state.agent_of_address.get(sender, ""), out, now_ms)
        case ExecutorMessage():
            executors.from_executor(state, sender, message, out)
        case ExecutorExited():
            executors.exited(state, sender, message, out, now_ms)
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
            agents.resume_if_enough(state, out)
        case Wake(key) if key.startswith("failover "):
            frameworks.failover_over(state, key.removeprefix("failover "), out, now_ms)
        case Wake(key) if key.startswith("limit "):
            for sender, late in limits.due(state, key.removeprefix("limit "), out, now_ms):
                _hear_framework(state, sender, late, out, now_ms)
        case Wake(key):
            raise InvariantBroken("master.wake", f"woken for {key!r}")
        case LinkDown(peer):
            agents.link_down(state, peer, out, now_ms)
            frameworks.link_down(state, peer, out, now_ms)
        case LinkUp(peer, restarted) if peer == OBSERVER:
            if restarted:
                notes.all_again(state, out, now_ms)
                maintenance.note(state, out, now_ms)
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
    state.expected = len(state.recovering) if state.quotas else 0
    out.persist(MasterStarted(state.cluster_id, state.epoch))
    _tell_allocator_all(state, out)
    notes.master_now(state, out, now_ms)
    if state.windows:
        maintenance.note(state, out, now_ms)
    for agent_id in state.recovering:
        notes.away_now(state, out, now_ms, agent_id, "recovering")
    out.wake("ping", state.settings.agent_ping_ms)
    if state.recovering:
        out.wake("recovery", state.settings.agent_reregister_ms)
    for info in state.known_frameworks.values():
        out.wake(f"failover {info.id}", max(info.failover_timeout_ms, state.settings.agent_reregister_ms))


def _tell_allocator_all(state: State, out: Outbox) -> None:
    """Reset the allocator's books and tell it everything; grants of before are void."""
    state.resets += 1
    preemption.told_anew(state)
    inverse.rescind_all(state, out)
    out.send(ALLOCATOR, AllocatorReset(state.allocator_epoch, paused=state.expected > 0))
    if state.weights:
        out.send(ALLOCATOR, WeightsChanged(tuple(state.weights.items())))
    quotas.tell_allocator(state, out)
    for framework in state.frameworks.values():
        frameworks.tell_allocator(framework, out)
    agents.tell_all(state, out)
