"""What a task has printed: found by its framework, read from the agent's node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from raymesos.machine import BATCH


class LogDoor(Protocol):
    """What this module needs of `raymesos.actors.door.Door`."""

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = ...) -> Any: ...

    def view(self, name: str, arguments: dict[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Bytes that the task `task_id` has written: a retry is another task, and its log begins anew."""

    task_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where the log of a task lies: the agent's id, and the index of the command that wrote it, -1 for the task itself."""

    agent_id: str
    task_id: str
    index: int = -1


def place_of(door: LogDoor, job_id: str, index: int, framework: str = BATCH) -> LogPlace:
    """Where the last attempt of the job's input writes. Raises UnknownId if there is none yet."""
    agent_id, task_id, own = door.call(framework, "where_ran", job_id, index)
    return LogPlace(agent_id, task_id, index if own else -1)


def read_log(
    door: LogDoor, job_id: str, index: int, stream: str, *, task_id: str, offset: int, framework: str = BATCH
) -> LogPiece:
    """The log of the input's last attempt: from byte `offset` on if that is `task_id`, else from its beginning. Raises UnknownId."""
    place = place_of(door, job_id, index, framework)
    agents = door.view("agents", {})
    agent = next((a["name"] for a in agents if a["id"] == place.agent_id), place.agent_id)
    begin = offset if place.task_id == task_id else 0
    data: bytes = door.call(f"agent/{agent}", "read_log", place.task_id, place.index, stream, begin)
    return LogPiece(place.task_id, data)
