"""Jobs of the built-in batch framework in a simulation: its own machine, with user work in the hands of the test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from raymesos.errors import Conflict, InvalidJob
from raymesos.frameworks.batch.machine import BatchMachine
from raymesos.frameworks.batch.state import Row
from raymesos.machine import BATCH
from raymesos.model.jobs import BatchJob
from raymesos.model.settings import BatchSettings
from raymesos.operating.jobs import spec_of
from raymesos.sim.cluster import Cluster
from raymesos.sim.events import Calendar
from raymesos.sim.shim import Finish
from raymesos.wire.jobs import CancelJob, InputSegment, JobSpec, Submit
from raymesos.wire.messages import StartWork
from raymesos.wire.work import Blob, ChunkWork, CommandsWork, Failed, WorkReport


@dataclass(frozen=True, slots=True)
class JobTask:
    """One attempt at one input, as the framework sees it now. `reason` is Titus' code of its end; `agent` the agent's name."""

    id: str
    index: int
    original_id: str
    resubmit_of: str | None
    resubmit_number: int
    system_resubmit_number: int
    eviction_resubmit_number: int
    state: str
    reason: str | None
    message: str
    agent: str | None


class SubmittedJob:
    """The handle of a job. `state`: Accepted, KillInitiated, Finished."""

    def __init__(self, jobs: Jobs, id: str, descriptor: BatchJob) -> None:
        self.id, self.descriptor = id, descriptor
        self._jobs = jobs

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def state(self) -> str:
        return str(self.status()["state"])

    @property
    def tasks(self) -> list[JobTask]:
        """All attempts, in the order in which they were made; none before the framework took the job."""
        return self._jobs.tasks(self.id)

    def status(self) -> dict[str, Any]:
        """Counts and state as plain data. Raises Conflict while the framework is down."""
        return self._jobs.status(self.id, self.descriptor)

    def cancel(self) -> None:
        """Nothing more starts; what runs is killed."""
        self._jobs.send(CancelJob(self.id))


class Jobs:
    """Submits jobs as the client at `address`. The framework starts with the first one."""

    def __init__(self, cluster: Cluster, calendar: Calendar, settings: BatchSettings, address: str) -> None:
        self._cluster, self._calendar, self._settings, self._address = cluster, calendar, settings, address
        self._jobs: dict[str, SubmittedJob] = {}
        self._started = False

    def submit(self, descriptor: BatchJob) -> SubmittedJob:
        """Hand the job to the framework; it takes it at the next settling. The same descriptor again is the same job.

        Raises Conflict if a job of that name has not finished, InvalidJob for what is no job.
        """
        if not isinstance(descriptor, BatchJob):
            raise InvalidJob("job", f"must be a BatchJob, not {type(descriptor).__name__}")
        if not self._started:
            self._cluster.adopt(BATCH, lambda: BatchMachine(self._settings, BATCH))
            self._started = True
        for job in self._jobs.values():
            if job.descriptor is descriptor:
                return job
            if job.name == descriptor.name and job.state != "Finished":
                raise Conflict(f"a job named {job.name!r} has not finished ({job.id})")
        made = SubmittedJob(self, f"job-{len(self._jobs) + 1}", descriptor)
        self.send(Submit(_spec(made.id, descriptor)))
        self._jobs[made.id] = made
        return made

    def send(self, message: Any) -> None:
        self._cluster.world.post(self._address, BATCH, message)

    def tasks(self, job_id: str) -> list[JobTask]:
        machine = self._machine()
        return [self._task(row) for row in machine.tasks(job_id)] if job_id in machine.state.jobs else []

    def status(self, job_id: str, descriptor: BatchJob) -> dict[str, Any]:
        machine = self._machine()
        if job_id in machine.state.jobs:
            return machine.status(job_id)
        return {"id": job_id, "name": descriptor.name, "role": descriptor.role, "state": "Accepted"}

    def _machine(self) -> BatchMachine:
        machine = self._cluster.kernel(BATCH)
        if machine is None:
            raise Conflict("the batch framework is not running")
        found: BatchMachine = machine
        return found

    def _task(self, row: Row) -> JobTask:
        return JobTask(
            id=row.id,
            index=row.index,
            original_id=row.original_id,
            resubmit_of=row.resubmit_of or None,
            resubmit_number=row.resubmit_number,
            system_resubmit_number=row.system_resubmit_number,
            eviction_resubmit_number=row.eviction_resubmit_number,
            state=str(row.state),
            reason=row.reason or None,
            message=row.message,
            agent=self._calendar.name_of(row.agent_id) if row.agent_id else None,
        )


def report_of(work: StartWork, end: Finish) -> WorkReport | None:
    """What the work says of its inputs as it ends: nothing when it was stopped or the system failed it."""
    each = work.work
    if not isinstance(each, ChunkWork | CommandsWork) or end.exit_code is None:
        return None
    failed = (
        ()
        if end.exit_code == 0
        else tuple(Failed(i, end.message or f"exit {end.exit_code}", end.exit_code) for i in range(each.lo, each.hi))
    )
    return WorkReport(work.task_id, each.job_id, 0, each.lo, each.hi, failed=failed, last=True)


def _spec(job_id: str, job: BatchJob) -> JobSpec:
    """What a client would send: functions and inputs stay at home, nobody calls them here."""
    total = (job.size or 1) if job.command is not None else len(list(job.inputs))
    calls = job.fn is not None
    return replace(
        spec_of(job, job_id, total=total, digest=job_id),
        fn=Blob(key=f"{job_id}/fn") if calls else Blob(),
        inputs=(InputSegment(0, total, Blob(key=f"{job_id}/inputs")),) if calls else (),
        after=tuple(before if isinstance(before, str) else before.id for before in job.after),
        python="",  # A run is the same under every Python.
    )
