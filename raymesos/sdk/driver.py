"""Runs a scheduler in this process: its framework's machine on one thread, the callbacks on another, in order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from raymesos.errors import Conflict, InvalidValue
from raymesos.frameworks.custom.machine import Call, Callback, CustomMachine
from raymesos.machine import MASTER, LinkUp
from raymesos.sdk.calls import Calls, checked_constraints
from raymesos.sdk.scheduler import Scheduler, tell
from raymesos.sdk.values import FrameworkInfo
from raymesos.wire.messages import FrameworkError, Teardown

if TYPE_CHECKING:
    from raymesos.actors.mailbox import Post
    from raymesos.client import Cluster

STOPPED = "DRIVER_STOPPED"
ABORTED = "DRIVER_ABORTED"

# A master that Ray restarts is back well within this; after it the failover timeout decides.
LEAVE_TIMEOUT_S = 15.0
LOOK_AGAIN_S = 0.005
# A driver that only waits asks so often whether the master still lives the same life.
WATCH_MS = 1_000


class Driver(Calls):
    """Connects `scheduler` to `cluster` (None: the one that runs on this machine) as `framework`. Runs once; for another run make another driver.

    Without `implicit_acknowledgements` the scheduler calls `acknowledge` for each update itself. `suppressed_roles` get no offers until revived.
    `offer_constraints` say which agents it wants to be offered, in Mesos' JSON. Raises InvalidValue.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        framework: FrameworkInfo,
        cluster: Cluster | None = None,
        *,
        implicit_acknowledgements: bool = True,
        suppressed_roles: Iterable[str] = (),
        offer_constraints: Mapping[str, Any] | str | None = None,
    ) -> None:
        if not isinstance(scheduler, Scheduler):
            raise InvalidValue("scheduler", scheduler, "must be a Scheduler")
        if not isinstance(framework, FrameworkInfo):
            raise InvalidValue("framework", framework, "must be a FrameworkInfo")
        super().__init__(framework, implicit_acknowledgements=implicit_acknowledgements)
        self._scheduler, self._cluster = scheduler, cluster
        asleep = tuple(self._roles(suppressed_roles))
        constraints = checked_constraints(offer_constraints, tuple(framework.roles))
        self._machine = CustomMachine(framework.to_wire(), asleep, offer_constraints=constraints)
        self._post: Post | None = None
        self._told: SimpleQueue[Callback | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"scheduler {framework.name}", daemon=True)
        self._ending = threading.Lock()
        self._status = ""
        self._failover = False
        self._error: BaseException | None = None
        self._alone = False
        """Nobody hears us any more."""

    @property
    def framework_id(self) -> str:
        """The id of the framework; empty until it is subscribed for the first time."""
        return self._machine.state.info.id

    # ------------------------------------------------------------ its life

    def start(self) -> None:
        """Connect and subscribe; callbacks begin. Raises ClusterUnavailable, and Conflict if it was started before."""
        if self._post is not None:
            raise Conflict("a driver runs once; make another one")
        from raymesos.actors.mailbox import Post

        self._post = Post(self._namespace(), on_lost=self._fail, on_missed=self._resubscribe)
        self._post.host.on_broken = self._fail
        self._post.host.add(self._post.host.name, self._machine)
        self._post.host.watch(MASTER, WATCH_MS)
        self._post.host.after_turn(self._after_turn)
        try:
            self._post.open()
        except BaseException:
            self._post.close()
            self._post = None
            raise
        self._thread.start()

    def run(self) -> str:
        """`start` and `join`."""
        self.start()
        return self.join()

    def join(self, timeout: float | None = None) -> str:
        """Wait for the end: DRIVER_STOPPED or DRIVER_ABORTED. Raises what a callback raised, ClusterUnavailable, and TimeoutError after `timeout` seconds."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"framework {self.info.name!r} still runs after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._status

    def stop(self, *, failover: bool = False) -> None:
        """End after the present callback. Without `failover` the framework is torn down: its tasks are killed, its id is used up. With it they wait for the next run.

        Called outside of a callback it returns when that is done.
        """
        self._end(STOPPED, failover=failover)

    def abort(self) -> None:
        """End after the present callback, as if the process had died: the tasks live on for the failover timeout."""
        self._end(ABORTED, failover=True)

    # ------------------------------------------------------------ any thread

    def _call(self, call: Call) -> None:
        if self._post is None:
            raise Conflict("the driver has not been started")
        address = self._post.host.name
        self._post.host.post(address, address, call)

    def _end(self, status: str, *, failover: bool) -> None:
        if self._post is None:
            raise Conflict("the driver has not been started")
        self._decide(status, failover=failover)
        self._told.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(LEAVE_TIMEOUT_S)

    def _fail(self, error: BaseException) -> None:
        """The cluster is gone, or our own side broke."""
        self._alone = True
        self._decide(ABORTED, failover=True, error=error)
        self._told.put(None)

    def _decide(self, status: str, *, failover: bool, error: BaseException | None = None) -> None:
        """How it ends: what came first holds."""
        with self._ending:
            if not self._status:
                self._error, self._failover, self._status = error, failover, status

    def _resubscribe(self) -> None:
        """The master may think that we are gone: take up the subscription anew."""
        if self._post is not None:
            self._post.host.post(self._post.host.name, self._post.host.name, LinkUp(MASTER, restarted=True))

    def _namespace(self) -> str:
        if self._cluster is not None:
            return self._cluster.name
        from raymesos.actors import cluster as clusters

        running = clusters.find_running(None)
        clusters.join(running)
        return running.namespace

    # ------------------------------------------------------------ the host's thread

    def _after_turn(self, now_ms: int) -> None:
        for callback in self._machine.take_callbacks():
            self._told.put(callback)

    # ------------------------------------------------------------ the scheduler's thread

    def _run(self) -> None:
        try:
            while not self._status:
                callback = self._told.get()
                if callback is not None and not self._status:
                    self._tell(callback)
        finally:
            self._leave()

    def _tell(self, callback: Callback) -> None:
        try:
            tell(self._scheduler, self, callback)
        except BaseException as error:  # noqa: BLE001 - `join` raises it
            self._decide(ABORTED, failover=True)
            self._error = error  # Also that of a callback which had said `stop` before.
        if isinstance(callback, FrameworkError):
            self._decide(ABORTED, failover=True)

    def _leave(self) -> None:
        """Say what is left to say, and go: the last acknowledgements, kills, the teardown."""
        assert self._post is not None
        if not self._failover:
            self._call(Teardown(""))
        deadline = time.monotonic() + LEAVE_TIMEOUT_S
        with contextlib.suppress(TimeoutError):
            while not self._alone and time.monotonic() < deadline and not self._all_said():
                time.sleep(LOOK_AGAIN_S)
        self._post.close()

    def _all_said(self) -> bool:
        assert self._post is not None
        host = self._post.host
        return host.ask(lambda _: (self._failover or self._machine.state.ended) and host.idle, LEAVE_TIMEOUT_S)
