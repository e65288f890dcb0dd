"""`cluster.volumes`: directories on agents that outlive tasks, made of reserved disk."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from raymesos.errors import UnknownId
from raymesos.model.resources import Resources
from raymesos.model.units import milli_megabytes
from raymesos.operating.asking import OperatorDoor, operate
from raymesos.operating.reserving import addition_to, find_volume, volume_of
from raymesos.wire.operating import Operate
from raymesos.wire.operations import Create, Destroy, Grow, Shrink

# The observer hears of a new volume a tenth of a second after it was made.
LATE_S = 2.0
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as it was when it was asked for. `path` is where its tasks see it; `disk` is ROOT, PATH or MOUNT."""

    id: str
    agent: str
    role: str
    size_mb: float
    path: str
    disk: str
    shared: bool


class Volumes(Sequence[Volume]):
    """The volumes of all agents. Agents are named by id or name, a volume by its id, and by `role` where several roles of an agent have one of that id."""

    def __init__(self, door: OperatorDoor, *, late_s: float = LATE_S) -> None:
        self._door, self._late_s = door, late_s

    def create(self, agent: str, id: str, disk: str, *, path: str, shared: bool = False, root: str = "") -> None:
        """Make a volume of reserved disk (`disk(ads):100`), seen by its tasks at `path` in their sandbox. `root` names the PATH or MOUNT disk that it is made of.

        Raises UnknownId, and InvalidValue where there is too little or the id is taken.
        """
        volume = volume_of(total_of(self._door, agent), id, disk, path=path, shared=shared, root=root)
        operate(self._door, Operate(agent, Create(volume)))

    def destroy(self, agent: str, id: str, *, role: str = "") -> None:
        """The volume and what is in it are gone; its disk stays reserved. Raises UnknownId, and InvalidValue while a task uses it."""
        operate(self._door, Operate(agent, Destroy(self._find(agent, id, role))))

    def grow(self, agent: str, id: str, by: float | str, *, role: str = "") -> None:
        """The volume gets so much more (MB, or text like 1GB) of the disk that it is of. Raises UnknownId, InvalidValue."""
        volume = self._find(agent, id, role)
        operate(self._door, Operate(agent, Grow(volume, addition_to(volume, milli_megabytes(by, "by")))))

    def shrink(self, agent: str, id: str, by: float | str, *, role: str = "") -> None:
        """So much of the volume (MB, or text like 1GB) becomes reserved disk again. Raises UnknownId, InvalidValue."""
        operate(self._door, Operate(agent, Shrink(self._find(agent, id, role), milli_megabytes(by, "by"))))

    @overload
    def __getitem__(self, index: int) -> Volume: ...
    @overload
    def __getitem__(self, index: slice) -> list[Volume]: ...
    def __getitem__(self, index: int | slice) -> Volume | list[Volume]:
        return self._rows()[index]

    def __iter__(self) -> Iterator[Volume]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())

    def _rows(self) -> list[Volume]:
        return [Volume(**row) for row in self._door.view("volumes", {})]

    def _find(self, agent: str, id: str, role: str) -> Resources:
        """The volume in full; one that was just made is waited for: its note may still be on the way. Raises UnknownId."""
        deadline = time.monotonic() + self._late_s
        while (found := find_volume(total_of(self._door, agent), id, role)) is None:
            if time.monotonic() > deadline:
                raise UnknownId("volume", id)
            time.sleep(LOOK_S)
        return found

    def __repr__(self) -> str:
        return f"<volumes {', '.join(f'{v.agent}/{v.id}' for v in self) or 'none'}>"


def total_of(door: OperatorDoor, agent: str) -> Resources:
    """What the agent has, with reservations and volumes, as the observer knows it. Raises UnknownId."""
    row: dict[str, Any] = door.view("agent", {"agent": agent})
    return Resources.from_json(row["resources"])
