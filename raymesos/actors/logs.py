"""What a task has printed: found by the batch framework, read from the agent's node."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.actors.door import Door
from raymesos.actors.plan import BATCH


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Bytes that the task `task_id` has written: a retry is another task, and its log begins anew."""

    task_id: str
    data: bytes


def read_log(door: Door, job_id: str, index: int, stream: str, *, task_id: str, offset: int) -> LogPiece:
    """The log of the input's last attempt: from byte `offset` on if that is `task_id`, else from its beginning. Raises UnknownId."""
    agent_id, last, own = door.call(BATCH, "where_ran", job_id, index)
    agents = door.view("agents", {})
    agent = next((a["name"] for a in agents if a["id"] == agent_id), agent_id)
    begin = offset if last == task_id else 0
    data: bytes = door.call(f"agent/{agent}", "read_log", last, index if own else -1, stream, begin)
    return LogPiece(last, data)
