"""Batch jobs in a generated run: a client that submits them, cancels some and reads their results, and a model of what really happened to each input.

What must hold, whatever crashes: each input is decided once; what was read is never contradicted; a result is one that some attempt had; an input fails only after it has
failed, by the user's fault, as often as its retries allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from raymesos.frameworks.batch.attempts import OUT_OF_TIME
from raymesos.frameworks.batch.machine import BatchMachine
from raymesos.frameworks.batch.state import FINISHED
from raymesos.machine import BATCH, LinkUp, Outbox, Wake
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.sim.cluster import Cluster
from raymesos.sim.shim import Finish
from raymesos.wire.jobs import CancelJob, InputSegment, JobAccepted, JobRefused, JobSpec, Part, Submit
from raymesos.wire.messages import StartWork
from raymesos.wire.work import Blob, ChunkWork, CommandsWork, Failed, WorkReport

CLIENT = "client/load"
SHAPES = ("cpus:1;mem:1024", "cpus:0.5;mem:512", "cpus:2;mem:2048")
MOST_INPUTS = 60
# Jobs come one after another while faults go on.
EVERY_MS = 1_500
AGAIN_MS = 2_000
LIMIT_MS = 20_000
# What inputs are said to take, so that they are packed, ten a task at the least.
INPUT_US = 1_000
CANCEL_EVERY, AFTER_EVERY, GANG_EVERY, LIMIT_EVERY = 9, 7, 11, 8
FAIL_EVERY, STOP_EVERY = 12, 4


@dataclass(slots=True)
class Submission:
    """A job as its client knows it: for good, whoever crashes."""

    spec: JobSpec
    at_ms: int
    cancel_ms: int | None = None
    answered: bool = False
    refused: str = ""
    parts: list[Part] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    """By input that was read: the attempt that succeeded, or the error after `!`."""
    finished: bool = False


class BatchLoad:
    """`count` jobs. `broken` is told of each violation: (name, story)."""

    def __init__(self, cluster: Cluster, rng: Random, count: int, broken: Callable[[str, str], None]) -> None:
        self._cluster, self._rng, self._broken = cluster, rng, broken
        now_ms = cluster.world.now_ms
        self.jobs = [Submission(spec, now_ms + i * EVERY_MS) for i, spec in enumerate(plan_jobs(count, rng))]
        for job in self.jobs:
            if rng.randrange(CANCEL_EVERY) == 0:
                job.cancel_ms = job.at_ms + rng.randrange(100, 40_000)
        self._succeeded: dict[tuple[str, int], dict[str, None]] = {}
        self._blamed: dict[tuple[str, int], dict[str, None]] = {}
        cluster.adopt(BATCH, lambda: BatchMachine(cluster.settings.batch, BATCH))
        cluster.adopt(CLIENT, lambda: LoadClient(self.jobs))

    @property
    def complete(self) -> bool:
        return all(job.finished or job.refused for job in self.jobs)

    @property
    def decided(self) -> int:
        """Inputs of which the client knows what became."""
        return sum(len(job.outcomes) for job in self.jobs)

    def unfinished(self) -> str:
        machine = self._cluster.kernel(BATCH)
        known = machine.state.jobs if machine is not None else {}
        left = [job.spec.job_id for job in self.jobs if not (job.finished or job.refused)]
        return "; ".join(str(machine.status(j)) if j in known else f"{j}: not taken" for j in left)

    # ------------------------------------------------------------ what really happens

    def report(self, work: StartWork, end: Finish) -> WorkReport | None:
        """What the work reports of its inputs as it ends so, drawn; it is remembered as what happened."""
        each = work.work
        if not isinstance(each, ChunkWork | CommandsWork):
            return None
        done, culprit = each.lo, None
        failed: tuple[int, ...] = ()
        if end.exit_code == 0:
            done = each.hi if self._rng.randrange(STOP_EVERY) else self._rng.randint(each.lo + 1, each.hi)
            failed = tuple(i for i in range(each.lo, done) if self._rng.randrange(FAIL_EVERY) == 0)
        elif end.exit_code is not None:
            culprit = self._rng.randrange(each.lo, each.hi)
        for index in range(each.lo, done):
            what = self._blamed if index in failed else self._succeeded
            what.setdefault((each.job_id, index), {})[work.task_id] = None
        if culprit is not None:
            self._blamed.setdefault((each.job_id, culprit), {})[work.task_id] = None
        return WorkReport(
            work.task_id,
            each.job_id,
            1,
            each.lo,
            done,
            Blob(inline=work.task_id.encode()),
            tuple(Failed(i, "no") for i in failed),
            culprit,
            "" if culprit is None else "it died",
            INPUT_US * (done - each.lo),
            last=True,
        )

    # ------------------------------------------------------------ what the client sees

    def read(self) -> None:
        """Take what is new of each job, while the framework is there."""
        machine = self._cluster.kernel(BATCH)
        if machine is not None:
            for job in self.jobs:
                if job.spec.job_id in machine.state.jobs:
                    self._read(job, machine)

    def _read(self, job: Submission, machine: BatchMachine) -> None:
        job_id = job.spec.job_id
        parts = machine.results_after(job_id, 0)
        if parts[: len(job.parts)] != job.parts:
            self._broken("batch.contradicted", f"{job_id}: parts that were read have changed")
        for part in parts[len(job.parts) :]:
            job.parts.append(part)
            failed = {f.index: f.error for f in part.failed}
            for index in range(part.lo, part.hi):
                if index in part.skipped:
                    continue
                if index in job.outcomes:
                    self._broken("batch.twice", f"{job_id}: input {index} is delivered twice")
                error = part.error or failed.get(index)
                job.outcomes[index] = f"!{error}" if error else part.results.inline.decode()
        status = machine.status(job_id)
        if status["succeeded"] + status["failed"] != len(job.outcomes):
            self._broken("batch.counts", f"{status}, {len(job.outcomes)} delivered")
        if job.finished and status["state"] != FINISHED:
            self._broken("batch.contradicted", f"{job_id} had finished and is {status['state']}")
        job.finished = status["state"] == FINISHED

    # ------------------------------------------------------------ verdicts

    def settle_accounts(self) -> None:
        """Everything is over: each input was counted once, and got what its attempts deserve."""
        self.read()
        known = {job.spec.job_id: job for job in self.jobs}
        for job in self.jobs:
            spec = job.spec
            unlucky = any(self._fell_short(known[a]) for a in spec.after)
            if len(job.outcomes) != spec.total and job.cancel_ms is None and not job.refused and not unlucky:
                self._broken("batch.lost", f"{spec.job_id}: {len(job.outcomes)} of {spec.total} inputs decided")
            for index, outcome in job.outcomes.items():
                self._check_outcome(spec, index, outcome)

    def _fell_short(self, job: Submission) -> bool:
        return len(job.outcomes) != job.spec.total or any(o.startswith("!") for o in job.outcomes.values())

    def _check_outcome(self, spec: JobSpec, index: int, outcome: str) -> None:
        key = spec.job_id, index
        if not outcome.startswith("!"):
            if outcome not in self._succeeded.get(key, {}):
                self._broken("batch.invented", f"{key}: {outcome} did not succeed")
        elif outcome == f"!{OUT_OF_TIME}":
            if spec.runtime_limit_ms is None:
                self._broken("batch.limit", f"{key} has none")
        elif spec.runtime_limit_ms is None and len(self._blamed.get(key, {})) <= spec.retry.retries:
            self._broken("batch.payer", f"{key}: {spec.retry.retries} retries, failed in {self._blamed.get(key, {})}")


class LoadClient:
    """Submits each job when its time comes, again until it is answered; cancels likewise."""

    def __init__(self, jobs: list[Submission]) -> None:
        self._jobs = {job.spec.job_id: job for job in jobs}

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case JobAccepted(job_id):
                self._jobs[job_id].answered = True
            case JobRefused(job_id, kind, name, reason):
                self._jobs[job_id].refused = f"{kind} {name}: {reason}"
            case Wake() | LinkUp():
                self._ask(now_ms, out)
            case _:
                return

    def check(self) -> None:
        return

    def _ask(self, now_ms: int, out: Outbox) -> None:
        for job in self._jobs.values():
            if job.finished or job.refused:
                continue
            before = [self._jobs[a] for a in job.spec.after]
            if not job.answered and job.at_ms <= now_ms and all(b.answered or b.refused for b in before):
                out.send(BATCH, Submit(job.spec))
            elif job.answered and job.cancel_ms is not None and job.cancel_ms <= now_ms:
                out.send(BATCH, CancelJob(job.spec.job_id))
        out.wake("ask", AGAIN_MS)


def plan_jobs(count: int, rng: Random) -> list[JobSpec]:
    """Jobs of functions and of commands, of all sizes and policies; some come after an earlier one, some are gangs."""
    specs: list[JobSpec] = []
    for i in range(count):
        job_id = f"job-{i + 1}"
        gang = rng.randrange(GANG_EVERY) == 0
        total = rng.randint(1, 4 if gang else MOST_INPUTS)
        limit = LIMIT_MS if rng.randrange(LIMIT_EVERY) == 0 else None
        argv = ("generated",) if rng.random() < 0.4 else ()
        specs.append(
            JobSpec(
                job_id=job_id,
                name=job_id,
                role=f"team{rng.randrange(3)}",
                resources=Resources.parse(rng.choice(SHAPES)),
                total=total,
                digest=job_id,
                inputs=() if argv else (InputSegment(0, total, Blob(key=f"{job_id}/inputs")),),
                argv=argv,
                retry=RetryPolicy(rng.randrange(4), rng.choice((0, 0, 1_000)), 8_000, 2),
                runtime_limit_ms=limit,
                retry_on_runtime_limit=rng.random() < 0.5,
                max_parallel=None if gang or rng.random() < 0.7 else rng.randint(1, 6),
                after=(rng.choice(specs).job_id,) if specs and rng.randrange(AFTER_EVERY) == 0 else (),
                gang=gang,
            )
        )
    return specs
