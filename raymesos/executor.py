"""`cluster.executor(role=...)`: the standard library's Executor over a role's share of the cluster.

Calls that are submitted while others are on their way travel together: one batch job per function and hand-over. As with `ProcessPoolExecutor`, a call can be
cancelled until it has been handed over; how many are handed over at a time follows how fast results come back.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import Executor as StdExecutor
from dataclasses import dataclass, field
from typing import Any

from raymesos.door import Door
from raymesos.errors import RaymesosError
from raymesos.frameworks.batch.state import FINISHED
from raymesos.job import Failed, InputFailed, Job, outcomes
from raymesos.machine import BATCH
from raymesos.model.jobs import BatchJob
from raymesos.packing import pack_job, pickled_value
from raymesos.shim.calls import Call
from raymesos.wire.jobs import ForgetJobs

# Handed over at first; more as results show how fast the cluster is.
FIRST_WINDOW = 64
# So much work may lie beyond recall: enough to ride out a round trip and a pass, little enough that cancelling means something.
WINDOW_S = 1.0
POLL_S = 1.0
# Finished hand-overs are forgotten so many at a time: few enough that other people's finished jobs are not pushed out.
FORGET_AT = 50


@dataclass(slots=True)
class _Pending:
    fn: Callable[..., Any]
    row: bytes
    future: Future[Any]


@dataclass(slots=True)
class _Running:
    job: Job
    futures: list[Future[Any] | None]
    taken: bytearray
    cursor: int = 0
    version: int = -1
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.futures)


class RoleExecutor(StdExecutor):
    """A `concurrent.futures.Executor`: submit, map, shutdown, context manager, with the library's meaning.

    Each call holds `cpus` and `mem` of `role`'s share while it runs; `fields` are those of BatchJob (env, runtime_limit, …). Retries are the system's only, unless
    `retries` says more. Raises InvalidJob for fields that are none.
    """

    def __init__(self, door: Door, *, role: str, cpus: float, mem: float | str, **fields: Any) -> None:
        self._door = door
        self._fields = {**fields, "role": role, "cpus": cpus, "mem": mem}
        BatchJob(
            "executor", fn=_nothing, inputs=[0], **self._fields
        )  # Refuse now what every call would be refused for.
        self._label = secrets.token_hex(3)
        self._numbers = itertools.count(1)
        self._pending: deque[_Pending] = deque()
        self._running: dict[str, _Running] = {}
        self._handed = 0
        self._window = FIRST_WINDOW
        self._changed = threading.Condition()
        self._finished: list[str] = []
        self._closed = False
        self._broken: str = ""
        self._feeder = threading.Thread(target=self._guard, args=(self._feed,), name="raymesos-feed", daemon=True)
        self._fetcher = threading.Thread(target=self._guard, args=(self._fetch,), name="raymesos-fetch", daemon=True)
        self._started = False
        # A script that ends without `shutdown` waits for its calls, as with the library's own executors.
        atexit.register(self.shutdown)

    # ------------------------------------------------------------ the library's contract

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn(*args, **kwargs)` in the cluster. What cannot be pickled fails its own future. Raises RuntimeError after `shutdown`."""
        future: Future[Any] = Future()
        try:
            row = pickled_value((args, kwargs))
        except Exception as error:  # noqa: BLE001 - whatever a user's class does
            row, unsent = b"", error
        with self._changed:
            if self._broken:
                raise BrokenExecutor(self._broken)
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if not row:
                future.set_exception(unsent)
                return future
            self._pending.append(_Pending(fn, row, future))
            self._start()
            self._changed.notify_all()
        return future

    def map(
        self, fn: Callable[..., Any], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[Any]:
        """Results in order; all calls are submitted at once. Calls are packed by their run time, so `chunksize` is only checked."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        return super().map(fn, *iterables, timeout=timeout)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._changed:
            self._closed = True
            if cancel_futures:
                dropped, self._pending = self._pending, deque()
                for each in dropped:
                    each.future.cancel()
            self._changed.notify_all()
        if wait:
            if self._started:
                self._feeder.join()
                self._fetcher.join()
            atexit.unregister(self.shutdown)

    # ------------------------------------------------------------ threads

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._feeder.start()
            self._fetcher.start()

    def _guard(self, loop: Callable[[], None]) -> None:
        """Whatever ends a thread ends the executor: every call that waits is told."""
        try:
            loop()
        except Exception as error:  # noqa: BLE001 - the future carries it to the caller
            self._break(error)

    def _feed(self) -> None:
        while batch := self._next_batch():
            by_fn: dict[int, list[_Pending]] = {}
            for each in batch:
                if each.future.set_running_or_notify_cancel():
                    by_fn.setdefault(id(each.fn), []).append(each)
                else:
                    self._returned(1)
            for calls in by_fn.values():
                self._hand_over(calls)

    def _next_batch(self) -> list[_Pending]:
        """What may go now; waits for it. Empty when all is over."""
        with self._changed:
            while not (self._pending and self._handed < self._window):
                if self._broken or (self._closed and not self._pending):
                    return []
                self._changed.wait()
            count = min(len(self._pending), self._window - self._handed)
            self._handed += count
            return [self._pending.popleft() for _ in range(count)]

    def _hand_over(self, calls: list[_Pending]) -> None:
        futures: list[Future[Any] | None] = [c.future for c in calls]
        try:
            job = pack_job(
                self._door,
                BatchJob(
                    f"executor-{self._label}-{next(self._numbers)}", fn=Call(calls[0].fn), inputs=[], **self._fields
                ),
                detach=True,
                rows=iter([c.row for c in calls]),
            )
        except RaymesosError as error:
            for each in calls:
                each.future.set_exception(error)
            self._returned(len(calls))
            return
        with self._changed:
            self._running[job.id] = _Running(job, futures, bytearray(len(calls)))
            self._changed.notify_all()

    def _fetch(self) -> None:
        measured_at, got = time.monotonic(), 0
        while True:
            with self._changed:
                while not self._running:
                    if self._broken or (self._closed and not self._pending and not self._handed):
                        self._forget(1)
                        return
                    self._changed.wait()
                running = list(self._running.values())
            news = self._door.call(BATCH, "poll", [(r.job.id, r.cursor, r.version) for r in running], POLL_S)
            arrived = sum(self._take(r, each) for r, each in zip(running, news, strict=True) if each is not None)
            got += arrived
            now = time.monotonic()
            if now - measured_at > 0.1 and got:
                self._window = max(FIRST_WINDOW, int(WINDOW_S * got / (now - measured_at)))
                measured_at, got = now, 0
            self._returned(arrived)
            self._forget(FORGET_AT)

    def _forget(self, at_least: int) -> None:
        if len(self._finished) >= at_least:
            self._door.ask(BATCH, ForgetJobs(tuple(self._finished)))
            self._finished.clear()

    def _take(self, running: _Running, news: Any) -> int:
        parts, running.cursor, status = news
        running.version = status["version"]
        before = running.left
        for part in parts:
            for index, outcome in outcomes(self._door, part, running.taken):
                _settle(running, index, outcome)
        if status["state"] == FINISHED:
            for index, future in enumerate(running.futures):
                if future is not None:
                    _settle(running, index, Failed(InputFailed(index, f"its job ended: {status['why']}")))
            self._finished.append(running.job.id)
            with self._changed:
                del self._running[running.job.id]
        return before - running.left

    def _returned(self, count: int) -> None:
        with self._changed:
            self._handed -= count
            self._changed.notify_all()

    def _break(self, error: BaseException) -> None:
        with self._changed:
            self._broken = f"the executor broke: {error}"
            waiting = [p.future for p in self._pending]
            handed = [f for r in self._running.values() for f in r.futures if f is not None]
            self._pending.clear()
            self._running.clear()
            self._changed.notify_all()
        for future in waiting + handed:
            with contextlib.suppress(Exception):  # Cancelled ones are settled already.
                future.set_exception(BrokenExecutor(self._broken))


def _settle(running: _Running, index: int, outcome: Any) -> None:
    future, running.futures[index] = running.futures[index], None
    running.left -= 1
    if future is None:
        return
    if isinstance(outcome, Failed):
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome)


def _nothing(_: Any) -> None:
    return
