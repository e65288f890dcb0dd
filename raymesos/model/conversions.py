"""What operations make of resources: reservations pushed and popped, volumes made, unmade, grown and shrunk. Nothing is created or lost on the way.

Each function answers with a `Conversion`, or with the reason why there is none, in Mesos' words where it has some, and with numbers. `available` is what may be
converted: what offers hold, or what nobody uses. (Mesos: validation.cpp, operation; resources.cpp, getResourceConversions)
"""

from __future__ import annotations

from typing import NamedTuple

from raymesos.errors import InvariantBroken
from raymesos.model.portions import INDIVISIBLE, once
from raymesos.model.quantities import Quantity, Shared
from raymesos.model.resource_text import quantity_text
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, build, fractional_gpus
from raymesos.model.roles import role_error

DIVISIBLE = ("", "PATH")
"""Sources of disks that can be divided, and so of volumes whose size can change."""


class Conversion(NamedTuple):
    """`before` becomes `after`, of the same quantities."""

    before: Resources
    after: Resources

    def of(self, total: Resources) -> Resources:
        """`total` with `before` in it turned into `after`. Raises InvariantBroken if `total` does not contain it."""
        return total - self.before + self.after


class Maker(NamedTuple):
    """Who converts: a framework with its principal and the role that it was offered in; an operator, who may reserve to any role, has none."""

    principal: str = ""
    role: str | None = None
    refines: bool = True
    """It understands refined reservations."""
    shares: bool = True
    """It understands shared volumes."""


# ---------------------------------------------------------------- reservations


def reserve(available: Resources, resources: Resources, maker: Maker) -> Conversion | str:
    """`resources` are as they will be: the last reservation of each is new."""
    if not resources:
        return "nothing is to be reserved"
    if fractional_gpus(resources):
        return "the 'gpus' resource must be an unsigned integer"
    for key, _ in resources:
        reason = _reserve_reason(key, maker)
        if reason is not None:
            return reason
    return _out_of(available, Conversion(popped(resources), resources))


def unreserve(available: Resources, resources: Resources) -> Conversion | str:
    """`resources` are as they are: the last reservation of each goes."""
    if not resources:
        return "nothing is to be unreserved"
    for key, quantity in resources:
        what = f"{key.name}({key.role}):{quantity_text(quantity)}"
        if not key.reservations:
            return f"{what} is not reserved"
        if not key.reservations[-1].dynamic:
            return f"{what} is statically reserved: it cannot be unreserved"
        if is_volume(key):
            return f"a volume, {volume_id(key)}, cannot be unreserved: destroy it first"
    return _out_of(available, Conversion(resources, popped(resources)))


def _reserve_reason(key: Key, maker: Maker) -> str | None:
    if not key.reservations:
        return f"resource {key.name} is not reserved"
    last = key.reservations[-1]
    reason = role_error(last.role)
    if reason is not None:
        return f"role {last.role!r}: {reason}"
    if last.role == "*":
        return "resources cannot be reserved to role '*'"
    if not last.dynamic:
        return f"resource {key.name} is statically reserved to role '{last.role}': an operation reserves dynamically"
    if key.revocable:
        return f"resource {key.name} is revocable: it cannot be reserved"
    if is_volume(key):
        return f"a volume, {volume_id(key)}, cannot be reserved"
    if last.principal != maker.principal:
        return f"the reservation's principal {last.principal!r} is not that of who reserves, {maker.principal!r}"
    if maker.role is not None and not _within(last.role, maker.role):
        return f"resources offered to role '{maker.role}' cannot be reserved to role '{last.role}'"
    for outer, inner in zip(key.reservations, key.reservations[1:], strict=False):
        if outer.role == inner.role or not _within(inner.role, outer.role):
            return f"a reservation to role '{inner.role}' does not refine one to role '{outer.role}'"
    if len(key.reservations) > 1 and not maker.refines:
        return "a framework without the RESERVATION_REFINEMENT capability cannot refine reservations"
    return None


def _within(role: str, ancestor: str) -> bool:
    return role == ancestor or role.startswith(ancestor + "/")


def pushed(resources: Resources, reservation: Reservation) -> Resources:
    """All of them reserved once more."""
    return build([(key._replace(reservations=(*key.reservations, reservation)), q) for key, q in resources])


