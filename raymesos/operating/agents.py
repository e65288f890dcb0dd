"""`cluster.agents`: the agents, and what may be done with one."""

from __future__ import annotations

import time
from typing import Any

from raymesos.model.resources import Resources
from raymesos.model.units import milliseconds
from raymesos.operating.asking import OperatorDoor, operate
from raymesos.operating.listing import NamedListing
from raymesos.wire.operating import DeactivateAgent, DrainAgent, MarkAgentGone, ReactivateAgent

LOOK_S = 0.1


class Agent:
    """The handle of an agent. Its properties ask the cluster each time."""

    def __init__(self, door: OperatorDoor, id: str, name: str) -> None:
        self._door = door
        self.id, self.name = id, name

    @property
    def state(self) -> str:
        """active, draining, drained, deactivated, disconnected, unreachable or gone."""
        return str(self.row["state"])

    @property
    def attributes(self) -> str:
        """Text like `rack:r1;n:5`."""
        return str(self.row["attributes"])

    @property
    def total(self) -> Resources:
        """What it has, with reservations and volumes."""
        return Resources.from_json(self.row["resources"])

    @property
    def used(self) -> dict[str, float]:
        """What tasks hold of it, by name."""
        return dict(self.row["used"])

    @property
    def row(self) -> dict[str, Any]:
        """All that is known of it as plain data. Raises UnknownId once it is forgotten."""
        found: dict[str, Any] = self._door.view("agent", {"agent": self.id})
        return found

    def drain(self, grace: float | str | None = None, *, mark_gone: bool = False) -> None:
        """Offer nothing more of it and kill its tasks, each with at most `grace` (seconds, or text like 30s; None: its own). Returns at once: see `wait_drained`.

        With `mark_gone` it is removed for ever when the last task has ended. Raises Conflict if it drains already, UnknownId, InvalidValue.
        """
        grace_ms = None if grace is None else milliseconds(grace, "grace")
        operate(self._door, DrainAgent(self.id, grace_ms, mark_gone))

    def wait_drained(self, timeout: float | None = None) -> bool:
        """True once it is drained or gone; False if it is not after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.state not in ("drained", "gone"):
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def deactivate(self) -> None:
        """Offer nothing more of it; its tasks run on. Raises Conflict, UnknownId."""
        operate(self._door, DeactivateAgent(self.id))

    def reactivate(self) -> None:
        """Offer it again, drained or deactivated as it is. Raises Conflict while it is draining, UnknownId."""
        operate(self._door, ReactivateAgent(self.id))

    def mark_gone(self) -> None:
        """It and its tasks are gone for ever; it may never come back. Raises UnknownId, Conflict."""
        operate(self._door, MarkAgentGone(self.id))

    def __repr__(self) -> str:
        return f"<agent {self.name} ({self.id})>"


class Agents(NamedListing[Agent]):
    """The agents in the order of their names; `cluster.agents["agent1"]` is one of them, by id or name. Each look asks the cluster."""

    def _rows(self) -> list[Agent]:
        return [Agent(self._door, row["id"], row["name"]) for row in self._door.view("agents", {})]

    def _named(self, name: str) -> Agent:
        row = self._door.view("agent", {"agent": name})
        return Agent(self._door, row["id"], row["name"])

    def __repr__(self) -> str:
        return f"<agents {', '.join(agent.name for agent in self) or 'none'}>"
