"""Reservations and volumes as people write them, made into the resources that the master takes.

`cpus(ads):2` says neither by whom nor with which labels something is reserved, nor which disk a volume is of. Where that is needed it is looked up on the agent; what the
observer does not know yet is taken as an operator without a name would have made it.
"""

from __future__ import annotations

from raymesos.errors import InvalidValue
from raymesos.model.conversions import is_volume
from raymesos.model.resources import EMPTY, Disk, Key, Quantity, Resources, Shared, build


def reserved(text: str | Resources) -> Resources:
    """What shall be reserved: the reservations of a text become dynamic ones; Resources are taken as they are. Raises InvalidValue."""
    if isinstance(text, Resources):
        return text
    return build([(_dynamic(key, text), quantity) for key, quantity in Resources.parse(text)])


def reserved_on(total: Resources, text: str | Resources) -> Resources:
    """What of the agent's dynamic reservations the text means, principals and labels included; as `reserved` says where the agent has too little. Raises InvalidValue."""
    wanted = reserved(text)
    if isinstance(text, Resources) or total.contains(wanted):
        return wanted
    found = EMPTY
    for key, quantity in wanted:
        found = found + _taken(total, key, quantity)
    return found if found.quantities() == wanted.quantities() else wanted


def _taken(total: Resources, wanted: Key, quantity: Quantity) -> Resources:
    """Scalars of the wanted name and role, from as many reservations as it takes; as it is for anything else."""
    left = quantity
    if not isinstance(left, int):
        return build([(wanted, quantity)])
    taken: list[tuple[Key, Quantity]] = []
    for key, there in total:
        if left and _is_alike(key, wanted) and isinstance(there, int):
            part = min(left, there)
            taken.append((key, part))
            left -= part
    return build(taken)


def _is_alike(key: Key, wanted: Key) -> bool:
    return (
        key.name == wanted.name
        and key.role == wanted.role
        and bool(key.reservations)
        and key.reservations[-1].dynamic
        and not is_volume(key)
        and not key.revocable
    )


def _dynamic(key: Key, text: object) -> Key:
    if not key.reservations:
        raise InvalidValue("resources", text, f"{key.name} names no role: must be like {key.name}(ads):2")
    return key._replace(reservations=(*key.reservations[:-1], key.reservations[-1]._replace(dynamic=True)))


# ---------------------------------------------------------------- volumes


def volume_of(total: Resources, id: str, disk: str, *, path: str, shared: bool, root: str = "") -> Resources:
    """A new volume of the disk that the text says (`disk(ads):100`), on the PATH or MOUNT disk at `root` if one is named. Raises InvalidValue."""
    key, size = _one_disk(disk)
    of = next((k for k, there in total if _can_be_of(k, there, key, size, root)), None)
    if of is None and root:
        raise InvalidValue("root", root, f"the agent has no disk there with {size / 1000:g} MB reserved to {key.role}")
    of = of or _dynamic(key, disk)
    source = of.disk or Disk()
    made = of._replace(disk=source._replace(persistence_id=id, container_path=path, mode="RW"), shared=shared)
    return build([(made, Shared(size, 1) if shared else size)])


def find_volume(total: Resources, id: str, role: str = "") -> Resources | None:
    """The volume with this id, of `role` if one is named; None if the agent has none. Raises InvalidValue if several roles have one of that id."""
    found = [
        (k, q) for k, q in total if is_volume(k) and k.disk and k.disk.persistence_id == id and role in ("", k.role)
    ]
    if len(found) > 1:
        roles = ", ".join(sorted(k.role for k, _ in found))
        raise InvalidValue("volume", id, f"roles {roles} each have one of this id: say which role's it is")
    return build(found) if found else None


def addition_to(volume: Resources, size_milli: int) -> Resources:
    """So much disk of the volume's own kind."""
    key, _ = next(iter(volume))
    disk = key.disk or Disk()
    bare = Disk(disk.source, disk.root, disk.id, disk.profile)
    return build([(key._replace(disk=None if bare == Disk() else bare, shared=False), size_milli)])


def _one_disk(text: str) -> tuple[Key, int]:
    pieces = list(Resources.parse(text))
    key, size = pieces[0] if len(pieces) == 1 else (Key(""), 0)
    if key.name != "disk" or not key.reservations or not isinstance(size, int):
        raise InvalidValue("disk", text, "must be reserved disk, like disk(ads):100")
    return key, size


def _can_be_of(key: Key, there: Quantity, wanted: Key, size: int, root: str) -> bool:
    """Whether the volume can be made of this disk; a MOUNT disk is taken whole."""
    if key.name != "disk" or key.role != wanted.role or is_volume(key) or key.revocable or not isinstance(there, int):
        return False
    if (key.disk.root if key.disk is not None else "") != root:
        return False
    return there == size if key.disk is not None and key.disk.source == "MOUNT" else there >= size
