"""Resources that may be taken back, and what is left of a total that has become less than what is held of it."""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.model.portions import unshared_part
from raymesos.model.resources import EMPTY, Resources, build


def as_revocable(resources: Resources) -> Resources:
    """The same quantities, all of them revocable."""
    return build([(key._replace(revocable=True), quantity) for key, quantity in resources]) if resources else EMPTY


def remaining(total: Resources, held: Resources) -> Resources:
    """What is left of each kind of resource; nothing of a kind of which more is held than there is. What is shared is always left."""
    held = unshared_part(held)
    if total.contains(held):
        return total - held
    left = EMPTY
    for key, quantity in total:
        piece = build([(key, quantity)])
        taken = held.filter(key.__eq__)
        if piece.contains(taken):
            left = left + (piece - taken)
    return left


def to_take_back(holders: Iterable[tuple[str, Resources]], excess: dict[str, int]) -> list[str]:
    """Those of `holders`, (name, what it holds) and first to go first, that must go so that `excess` (thousandths by name) comes back, or what there is of it.

    One is taken only if it holds something of what is still missing, and let off again, the last to go first, if the others suffice without it.
    """
    missing = dict(excess)
    taken: dict[str, Resources] = {}
    for name, held in holders:
        if any(missing.get(n, 0) > 0 for n in held.quantities()):
            taken[name] = held
            _count(missing, held, -1)
    for name, held in reversed(list(taken.items())):
        _count(missing, held, 1)
        if any(missing.get(n, 0) > 0 for n in held.quantities()):
            _count(missing, held, -1)
        else:
            del taken[name]
    return list(taken)


def _count(missing: dict[str, int], held: Resources, sign: int) -> None:
    for name, value in held.quantities().items():
        if name in missing:
            missing[name] += sign * value
