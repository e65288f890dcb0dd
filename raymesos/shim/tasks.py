"""The tasks of one shim: what each is made of, and the words that go to its owner."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Any

from raymesos.shim import process
from raymesos.shim.protocol import LOST, MEMORY


@dataclass(slots=True)
class Task:
    """One task of one owner. `pid` is its process now, 0 between two."""

    id: str
    owner: str
    kind: str
    """chunk, commands, command or resident."""
    request: dict[str, Any]
    pid: int = 0
    started: bool = False
    stop_at: float | None = None
    """When SIGKILL follows the SIGTERM; set once a stop was asked for."""
    stopped: bool = False
    """Its end was asked for: nothing that it dies of from then on is laid to users' code."""
    over_memory: str = ""
    peak_rss_kb: int = 0
    cpu_ms: int = 0
    next_index: int = 0
    began: float = 0.0
    failed: list[list[Any]] = field(default_factory=list)
    channel: Any = None
    directory: str = ""
    why: str = ""
    """What its process said of its failure."""
    beside: dict[int, None] = field(default_factory=dict)
    """The processes of commands that run beside it."""
    sandbox: str = ""
    """Where its process writes stdout and stderr now; `directory` itself, but for one of several commands."""

    @property
    def mem_kb(self) -> int:
        return int(self.request.get("mem_kb") or 0)

    def ended(self, exit_code: int | None, number: int | None, message: str = "", reason: str = "") -> dict[str, Any]:
        """The fields of `ended`."""
        if self.over_memory and not reason:
            reason, message = MEMORY, self.over_memory
        elif self.stopped and exit_code != 0:
            # Its owner may never have asked: a former life of it did, or the shim itself gave the owner up.
            reason = LOST
        return {
            "id": self.id,
            "exit": exit_code,
            "signal": number,
            "reason": reason,
            "message": message,
            "usage": {"cpu_ms": self.cpu_ms, "peak_rss_kb": self.peak_rss_kb},
        }


def split_status(status: int) -> tuple[int | None, int | None]:
    """(exit code, signal) of a wait status; one of them is None."""
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), None


def death_text(exit_code: int | None, number: int | None) -> str:
    if number is not None:
        try:
            return f"killed by {signal.Signals(number).name} ({number})"
        except ValueError:
            return f"killed by signal {number}"
    return f"exit {exit_code}"


def kill_task(task: Task, number: int) -> None:
    """Signal the task's process, its group, and descendants that left the group but not the family."""
    if not task.pid:
        return
    family = process.tree(task.pid) if number == signal.SIGKILL else []
    if not process.send_signal(task.pid, number, group=True):
        # A worker that was forked a moment ago does not lead a group yet: it would live on until its grace is over.
        process.send_signal(task.pid, number)
    for pid in family:
        process.send_signal(pid, number)


def file_name(task_id: str) -> str:
    """A task id as one path component."""
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in task_id)
    return safe if safe == task_id and safe not in (".", "..") else f"{safe[:100]}-{task_id.encode().hex()[:40]}"
