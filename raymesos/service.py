"""A submitted service: its size, versions, instances, addresses, logs; changes; its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from raymesos.door import Door
from raymesos.errors import ClusterUnavailable, InvalidValue, JobFailed, QuotaRefused
from raymesos.machine import MASTER, SERVICE
from raymesos.operating.logs import LogPiece, read_log
from raymesos.operating.services import budget_of, call, policy_of
from raymesos.wire.services import (
    ChangeServiceAttributes,
    EnableService,
    EvictInstance,
    KillInstance,
    MoveInstance,
    PauseUpdate,
    ResumeUpdate,
    RollbackService,
    ScaleService,
    SetProcesses,
    SetScaling,
    SetServiceBudget,
    StopService,
)

if TYPE_CHECKING:
    from raymesos.model.disruption import DisruptionBudget
    from raymesos.model.service_scaling import Scaling

# A wait is asked for anew so often: a restarted framework is noticed at the next.
POLL_S = 2.0
FOLLOW_S = 0.2

FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`state` is Accepted, KillInitiated or Finished; `why` is what it waits for, or why it ended. `ready` instances get requests, `waiting` indexes have no instance yet.

    `version` is the one that is whole; `update` says how far an update is, `scaling` what its policies last decided.
    """

    id: str
    name: str
    role: str
    state: str
    why: str
    min: int
    desired: int
    max: int
    running: int
    ready: int
    waiting: int
    enabled: bool
    version: int
    versions: tuple[int, ...]
    update: str
    scaling: str
    attributes: Mapping[str, str]

    @property
    def done(self) -> bool:
        return self.state == FINISHED

    @property
    def settled(self) -> bool:
        """As many instances as desired are in service, all of one version."""
        return self.running == self.desired == self.ready and not self.update and not self.waiting


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one instance takes requests."""

    task_id: str
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Evicted:
    """Whether the disruption budgets allowed it; `reason` says what was in the way if not."""

    allowed: bool
    reason: str = ""


class Service:
    """A handle; making one again (`cluster.service`) is the same service. What the framework refuses is raised, and nothing is changed then."""

    def __init__(self, door: Door, job_id: str, name: str) -> None:
        self.id, self.name = job_id, name
        self._door = door

    # ------------------------------------------------------------ looking

    def status(self) -> ServiceStatus:
        """Raises UnknownId when it was forgotten."""
        return _status(self._door.call(SERVICE, "status", self.id))

    @property
    def url(self) -> str:
        """Where the gateway serves it. Raises ClusterUnavailable in a cluster without one."""
        address = self._door.call(MASTER, "open_services")
        if not address:
            raise ClusterUnavailable("this cluster has no gateway: use endpoints()")
        return f"http://{address}/{self.name}"

    def endpoints(self) -> list[Endpoint]:
        """Of the instances that get requests, by index."""
        return [Endpoint(*row) for row in self._door.call(SERVICE, "endpoints", self.id)]

    def instances(self) -> list[dict[str, Any]]:
        """One row for each index: its version, who holds it with state, health and address, or what it waits for."""
        rows: list[dict[str, Any]] = self._door.call(SERVICE, "instances", self.id)
        return rows

    def tasks(self) -> list[dict[str, Any]]:
        """All attempts, oldest first, as plain data."""
        rows: list[dict[str, Any]] = self._door.call(SERVICE, "tasks", self.id)
        return rows

    @property
    def versions(self) -> list[dict[str, Any]]:
        """Those that it could go back to, and the newest, oldest first."""
        rows: list[dict[str, Any]] = self._door.call(SERVICE, "versions", self.id)
        return rows

    def wait_ready(self, timeout: float | None = 120.0) -> ServiceStatus:
        """Wait until as many instances as desired are in service, all of one version, for at most `timeout` seconds.

        Raises TimeoutError, saying what it waits for, and JobFailed if the service ends.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for status in self._changes(deadline):
            if status.done:
                raise JobFailed(self.id, f"service {self.name} has ended: {status.why}")
            if status.settled:
                return status
        raise TimeoutError(
            f"service {self.name}: {status.ready} of {status.desired} in service after {timeout:g} s: {_waits(status)}"
        )

    def wait_stopped(self, timeout: float | None = 120.0) -> ServiceStatus:
        """Wait until nothing of it runs any more. Raises TimeoutError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for status in self._changes(deadline):
            if status.done:
                return status
        raise TimeoutError(f"service {self.name}: {status.running} instances still run after {timeout:g} s")

    def logs(self, index: int = 0, stream: Literal["stdout", "stderr"] = "stdout", *, follow: bool = False) -> Any:
        """What the last attempt of the index has printed, as text. With `follow`, an iterator of what it and its successors go on to print. Raises UnknownId."""
        return self._follow(index, stream) if follow else self.log_piece(index, stream).data.decode(errors="replace")

    def log_piece(
        self, index: int, stream: Literal["stdout", "stderr"], *, task_id: str = "", offset: int = 0
    ) -> LogPiece:
        """The log from byte `offset` on, if the index's last attempt is still `task_id`; else all of the last attempt's. Raises UnknownId."""
        if index < 0:
            raise InvalidValue("index", index, "must be 0 or more")
        return read_log(self._door, self.id, index, stream, task_id=task_id, offset=offset, framework=SERVICE)

    # ------------------------------------------------------------ changing

    def scale(self, desired: int | None = None, *, min: int | None = None, max: int | None = None) -> None:
        """Change what is given: min ≤ desired ≤ max holds afterwards, or nothing is changed. With min or max alone, desired follows into their range. Raises InvalidJob, Conflict."""
        call(self._door, ScaleService(self.id, min, desired, max))

    def update(self, **changes: Any) -> int:
        """Other fields of its ServiceJob; returns the version that it goes to. What an instance runs is replaced step by step; all else at once, touching none.

        Raises InvalidJob for what is no service, Conflict while another update goes on.
        """
        from raymesos.packing_services import update_service

        return update_service(self._door, self.id, changes)

    def rollback(self, version: int = 0) -> int:
        """Back to `version`, or the last one that was whole; returns its number. An update that goes on is broken off. Raises Conflict."""
        return call(self._door, RollbackService(self.id, version)).number

    def pause(self) -> None:
        """Begin no more of an update. Raises Conflict if there is none."""
        call(self._door, PauseUpdate(self.id))

    def resume(self) -> None:
        """Go on with an update that is paused or has failed. Raises Conflict if there is none."""
        call(self._door, ResumeUpdate(self.id))

    def enable(self) -> None:
        """With traffic and scaling."""
        call(self._door, EnableService(self.id, True))

    def disable(self) -> None:
        """Without traffic and scaling; its instances run on."""
        call(self._door, EnableService(self.id, False))

    def set_processes(self, *, disable_increase: bool, disable_decrease: bool) -> None:
        """Whether desired may grow and shrink, by whomever. (Titus: serviceJobProcesses)"""
        call(self._door, SetProcesses(self.id, disable_increase, disable_decrease))

    def set_disruption(self, budget: DisruptionBudget | None) -> None:
        """How much of it may be moved. Raises InvalidJob."""
        call(self._door, SetServiceBudget(self.id, budget_of(budget)))

    def set_scaling(self, *policies: Scaling) -> None:
        """When its size changes by itself; without any, never."""
        call(self._door, SetScaling(self.id, tuple(policy_of(policy) for policy in policies)))

    def set_attributes(self, put: Mapping[str, str] | None = None, remove: tuple[str, ...] = ()) -> None:
        """Put some, take some away; others stay. Raises InvalidJob."""
        call(self._door, ChangeServiceAttributes(self.id, tuple(sorted((put or {}).items())), tuple(remove)))

    # ------------------------------------------------------------ instances

    def kill(self, task: int | str, *, shrink: bool = False, keep_min: bool = False) -> None:
        """End an instance, by its index or task id; another takes its place, unless `shrink`: then desired is one less, and min if it must, or with `keep_min` it is refused.

        Raises UnknownId, Conflict.
        """
        call(self._door, KillInstance(self._task_id(task), shrink, keep_min))

    def evict(self, task: int | str, reason: str = "") -> Evicted:
        """As `kill`, if the disruption budgets allow it. Raises UnknownId."""
        try:
            call(self._door, EvictInstance(self._task_id(task), reason))
        except QuotaRefused as error:
            return Evicted(False, str(error))
        return Evicted(True)

    def eviction_quota(self) -> tuple[int, str]:
        """(instances that may be evicted now, the part of the budgets that limits them)."""
        count, limiting = self._door.call(SERVICE, "eviction_quota", self.id)
        return count, limiting

    def move(self, task: int | str, other: Service) -> None:
        """The instance belongs to `other`, of the same template, from now on, without a restart. Raises Conflict, UnknownId."""
        call(self._door, MoveInstance(self._task_id(task), other.id, self.id))

    def stop(self) -> None:
        """Start nothing more; end all instances, each with its drain and grace. Idempotent."""
        call(self._door, StopService(self.id))

    def __repr__(self) -> str:
        return f"<service {self.name} ({self.id})>"

    # ------------------------------------------------------------ inside

    def _task_id(self, task: int | str) -> str:
        """Raises InvalidValue for an index that nobody holds."""
        if isinstance(task, str):
            return task
        held = [t["id"] for row in self.instances() if row["index"] == task for t in row["tasks"]]
        if not held:
            raise InvalidValue("task", task, f"no instance of {self.name} holds that index now")
        return str(held[-1])

    def _changes(self, deadline: float | None) -> Iterator[ServiceStatus]:
        """The status, at once and whenever it has changed, until the deadline."""
        revision = -1
        while True:
            left = POLL_S if deadline is None else min(POLL_S, deadline - time.monotonic())
            row = self._door.call(SERVICE, "wait", self.id, revision, max(0.0, left))
            revision = row["revision"]
            yield _status(row)
            if deadline is not None and time.monotonic() >= deadline:
                return

    def _follow(self, index: int, stream: Literal["stdout", "stderr"]) -> Iterator[str]:
        task_id, offset = "", 0
        while True:
            piece = self.log_piece(index, stream, task_id=task_id, offset=offset)
            if piece.data:
                yield piece.data.decode(errors="replace")
            elif piece.task_id == task_id:
                if self.status().done:
                    return
                time.sleep(FOLLOW_S)
            offset = len(piece.data) + (offset if piece.task_id == task_id else 0)
            task_id = piece.task_id


def _status(row: dict[str, Any]) -> ServiceStatus:
    fields = {name: row[name] for name in ServiceStatus.__slots__}
    return ServiceStatus(**(fields | {"versions": tuple(row["versions"])}))


def _waits(status: ServiceStatus) -> str:
    return status.why or status.update or "its instances are not ready yet"
