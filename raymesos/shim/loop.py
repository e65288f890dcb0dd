"""The shim's loop: one thread, one epoll, everything else a callback.

Clients come over a unix socket and own what they start. Exits are learned from SIGCHLD (commands) or the zygote (workers). The loop wakes for nothing but events,
due kills, limits, and idle workers to retire.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from raymesos.shim import limits, process
from raymesos.shim.commands import Commands
from raymesos.shim.execs import Execs
from raymesos.shim.pool import Pool
from raymesos.shim.protocol import OWNER_GRACE_S, VERSION, Broken, Stream
from raymesos.shim.sandboxes import Sandboxes
from raymesos.shim.tasks import Task, file_name, kill_task

SWEEP_S = 1.0
# How long the last processes may take to die of SIGKILL; one that hangs in the kernel must not hold up the end of the shim.
LEAVE_S = 3.0


class Client:
    """One connection; `owner` is empty until it said hello."""

    __slots__ = ("grace_s", "owner", "stream")

    def __init__(self, sock: socket.socket) -> None:
        self.stream = Stream(sock)
        self.owner = ""
        self.grace_s = OWNER_GRACE_S


class Shim:
    def __init__(self, listener: socket.socket, directory: str, orphan_grace_s: float) -> None:
        self._directory = directory
        self._orphan_grace_s = orphan_grace_s
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._clients: dict[str, Client] = {}
        self._lost_owners: dict[str, float] = {}
        self._held: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._alone_since: float | None = time.monotonic()
        self.tasks: dict[str, Task] = {}
        self._leaving = False
        self._next_limits = 0.0
        self._next_sweep = 0.0
        self._unswept = False
        self._listener = listener
        self.watch(listener.fileno(), self._accept)
        self._wake_on_child()
        self.sandboxes = Sandboxes(f"{directory}/tasks/")
        self.pool = Pool(self, directory)
        self.commands = Commands(self, directory)
        self.execs = Execs(self)

    # ------------------------------------------------------------ for pool and commands

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def push(self, stream: Stream, handler: Callable[[], None]) -> None:
        """Write now what goes, and the rest when the socket takes it. `handler` is that of the stream's watched descriptor."""
        try:
            done = stream.flush()
        except Broken:
            return  # Its end is noticed by reading.
        fd = stream.fileno()
        if fd in self._handlers:
            self._poll.modify(fd, select.EPOLLIN if done else select.EPOLLIN | select.EPOLLOUT)
            self._handlers[fd] = handler if done else lambda: self._catch_up(stream, handler)

    def _catch_up(self, stream: Stream, handler: Callable[[], None]) -> None:
        self.push(stream, handler)
        handler()

    def tell(self, task: Task, kind: str, fields: dict[str, Any]) -> None:
        """Send to the task's owner. One whose connection was lost hears it when it is back in time; one that is gone will not miss it."""
        client = self._clients.get(task.owner)
        if client is None:
            if task.owner in self._lost_owners and kind != "data":
                self._held.setdefault(task.owner, []).append((kind, fields))
            return
        self.answer(client, kind, fields)

    def answer(self, client: Client, kind: str, fields: dict[str, Any]) -> None:
        """Send to one connection; if it is closed, nobody hears it."""
        if client.stream.fileno() >= 0:
            client.stream.queue(kind, fields)
            self._flush(client)

    def started(self, task: Task, pid: int) -> None:
        task.pid = pid
        if not task.started:
            task.started = True
            self.tell(task, "started", {"id": task.id, "pid": pid})

    def finish(
        self, task: Task, exit_code: int | None, number: int | None, message: str = "", reason: str = ""
    ) -> None:
        """The task is over: tell its owner and forget it."""
        if self.tasks.pop(task.id, None) is not None:
            task.pid = 0
            self._unswept = True
            self.execs.task_ended(task)
            self.sandboxes.ended(task.directory)
            self.tell(task, "ended", task.ended(exit_code, number, message, reason))

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Serve until told to leave, or until no client was there for the orphan grace. No process of ours is left afterwards."""
        try:
            while not self._leaving:
                for fd, _ in self._poll.poll(self._timeout()):
                    handler = self._handlers.get(fd)
                    if handler is not None:
                        handler()
                self._on_time(time.monotonic())
        finally:
            self.pool.close()
            _end_children(time.monotonic() + LEAVE_S)

    def leave(self) -> None:
        """`run` ends everything and returns. For signal handlers too: the signal has woken the loop."""
        self._leaving = True

    def _timeout(self) -> float:
        now = time.monotonic()
        due = [now + 60.0]
        if self.tasks or self._unswept:
            due.append(self._next_sweep)
        if self.tasks:
            due.append(self._next_limits)
            due += [t.stop_at for t in self.tasks.values() if t.stop_at is not None]
        due += list(self._lost_owners.values())
        if self._alone_since is not None:
            due.append(self._alone_since + self._orphan_grace_s)
        due += [at for at in (self.pool.next_retire(), self.execs.next_due()) if at is not None]
        return max(0.0, min(due) - now)

    def _on_time(self, now: float) -> None:
        for owner in [o for o, at in self._lost_owners.items() if at <= now]:
            del self._lost_owners[owner]
            self._held.pop(owner, None)
            self._kill_owned(owner)
        if self._alone_since is not None and now >= self._alone_since + self._orphan_grace_s:
            self._leaving = True
        for task in list(self.tasks.values()):
            if task.stop_at is not None and now >= task.stop_at:
                task.stop_at = None
                kill_task(task, signal.SIGKILL)
        if self.tasks and now >= self._next_limits:
            limits.enforce(list(self.tasks.values()))
            self._next_limits = now + limits.period(len(self.tasks))
        if now >= self._next_sweep and (self.tasks or self._unswept):
            self._unswept = False
            self._sweep()
            self._next_sweep = now + SWEEP_S
        self.execs.on_time(now)
        self.pool.retire(now)

    # ------------------------------------------------------------ clients

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        client = Client(sock)
        self._alone_since = None
        self.watch(sock.fileno(), lambda: self._hear(client))

    def _hear(self, client: Client) -> None:
        try:
            frames = client.stream.pump()
            for kind, fields in frames:
                self._obey(client, kind, fields)
        except Broken:
            self._lose(client)
        except (KeyError, TypeError, ValueError) as error:
            client.stream.queue("refused", {"why": f"a frame does not fit: {error!r}"})
            self._flush(client)
            self._lose(client)

    def _obey(self, client: Client, kind: str, fields: dict[str, Any]) -> None:
        if kind == "hello":
            self._greet(client, fields)
        elif not client.owner:
            raise Broken("no hello")
        elif kind in ("run_chunk", "run_commands", "run_command", "run_resident"):
            self._run(client, kind.removeprefix("run_"), fields)
        elif kind == "stop":
            self._stop(fields["id"], fields["grace_ms"])
        elif kind == "limit":
            self._limit(fields["id"], int(fields["mem_kb"]))
        elif kind == "send":
            self.commands.send(fields["id"], fields["data"])
        elif kind == "exec":
            self.execs.run(client, fields)
        elif kind == "forget":
            self.pool.forget(fields["id"])
        elif kind == "shutdown":
            self._leaving = True

    def _greet(self, client: Client, fields: dict[str, Any]) -> None:
        if fields.get("version") != VERSION:
            client.stream.queue("refused", {"why": f"the shim speaks version {VERSION}, not {fields.get('version')!r}"})
            self._flush(client)
            raise Broken("version")
        client.owner = str(fields["owner"])
        client.grace_s = float(fields.get("grace_s", OWNER_GRACE_S))
        before = self._clients.get(client.owner)
        self._clients[client.owner] = client
        if before is not None:
            self._drop(before)
        self._lost_owners.pop(client.owner, None)
        running = [t.id for t in self.tasks.values() if t.owner == client.owner]
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        held = self._held.pop(client.owner, [])
        ended = [event["id"] for kind, event in held if kind == "ended"]
        welcome = {"version": VERSION, "python": python, "pid": os.getpid(), "running": running, "ended": ended}
        client.stream.queue("welcome", welcome)
        for kind, event in held:
            client.stream.queue(kind, event)
        self._flush(client)

    def _run(self, client: Client, kind: str, request: dict[str, Any]) -> None:
        if request["id"] in self.tasks:
            return  # The same request again: it runs.
        directory = f"{self._directory}/tasks/{file_name(request['id'])}/"
        task = Task(request["id"], client.owner, kind, request, directory=directory, sandbox=directory)
        task.began = time.monotonic()
        self.tasks[task.id] = task
        try:
            os.makedirs(directory, exist_ok=True)
        except OSError as error:
            self.finish(task, None, None, f"no sandbox: {error}", "REASON_CONTAINER_LAUNCH_FAILED")
            return
        if kind == "chunk":
            self.pool.run(task)
        else:
            self.commands.run(task)

    def _stop(self, task_id: str, grace_ms: int) -> None:
        task = self.tasks.get(task_id)
        if task is None:
            return
        task.stopped = True
        if not task.pid and self.pool.withdraw(task):
            return
        end = time.monotonic() + grace_ms / 1000
        task.stop_at = end if task.stop_at is None else min(end, task.stop_at)
        kill_task(task, signal.SIGTERM)

    def _limit(self, task_id: str, mem_kb: int) -> None:
        task = self.tasks.get(task_id)
        if task is not None:
            task.request["mem_kb"] = mem_kb

    def _lose(self, client: Client) -> None:
        self._drop(client)
        if client.owner and self._clients.get(client.owner) is client:
            del self._clients[client.owner]
            self._lost_owners[client.owner] = time.monotonic() + client.grace_s
        if not self._clients:
            self._alone_since = time.monotonic()

    def _drop(self, client: Client) -> None:
        self.unwatch(client.stream.fileno())
        client.stream.close()
        self.execs.client_left(client)

    def _flush(self, client: Client) -> None:
        self.push(client.stream, lambda: self._hear(client))

    def _kill_owned(self, owner: str) -> None:
        for task in [t for t in self.tasks.values() if t.owner == owner]:
            task.stopped = True
            if task.pid:
                kill_task(task, signal.SIGKILL)
            else:
                self.pool.withdraw(task)

    # ------------------------------------------------------------ children

    def _wake_on_child(self) -> None:
        read, write = socket.socketpair()
        read.setblocking(False)
        write.setblocking(False)
        self._wake = (read, write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        self.watch(read.fileno(), self._bury)

    def _bury(self) -> None:
        try:
            self._wake[0].recv(4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ours = self.commands.exited(pid, status, usage) or self.execs.exited(pid, status, usage)
            if not ours and pid == self.pool.zygote_pid:
                self.pool.zygote_ended()

    def _sweep(self) -> None:
        """End orphans of tasks that are over: they became our children, and their environment names their task."""
        known = {t.pid for t in self.tasks.values()} | {self.pool.zygote_pid}
        for pid in process.children(os.getpid()):
            if pid in known:
                continue
            task_id = process.environment(pid, b"RAYMESOS_TASK_ID")
            if task_id is not None and task_id.decode(errors="replace") not in self.tasks:
                process.send_signal(pid, signal.SIGKILL)


def _end_children(deadline: float) -> None:
    """Kill every descendant: those whose parent died become our children, until there are none."""
    while time.monotonic() < deadline:
        for pid in process.children(os.getpid()):
            process.send_signal(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)
