"""What one task takes of an offer."""

from __future__ import annotations

from raymesos.model.portions import take
from raymesos.model.resources import Resources, take_ports


def shape_with_ports(wanted: Resources, ports: int, room: Resources) -> Resources | None:
    """The resources of one task out of `room`, its ports chosen; None if it does not fit."""
    shape = wanted if room.contains(wanted) else _taken(wanted, room)
    if shape is None or not ports:
        return shape
    taken = take_ports(room, ports)
    return None if taken is None else shape + taken[0]


def _taken(shape: Resources, room: Resources) -> Resources | None:
    """As much, of what is reserved to the role or lent out by its owner: a job does not care whose a CPU is."""
    return take(room, shape.quantities()) if shape.is_plain and not room.is_plain else None
