"""A client's door to a simulated cluster: the same calls to the same master, the same views, under a virtual clock."""

from __future__ import annotations

from typing import Any

from raymesos.operating.agents import Agents
from raymesos.operating.maintenance import Maintenance
from raymesos.operating.quota import Quotas
from raymesos.operating.resources import reserve, unreserve
from raymesos.operating.roles import Roles
from raymesos.operating.volumes import Volumes
from raymesos.sim import Simulation


class SimulatedDoor:
    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        self._sim._operator.call(message)
        self._sim.settle()

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        return self._sim.view(name, **arguments)


class Client:
    """What a `Cluster` has of the operator's side."""

    def __init__(self, sim: Simulation) -> None:
        self.door, self._sim = SimulatedDoor(sim), sim
        self.roles, self.quota, self.agents = Roles(self.door), Quotas(self.door), Agents(self.door)
        self.volumes, self.maintenance = Volumes(self.door, late_s=0), Maintenance(self.door)

    def reserve(self, agent: str, resources: str) -> None:
        reserve(self.door, agent, resources, late_s=0)

    def unreserve(self, agent: str, resources: str) -> None:
        unreserve(self.door, agent, resources, late_s=0)

    def explain(self, subject: str) -> dict[str, Any]:
        return self._sim.explain(subject)
