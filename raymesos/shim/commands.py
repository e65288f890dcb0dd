"""Commands and residents: each process in a session of its own, with a sandbox directory and its stdout and stderr kept there.

The shim is single-threaded, so it changes into the sandbox itself before it spawns: posix_spawn then needs no helper in between (1,500 a second here).
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from raymesos.shim import limits, process, residents
from raymesos.shim.protocol import LAUNCH_FAILED, Broken, Stream
from raymesos.shim.tasks import Task, death_text, split_status

if TYPE_CHECKING:
    from raymesos.shim.loop import Shim

CONTROL_FD = 3
WHY_CHARS = 600
_DEFAULTS = [signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGXFSZ]


class Commands:
    def __init__(self, shim: Shim, directory: str) -> None:
        self._shim, self._home = shim, directory
        self._by_pid: dict[int, Task] = {}
        self._found: dict[tuple[str, str], str] = {}
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "RAYMESOS_CONTROL"))}

    def run(self, task: Task) -> None:
        """Start the task's process, or the first of its commands."""
        if task.kind == "commands":
            task.next_index = task.request["lo"]
        self._start(task)

    def send(self, task_id: str, data: bytes) -> None:
        """To a resident's control channel; without one the data is dropped."""
        task = self._shim.tasks.get(task_id)
        if task is not None and task.channel is not None:
            task.channel.queue("data", {"data": data})
            self._shim.push(task.channel, lambda: self._hear(task))

    def exited(self, pid: int, status: int, usage: resource.struct_rusage) -> bool:
        """Book the end of a process. False if it is none of ours."""
        task = self._by_pid.pop(pid, None)
        if task is None:
            return False
        process.send_signal(pid, signal.SIGKILL, group=True)  # What it left behind in its session.
        task.cpu_ms += int((usage.ru_utime + usage.ru_stime) * 1000)
        task.peak_rss_kb = max(task.peak_rss_kb, usage.ru_maxrss)
        exit_code, number = split_status(status)
        task.pid = 0
        limits.cut_output(task)
        if task.kind == "commands":
            self._next(task, exit_code, number)
            return True
        if task.channel is not None:
            self._hear(task)
            if task.channel is not None:
                self._hang_up(task)
        message = "" if exit_code == 0 else task.why or death_text(exit_code, number)
        self._shim.finish(task, exit_code, number, message)
        return True

    # ------------------------------------------------------------ several in turn

    def _next(self, task: Task, exit_code: int | None, number: int | None) -> None:
        index = task.next_index
        if exit_code != 0:
            text = task.over_memory or death_text(exit_code, number)
            if not task.stopped:
                task.failed.append([index, text, exit_code, number])
            task.over_memory = ""
        if task.stopped:
            self._report(task, index)
            self._shim.finish(task, exit_code, number, death_text(exit_code, number))
            return
        task.next_index = index + 1
        if not self._over(task):
            self._start(task)

    def _over(self, task: Task) -> bool:
        """Whether all its commands had their turn, or its time is used up; then it is reported and ended."""
        late = time.monotonic() - task.began > task.request["budget_ms"] / 1000
        if task.next_index < task.request["hi"] and not late:
            return False
        self._report(task, task.next_index)
        self._shim.finish(task, 0, None)
        return True

    def _report(self, task: Task, hi: int) -> None:
        elapsed_us = int((time.monotonic() - task.began) * 1_000_000)
        fields = {"id": task.id, "lo": task.request["lo"], "hi": hi, "failed": task.failed, "elapsed_us": elapsed_us}
        self._shim.tell(task, "report", fields)

    # ------------------------------------------------------------ starting

    def _start(self, task: Task) -> None:
        """Start the task's process; of several commands the next that can be started."""
        while True:
            try:
                pid = self._launch(task)
            except (OSError, ValueError) as error:  # ValueError: an argument or variable that no process can be given.
                if not self._refused(task, error):
                    return
            else:
                self._by_pid[pid] = task
                self._shim.started(task, pid)
                return

    def _launch(self, task: Task) -> int:
        """The pid of the new process. Raises OSError, ValueError."""
        if task.kind == "resident":
            task.request["argv"], defaults = (
                residents.argv_of(task.request, task.directory),
                residents.environment(task.request),
            )
            task.request["env"] = defaults | (task.request.get("env") or {})
        if task.kind == "commands":
            task.sandbox = f"{task.directory}{task.next_index}/"
        return self._spawn(task, task.request["argv"], self._environment(task))

    def _environment(self, task: Task) -> dict[str, str]:
        """That of the process which the task has now."""
        request = task.request
        env = self._environ | (request.get("env") or {})
        env["RAYMESOS_TASK_ID"] = task.id
        if task.kind == "commands":
            env["RAYMESOS_JOB_ID"] = request["job"]
            env["RAYMESOS_INDEX"] = str(task.next_index)
            env["RAYMESOS_ATTEMPT"] = str(request["attempt"])
        env["RAYMESOS_SANDBOX"] = task.sandbox
        return env

    def spawn_beside(self, task: Task, argv: list[str], env: dict[str, str], actions: list[Any]) -> int:
        """The pid of a process in the task's sandbox, with its environment and `env`. Raises OSError, ValueError."""
        env = self._environment(task) | env
        program = self._program(argv[0], env.get("PATH", os.defpath))
        return self._spawn_in(task.request.get("dir") or task.sandbox, program, argv, env, actions)

    def _refused(self, task: Task, error: OSError | ValueError) -> bool:
        """Book that its process could not be started; True if the next of its commands may be tried."""
        message = f"{task.request['argv'][0]!r} could not be started: {_why(error)}"
        if task.channel is not None:
            self._hang_up(task)
        if task.kind != "commands":
            self._shim.finish(task, None, None, message, LAUNCH_FAILED)
            return False
        # Like a shell's 127: this one has failed, the next may do no better, and each has its own retries.
        task.failed.append([task.next_index, message, 127, None])
        task.next_index += 1
        return not self._over(task)

    def _spawn(self, task: Task, argv: list[str], env: dict[str, str]) -> int:
        """The pid of the new process. Raises OSError."""
        sandbox = task.sandbox
        try:
            os.mkdir(sandbox)
        except FileExistsError:
            pass
        _link_volumes(task, sandbox)
        program = self._program(task.request.get("program") or argv[0], env.get("PATH", os.defpath))
        actions: list[Any] = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, sandbox + "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, sandbox + "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        ]
        theirs = self._open_channel(task, env, actions) if task.kind == "resident" else None
        try:
            return self._spawn_in(task.request.get("dir") or sandbox, program, argv, env, actions)
        finally:
            if theirs is not None:
                theirs.close()

    def _spawn_in(self, where: str, program: str, argv: list[str], env: dict[str, str], actions: list[Any]) -> int:
        os.chdir(where)
        try:
            return os.posix_spawn(
                program, argv, env, file_actions=actions, setsid=True, setsigmask=[], setsigdef=_DEFAULTS
            )
        finally:
            os.chdir(self._home)

    def _program(self, name: str, path: str) -> str:
        """The file that `name` is, looked up once in `path`. A name that is nowhere is returned as it is, for its own error."""
        if "/" in name:
            return name
        found = self._found.get((name, path))
        if found is None:
            candidates = [f"{d}/{name}" for d in path.split(":") if d]
            found = next((c for c in candidates if os.access(c, os.X_OK) and not os.path.isdir(c)), name)
            if found != name:
                self._found[name, path] = found
        return found

    # ------------------------------------------------------------ residents

    def _open_channel(self, task: Task, env: dict[str, str], actions: list[Any]) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        task.channel = Stream(ours)
        env["RAYMESOS_CONTROL_FD"] = str(CONTROL_FD)
        actions.append((os.POSIX_SPAWN_DUP2, theirs.fileno(), CONTROL_FD))
        self._shim.watch(ours.fileno(), lambda: self._hear(task))
        return theirs

    def _hear(self, task: Task) -> None:
        try:
            for kind, fields in task.channel.pump():
                if kind == "failed":
                    task.why = str(fields.get("text", ""))[:WHY_CHARS]
                    continue
                self._shim.tell(task, "data", {"id": task.id, "data": fields.get("data", b"")})
        except Broken:
            self._hang_up(task)

    def _hang_up(self, task: Task) -> None:
        self._shim.unwatch(task.channel.fileno())
        task.channel.close()
        task.channel = None


def _link_volumes(task: Task, sandbox: str) -> None:
    """The task finds its volumes in the sandbox, each under its path. Raises OSError, also if there is no such volume."""
    for container_path, where in task.request.get("volumes") or ():
        if not os.path.isdir(where):
            raise FileNotFoundError(errno.ENOENT, "there is no such volume", where)
        link = sandbox + container_path.rstrip("/")
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.islink(link):
            os.symlink(where, link)


def _why(error: OSError | ValueError) -> str:
    """With the file, which may be the working directory rather than the program."""
    if not isinstance(error, OSError):
        return str(error)
    text = error.strerror or str(error)
    return f"{text}: {error.filename!r}" if error.filename else text
