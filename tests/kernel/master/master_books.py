"""A small model of the allocator's books: what each framework holds of each agent, as far as the master's messages tell. It must agree with what the master knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raymesos.kernel.master.state import State
from raymesos.model.portions import once
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import remaining
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentChanged,
    AgentDeactivated,
    AgentRemoved,
    AgentUnavailability,
    AllocatorReset,
    Convert,
    ConvertFree,
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkRemoved,
    Grant,
    InverseAnswered,
    QuotasChanged,
    Recover,
    ReviveRoles,
    SuppressRoles,
    WeightsChanged,
)

Holder = tuple[str, str]
"""(framework id, role)"""


@dataclass(slots=True)
class Booked:
    incarnation: int
    total: Resources
    active: bool
    held: dict[Holder, Resources] = field(default_factory=dict)

    @property
    def free(self) -> Resources:
        held = EMPTY
        for resources in self.held.values():
            held = held + resources
        return remaining(self.total, held)


class Books:
    """`hear` takes what the master says to the allocator and fails on what no allocator can book."""

    def __init__(self) -> None:
        self.epoch = -1
        self.agents: dict[str, Booked] = {}
        self.frameworks: dict[str, bool] = {}
        """Frameworks that are known, and whether they are active."""

    def hear(self, message: Any) -> None:
        match message:
            case AllocatorReset(epoch):
                assert epoch > self.epoch, "the epoch of the books grows"
                self.epoch, self.agents, self.frameworks = epoch, {}, {}
            case AgentAdded():
                booked = Booked(message.incarnation, message.total, message.active)
                for row in message.held:
                    self._hold(booked, (row.framework_id, row.role), row.resources)
                self.agents[message.agent_id] = booked
            case AgentChanged(agent_id, total):
                self.agents[agent_id].total = total
            case AgentRemoved(agent_id):
                del self.agents[agent_id]
            case AgentActivated(agent_id):
                self.agents[agent_id].active = True
            case AgentDeactivated(agent_id):
                self.agents[agent_id].active = False
            case FrameworkAdded(framework_id):
                assert framework_id not in self.frameworks, f"{framework_id} is added twice"
                self.frameworks[framework_id] = message.active
            case FrameworkActivated(framework_id):
                self.frameworks[framework_id] = True
            case FrameworkDeactivated(framework_id):
                self.frameworks[framework_id] = False
            case FrameworkRemoved(framework_id):
                del self.frameworks[framework_id]
            case FrameworkChanged(framework_id) | ReviveRoles(framework_id) | SuppressRoles(framework_id):
                assert framework_id in self.frameworks
            case Recover():
                self._recover(message)
            case Convert():
                self._convert(message)
            case AgentUnavailability(agent_id):
                assert agent_id in self.agents
            case InverseAnswered() | ConvertFree() | WeightsChanged() | QuotasChanged():
                pass
            case _:
                raise AssertionError(f"the allocator does not take {message}")

    def grant(self, framework_id: str, role: str, agent_id: str, resources: Resources) -> Grant:
        """Book the resources as the framework's. They must be free."""
        booked = self.agents[agent_id]
        assert booked.free.contains(resources), f"{agent_id} has {booked.free}, not {resources}"
        self._hold(booked, (framework_id, role), resources)
        return Grant(framework_id, role, agent_id, booked.incarnation, resources)

    def agree_with(self, state: State) -> None:
        """Fails unless what is held here is exactly what the master has offered and what its tasks use."""
        assert list(self.agents) == list(state.agents) or sorted(self.agents) == sorted(state.agents)
        for agent_id, agent in state.agents.items():
            booked = self.agents[agent_id]
            assert (booked.incarnation, booked.total) == (agent.incarnation, agent.whole)
            assert booked.active == agent.offerable
            assert booked.held == _held(state, agent_id)
        known = {f.id: f.address is not None for f in state.frameworks.values() if not f.removed}
        assert self.frameworks == known

    def _hold(self, booked: Booked, holder: Holder, resources: Resources) -> None:
        assert resources, f"{holder} holds nothing"
        booked.held[holder] = booked.held.get(holder, EMPTY) + resources

    def _recover(self, message: Recover) -> None:
        booked = self.agents[message.agent_id]
        assert message.incarnation == booked.incarnation, "what comes back is of the present life of the agent"
        holder = (message.framework_id, message.role)
        held = booked.held.get(holder, EMPTY)
        assert message.resources, "nothing comes back"
        assert held.contains(message.resources), f"{holder} holds {held} of {message.agent_id}, not {message.resources}"
        left = held - message.resources
        if left:
            booked.held[holder] = left
        else:
            del booked.held[holder]

    def _convert(self, message: Convert) -> None:
        booked, holder = self.agents[message.agent_id], (message.framework_id, message.role)
        assert booked.held[holder].contains(message.before), f"{booked.held[holder]} does not hold {message.before}"
        booked.held[holder] = booked.held[holder] - message.before + message.after
        booked.total = booked.total - once(message.before) + once(message.after)

    def convert_free(self, message: ConvertFree) -> bool:
        """Whether `before` was free and is now `after`."""
        booked = self.agents[message.agent_id]
        done = booked.free.contains(message.before)
        if done:
            booked.total = booked.total - message.before + message.after
        return done


def _held(state: State, agent_id: str) -> dict[Holder, Resources]:
    held: dict[Holder, Resources] = {}
    agent = state.agents[agent_id]
    rows = [(t.framework_id, t.info.role, t.info.resources) for t in agent.tasks.values() if t.holding]
    rows += [(e.framework_id, e.info.role, e.info.resources) for e in agent.executors.values() if e.info.resources]
    offers = [getattr(state.offers[offer_id], "offer", state.offers[offer_id]) for offer_id in agent.offers]
    rows += [(o.framework_id, o.role, o.resources) for o in offers]
    for framework_id, role, resources in rows:
        held[framework_id, role] = held.get((framework_id, role), EMPTY) + resources
    return held
