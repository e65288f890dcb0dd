"""From what people write to what there is: `cpus:1` or `disk(ads):100` stand for pieces of resources whose reservations, disks and labels the text cannot say."""

from __future__ import annotations

from collections.abc import Callable

from raymesos.model.conversions import is_volume, volume_id
from raymesos.model.portions import INDIVISIBLE, once
from raymesos.model.quantities import Quantity
from raymesos.model.quantities import contains as quantity_contains
from raymesos.model.resources import EMPTY, Key, Resources, build

Rank = Callable[[Key], int | None]
"""Where a kind of resource stands among those that would do, least first; None: it will not do."""


def matching(available: Resources, wanted: Resources, rank: Rank | None = None) -> Resources | None:
    """Pieces of `available` that are what `wanted` says; None if there are not enough.

    What is there exactly as it is written is taken first. Otherwise a name matches kinds of its role, whatever their reservations are; a name without role
    matches all, in the order of `rank` (unreserved first). Revocable and regular resources of one name are not mixed; volumes are never taken.
    """
    taken, left = EMPTY, available
    for key, quantity in wanted:
        found = _piece(left, key, quantity, rank or _unreserved_first)
        if found is None:
            return None
        taken, left = taken + found, left - found
    return taken


def volume_called(available: Resources, id: str, role: str | None = None) -> Resources | None:
    """The volume of this id (of `role`, if one is named), one copy of it if it is shared; None if there is none."""
    for key, quantity in available:
        if is_volume(key) and volume_id(key) == id and role in (None, key.role):
            return once(build([(key, quantity)]))
    return None


def _unreserved_first(key: Key) -> int | None:
    return len(key.reservations)


def _piece(available: Resources, key: Key, quantity: Quantity, rank: Rank) -> Resources | None:
    for revocable in (False, True):
        kinds = [
            (_order(rank, key, k, q, quantity), k, q)
            for k, q in available
            if _may_be(key, k) and k.revocable is revocable
        ]
        ranked = sorted((row for row in kinds if row[0] is not None), key=lambda row: row[0] or 0)
        found = _gather([(k, q) for _, k, q in ranked], quantity)
        if found is not None:
            return found
    return None


def _may_be(written: Key, kind: Key) -> bool:
    if written == kind:
        return True
    if written.name != kind.name or written.type != kind.type or is_volume(kind) or kind.shared:
        return False
    if written.disk not in (None, kind.disk) or (written.revocable and not kind.revocable):
        return False
    return not written.reservations or written.role == kind.role


def _order(rank: Rank, written: Key, kind: Key, there: Quantity, wanted: Quantity) -> int | None:
    """Exactly what is written comes first where it is more than a plain name; so does a disk that is taken whole and is as large as that."""
    order = rank(kind)
    if order is None:
        return None
    if kind.disk is not None and kind.disk.source in INDIVISIBLE and written != kind:
        return -1 if there == wanted else None
    return -1 if written == kind and (written.reservations or written.disk or written.revocable) else order


def _gather(kinds: list[tuple[Key, Quantity]], wanted: Quantity) -> Resources | None:
    """So much of the kinds in turn; what is no plain number is of one kind."""
    if not isinstance(wanted, int):
        for key, quantity in kinds:
            if quantity_contains(quantity, wanted):
                return build([(key, wanted)])
        return None
    taken: list[tuple[Key, Quantity]] = []
    missing = wanted
    for key, quantity in kinds:
        if missing and isinstance(quantity, int):
            piece = min(quantity, missing)
            taken.append((key, piece))
            missing -= piece
    return None if missing else build(taken)
