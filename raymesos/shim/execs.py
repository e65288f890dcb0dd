"""Commands beside a running task: in its sandbox, with its environment, counted to its memory, killed with it. Who asked gets the output.

Nobody can enter another's session, so each has one of its own.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raymesos.shim import process
from raymesos.shim.tasks import Task, split_status

if TYPE_CHECKING:
    from raymesos.shim.loop import Client, Shim

# So much of stdout and of stderr is answered, unless the asker says how much; what comes after it is read and dropped.
OUTPUT_BYTES = 64 * 1024
MOST_OUTPUT_BYTES = 8 * 1024 * 1024
# Checks of an agent full of services, and people; beyond it who asks is refused.
AT_ONCE = 256
# An answer about a command that never began has no more than why.
_NOTHING: dict[str, Any] = {
    "exit": None,
    "signal": None,
    "stdout": b"",
    "stderr": b"",
    "truncated": False,
    "timed_out": False,
    "why": "",
    "unknown": False,
}


@dataclass(slots=True)
class Exec:
    key: str
    client: Client
    task: Task
    room: int
    deadline: float
    output: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    pipes: dict[int, str] = field(default_factory=dict)
    """Descriptor to read from, and which stream it is."""
    pid: int = 0
    truncated: bool = False
    timed_out: bool = False


class Execs:
    def __init__(self, shim: Shim) -> None:
        self._shim = shim
        self._by_pid: dict[int, Exec] = {}

    def run(self, client: Client, fields: dict[str, Any]) -> None:
        """Begin it; `executed` follows when it has ended, or at once if it cannot be begun."""
        task = self._shim.tasks.get(fields["id"])
        if task is None or not task.pid:
            self._refuse(client, fields["key"], f"task {fields['id']!r} does not run here", unknown=True)
        elif not fields["argv"]:
            self._refuse(client, fields["key"], "no command was given")
        elif len(self._by_pid) >= AT_ONCE:
            self._refuse(client, fields["key"], f"{AT_ONCE} commands run beside tasks already")
        else:
            room = min(int(fields.get("max_bytes") or OUTPUT_BYTES), MOST_OUTPUT_BYTES)
            deadline = time.monotonic() + fields["timeout_ms"] / 1000
            self._begin(Exec(fields["key"], client, task, room, deadline), fields)

    def exited(self, pid: int, status: int, usage: resource.struct_rusage) -> bool:
        """Book the end of a process. False if it is none of ours."""
        run = self._by_pid.pop(pid, None)
        if run is None:
            return False
        process.send_signal(pid, signal.SIGKILL, group=True)  # What it left behind would hold the pipes.
        run.task.beside.pop(pid, None)
        run.task.cpu_ms += int((usage.ru_utime + usage.ru_stime) * 1000)
        for fd in list(run.pipes):
            self._read(run, fd)
            self._close(run, fd)
        exit_code, number = split_status(status)
        self._answer(
            run.client,
            run.key,
            exit=exit_code,
            signal=number,
            timed_out=run.timed_out,
            truncated=run.truncated,
            **{name: bytes(data) for name, data in run.output.items()},
        )
        return True

    def next_due(self) -> float | None:
        return min((run.deadline for run in self._by_pid.values()), default=None)

    def on_time(self, now: float) -> None:
        """Kill what runs for too long."""
        for run in [r for r in self._by_pid.values() if r.deadline <= now]:
            run.timed_out = True
            self._kill(run)

    def task_ended(self, task: Task) -> None:
        for run in [self._by_pid[pid] for pid in task.beside]:
            self._kill(run)

    def client_left(self, client: Client) -> None:
        """Nobody waits for the answer."""
        for run in [r for r in self._by_pid.values() if r.client is client]:
            self._kill(run)

    # ------------------------------------------------------------ inside

    def _begin(self, run: Exec, fields: dict[str, Any]) -> None:
        pipes = {name: os.pipe2(os.O_CLOEXEC) for name in run.output}
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, pipes["stdout"][1], 1),
            (os.POSIX_SPAWN_DUP2, pipes["stderr"][1], 2),
        ]
        try:
            run.pid = self._shim.commands.spawn_beside(run.task, fields["argv"], fields.get("env") or {}, actions)
        except (OSError, ValueError) as error:
            self._refuse(run.client, run.key, f"{fields['argv'][0]!r} could not be started: {error}")
        finally:
            for read, write in pipes.values():
                os.close(write)
                if not run.pid:
                    os.close(read)
        if run.pid:
            self._by_pid[run.pid] = run
            run.task.beside[run.pid] = None
            for name, (read, _) in pipes.items():
                os.set_blocking(read, False)
                run.pipes[read] = name
                self._shim.watch(read, lambda fd=read: self._read(run, fd))  # type: ignore[misc]

    def _read(self, run: Exec, fd: int) -> None:
        """Take what is there; at its end the pipe is closed."""
        while fd in run.pipes:
            try:
                data = os.read(fd, 65_536)
            except BlockingIOError:
                return
            kept = run.output[run.pipes[fd]]
            free = run.room - len(kept)
            kept += data[:free]
            run.truncated = run.truncated or len(data) > free
            if not data:
                self._close(run, fd)

    def _close(self, run: Exec, fd: int) -> None:
        if run.pipes.pop(fd, None) is not None:
            self._shim.unwatch(fd)
            os.close(fd)

    def _kill(self, run: Exec) -> None:
        run.deadline = float("inf")
        family = process.tree(run.pid)
        process.send_signal(run.pid, signal.SIGKILL, group=True)
        for pid in family:
            process.send_signal(pid, signal.SIGKILL)

    def _refuse(self, client: Client, key: str, why: str, *, unknown: bool = False) -> None:
        self._answer(client, key, why=why, unknown=unknown)

    def _answer(self, client: Client, key: str, **fields: Any) -> None:
        self._shim.answer(client, "executed", {"key": key} | _NOTHING | fields)