def popped(resources: Resources) -> Resources:
    """Each without its last reservation."""
    return build([(key._replace(reservations=key.reservations[:-1]), quantity) for key, quantity in resources])


# ---------------------------------------------------------------- volumes


def create(available: Resources, volumes: Resources, total: Resources, maker: Maker) -> Conversion | str:
    """`volumes` are as they will be. An id is unique for its role on the agent that has `total`."""
    if not volumes:
        return "no volume is to be created"
    taken = {volume_name(key): None for key, _ in total if is_volume(key)}
    for key, quantity in volumes:
        reason = _create_reason(key, quantity, maker)
        if reason is None and volume_name(key) in taken:
            reason = f"there is a volume {volume_id(key)!r} of role '{key.role}' on the agent"
        if reason is not None:
            return reason
        taken[volume_name(key)] = None
    return _out_of(available, Conversion(_unmade(volumes), volumes))


def destroy(available: Resources, volumes: Resources) -> Conversion | str:
    """The volumes become the disk that they are of. One that a task uses is not `available`; of shared ones the caller has to know."""
    if not volumes:
        return "no volume is to be destroyed"
    if not all(is_volume(key) for key, _ in volumes):
        return f"{volumes} is not only persistent volumes"
    return _out_of(available, Conversion(once(volumes), _unmade(volumes)))


def grow(available: Resources, volume: Resources, addition: Resources) -> Conversion | str:
    """`addition`, of the same disk and reservations, becomes part of the volume."""
    found = _resized(volume)
    if isinstance(found, str):
        return found
    key, size = found
    kind = disk_kind(key)
    pieces = list(addition)
    if len(pieces) != 1 or pieces[0][0] != kind or not isinstance(pieces[0][1], int):
        return f"volume {volume_id(key)!r} cannot grow by {addition or 'nothing'}: it takes disk of its own kind"
    grown = build([(key, size + pieces[0][1])])
    return _out_of(available, Conversion(volume + addition, grown))


def shrink(available: Resources, volume: Resources, subtract_milli: int) -> Conversion | str:
    """`subtract_milli` of the volume become disk of its kind; something of it is left."""
    found = _resized(volume)
    if isinstance(found, str):
        return found
    key, size = found
    if not 0 < subtract_milli < size:
        by, of = subtract_milli / 1000, quantity_text(size)
        return f"volume {volume_id(key)!r} of {of} MB cannot shrink by {by:g} MB: more than 0 and less than its size is possible"
    after = build([(key, size - subtract_milli), (disk_kind(key), subtract_milli)])
    return _out_of(available, Conversion(volume, after))


def is_volume(key: Key) -> bool:
    """Whether it is a persistent volume."""
    return key.disk is not None and bool(key.disk.persistence_id)


def volume_id(key: Key) -> str:
    return key.disk.persistence_id if key.disk is not None else ""


def volume_name(key: Key) -> tuple[str, str]:
    """(role, id): what tells a volume from all others of its agent."""
    return key.role, volume_id(key)


def volumes_in(resources: Resources) -> Resources:
    """The persistent volumes among them."""
    return EMPTY if resources.is_plain else resources.filter(is_volume)


def with_volumes(free: Resources, whole: Resources) -> Resources:
    """`free`, and all volumes of the `whole` that it is of: what operations may name, used or not."""
    return free + volumes_in(whole).filter(lambda key: not free.filter(key.__eq__))


def _create_reason(key: Key, quantity: Quantity, maker: Maker) -> str | None:
    disk = key.disk
    if key.name != "disk" or disk is None or not disk.persistence_id:
        return f"{key.name} is no persistent volume"
    id = disk.persistence_id
    if id in (".", "..") or len(id) > 255 or any(c in "/\\" or ord(c) < 32 or ord(c) == 127 for c in id):
        return f"persistence id {id!r} contains invalid characters"
    if not key.reservations:
        return f"volume {id!r} must be made of reserved disk"
    if key.revocable:
        return f"volume {id!r} cannot be made of revocable disk"
    if disk.source not in (*DIVISIBLE, "MOUNT"):
        return f"volume {id!r} cannot be made of a {disk.source} disk"
    if not disk.container_path or disk.container_path.startswith("/") or ".." in disk.container_path.split("/"):
        return f"container_path {disk.container_path!r} of volume {id!r} must be a relative path"
    if disk.container_path.strip("./") == "":
        return f"container_path {disk.container_path!r} of volume {id!r} must lie below the sandbox"
    if disk.mode != "RW":
        return f"volume {id!r} must be RW, not {disk.mode!r}"
    if disk.persistence_principal != maker.principal:
        return f"the principal {disk.persistence_principal!r} of volume {id!r} is not that of who creates it, {maker.principal!r}"
    if key.shared and not maker.shares:
        return "a framework without the SHARED_RESOURCES capability cannot create shared volumes"
    if isinstance(quantity, Shared) != key.shared:
        return f"volume {id!r} is shared by one name and not by the other"
    return None


