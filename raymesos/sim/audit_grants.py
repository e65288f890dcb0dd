"""The auditor's copy of the allocator's books, made from what the allocator was told: it may grant what is free of an agent, to a framework that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raymesos.machine import MASTER, LinkDown, LinkUp
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
    Allocations,
    AllocatorReset,
    Convert,
    ConvertFree,
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkRemoved,
    FreeConverted,
    Grant,
    InverseAnswered,
    InverseGrants,
    Recover,
)

Broken = Callable[[str, str], None]


@dataclass(slots=True)
class _Agent:
    incarnation: int
    total: Resources
    held: Resources
    active: bool
    unavailable: bool = False
    asked: dict[str, None] = field(default_factory=dict)
    """Frameworks that are asked to leave it."""


@dataclass(slots=True)
class _Framework:
    roles: tuple[str, ...]
    active: bool


class GrantAudit:
    """`taken` and `sent` say what is to be watched of the allocator."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._agents: dict[str, _Agent] = {}
        self._frameworks: dict[str, _Framework] = {}
        self._epoch = -1
        self.resized: dict[str, None] = {}
        """Hostnames of agents that changed: they may have less than is held of them."""
        self.taken: dict[type, Callable[[str, str, Any], None]] = {
            AllocatorReset: self._reset,
            AgentAdded: self._agent_added,
            AgentChanged: self._agent_changed,
            AgentRemoved: self._agent_removed,
            AgentUnavailability: self._agent_unavailable,
            InverseAnswered: self._answered,
            AgentActivated: lambda a, s, m: self._agent_active(m.agent_id, active=True),
            AgentDeactivated: lambda a, s, m: self._agent_active(m.agent_id, active=False),
            FrameworkAdded: self._framework_added,
            FrameworkChanged: self._framework_changed,
            FrameworkActivated: lambda a, s, m: self._framework_active(m.framework_id, active=True),
            FrameworkDeactivated: lambda a, s, m: self._framework_active(m.framework_id, active=False),
            FrameworkRemoved: self._framework_removed,
            Recover: self._recovered,
            Convert: self._converted,
            LinkDown: self._link_changed,
            LinkUp: self._link_changed,
        }
        self.sent: dict[type, Callable[[str, str, Any, Any], None]] = {
            Allocations: self._allocated,
            FreeConverted: self._free_converted,
            InverseGrants: self._asked,
        }

    def forget(self) -> None:
        self._agents.clear()
        self._frameworks.clear()

    def held(self) -> dict[str, Resources]:
        """What is offered or used of each agent, as the allocator must see it."""
        return {agent_id: agent.held for agent_id, agent in self._agents.items()}

    def _reset(self, address: str, sender: str, message: AllocatorReset) -> None:
        self.forget()
        self._epoch = message.epoch

    def _link_changed(self, address: str, sender: str, message: LinkDown | LinkUp) -> None:
        """The allocator cannot know what it missed: it must wait for a reset."""
        if message.peer == MASTER:
            self.forget()
            self._epoch = -1

    def _agent_added(self, address: str, sender: str, message: AgentAdded) -> None:
        held = EMPTY
        for holding in message.held:
            held = held + holding.resources
        self._agents[message.agent_id] = _Agent(
            message.incarnation, message.total, held, message.active, message.unavailability is not None
        )
        if not _covers(message.total, held) and message.hostname not in self.resized:
            self._broken(
                "grant.held", f"{message.agent_id} has {message.total} and the master says that {held} of it are held"
            )

    def _agent_changed(self, address: str, sender: str, message: AgentChanged) -> None:
        agent = self._agents.get(message.agent_id)
        if agent is not None:
            agent.total = message.total

    def _agent_removed(self, address: str, sender: str, message: AgentRemoved) -> None:
        self._agents.pop(message.agent_id, None)

    def _agent_active(self, agent_id: str, *, active: bool) -> None:
        agent = self._agents.get(agent_id)
        if agent is not None:
            agent.active = active

    def _framework_added(self, address: str, sender: str, message: FrameworkAdded) -> None:
        self._frameworks[message.framework_id] = _Framework(message.roles, message.active)

    def _framework_changed(self, address: str, sender: str, message: FrameworkChanged) -> None:
        framework = self._frameworks.get(message.framework_id)
        if framework is not None:
            framework.roles = message.roles

    def _framework_active(self, framework_id: str, *, active: bool) -> None:
        framework = self._frameworks.get(framework_id)
        if framework is not None:
            framework.active = active
            for agent in self._agents.values() if not active else ():
                agent.asked.pop(framework_id, None)

    def _framework_removed(self, address: str, sender: str, message: FrameworkRemoved) -> None:
        self._frameworks.pop(message.framework_id, None)
        for agent in self._agents.values():
            agent.asked.pop(message.framework_id, None)

    def _recovered(self, address: str, sender: str, message: Recover) -> None:
        agent = self._agents.get(message.agent_id)
        if agent is None or agent.incarnation != message.incarnation:
            return
        if agent.held.contains(message.resources):
            agent.held = agent.held - message.resources
        else:
            self._broken("grant.recover", f"{message.resources} of {message.agent_id} come back, {agent.held} are held")

    def _converted(self, address: str, sender: str, message: Convert) -> None:
        agent = self._agents.get(message.agent_id)
        if agent is None or agent.incarnation != message.incarnation:
            return
        if not agent.held.contains(message.before):
            self._broken("grant.convert", f"{message.before} of {message.agent_id} is converted, {agent.held} are held")
            return
        agent.held = agent.held - message.before + message.after
        self._convert_total(agent, message.before, message.after)

    def _free_converted(self, address: str, to: str, message: FreeConverted, cause: Any) -> None:
        agent = self._agents.get(cause.agent_id) if isinstance(cause, ConvertFree) else None
        if agent is None or not message.done:
            return
        free = remaining(agent.total, agent.held)
        if not free.contains(cause.before):
            self._broken("grant.convert", f"{cause.before} of {cause.agent_id} is converted, {free} is free")
        self._convert_total(agent, cause.before, cause.after)

    def _convert_total(self, agent: _Agent, before: Resources, after: Resources) -> None:
        if agent.total.contains(once(before)):
            agent.total = agent.total - once(before) + once(after)

    def _allocated(self, address: str, to: str, message: Allocations, cause: Any) -> None:
        if message.epoch != self._epoch:
            self._broken("grant.epoch", f"grants of epoch {message.epoch}, the last reset was {self._epoch}")
            return
        for grant in message.grants:
            self._granted(grant)

    def _granted(self, grant: Grant) -> None:
        agent = self._agents.get(grant.agent_id)
        if agent is None or agent.incarnation != grant.incarnation or not agent.active:
            self._broken("grant.agent", f"{grant} of an agent that is not there or not to be offered")
            return
        framework = self._frameworks.get(grant.framework_id)
        if framework is None or not framework.active or grant.role not in framework.roles:
            self._broken("grant.framework", f"{grant} for a framework that is not there, away, or not in that role")
        if remaining(agent.total, agent.held).contains(grant.resources):
            agent.held = agent.held + grant.resources
        else:
            self._broken("grant.overcommitted", f"{grant}; of {agent.total} {agent.held} are held already")

    # ------------------------------------------------------------ inverse offers

    def _agent_unavailable(self, address: str, sender: str, message: AgentUnavailability) -> None:
        agent = self._agents.get(message.agent_id)
        if agent is not None:
            agent.unavailable, agent.asked = message.unavailability is not None, {}

    def _answered(self, address: str, sender: str, message: InverseAnswered) -> None:
        agent = self._agents.get(message.agent_id)
        if agent is not None:
            agent.asked.pop(message.framework_id, None)

    def _asked(self, address: str, to: str, message: InverseGrants, cause: Any) -> None:
        for framework_id, agent_id in message.pairs:
            agent, framework = self._agents.get(agent_id), self._frameworks.get(framework_id)
            if agent is None or not agent.unavailable or framework is None or not framework.active:
                self._broken("grant.inverse", f"{framework_id} is asked to leave {agent_id} for no reason, or is away")
            elif framework_id in agent.asked:
                self._broken("grant.inverse", f"{framework_id} is asked to leave {agent_id}, and was before")
            else:
                agent.asked[framework_id] = None


def _covers(total: Resources, held: Resources) -> bool:
    """Whether there is as much of each name. What a task holds that its agent never heard of may be of a kind that the agent never came to have."""
    there = total.quantities()
    return all(there.get(name, 0) >= value for name, value in once(held).quantities().items())
