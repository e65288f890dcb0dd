"""`cluster.volumes`: directories on agents that outlive tasks, made of reserved disk."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.frameworks import operations
from raymesos.frameworks.operations import Wish
from raymesos.model.units import milli_megabytes
from raymesos.operating.asking import OperatorDoor
from raymesos.operating.listing import Listing
from raymesos.operating.resources import LATE_S, convert, must_have_volume


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


class Volumes(Listing[Volume]):
    """The volumes of all agents. Agents are named by id or name, a volume by its id, and by `role` where several roles of an agent have one of that id."""

    def __init__(self, door: OperatorDoor, *, late_s: float = LATE_S) -> None:
        super().__init__(door)
        self._late_s = late_s

    def create(self, agent: str, id: str, disk: str, *, path: str, shared: bool = False, root: str = "") -> None:
        """Make a volume of reserved disk (`disk(ads):100`), seen by its tasks at `path` in their sandbox. `root` names the PATH or MOUNT disk that it is made of.

        Raises UnknownId, InvalidValue, and Conflict where there is too little or the id is taken.
        """
        wish = operations.create_volume(id, disk, path, shared=shared)
        convert(self._door, agent, wish, root=root, late_s=self._late_s)

    def destroy(self, agent: str, id: str, *, role: str = "") -> None:
        """The volume and what is in it are gone; its disk stays reserved. Raises UnknownId, and Conflict while a task uses it."""
        self._change(agent, id, role, operations.destroy_volume(id))

    def grow(self, agent: str, id: str, by: float | str, *, role: str = "") -> None:
        """The volume gets so much more (MB, or text like 1GB) of the disk that it is of. Raises UnknownId, InvalidValue, Conflict."""
        self._change(agent, id, role, operations.grow_volume(id, milli_megabytes(by, "by") / 1000))

    def shrink(self, agent: str, id: str, by: float | str, *, role: str = "") -> None:
        """So much of the volume (MB, or text like 1GB) becomes reserved disk again. Raises UnknownId, InvalidValue, Conflict."""
        self._change(agent, id, role, operations.shrink_volume(id, milli_megabytes(by, "by") / 1000))

    def _change(self, agent: str, id: str, role: str, wish: Wish) -> None:
        must_have_volume(self._door, agent, id, role, late_s=self._late_s)
        convert(self._door, agent, wish, role=role, late_s=self._late_s)

    def _rows(self) -> list[Volume]:
        return [Volume(**row) for row in self._door.view("volumes", {})]

    def __repr__(self) -> str:
        return f"<volumes {', '.join(f'{v.agent}/{v.id}' for v in self) or 'none'}>"
