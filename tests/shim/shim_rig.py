"""A real shim and an owner of tasks in it. Nothing here sleeps: frames are waited for on the socket, ends of processes on their pidfd."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cloudpickle

from raymesos.shim import process, segments
from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress
from raymesos.shim.tasks import file_name

PATIENCE_S = 30.0
Frame = tuple[str, dict[str, Any]]


class Owner:
    """One connection to the shim. `run_*` wait for the end of what they start and return its fields."""

    def __init__(self, shim: ShimAddress, name: str = "owner") -> None:
        self.shim, self.name = shim, name
        self.client = ShimClient.connect(shim.socket, name)
        self.client._stream.sock.settimeout(PATIENCE_S)
        self.reports: list[dict[str, Any]] = []
        self._ended: dict[str, dict[str, Any]] = {}

    def close(self) -> None:
        self.client.close()

    def until(self, kind: str, task_id: str) -> dict[str, Any]:
        """The next event of this kind for the task. Reports and ends that come before it are kept."""
        if kind == "ended" and task_id in self._ended:
            return self._ended.pop(task_id)
        while True:
            got, fields = self.client.receive()
            if got == "report":
                self.reports.append(fields)
            if got == kind and fields["id"] == task_id:
                return fields
            if got == "ended":
                self._ended[fields["id"]] = fields

    def command(self, task_id: str, *argv: str, kind: str = "run_command", **more: Any) -> None:
        self.client.send(kind, id=task_id, argv=list(argv), **{"env": {}, "dir": "", "mem_kb": 0, **more})

    def run_command(self, task_id: str, *argv: str, **more: Any) -> dict[str, Any]:
        self.command(task_id, *argv, **more)
        return self.until("ended", task_id)

    def run_shell(self, task_id: str, script: str, **more: Any) -> dict[str, Any]:
        return self.run_command(task_id, "/bin/sh", "-c", script, **more)

    def run_commands(self, task_id: str, count: int, script: str, **more: Any) -> dict[str, Any]:
        """The report of `count` runs of the shell script in turn."""
        fields = {"job": "j", "lo": 0, "hi": count, "attempt": 1, "budget_ms": 60_000, **more}
        self.command(task_id, *fields.pop("argv", ("/bin/sh", "-c", script)), kind="run_commands", **fields)
        self.until("ended", task_id)
        return self.reports.pop()

    def chunk(self, task_id: str, fn: Callable[[Any], Any] | bytes, inputs: Iterable[Any], /, **more: Any) -> None:
        rows = [cloudpickle.dumps(each) for each in inputs]
        fields: dict[str, Any] = {
            "job": f"job of {task_id}",
            "lo": 0,
            "hi": len(rows),
            "base": 0,
            "fn": {"inline": fn if isinstance(fn, bytes) else cloudpickle.dumps(fn)},
            "inputs": {"inline": segments.encode(rows)},
            "attempt": 1,
            "budget_ms": 60_000,
            "pool": "p",
            "alone": False,
            "env": {},
            "dir": "",
            "path": [],
            "python": "",
            "mem_kb": 0,
        }
        self.client.send("run_chunk", id=task_id, **(fields | more))

    def run_chunk(
        self, task_id: str, fn: Callable[[Any], Any] | bytes, inputs: Iterable[Any], /, **more: Any
    ) -> dict[str, Any]:
        self.chunk(task_id, fn, inputs, **more)
        return self.until("ended", task_id)

    def sandbox(self, task_id: str) -> Path:
        return Path(self.shim.directory) / "tasks" / file_name(task_id)

    def output(self, task_id: str, name: str = "stdout") -> str:
        return (self.sandbox(task_id) / name).read_text()


def values(report: dict[str, Any]) -> list[Any]:
    """What each input of the chunk gave: its value, or (exception, traceback)."""
    where = report["results"]
    with segments.Segment(where["inline"]) if "inline" in where else segments.Segment.open(where["path"]) as segment:
        return [cloudpickle.loads(segment[i]) for i in range(len(segment))]


def ended(pid: int) -> bool:
    """Waits for the end of a process that need not be our child; False if it outlives our patience."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(PATIENCE_S * 1000))
    finally:
        os.close(fd)


def alive(pid: int) -> bool:
    return process.start_time(pid) != 0


class Pipe:
    """A named pipe on which what runs in the shim says something, or is told to go on."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / name
        os.mkfifo(self.path)

    def read(self) -> str:
        """Waits for a writer, and for it to close."""
        return self.path.read_text().strip()

    def write(self, text: str = "go") -> None:
        """Waits for a reader."""
        self.path.write_text(text)

    def __str__(self) -> str:
        return str(self.path)
