"""Drives an AllocatorMachine by messages alone, as the master would: a fake master that holds what it is granted until told otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from raymesos.kernel.allocator.machine import AllocatorMachine
from raymesos.machine import ALLOCATOR, MASTER, Departure, Pump, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import AllocatorSettings
from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.wire.messages import (
    AgentAdded,
    Allocations,
    AllocatorReady,
    AllocatorReset,
    Demand,
    FrameworkAdded,
    Grant,
    Held,
    Recover,
    ReviveRoles,
    SuppressRoles,
    WeightsChanged,
)

NO_ATTRIBUTES = Attributes.parse("")


def cpus_mem(cpus: float, mem: float) -> str:
    return f"cpus:{cpus};mem:{mem}"


class Driver:
    """Time stands still except in `advance`; every call settles, so triggered passes have run when it returns."""

    def __init__(self, *, seed: int = 0, interval_ms: int = 1_000, **settings: Any) -> None:
        self.settings = replace(AllocatorSettings(), allocation_interval_ms=interval_ms, **settings)
        self.machine = AllocatorMachine(self.settings, seed)
        self.now_ms = 0
        self.messages: list[Any] = []
        self.notes: list[Any] = []
        self.held: list[Grant] = []
        self._seen = 0
        self.incarnation = 0
        self._pump = Pump()
        self._pump.add(ALLOCATOR, self.machine)
        self.send(Wake("start"))
        self.send(AllocatorReset(1))

    def deliver(self, *messages: Any) -> None:
        """Deliver the messages in one batch, and nothing more: what is due waits for the next call."""
        self._carry(self._pump.deliver(self.now_ms, [(ALLOCATOR, MASTER, m) for m in messages]))

    def send(self, *messages: Any) -> None:
        """Deliver the messages in one batch and let everything due happen."""
        self.deliver(*messages)
        self._settle()

    def advance(self, ms: int) -> list[Grant]:
        """Let `ms` pass with their periodic passes. Returns the new grants."""
        end = self.now_ms + ms
        while (at := self._pump.next_wake_ms()) is not None and at <= end:
            self.now_ms = at
            self._settle()
        self.now_ms = end
        return self.new()

    def tick(self) -> list[Grant]:
        """One allocation interval passes."""
        return self.advance(self.settings.allocation_interval_ms)

    def new(self) -> list[Grant]:
        """Grants that nobody has looked at."""
        grants = [g for m in self.messages[self._seen :] if isinstance(m, Allocations) for g in m.grants]
        self._seen = len(self.messages)
        return grants

    def agent(
        self, name: str, total: str | Resources, *, held: tuple[tuple[str, str, str], ...] = (), **facts: Any
    ) -> list[Grant]:
        """An agent joins. Returns the new grants."""
        self.send(self.agent_message(name, total, held=held, **facts))
        return self.new()

    def agent_message(
        self, name: str, total: str | Resources, *, held: tuple[tuple[str, str, str], ...] = (), **facts: Any
    ) -> AgentAdded:
        self.incarnation += 1
        holdings = tuple(Held(framework, role, name, Resources.parse(text)) for framework, role, text in held)
        return AgentAdded(name, self.incarnation, f"{name}.host", Resources.of(total), NO_ATTRIBUTES, holdings, **facts)

    def framework(
        self, name: str, *roles: str, capabilities: tuple[str, ...] = ALL_CAPABILITIES, suppressed: tuple[str, ...] = ()
    ) -> list[Grant]:
        """A framework joins. Returns the new grants."""
        self.send(FrameworkAdded(name, roles, suppressed, capabilities))
        return self.new()

    def give_back(self, *grants: Grant, refuse_ms: int | None = None, ended: bool = False) -> list[Grant]:
        """What was granted returns. Returns the new grants."""
        for grant in grants:
            self.held.remove(grant)
            self.send(
                Recover(
                    grant.framework_id,
                    grant.role,
                    grant.agent_id,
                    grant.incarnation,
                    grant.resources,
                    refuse_ms,
                    task_ended=ended,
                )
            )
        return self.new()

    def give_back_all(self) -> list[Grant]:
        return self.give_back(*list(self.held))

    def revive(self, name: str, *roles: str, demand: tuple[tuple[str, int], ...] = ()) -> list[Grant]:
        wants = tuple(Demand(Resources.parse(shape), count) for shape, count in demand)
        self.send(ReviveRoles(name, roles, wants))
        return self.new()

    def suppress(self, name: str, *roles: str) -> list[Grant]:
        self.send(SuppressRoles(name, roles))
        return self.new()

    def weight(self, role: str, weight: str) -> list[Grant]:
        self.send(WeightsChanged(((role, weight),)))
        return self.new()

    def notes_of(self, kind: type[Any]) -> list[Any]:
        return [n for n in self.notes if isinstance(n, kind)]

    def ready_count(self) -> int:
        return sum(isinstance(m, AllocatorReady) for m in self.messages)

    def _settle(self) -> None:
        while (at := self._pump.next_wake_ms()) is not None and at <= self.now_ms:
            self._carry(self._pump.fire(self.now_ms))

    def _carry(self, departure: Departure) -> None:
        for _, _, message in departure.messages.get(MASTER, []):
            self.messages.append(message)
            if isinstance(message, Allocations):
                self.held.extend(message.grants)
        self.notes.extend(departure.notes)
        self.machine.check()


def brief(grants: list[Grant]) -> list[tuple[str, str, str]]:
    """(framework, agent, resources as text), in order of framework and agent."""
    return sorted((g.framework_id, g.agent_id, str(g.resources)) for g in grants)
