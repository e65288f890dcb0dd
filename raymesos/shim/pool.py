"""Workers: warm ones by pool key, one for each chunk that wants its own, all forked by the zygote.

A worker serves one pool key in its whole life; the key names role, environment and working directory, so that no two roles ever share a process.
"""

from __future__ import annotations

import mmap
import os
import shutil
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from raymesos.shim import limits, process
from raymesos.shim.protocol import LAUNCH_FAILED, LOST, Broken, Stream
from raymesos.shim.tasks import Task, death_text, file_name, split_status

if TYPE_CHECKING:
    from raymesos.shim.loop import Shim

# A warm worker costs about 10 MB; a pool that was not used for so long starts again in milliseconds.
IDLE_S = 30.0
IDLE_WORKERS = 32
# A worker that users' code has grown to this is not kept: its memory would count against the next chunk.
KEEP_BELOW_KB = 256 * 1024
# Unanswered forks: each has two descriptors on their way, of which a socket holds only so many.
FORKS_AT_ONCE = 32


class Worker:
    __slots__ = ("idle_since", "key", "page", "pid", "stream", "task")

    def __init__(self, key: str, stream: Stream, page: memoryview) -> None:
        self.key, self.stream, self.page = key, stream, page
        self.pid = 0
        self.task: Task | None = None
        self.idle_since = 0.0


