"""How other hosts reach a host that lives in a user's process: through a small actor of its own, which hands on what comes and gives back the answers.

The actor keeps nothing: a batch is answered only when the process has taken it, so its own end loses nothing. It belongs to the process and ends with it,
and whoever sends to it hears of that (`Directory`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError, RayError

from raymesos.actors.directory import DRIVER, Directory, Done
from raymesos.actors.host import Host
from raymesos.actors.link import Batch
from raymesos.errors import ClusterUnavailable

log = logging.getLogger("raymesos.mailbox")

# A process that does not take a batch for so long is stopped, swapped out or busy without end: the sender tries again.
TAKE_TIMEOUT_S = 10.0
# How long a fetch waits for something to come.
FETCH_WAIT_S = 20.0
START_TIMEOUT_S = 60.0
# The actor that Ray restarts answers after 1.3 to 6 s.
RETRY_S = 0.2

Letter = tuple[int, tuple[str, int, int, int, int, int, bytes]]
"""(number, what `deliver` was called with)"""
Answer = tuple[int, tuple[int, int, bool]]
"""(number, what `deliver` is to return)"""


@dataclass(slots=True)
class Slots:
    """Letters that wait to be fetched, and their answers. `missed` counts those that nobody took in time."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: dict[int, Letter] = field(default_factory=dict)
    wanted: dict[int, None] = field(default_factory=dict)
    """Numbers of the letters whose sender still waits for the answer."""
    answers: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    numbers: int = 0
    missed: int = 0

    def deliver(self, contents: tuple[str, int, int, int, int, int, bytes], timeout_s: float) -> tuple[int, int, bool]:
        """Wait until the letter was taken and return its answer. Raises TimeoutError."""
        with self.changed:
            self.numbers += 1
            number = self.numbers
            self.waiting[number] = (number, contents)
            self.wanted[number] = None
            self.changed.notify_all()
            taken = self.changed.wait_for(lambda: number in self.answers, timeout_s)
            del self.wanted[number]
            if not taken:
                self.waiting.pop(number, None)
                self.missed += 1
                raise TimeoutError(f"the process behind this mailbox took nothing for {timeout_s:g} s")
            return self.answers.pop(number)

    def fetch(self, answers: list[Answer], wait_s: float) -> tuple[list[Letter], int]:
        """Give answers; wait for letters. Returns (letters, letters missed so far)."""
        with self.changed:
            self.answers.update((number, answer) for number, answer in answers if number in self.wanted)
            self.changed.notify_all()
            self.changed.wait_for(lambda: bool(self.waiting), wait_s)
            letters = list(self.waiting.values())
            self.waiting.clear()
            return letters, self.missed


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0, concurrency_groups={"fetch": 1, "watch": 1})
class Mailbox:
    """`deliver` is what other hosts call, `fetch` what the process calls."""

    def __init__(self) -> None:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0)
        self._slots = Slots()

    def deliver(self, *contents: Any) -> tuple[int, int, bool]:
        return self._slots.deliver(contents, TAKE_TIMEOUT_S)  # type: ignore[arg-type]

    @ray.method(concurrency_group="fetch")  # type: ignore[untyped-decorator]
    def fetch(self, answers: list[Answer], wait_s: float) -> tuple[list[Letter], int]:
        return self._slots.fetch(answers, wait_s)

    @ray.method(concurrency_group="watch")  # type: ignore[untyped-decorator]
    def watch(self) -> None:
        """Never returns: the call's failure tells the caller that this process has ended."""
        threading.Event().wait()


class _Carrier(Directory):
    """Sends nothing once the process has let go of Ray: a call would make Ray start a cluster of its own."""

    def __init__(self, namespace: str, own_name: str, on_lost: Callable[[], None]) -> None:
        super().__init__(namespace, own_name)
        self._on_lost = on_lost

    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Done) -> None:
        if ray.is_initialized():
            super().carry(peer, from_epoch, batch, done)
        else:
            done(None, True)
            self._on_lost()


class Post:
    """The process's side: a Host that other hosts reach. `on_lost` is called if the cluster is gone, `on_missed` when messages may be lost."""

    def __init__(self, namespace: str, *, on_lost: Callable[[Exception], None], on_missed: Callable[[], None]) -> None:
        name = f"{DRIVER}{secrets.token_hex(8)}"
        self.host = Host(name, time.time_ns() // 1000, _Carrier(namespace, name, self._lost))
        self._namespace, self._on_lost, self._on_missed = namespace, on_lost, on_missed
        self._mailbox: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._fetch_all, name=f"post {name}", daemon=True)

    def open(self) -> None:
        """Start the mailbox and then the host. Raises ClusterUnavailable."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = ray.get_runtime_context().get_node_id()
        self._mailbox = Mailbox.options(  # type: ignore[attr-defined]
            name=self.host.name,
            namespace=self._namespace,
            scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
        ).remote()
        try:
            ray.get(self._mailbox.fetch.remote([], 0.0), timeout=START_TIMEOUT_S)
        except RayError as error:
            raise ClusterUnavailable(f"no mailbox could be started: {_line(error)}") from error
        self._thread.start()
        self.host.start()

    def close(self) -> None:
        """End both. Whoever sends to us hears that we are gone. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.host.stop()
        if self._mailbox is not None and ray.is_initialized():
            with contextlib.suppress(RayError):
                ray.kill(self._mailbox, no_restart=True)

    def _fetch_all(self) -> None:
        answers: list[Answer] = []
        missed = 0
        while not self._closed and ray.is_initialized():
            try:
                letters, missed_now = ray.get(
                    self._mailbox.fetch.remote(answers, FETCH_WAIT_S), timeout=FETCH_WAIT_S + TAKE_TIMEOUT_S
                )
            except (RayActorError, GetTimeoutError) as error:
                if self._closed or isinstance(error, ActorDiedError):
                    break
                # It is being restarted: what was in it was not answered, so it comes again. Who watched it has to begin again.
                answers, missed = [], -1
                time.sleep(RETRY_S)
                continue
            except Exception as error:  # noqa: BLE001 - the connection to Ray is gone, whatever Ray calls it
                log.info("the mailbox cannot be read any more: %r", error)
                break
            answers = [(number, self._take(contents)) for number, contents in letters]
            if missed_now > missed:
                self._on_missed()
            missed = missed_now
        self._lost()

    def _lost(self) -> None:
        if not self._closed:
            self._on_lost(ClusterUnavailable(f"the cluster {self._namespace} is gone"))

    def _take(self, contents: tuple[str, int, int, int, int, int, bytes]) -> tuple[int, int, bool]:
        from_host, from_epoch, to_epoch, session, first_seq, count, blob = contents
        reply = self.host.receive(from_host, from_epoch, Batch(to_epoch, session, first_seq, count, blob))
        return reply.epoch, reply.last_seq, reply.refused


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
