"""What an operation on resources needs of ACLs, whoever asks for it. (Mesos: the authorization of ACCEPT and of the operator's calls)"""

from __future__ import annotations

from raymesos.model.resources import Resources
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, ResourceOperation, Shrink, Unreserve


def needed(operation: ResourceOperation) -> tuple[str, tuple[str, ...]]:
    """(action, its subjects): roles of what is reserved, made or resized; principals of who reserved, or made, what goes."""
    match operation:
        case Reserve(resources):
            return "reserve_resources", _roles(resources)
        case Unreserve(resources):
            stacks = [key.reservations for key, _ in resources if key.reservations]
            return "unreserve_resources", _once([stack[-1].principal for stack in stacks])
        case Create(volumes):
            return "create_volumes", _roles(volumes)
        case Destroy(volumes):
            disks = [key.disk for key, _ in volumes if key.disk is not None]
            return "destroy_volumes", _once([disk.persistence_principal for disk in disks])
        case Grow(volume) | Shrink(volume):
            return "resize_volumes", _roles(volume)


def _roles(resources: Resources) -> tuple[str, ...]:
    return _once([key.role for key, _ in resources])


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
