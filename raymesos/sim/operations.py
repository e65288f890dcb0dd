"""Reserving, volumes and their like in the scripted harness: as operations of a framework's `accept`, and as the operator's calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from raymesos.errors import InvalidValue
from raymesos.frameworks import operations
from raymesos.frameworks.operations import Volumes, Wish
from raymesos.machine import MASTER
from raymesos.model.conversions import Maker, with_volumes
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import remaining
from raymesos.sim.events import LaunchGroupOp, LaunchOp, Task
from raymesos.wire.messages import Launch, LaunchGroup, Operate, Operation

if TYPE_CHECKING:
    from raymesos.sim.cluster import Cluster
    from raymesos.sim.operator import Operator


@dataclass(frozen=True, slots=True)
class ResourceOp:
    """One operation of an `accept` that changes resources."""

    wish: Wish
    tasks: tuple[Task, ...] = ()


class HasName(Protocol):
    """The handle of an agent."""

    name: str


AgentNamed = str | HasName
"""An agent's name, or its handle."""
AnyOp = LaunchOp | LaunchGroupOp | ResourceOp


def _name(agent: AgentNamed) -> str:
    return agent if isinstance(agent, str) else agent.name


class OperationMakers:
    """What `accept` takes beside launches. Resources are text such as `cpus:1`; what of the offers it stands for is looked up when they are accepted."""

    def reserve(
        self,
        resources: Resources | str,
        *,
        role: str = "",
        labels: Mapping[str, str] | None = None,
        operation_id: str = "",
    ) -> ResourceOp:
        """Reserve to the role of the offer, or to `role` below it. A text like `cpus(eng):1` refines what is reserved to eng."""
        rows = tuple((labels or {}).items())
        return ResourceOp(operations.reserve(resources, role=role, labels=rows, operation_id=operation_id))

    def unreserve(self, resources: Resources | str, *, operation_id: str = "") -> ResourceOp:
        return ResourceOp(operations.unreserve(resources, operation_id=operation_id))

    def create_volume(
        self,
        id: str,
        resources: Resources | str,
        container_path: str = "data",
        shared: bool = False,
        *,
        mode: str = "RW",
        operation_id: str = "",
    ) -> ResourceOp:
        """A volume of reserved disk (`disk:2048`), which tasks find under `container_path`."""
        return ResourceOp(
            operations.create_volume(id, resources, container_path, shared=shared, mode=mode, operation_id=operation_id)
        )

    def destroy_volume(self, id: str, *, operation_id: str = "") -> ResourceOp:
        return ResourceOp(operations.destroy_volume(id, operation_id=operation_id))

    def grow_volume(self, id: str, by: Resources | str | float, *, operation_id: str = "") -> ResourceOp:
        """`by` is text like `disk:512`, or a number of MB."""
        return ResourceOp(operations.grow_volume(id, by, operation_id=operation_id))

    def shrink_volume(self, id: str, by: Resources | str | float, *, operation_id: str = "") -> ResourceOp:
        """`by` is text like `disk:512`, or a number of MB."""
        return ResourceOp(operations.shrink_volume(id, by, operation_id=operation_id))


def exact(ops: Iterable[AnyOp], available: Resources, maker: Maker) -> tuple[Operation, ...]:
    """The operations as they are sent; the tasks of launches know afterwards what they hold."""
    listed = list(ops)
    for op in listed:
        if not isinstance(op, AnyOp):
            raise InvalidValue(
                "operations", op, "must be what launch_op, launch_group_op, reserve and their like return"
            )
    made = operations.exact_operations([_wish(op) for op in listed], available, maker)
    for op, operation in zip(listed, made, strict=True):
        if isinstance(operation, Launch | LaunchGroup):
            for task, info in zip(op.tasks, operation.tasks, strict=True):
                task.resources = info.resources
    return tuple(made)


def _wish(op: AnyOp) -> Wish | Volumes | Operation:
    if isinstance(op, ResourceOp):
        return op.wish
    ids = (op.volumes,) if isinstance(op, LaunchOp) else op.volumes
    return Volumes(op.operation, ids) if any(ids) else op.operation


class OperatorsOperations:
    """The operator's own: on what nobody uses of an agent. Each is carried out when the call returns; a refusal is raised."""

    cluster: Cluster
    _operator: Operator

    def reserve(self, agent: AgentNamed, resources: Resources | str, *, principal: str = "") -> None:
        """`cpus(ads):2`: reserve to a role. Raises UnknownId, or Conflict for what is not there."""
        self._operate(agent, operations.reserve(resources), principal)

    def unreserve(self, agent: AgentNamed, resources: Resources | str, *, principal: str = "") -> None:
        """`cpus(ads):2`: take back what is reserved dynamically. Raises UnknownId, or Conflict for what is not there or has a volume on it."""
        self._operate(agent, operations.unreserve(resources), principal)

    def create_volume(
        self,
        agent: AgentNamed,
        id: str,
        resources: Resources | str,
        container_path: str = "data",
        shared: bool = False,
        *,
        principal: str = "",
    ) -> None:
        """A volume of `disk(ads):100`. Raises UnknownId, or Conflict."""
        self._operate(agent, operations.create_volume(id, resources, container_path, shared=shared), principal)

    def destroy_volume(self, agent: AgentNamed, id: str) -> None:
        """Raises UnknownId, or Conflict for a volume that is in use or not there."""
        self._operate(agent, operations.destroy_volume(id), "")

    def grow_volume(self, agent: AgentNamed, id: str, by: Resources | str | float) -> None:
        self._operate(agent, operations.grow_volume(id, by), "")

    def shrink_volume(self, agent: AgentNamed, id: str, by: Resources | str | float) -> None:
        self._operate(agent, operations.shrink_volume(id, by), "")

    def volumes(self, agent: AgentNamed) -> list[str]:
        """The ids of the volumes whose directories are on the agent's host. Raises UnknownId."""
        return sorted(id for _, id in self.cluster.launcher(_name(agent)).volumes)

    def _operate(self, agent: AgentNamed, wish: Wish, principal: str) -> None:
        name = _name(agent)
        self.cluster.info(name)
        if not self.cluster.agent_id(name):
            self.cluster.world.settle()  # It was added just now, and is on its way to the master.
        operation = operations.exact_operation(wish, self._there(name), Maker(principal))
        self._operator.call(Operate(name, operation, principal))

    def _there(self, name: str) -> Resources:
        """What nobody uses of the agent, and its volumes, used or not, as the master knows it."""
        master = self.cluster.kernel(MASTER)
        agent_id = master.state.agent_of_name.get(name, "") if master is not None else ""
        if not agent_id:
            return EMPTY
        agent = master.state.agents[agent_id]
        return with_volumes(remaining(agent.whole, agent.used), agent.whole)
