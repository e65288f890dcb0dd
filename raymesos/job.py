"""A submitted job: results as they come or in order, status, logs, cancel."""

from __future__ import annotations

import atexit
import contextlib
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from raymesos.door import Door
from raymesos.errors import ClusterUnavailable, InvalidValue, JobFailed, UnknownId
from raymesos.frameworks.batch.state import FINISHED, Part
from raymesos.machine import BATCH
from raymesos.operating.logs import LogPiece, read_log
from raymesos.progress import JobProgress, say
from raymesos.shim import segments
from raymesos.wire.jobs import CancelJob

# A poll waits so long on the framework's side for news; a restarted framework is noticed at the next.
POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """`state` is Accepted, KillInitiated or Finished; the counts are of inputs (or commands)."""

    id: str
    name: str
    role: str
    state: str
    why: str
    total: int
    waiting: int
    running: int
    succeeded: int
    failed: int
    retried: int

    @property
    def done(self) -> bool:
        return self.state == FINISHED

    @property
    def ok(self) -> bool:
        """Every input succeeded."""
        return self.done and self.succeeded == self.total


class InputFailed(Exception):
    """One input (or command) failed for good. `index` says which; `traceback_text` is the worker's, where there was one."""

    def __init__(self, index: int, message: str, traceback_text: str = "") -> None:
        super().__init__(index, message, traceback_text)
        self.index, self.message, self.traceback_text = index, message, traceback_text

    def __str__(self) -> str:
        return f"input {self.index} failed: {self.message}" + (
            f"\n{self.traceback_text}" if self.traceback_text else ""
        )