def _resized(volume: Resources) -> tuple[Key, int] | str:
    pieces = list(volume)
    if len(pieces) != 1 or not is_volume(pieces[0][0]):
        return f"{volume or 'nothing'} is no persistent volume"
    key, size = pieces[0]
    if key.shared or not isinstance(size, int):
        return f"volume {volume_id(key)!r} is shared: its size cannot change"
    if key.disk is not None and key.disk.source not in DIVISIBLE:
        return f"volume {volume_id(key)!r} is on a {key.disk.source} disk: its size cannot change"
    return key, size


def _unmade(volumes: Resources) -> Resources:
    return build([(disk_kind(k), q.value if isinstance(q, Shared) else q) for k, q in volumes])


def disk_kind(key: Key) -> Key:
    """The kind of disk that the volume is of."""
    disk = key.disk
    bare = Disk(disk.source, disk.root, disk.id, disk.profile) if disk is not None else Disk()
    return key._replace(disk=None if bare == Disk() else bare, shared=False)


# ---------------------------------------------------------------- what there is


def torn(available: Resources, wanted: Resources) -> str | None:
    """Why `wanted` cannot be taken although there is enough: it takes part of a disk that is taken whole or not at all. None if it does not."""
    if wanted.is_plain:
        return None
    for key, quantity in wanted:
        if key.disk is not None and key.disk.source in INDIVISIBLE:
            whole = dict(available).get(key)
            size = whole.value if isinstance(whole, Shared) else whole
            asked = quantity.value if isinstance(quantity, Shared) else quantity
            if size != asked:
                return f"{key.disk.root or key.disk.id or 'a MOUNT disk'} is indivisible: {whole and quantity_text(whole)} MB, not {quantity_text(quantity)}"
    return None


def _out_of(available: Resources, made: Conversion) -> Conversion | str:
    if made.before.quantities() != made.after.quantities():
        raise InvariantBroken("conversion.quantities", f"{made.before} would become {made.after}")
    if not available.contains(made.before):
        names = {key.name: None for key, _ in made.before}
        there = available.filter(lambda key: key.name in names)
        return f"{made.before} is needed, {there or 'nothing of it'} is available"
    return torn(available, made.before) or made


# ---------------------------------------------------------------- an agent of another size


def carried_over(total: Resources, base: Resources, new_base: Resources) -> tuple[Resources, Resources]:
    """(what operations had made of `base`, `total`, made of `new_base` as far as it goes; what of it did not fit).

    Volumes come first and whole or not at all; of scalars that are reserved as much stays as there is.
    """
    if base == new_base:
        return total, EMPTY
    made, lost = new_base, EMPTY
    pieces = [(key, quantity) for key, quantity in total if _is_made(key, base)]
    pieces.sort(key=lambda piece: not is_volume(piece[0]))
    for key, quantity in pieces:
        piece = build([(key, quantity)])
        origin = _origin(key)
        free = dict(made).get(origin)
        fits = quantity
        if isinstance(quantity, int) and isinstance(free, int | None) and not is_volume(key):
            fits = min(quantity, free or 0)
        source = build([(origin, fits.value if isinstance(fits, Shared) else fits)])
        if not source or not made.contains(source) or torn(made, source) is not None:
            lost = lost + piece
            continue
        kept = build([(key, fits)])
        made = made - source + kept
        if kept != piece:
            lost = lost + (piece - kept)
    return made, lost


def _is_made(key: Key, base: Resources) -> bool:
    """Whether an operation made it; what the agent was started with is not."""
    return is_volume(key) or any(r.dynamic for r in key.reservations)


def _origin(key: Key) -> Key:
    static: tuple[Reservation, ...] = tuple(r for r in key.reservations if not r.dynamic)
    disk = disk_kind(key) if is_volume(key) else key
    return disk._replace(reservations=static)