class Pool:
    def __init__(self, shim: Shim, directory: str) -> None:
        self._shim, self._directory = shim, directory
        self._results = f"{directory}/results/"
        os.makedirs(self._results, exist_ok=True)
        self._idle: dict[str, deque[Worker]] = {}
        self._unforked: deque[tuple[str, Task]] = deque()
        self._forking: deque[Worker] = deque()
        self._by_pid: dict[int, Worker] = {}
        self._start_zygote()

    # ------------------------------------------------------------ chunks

    def run(self, task: Task) -> None:
        """Give the chunk to a warm worker of its key, or fork one."""
        key = task.request["pool"]
        worker = None if task.request.get("alone") else self._warm(key, task.mem_kb)
        if worker is not None:
            self._give(worker, task)
        else:
            self._unforked.append((key, task))
            self._fork_next()

    def _warm(self, key: str, mem_kb: int) -> Worker | None:
        """An idle worker whose own memory leaves the task at least half of its limit."""
        idle = self._idle.get(key)
        while idle:
            worker = idle.pop()
            if not mem_kb or process.rss_kb(worker.pid) * 2 <= mem_kb:
                return worker
            self._dismiss(worker)
        return None

    def withdraw(self, task: Task) -> bool:
        """Take back a chunk whose worker is not there yet. False if it is not one of those."""
        for waiting in self._unforked:
            if waiting[1] is task:
                self._unforked.remove(waiting)
                self._shim.finish(task, None, None, "stopped before it started")
                return True
        for worker in self._forking:
            if worker.task is task:
                worker.task = None
                self._shim.finish(task, None, None, "stopped before it started")
                return True
        return False

    def forget(self, task_id: str) -> None:
        """The owner has the results: the file may go."""
        try:
            os.unlink(self._result_path(task_id))
        except FileNotFoundError:
            return

    def close(self) -> None:
        for worker in [*self._by_pid.values()]:
            process.send_signal(worker.pid, 9, group=True)
        self._zygote.close()
        process.send_signal(self.zygote_pid, 9)
        shutil.rmtree(self._results, ignore_errors=True)

    def _result_path(self, task_id: str) -> str:
        return f"{self._results}{file_name(task_id)}"

    def _give(self, worker: Worker, task: Task) -> None:
        worker.task = task
        request = task.request | {"log": task.directory, "results": self._result_path(task.id)}
        self._shim.started(task, worker.pid)
        worker.page[0] = task.request["lo"]
        worker.stream.queue("run", request)
        self._shim.push(worker.stream, lambda: self._hear(worker))

    def _hear(self, worker: Worker) -> None:
        try:
            frames = worker.stream.pump()
        except Broken:
            self._shim.unwatch(worker.stream.fileno())
            # The zygote says how it ended. One that lives without its socket (a user closed all files) would never answer.
            process.send_signal(worker.pid, 9, group=True)
            return
        for _, answer in frames:
            self._answered(worker, answer)

    def _answered(self, worker: Worker, answer: dict[str, Any]) -> None:
        task, worker.task = worker.task, None
        if task is None:
            return
        limits.cut_output(task)
        usage = answer["usage"]
        task.cpu_ms, task.peak_rss_kb = usage["cpu_ms"], max(task.peak_rss_kb, usage["peak_rss_kb"])
        # Its answer has crossed a signal to it, of which the next chunk would die.
        signalled = task.stopped or bool(task.over_memory)
        self._keep(worker, alone=signalled or bool(task.request.get("alone")))
        if "refused" in answer:
            self._shim.finish(task, None, None, answer["refused"], LAUNCH_FAILED)
            return
        fields = {k: answer[k] for k in ("lo", "hi", "failed", "elapsed_us", "results")}
        if task.stopped and fields["failed"]:
            # A handler of users' code may have made an exception of the signal: from there on nothing counts.
            fields |= {"hi": fields["failed"][0][0], "failed": []}
        self._shim.tell(task, "report", {"id": task.id, **fields})
        self._shim.finish(task, 0, None)

    def _keep(self, worker: Worker, *, alone: bool) -> None:
        count = sum(map(len, self._idle.values()))
        if alone or count >= IDLE_WORKERS or process.rss_kb(worker.pid) > KEEP_BELOW_KB:
            self._dismiss(worker)
            return
        worker.idle_since = time.monotonic()
        self._idle.setdefault(worker.key, deque()).append(worker)

    def _dismiss(self, worker: Worker) -> None:
        """Close its socket: it leaves."""
        self._shim.unwatch(worker.stream.fileno())
        worker.stream.close()

    def next_retire(self) -> float | None:
        oldest = [q[0].idle_since for q in self._idle.values() if q]
        return min(oldest) + IDLE_S if oldest else None

    def retire(self, now: float) -> None:
        for key in list(self._idle):
            queue = self._idle[key]
            while queue and queue[0].idle_since + IDLE_S <= now:
                self._dismiss(queue.popleft())
            if not queue:
                del self._idle[key]

    # ------------------------------------------------------------ the zygote

    def _start_zygote(self) -> None:
        ours, theirs = socket.socketpair()
        command = process.bare_python(f"from raymesos.shim.zygote import main; main({theirs.fileno()})")
        os.set_inheritable(theirs.fileno(), True)
        self.zygote_pid = os.posix_spawn(command[0], command, os.environ)
        theirs.close()
        ours.setblocking(False)
        self._zygote = Stream(ours)
        self._shim.watch(ours.fileno(), self._hear_zygote)

    def zygote_ended(self) -> None:
        """It was killed: its workers went with it. Begin another; the tasks end as lost."""
        self._shim.unwatch(self._zygote.fileno())
        self._zygote.close()
        tasks = [w.task for w in (*self._by_pid.values(), *self._forking) if w.task is not None]
        tasks += [task for _, task in self._unforked]
        workers = [*self._by_pid.values(), *self._forking]
        self._by_pid.clear()
        self._forking.clear()
        self._unforked.clear()
        self._idle.clear()
        for worker in workers:
            self._dismiss(worker)
        for task in tasks:
            self._shim.finish(task, None, None, "the zygote was killed", LOST)
        self._start_zygote()

    def _fork_next(self) -> None:
        """Have workers forked for the tasks that wait for one, so many at once."""
        while self._unforked and len(self._forking) < FORKS_AT_ONCE:
            key, task = self._unforked.popleft()
            self._fork(key, task)

    def _fork(self, key: str, task: Task) -> None:
        ours, theirs = socket.socketpair()
        page_fd = os.memfd_create("raymesos-page")
        os.ftruncate(page_fd, mmap.PAGESIZE)
        page = memoryview(mmap.mmap(page_fd, mmap.PAGESIZE)).cast("q")
        ours.setblocking(False)
        worker = Worker(key, Stream(ours), page)
        worker.task = task
        self._forking.append(worker)
        try:
            socket.send_fds(self._zygote.sock, [b"f"], [theirs.fileno(), page_fd])
        except OSError:
            return  # The zygote is gone; zygote_ended ends the task.
        finally:
            theirs.close()
            os.close(page_fd)

    def _hear_zygote(self) -> None:
        try:
            frames = self._zygote.pump()
        except Broken:
            self._shim.unwatch(self._zygote.fileno())
            return
        for kind, fields in frames:
            if kind == "forked":
                self._forked(fields["pid"])
            else:
                self._buried(fields["pid"], fields["status"])

    def _forked(self, pid: int) -> None:
        worker = self._forking.popleft()
        worker.pid = pid
        self._by_pid[pid] = worker
        self._shim.watch(worker.stream.fileno(), lambda: self._hear(worker))
        if worker.task is None:
            self._keep(worker, alone=False)
        else:
            self._give(worker, worker.task)
        self._fork_next()

    def _buried(self, pid: int, status: int) -> None:
        worker = self._by_pid.pop(pid, None)
        if worker is None:
            return
        # Whatever it started dies with it: it led a session of its own.
        process.send_signal(pid, 9, group=True)
        if worker.stream.fileno() >= 0:
            self._hear(worker)  # An answer may have been written before the end.
            self._dismiss(worker)
        queue = self._idle.get(worker.key)
        if queue is not None and worker in queue:
            queue.remove(worker)
        task, worker.task = worker.task, None
        if task is not None:
            self._lost(task, worker, status)

    def _lost(self, task: Task, worker: Worker, status: int) -> None:
        """The worker died over the chunk: name the input that was at work, unless we killed it on request."""
        limits.cut_output(task)
        exit_code, number = split_status(status)
        message = task.over_memory or death_text(exit_code, number)
        index = worker.page[0]
        report: dict[str, Any] = {
            "id": task.id,
            "lo": task.request["lo"],
            "hi": task.request["lo"],
            "failed": [],
            "elapsed_us": 0,
        }
        if index >= 0 and not task.stopped:
            report |= {"culprit": index, "culprit_error": message}
        self._shim.tell(task, "report", report)
        self._shim.finish(task, exit_code, number, message)
