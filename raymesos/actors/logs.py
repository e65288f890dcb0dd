"""What a task has printed: found by the batch framework, read from the agent's node."""

from __future__ import annotations

from raymesos.actors.door import Door
from raymesos.actors.plan import BATCH


def read_log(door: Door, job_id: str, index: int, stream: str, offset: int = 0) -> str:
    """Text of the last attempt of the input from byte `offset` on. Raises UnknownId."""
    agent, task_id, own = door.call(BATCH, "where_ran", job_id, index)
    name = door.view("agents", {})
    agent_name = next((a["name"] for a in name if a["id"] == agent), agent)
    data: bytes = door.call(f"agent/{agent_name}", "read_log", task_id, index if own else -1, stream, offset)
    return data.decode(errors="replace")
