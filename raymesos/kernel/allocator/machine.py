"""The allocator: who is offered what. It keeps the books of free, offered and used resources, and passes decide to whom what is free goes.

Its inbox comes from the master alone. It persists nothing: after a restart, or a break in its link to the master, it says AllocatorReady and is told everything anew.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, assert_never

from raymesos.kernel.allocator import agents, explain, frameworks, inverse, metrics, passes
from raymesos.kernel.allocator.state import forget_all, new_state
from raymesos.machine import MASTER, OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import AllocatorSettings
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentChanged,
    AgentDeactivated,
    AgentRemoved,
    AgentUnavailability,
    AllocatorReady,
    AllocatorReset,
    Convert,
    ConvertFree,
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkRemoved,
    InverseAnswered,
    QuotasChanged,
    Recover,
    ResumeAllocation,
    ReviveRoles,
    SuppressRoles,
    WeightsChanged,
)

AgentNews = (
    AgentAdded
    | AgentChanged
    | AgentRemoved
    | AgentActivated
    | AgentDeactivated
    | AgentUnavailability
    | Recover
    | Convert
    | ConvertFree
)
FrameworkNews = (
    FrameworkAdded
    | FrameworkChanged
    | FrameworkActivated
    | FrameworkDeactivated
    | FrameworkRemoved
    | ReviveRoles
    | SuppressRoles
)
HostNews = Wake | LinkUp | LinkDown
AllocatorInbox = (
    HostNews
    | AllocatorReset
    | AgentNews
    | FrameworkNews
    | WeightsChanged
    | QuotasChanged
    | ResumeAllocation
    | InverseAnswered
)


class AllocatorMachine:
    """`seed` decides the order in which agents are offered, and what random sorters draw."""

    def __init__(self, settings: AllocatorSettings, seed: int) -> None:
        self._state = new_state(settings, seed)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        inbox: AllocatorInbox = message
        match inbox:
            case Wake() | LinkUp() | LinkDown():
                self._hear_host(now_ms, inbox, out)
            case AllocatorReset(epoch, paused):
                forget_all(self._state)
                self._state.epoch, self._state.paused = epoch, paused
            case _ if self._state.epoch is None:
                pass  # Said before the master knew that it has to tell everything; it will.
            case WeightsChanged(weights):
                for role, weight in weights:
                    self._state.roster.set_weight(role, weight)
            case ResumeAllocation():
                self._state.paused = False
                passes.ask(self._state, out, all_agents=True)
            case QuotasChanged(quotas):
                self._state.ledger.set_quotas(quotas)
            case InverseAnswered(framework_id, agent_id, refuse_ms):
                until_ms = now_ms + refuse_ms if refuse_ms else None
                inverse.over(self._state.inverse, framework_id, agent_id, until_ms)
            case (
                AgentAdded()
                | AgentChanged()
                | AgentRemoved()
                | AgentActivated()
                | AgentDeactivated()
                | AgentUnavailability()
                | Recover()
                | Convert()
                | ConvertFree()
            ):
                self._hear_of_agent(now_ms, inbox, out)
            case _:
                self._hear_of_framework(now_ms, inbox, out)

    def shares(self) -> dict[str, Fraction]:
        """Dominant share of each role that holds something (sub-roles included) or is subscribed to, weight not applied."""
        return metrics.shares(self._state)

    @property
    def passes(self) -> int:
        """How many there were in this life."""
        return self._state.runs

    def metrics(self) -> dict[str, float]:
        """Gauges by Mesos' names, as of the last message."""
        return metrics.all_metrics(self._state)

    def check(self) -> None:
        self._state.roster.check()
        self._state.ledger.check()
        self._state.filters.check()

    def _hear_host(self, now_ms: int, message: HostNews, out: Outbox) -> None:
        state = self._state
        match message:
            case Wake("start"):
                passes.start(state, now_ms, out)
            case Wake(passes.TICK):
                passes.periodic(state, now_ms, out)
            case Wake(passes.TRIGGERED):
                passes.triggered(state, now_ms, out)
            case LinkUp(peer) if peer == MASTER:
                state.epoch = None
                out.send(MASTER, AllocatorReady())
            case LinkDown(peer) if peer == MASTER:
                state.epoch = None
            case LinkUp(peer, restarted=True) if peer == OBSERVER:
                explain.tell_again(state, now_ms, out)
            case Wake() | LinkUp() | LinkDown():
                pass
            case _:
                assert_never(message)

    def _hear_of_agent(self, now_ms: int, message: AgentNews, out: Outbox) -> None:
        state = self._state
        match message:
            case AgentAdded():
                due = agents.add(state, message)
            case AgentChanged():
                due = agents.change(state, message)
            case AgentUnavailability():
                due = agents.set_unavailability(state, message)
            case Recover():
                due = agents.recover(state, message, now_ms)
            case Convert():
                due = agents.convert(state, message)
            case ConvertFree():
                due = agents.convert_free(state, message, out)
            case AgentRemoved(agent_id):
                due = agents.remove(state, agent_id)
            case AgentActivated(agent_id):
                due = agents.set_active(state, agent_id, active=True)
            case AgentDeactivated(agent_id):
                due = agents.set_active(state, agent_id, active=False)
            case _:
                assert_never(message)
        if due:
            passes.ask(state, out)

    def _hear_of_framework(self, now_ms: int, message: FrameworkNews, out: Outbox) -> None:
        state = self._state
        match message:
            case FrameworkAdded():
                due = frameworks.add(state, message)
            case FrameworkChanged():
                due = frameworks.change(state, message)
            case FrameworkActivated(framework_id):
                due = frameworks.activate(state, framework_id)
            case FrameworkDeactivated(framework_id):
                due = frameworks.deactivate(state, framework_id)
                inverse.forget_framework(state.inverse, framework_id)
            case FrameworkRemoved(framework_id):
                due = frameworks.remove(state, framework_id)
                inverse.forget_framework(state.inverse, framework_id)
            case ReviveRoles():
                due = frameworks.revive(state, message)
                inverse.revive(state.inverse, message.framework_id)
            case SuppressRoles():
                due = frameworks.suppress(state, message)
            case _:
                assert_never(message)
        explain.tell_wishes(state, message.framework_id, now_ms, out)
        if due:
            passes.ask(state, out, all_agents=True)
