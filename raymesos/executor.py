"""`cluster.executor(role=...)`: the standard library's Executor over a role's share."""

from __future__ import annotations

from raymesos.actors.door import Door


class RoleExecutor:
    def __init__(self, door: Door, *, role: str, cpus: float, mem: float | str) -> None:
        self._door = door
