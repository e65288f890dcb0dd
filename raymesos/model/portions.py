"""Parts of resources by what may be done with them: shared or not; open to everybody; cut to size.

*Open* is what quotas and headroom count: scalars that are reserved to nobody and not revocable.
"""

from __future__ import annotations

from collections.abc import Mapping

from raymesos.model.resources import EMPTY, Key, Quantity, Resources, Shared, build

# A disk of these sources is one thing: it is taken whole or not at all.
INDIVISIBLE = ("MOUNT", "BLOCK", "RAW")


def is_open(key: Key) -> bool:
    return not key.reservations and not key.revocable


def open_quantities(resources: Resources) -> Mapping[str, int]:
    """{name: thousandths} of the open scalars. Not to be changed."""
    if resources.is_plain:
        return resources.quantities()
    return resources.filter_special(_is_open_to_one).quantities()


def cut_open(resources: Resources, most: Mapping[str, int]) -> Resources:
    """`resources`, with at most `most` (thousandths by name) of the open scalars; names that it does not have are left whole.

    An indivisible disk stays whole or goes; what may be divided then fills up the rest.
    """
    if resources.is_plain:
        whole = resources.quantities()
        part = {name: min(value, most.get(name, value)) for name, value in whole.items()}
        return resources if part == whole else Resources.of_milli(part)
    kept: list[tuple[Key, Quantity]] = []
    left = dict(most)
    cut = False
    for key, quantity in sorted(resources, key=lambda piece: not _is_indivisible(piece[0])):
        if key.name in left and isinstance(quantity, int) and is_open(key):
            piece = min(quantity, left[key.name])
            if piece < quantity:
                cut = True
                piece = 0 if _is_indivisible(key) else piece
            left[key.name] -= piece
            if piece:
                kept.append((key, piece))
        else:
            kept.append((key, quantity))
    return build(kept) if cut else resources


def open_part(resources: Resources) -> Resources:
    """The open scalars alone."""
    return resources if resources.is_plain else resources.scalars().filter_special(is_open)


def shared_part(resources: Resources) -> Resources:
    """What several may hold at once."""
    return EMPTY if resources.is_plain else resources.filter(_is_shared)


def unshared_part(resources: Resources) -> Resources:
    """`resources` itself if nothing of it is shared."""
    return resources if resources.is_plain else resources.filter_special(_is_unshared)


def once(resources: Resources) -> Resources:
    """The same, with one holder for each shared thing."""
    if resources.is_plain or not any(isinstance(q, Shared) and q.holders != 1 for _, q in resources):
        return resources
    return build([(k, Shared(q.value, 1) if isinstance(q, Shared) else q) for k, q in resources])


def _is_shared(key: Key) -> bool:
    return key.shared


def _is_unshared(key: Key) -> bool:
    return not key.shared


def _is_open_to_one(key: Key) -> bool:
    return is_open(key) and not key.shared


def pick(resources: Resources, quantities: Mapping[str, int]) -> Resources | None:
    """`take`, and the volumes that are there."""
    taken = take(resources, quantities)
    return taken if taken is None or resources.is_plain else taken + resources.filter(_is_volume)


def take(resources: Resources, quantities: Mapping[str, int]) -> Resources | None:
    """So much of each scalar: of what is reserved first, then of what is open, and of what is revocable only if all of the name is; None if there is not so much.

    Volumes are no quantity to take from.
    """
    if resources.is_plain:
        have = resources.quantities()
        if any(have.get(name, 0) < size for name, size in quantities.items()):
            return None
        return Resources.of_milli(quantities)
    taken: list[tuple[Key, Quantity]] = []
    for name, size in quantities.items():
        pieces = [(k, q) for k, q in resources if k.name == name and isinstance(q, int) and not _is_volume(k)]
        found = _take([p for p in pieces if not p[0].revocable], size) or _take(
            [p for p in pieces if p[0].revocable], size
        )
        if found is None and size:
            return None
        taken.extend(found or [])
    return build(taken)


def _take(pieces: list[tuple[Key, int]], size: int) -> list[tuple[Key, int]] | None:
    taken = []
    for key, quantity in sorted(pieces, key=lambda piece: not piece[0].reservations):
        part = min(quantity, size)
        if part < quantity and _is_indivisible(key):
            continue
        if part:
            taken.append((key, part))
            size -= part
    return taken if not size else None


def _is_indivisible(key: Key) -> bool:
    return key.disk is not None and key.disk.source in INDIVISIBLE


def _is_volume(key: Key) -> bool:
    return key.disk is not None and bool(key.disk.persistence_id)
