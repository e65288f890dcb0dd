"""What a scheduler may do with offered resources beside starting tasks: reserve them, and make volumes of them. (docs/scheduler-sdk.md)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from raymesos.errors import InvalidValue
from raymesos.frameworks.operations import Volumes, Wish, exact_operations
from raymesos.frameworks.operations import create_volume as create_volume
from raymesos.frameworks.operations import destroy_volume as destroy_volume
from raymesos.frameworks.operations import grow_volume as grow_volume
from raymesos.frameworks.operations import reserve as reserve
from raymesos.frameworks.operations import shrink_volume as shrink_volume
from raymesos.frameworks.operations import unreserve as unreserve
from raymesos.model.conversions import Maker
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import ALL_CAPABILITIES, Capability
from raymesos.sdk.values import FrameworkInfo, Offer, TaskGroup, TaskInfo
from raymesos.wire import messages as wire

Operation = TaskInfo | TaskGroup | Wish
"""One thing to do with accepted offers."""


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """What became of an operation with an id. `state` has its v1 name; `uuid` is empty where no acknowledgement is wanted; `converted` is what came of it."""

    operation_id: str
    state: str
    message: str
    agent_id: str
    uuid: str
    converted: Resources


def operation_status_of(status: wire.OperationStatus) -> OperationStatus:
    return OperationStatus(
        status.operation_id, str(status.state), status.message, status.agent_id, status.uuid, status.converted
    )


def exact(
    listed: Iterable[Operation], offers: Iterable[Offer | str], info: FrameworkInfo
) -> tuple[wire.Operation, ...]:
    """The operations as they are sent: what their texts stand for is looked up in the offers. Tasks between two other operations go together.

    Raises InvalidValue for what is no operation, and for one that needs to know what is offered when offers are given by their ids.
    """
    known = [offer for offer in offers if isinstance(offer, Offer)]
    wishes: list[Wish | Volumes | wire.Operation] = []
    tasks: list[wire.TaskInfo] = []
    for each in listed:
        if isinstance(each, TaskInfo) and not each.volumes:
            tasks.append(each.to_wire())
            continue
        if tasks:
            wishes.append(wire.Launch(tuple(tasks)))
            tasks = []
        wishes.append(_wish(each, known))
    if tasks:
        wishes.append(wire.Launch(tuple(tasks)))
    available = sum((offer.resources for offer in known), EMPTY)
    return tuple(exact_operations(wishes, available, _maker(info, known)))


def _wish(each: Operation, known: list[Offer]) -> Wish | Volumes | wire.Operation:
    if not isinstance(each, TaskInfo | TaskGroup | Wish):
        raise InvalidValue("operations", each, "must be tasks, task groups, or what reserve and its like return")
    tasks = () if isinstance(each, Wish) else tuple(each.tasks) if isinstance(each, TaskGroup) else (each,)
    ids = tuple(tuple(task.volumes) for task in tasks)
    if isinstance(each, TaskGroup) and not any(ids):
        return each.to_wire()
    if not known:
        raise InvalidValue("offers", (), "must be the offers themselves, not their ids: what they hold must be known")
    if isinstance(each, Wish):
        return each
    return Volumes(each.to_wire() if isinstance(each, TaskGroup) else wire.Launch((each.to_wire(),)), ids)


def _maker(info: FrameworkInfo, known: list[Offer]) -> Maker:
    capabilities = ALL_CAPABILITIES if info.capabilities is None else info.capabilities
    return Maker(
        info.principal,
        known[0].role if known else None,
        refines=Capability.RESERVATION_REFINEMENT in capabilities,
        shares=Capability.SHARED_RESOURCES in capabilities,
    )
