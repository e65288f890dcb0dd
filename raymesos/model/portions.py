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
    total: dict[str, int] = {}
    for key, quantity in resources:
        if isinstance(quantity, int) and is_open(key):
            total[key.name] = total.get(key.name, 0) + quantity
    return total


def cut_open(resources: Resources, most: Mapping[str, int]) -> Resources:
    """`resources`, with at most `most` (thousandths by name) of the open scalars; names that it does not have are left whole. An indivisible disk stays whole or goes."""
    kept: list[tuple[Key, Quantity]] = []
    left = dict(most)
    cut = False
    for key, quantity in resources:
        if key.name in left and isinstance(quantity, int) and is_open(key):
            part = min(quantity, left[key.name])
            if part < quantity:
                cut = True
                part = 0 if key.disk is not None and key.disk.source in INDIVISIBLE else part
            left[key.name] -= part
            if part:
                kept.append((key, part))
        else:
            kept.append((key, quantity))
    return build(kept) if cut else resources


def open_part(resources: Resources) -> Resources:
    """The open scalars alone."""
    return resources if resources.is_plain else resources.scalars().filter(is_open)


def shared_part(resources: Resources) -> Resources:
    """What several may hold at once."""
    return EMPTY if resources.is_plain else resources.filter(_is_shared)


def unshared_part(resources: Resources) -> Resources:
    """`resources` itself if nothing of it is shared."""
    if resources.is_plain:
        return resources
    part = resources.filter(_is_unshared)
    return resources if part == resources else part


def once(resources: Resources) -> Resources:
    """The same, with one holder for each shared thing."""
    if resources.is_plain or not any(isinstance(q, Shared) and q.holders != 1 for _, q in resources):
        return resources
    return build([(k, Shared(q.value, 1) if isinstance(q, Shared) else q) for k, q in resources])


def _is_shared(key: Key) -> bool:
    return key.shared


def _is_unshared(key: Key) -> bool:
    return not key.shared
