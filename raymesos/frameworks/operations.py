"""Operations as people write them, `reserve("cpus:1")` or `create_volume("id1", "disk:2048", "data")`, made exact against what there is.

What an operation of the wire names in full (reservations with principal and labels, disks, volumes), a text cannot say; it is looked up in what the offers hold, each
operation in what those before it have left. What cannot be found is asked for as it is written: the master says why it cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from raymesos.errors import InvalidValue
from raymesos.model.conversions import Conversion, Maker, disk_kind, is_volume, pushed
from raymesos.model.matching import Rank, matching, volume_called
from raymesos.model.portions import unshared_part
from raymesos.model.quantities import Quantity, Shared
from raymesos.model.resource_text import scalar_milli
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, build
from raymesos.model.roles import is_subrole
from raymesos.wire.conversion import conversion_of
from raymesos.wire.messages import (
    Create,
    Destroy,
    Grow,
    Launch,
    LaunchGroup,
    Operation,
    Reserve,
    ResourceOperation,
    Shrink,
    TaskInfo,
    Unreserve,
)

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """An operation on resources that are not known yet."""

    exact: Callable[[Resources, Maker], ResourceOperation]
    """The operation, given what there is and who asks."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """Tasks that also use volumes: `ids` has those of each, in the order of the tasks."""

    launch: Launch | LaunchGroup
    ids: tuple[tuple[str, ...], ...]


def reserve(text: Resources | str, *, role: str = "", labels: Labels = (), operation_id: str = "") -> Wish:
    """Reserve to `role`: without it to the role that the text names, else to the one that was offered. A text that names a role above it refines what is reserved to that.

    Raises InvalidValue for what is no text of resources.
    """
    wanted = Resources.of(text)

    def exact(available: Resources, maker: Maker) -> ResourceOperation:
        if any(r.dynamic for key, _ in wanted for r in key.reservations):
            return Reserve(wanted, operation_id)
        made, left = EMPTY, available
        for key, quantity in wanted:
            found, target = _to_reserve(left, key, quantity, role or (maker.role or ""))
            left = left - found if left.contains(found) else left
            made = made + pushed(found, Reservation(target, True, maker.principal, labels)) if target else made + found
        return Reserve(made, operation_id)

    return Wish(exact)


def unreserve(text: Resources | str, *, operation_id: str = "") -> Wish:
    """Take back the last reservation of what is reserved dynamically, to the role that was offered first. Raises InvalidValue."""
    wanted = Resources.of(text)

    def exact(available: Resources, maker: Maker) -> ResourceOperation:
        def rank(key: Key) -> int | None:
            dynamic = bool(key.reservations) and key.reservations[-1].dynamic
            return (0 if key.role == maker.role else 1) if dynamic else None

        found = matching(available, wanted, rank)
        return Unreserve(found if found is not None else _as_reserved(wanted, maker), operation_id)

    return Wish(exact)


def create_volume(
    id: str,
    text: Resources | str,
    container_path: str,
    *,
    shared: bool = False,
    mode: str = "RW",
    operation_id: str = "",
) -> Wish:
    """Make a volume of reserved disk. Raises InvalidValue."""
    wanted = Resources.of(text)

    def exact(available: Resources, maker: Maker) -> ResourceOperation:
        def rank(key: Key) -> int | None:
            return (0 if key.role == maker.role else 1) if key.reservations else None

        found = _of_one_kind(available, wanted, rank)
        made = [_as_volume(row, id, container_path, mode, maker.principal, shared) for row in found or wanted]
        return Create(build(made), operation_id)

    return Wish(exact)


def destroy_volume(id: str, *, operation_id: str = "") -> Wish:
    """The volume, and what is in it, goes."""
    return Wish(lambda available, maker: Destroy(_volume(available, id, maker), operation_id))


def grow_volume(id: str, text: Resources | str | float, *, operation_id: str = "") -> Wish:
    """`text` (`disk:512`, or a number of MB) of the disk that it is of becomes part of the volume. Raises InvalidValue."""
    by = _milli(text)

    def exact(available: Resources, maker: Maker) -> ResourceOperation:
        volume = _volume(available, id, maker)
        addition = build([(disk_kind(key), by) for key, _ in volume])
        return Grow(volume, addition, operation_id)

    return Wish(exact)


def shrink_volume(id: str, text: Resources | str | float, *, operation_id: str = "") -> Wish:
    """`text` (`disk:512`, or a number of MB) of the volume become free disk of its kind. Raises InvalidValue."""
    by = _milli(text)
    return Wish(lambda available, maker: Shrink(_volume(available, id, maker), by, operation_id))


def exact_operations(
    wishes: Iterable[Wish | Volumes | Operation], available: Resources, maker: Maker
) -> list[Operation]:
    """The operations of one accept, each made exact against what those before it leave of `available`."""
    made: list[Operation] = []
    left = available
    for wish in wishes:
        operation: Operation
        if isinstance(wish, Wish):
            operation = wish.exact(left, maker)
        elif isinstance(wish, Volumes):
            operation = _with_volumes(wish.launch, wish.ids, left, maker)
        else:
            operation = wish
        if isinstance(operation, Launch | LaunchGroup):
            operation, left = _exact_launch(operation, left)
        else:
            conversion = conversion_of(operation, left, left, maker)
            left = conversion.of(left) if isinstance(conversion, Conversion) else left
        made.append(operation)
    return made


def exact_operation(wish: Wish, available: Resources, maker: Maker) -> ResourceOperation:
    """One operation, made exact against what there is."""
    return wish.exact(available, maker)


# ---------------------------------------------------------------- inside


def _to_reserve(available: Resources, key: Key, quantity: Quantity, role: str) -> tuple[Resources, str]:
    """(what is to be reserved, to whom)."""
    target = role or key.role
    below = key.reservations and is_subrole(target, key.role)
    if key.reservations and not below:
        target = key.role
    plain = build([(key if below else key._replace(reservations=()), quantity)])

    def rank(kind: Key) -> int | None:
        if kind.reservations and not is_subrole(target, kind.role):
            return None
        return None if kind.revocable else len(kind.reservations)

    found = matching(available, plain, rank)
    return (plain if found is None else found), ("" if target == "*" and not key.reservations and not role else target)


def _as_reserved(wanted: Resources, maker: Maker) -> Resources:
    """What the text would be if it were reserved dynamically."""
    rows = []
    for key, quantity in wanted:
        role = key.role if key.reservations else maker.role or "*"
        stack = key.reservations if any(r.dynamic for r in key.reservations) else ()
        rows.append((key._replace(reservations=stack or (Reservation(role, True, maker.principal),)), quantity))
    return build(rows)


def _of_one_kind(available: Resources, wanted: Resources, rank: Rank) -> Resources | None:
    """A volume is of one kind of disk: several together do not make one."""
    found = matching(available, wanted, rank)
    if found is None or len(list(found)) == 1:
        return found
    for key, _ in available:
        one = matching(available.filter(key.__eq__), wanted, rank)
        if one is not None:
            return one
    return found


def _as_volume(
    row: tuple[Key, Quantity], id: str, container_path: str, mode: str, principal: str, shared: bool
) -> tuple[Key, Quantity]:
    key, quantity = row
    disk = key.disk or Disk()
    made = disk._replace(persistence_id=id, persistence_principal=principal, container_path=container_path, mode=mode)
    size = Shared(quantity, 1) if shared and isinstance(quantity, int) else quantity
    return key._replace(disk=made, shared=shared), size


def _volume(available: Resources, id: str, maker: Maker) -> Resources:
    """The volume of this id, of the role that was offered first; one that is not there if there is none."""
    found = volume_called(available, id, maker.role) or volume_called(available, id)
    if found is not None:
        return found
    role = Reservation(maker.role or "*", True, maker.principal)
    return build([(Key("disk", (role,), Disk(persistence_id=id)), 1)])


def _milli(amount: Resources | str | float) -> int:
    """Thousandths of a MB. Raises InvalidValue."""
    if isinstance(amount, int | float):
        return scalar_milli(amount, "disk")
    found = Resources.of(amount)
    if any(key.name != "disk" for key, _ in found) or not found:
        raise InvalidValue("disk", str(amount), "must be like disk:512, or a number of MB")
    return found.scalar("disk")


def _with_volumes(
    launch: Launch | LaunchGroup, ids: tuple[tuple[str, ...], ...], left: Resources, maker: Maker
) -> Operation:
    tasks = []
    for task, own in zip(launch.tasks, ids, strict=True):
        volumes = EMPTY
        for id in own:
            volumes = volumes + _volume(left, id, maker)
        tasks.append(replace(task, resources=exact_shape(task.resources, left) + volumes))
    return replace(launch, tasks=tuple(tasks))


def _exact_launch(launch: Launch | LaunchGroup, left: Resources) -> tuple[Operation, Resources]:
    tasks: list[TaskInfo] = []
    for task in launch.tasks:
        resources = exact_shape(task.resources, left)
        tasks.append(task if resources == task.resources else replace(task, resources=resources))
        taken = unshared_part(resources)
        left = left - taken if left.contains(taken) else left
    return replace(launch, tasks=tuple(tasks)), left


def exact_shape(resources: Resources, available: Resources) -> Resources:
    """What of `available` the text of a task's shape stands for; as it is written if there is not enough."""
    if available.contains(resources):
        return resources
    volumes = resources.filter(is_volume)
    rest = resources.filter(lambda key: not is_volume(key))
    found = matching(available, rest)
    return resources if found is None else found + volumes