class Job:
    """A handle; making one again from the id (`cluster.job`) is the same job. Not to be shared between threads."""

    def __init__(self, door: Door, job_id: str, total: int, *, name: str = "", detached: bool) -> None:
        self.id, self.total, self.name = job_id, total, name or job_id
        self._door = door
        self._detached = detached
        if not detached:
            atexit.register(self._cancel_at_exit)

    # ------------------------------------------------------------ results

    def results(self, errors: Literal["raise", "return"] = "raise") -> Iterator[Any]:
        """Results in the order of the inputs, each as soon as it and those before it are there.

        A failed input raises its own exception (InputFailed where there is none that can travel); with `errors="return"` it is yielded instead.
        """
        _check_errors(errors)
        held: dict[int, Any] = {}
        following = 0
        for index, outcome in self._arriving():
            held[index] = outcome
            while following in held:
                yield _given(held.pop(following), errors)
                following += 1

    def as_completed(self, errors: Literal["raise", "return"] = "raise") -> Iterator[tuple[int, Any]]:
        """(index, result) pairs as they come. Failures as in `results`."""
        _check_errors(errors)
        for index, outcome in self._arriving():
            yield index, _given(outcome, errors)

    def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait for the end of the job, or `timeout` seconds, and return its status. Shows a bar to a person; Ctrl-C cancels an attached job."""
        deadline = None if timeout is None else time.monotonic() + timeout
        cursor, version = 0, -1
        with JobProgress(self.name, self.total) as bar, self._cancel_when_interrupted():
            while True:
                _, cursor, status = self._poll(cursor, version, _wait_s(deadline))
                version = status["version"]
                bar.show(status)
                if status["state"] == FINISHED or (deadline is not None and time.monotonic() >= deadline):
                    return _status(status)

    # ------------------------------------------------------------ looking and ending

    def status(self) -> JobStatus:
        """How the job stands now. Raises UnknownId when it was forgotten."""
        return _status(self._door.call(BATCH, "status", self.id))

    def cancel(self) -> None:
        """Start nothing more, kill what runs. Results so far stay. Idempotent."""
        self._door.ask(BATCH, CancelJob(self.id))
        self._forget_exit()

    def logs(self, index: int = 0, stream: Literal["stdout", "stderr"] = "stdout") -> str:
        """What the last attempt of an input (or command) has printed so far. Raises UnknownId, InvalidValue."""
        return self.log_piece(index, stream).data.decode(errors="replace")

    def log_piece(
        self, index: int, stream: Literal["stdout", "stderr"], *, task_id: str = "", offset: int = 0
    ) -> LogPiece:
        """The log from byte `offset` on, if its last attempt is still `task_id`; else all of the last attempt's. Raises as `logs`."""
        if not 0 <= index < self.total:
            raise InvalidValue("index", index, f"job {self.name} has the indexes 0 to {self.total - 1}")
        return read_log(self._door, self.id, index, stream, task_id=task_id, offset=offset)

    def tasks(self) -> list[dict[str, Any]]:
        """Its attempts, oldest first, as plain data."""
        rows: list[dict[str, Any]] = self._door.call(BATCH, "tasks", self.id)
        return rows

    def __repr__(self) -> str:
        return f"<job {self.id}: {self.total} inputs>"

    # ------------------------------------------------------------ arriving

    def _arriving(self) -> Iterator[tuple[int, Any]]:
        """(index, outcome) of every input, once each, as they come. Begins anew with each call. Raises JobFailed if the job ends without all."""
        cursor, version, taken = 0, -1, bytearray(self.total)
        left = self.total
        with JobProgress(self.name, self.total) as bar, self._cancel_when_interrupted():
            while left:
                parts, cursor, status = self._poll(cursor, version, POLL_S)
                version = status["version"]
                bar.show(status)
                for part in parts:
                    for index, outcome in outcomes(self._door, part, taken):
                        left -= 1
                        yield index, outcome
                if status["state"] == FINISHED and not parts and left:
                    raise JobFailed(
                        self.id, f"job {self.name} ended with {left} of {self.total} inputs undone: {status['why']}"
                    )
        self._forget_exit()

    def _poll(self, cursor: int, version: int, wait_s: float) -> Any:
        return self._door.call(BATCH, "poll", [(self.id, cursor, version)], wait_s)[0]

    # ------------------------------------------------------------ attached

    @contextlib.contextmanager
    def _cancel_when_interrupted(self) -> Iterator[None]:
        """Ctrl-C: cancel, say so, and go on as Ctrl-C does."""
        try:
            yield
        except KeyboardInterrupt:
            if not self._detached:
                with _uninterrupted(), contextlib.suppress(ClusterUnavailable, UnknownId):
                    self._cancel_aloud()
            raise

    def _cancel_aloud(self) -> None:
        if (status := self.status()).done:
            say(f"interrupted; job {self.name} had ended: {status.why}")
            return
        say(f"interrupted: cancelling job {self.name}")
        self.cancel()
        say(f"job {self.name} is cancelled; what had finished stays readable under {self.id}")

    def _cancel_at_exit(self) -> None:
        with contextlib.suppress(Exception):
            if not self.status().done:
                say(f"cancelling job {self.name}: the script ends (submit with detach=True to let it go on)")
                self.cancel()

    def _forget_exit(self) -> None:
        if not self._detached:
            atexit.unregister(self._cancel_at_exit)


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of an input that failed for good."""

    error: BaseException


def outcomes(door: Door, part: Part, taken: bytearray) -> Iterator[tuple[int, Any]]:
    """(index, result or Failed) of the inputs in `part` that are not `taken` yet; marks them."""
    if part.error:
        for index in range(part.lo, part.hi):
            if not taken[index]:
                taken[index] = 1
                yield index, Failed(InputFailed(index, part.error))
        return
    data = door.read(part.results)
    failed = {f.index: f for f in part.failed}
    skipped = dict.fromkeys(part.skipped)
    if not data:
        yield from _commands(part, failed, skipped, taken)
        return
    with segments.Segment(data) as segment:
        loads = pickle.loads
        for offset, row in enumerate(segment.slice(0, part.hi - part.lo)):
            index = part.lo + offset
            if taken[index] or index in skipped:
                continue
            taken[index] = 1
            yield index, _failure(index, row, failed[index].error) if index in failed else _loaded(index, row, loads)


def _loaded(index: int, row: memoryview, loads: Any) -> Any:
    """The value, or the failure to make it again here: that is one input's, and the others go on."""
    try:
        return loads(row)
    except Exception as error:  # noqa: BLE001 - whatever a user's class does
        return Failed(InputFailed(index, f"its result cannot be unpickled here: {type(error).__name__}: {error}"))


def _given(outcome: Any, errors: str) -> Any:
    if not isinstance(outcome, Failed):
        return outcome
    if errors == "raise":
        raise outcome.error
    return outcome.error


def _failure(index: int, row: memoryview, line: str) -> Failed:
    """The exception as the function raised it, with the worker's traceback as its cause."""
    try:
        error, text = pickle.loads(row)
    except Exception:  # noqa: BLE001 - its class may not be importable here
        return Failed(InputFailed(index, line))
    if not isinstance(error, Exception):
        return Failed(InputFailed(index, line, text))
    error.__cause__ = InputFailed(index, line, text)
    return Failed(error)


def _commands(
    part: Part, failed: dict[int, Any], skipped: dict[int, None], taken: bytearray
) -> Iterator[tuple[int, Any]]:
    """A command's result is its exit code, 0."""
    for index in range(part.lo, part.hi):
        if taken[index] or index in skipped:
            continue
        taken[index] = 1
        failure = failed.get(index)
        yield index, 0 if failure is None else Failed(InputFailed(index, failure.error))


def _status(row: dict[str, Any]) -> JobStatus:
    return JobStatus(**{k: v for k, v in row.items() if k != "version"})


def _wait_s(deadline: float | None) -> float:
    return POLL_S if deadline is None else max(0.0, min(POLL_S, deadline - time.monotonic()))


def _check_errors(errors: str) -> None:
    if errors not in ("raise", "return"):
        raise InvalidValue("errors", errors, "must be 'raise' or 'return'")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C while we clean up is kept for afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
