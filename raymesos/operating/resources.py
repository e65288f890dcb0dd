"""Operations on an agent's resources as people write them: looked up on the agent, and carried out by the master.

`cpus(ads):2` says neither by whom nor with which labels something is reserved, nor of which disk a volume is. What a text means is found in what the observer knows of the
agent; of what it does not know, the master says why it cannot be.
"""

from __future__ import annotations

import time
from typing import Any

from raymesos.errors import InvalidValue, UnknownId
from raymesos.frameworks.operations import Wish, exact_operation
from raymesos.frameworks.operations import reserve as reserve_wish
from raymesos.frameworks.operations import unreserve as unreserve_wish
from raymesos.model.conversions import Conversion, Maker
from raymesos.model.matching import volume_called
from raymesos.model.resources import Resources
from raymesos.operating.asking import OperatorDoor, operate
from raymesos.wire.conversion import conversion_of
from raymesos.wire.operating import Operate

# The observer hears of what was just made a tenth of a second later.
LATE_S = 0.5
LOOK_S = 0.05


def reserve(door: OperatorDoor, agent: str, resources: str | Resources, *, late_s: float = LATE_S) -> None:
    """Keep resources of the agent for the roles that they name. Raises UnknownId, InvalidValue, and Conflict with the numbers."""
    wanted = Resources.of(resources)
    unnamed = next((key.name for key, _ in wanted if not key.reservations), None)
    if unnamed is not None or not wanted:
        raise InvalidValue("resources", str(resources), f"must name a role, like {unnamed or 'cpus'}(ads):2")
    convert(door, agent, reserve_wish(wanted), late_s=late_s)


def unreserve(door: OperatorDoor, agent: str, resources: str | Resources, *, late_s: float = LATE_S) -> None:
    """What was reserved is for everybody again. Raises UnknownId, InvalidValue, and Conflict with the numbers."""
    convert(door, agent, unreserve_wish(resources), late_s=late_s)


def convert(
    door: OperatorDoor, agent: str, wish: Wish, *, role: str = "", root: str = "", late_s: float = LATE_S
) -> None:
    """The operation is carried out. `role` is preferred where several have what is meant; `root` names the disk. Raises UnknownId, InvalidValue, Conflict.

    What does not fit what is known is looked at again for `late_s`: what was just made may not be known yet.
    """
    deadline = time.monotonic() + late_s
    maker = Maker("", role or None)
    while True:
        there = _on_disk(free_of(door, agent), root)
        operation = exact_operation(wish, there, maker)
        fits = isinstance(conversion_of(operation, there, there, Maker()), Conversion)
        if fits or time.monotonic() >= deadline:
            break
        time.sleep(LOOK_S)
    if root and not fits:  # As it is written it would be made of another disk.
        raise InvalidValue(
            "root", root, f"agent {agent} has no such disk there, reserved and free; it has {there or 'none'}"
        )
    operate(door, Operate(agent, operation))


def must_have_volume(door: OperatorDoor, agent: str, id: str, role: str, *, late_s: float = LATE_S) -> None:
    """The agent has a volume of this id, of `role` if one is named; it is looked for again for `late_s`. Raises UnknownId."""
    deadline = time.monotonic() + late_s
    while volume_called(free_of(door, agent), id, role or None) is None:
        if time.monotonic() >= deadline:
            raise UnknownId("volume", id)
        time.sleep(LOOK_S)


def free_of(door: OperatorDoor, agent: str) -> Resources:
    """What no task uses of the agent, and its volumes, as the observer knows it. Raises UnknownId."""
    row: dict[str, Any] = door.view("agent", {"agent": agent})
    return Resources.from_json(row["free"])


def _on_disk(there: Resources, root: str) -> Resources:
    """Only the disk at `root`, if one is named."""
    if not root:
        return there
    return there.filter(lambda key: key.name != "disk" or (key.disk is not None and key.disk.root == root))
