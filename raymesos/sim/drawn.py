"""What user work does in a generated run: it starts by itself, runs for a drawn time, and now and then fails."""

from __future__ import annotations

from random import Random

from raymesos.sim.audit import Auditor
from raymesos.sim.batch_load import BatchLoad
from raymesos.sim.shim import Fate, Finish
from raymesos.wire.messages import ExecutorInfo, Probe, StartWork
from raymesos.wire.work import WorkReport

RUN_TENTHS = (10, 300)
"""Run times in tenths of a second: from 1 s to 30 s."""
FAIL_EVERY = 50
UNWELL = 0.15
"""So many of the probes fail: of tasks that run long enough some fail several in a row."""


class DrawnWork:
    """The script of a generated run. `cpus_in_all` are the thousandths of CPUs that the cluster has."""

    def __init__(self, rng: Random, audit: Auditor, probes: Random) -> None:
        self.cpus_in_all = 0
        self.batch: BatchLoad | None = None
        self._rng = rng
        self._probes = probes
        self._audit = audit
        self._first_ms = 0
        self._last_ms = 0
        self._area = 0

    def fate(self, agent: str, work: StartWork) -> Fate:
        rng = self._rng
        tenths = rng.randrange(*RUN_TENTHS)
        return Fate(0, 100 * tenths, 0 if rng.randrange(FAIL_EVERY) else 1)

    def report(self, work: StartWork, end: Finish) -> WorkReport | None:
        return None if self.batch is None else self.batch.report(work, end)

    def is_well(self, agent: str, probe: Probe) -> bool:
        return self._probes.random() >= UNWELL

    def began(self, at_ms: int, agent: str, work: StartWork, shim: str) -> None:
        self._pass(at_ms)
        self._audit.work_began(at_ms, agent, work)

    def ended(self, at_ms: int, agent: str, task_id: str) -> None:
        self._pass(at_ms)
        self._audit.work_ended(at_ms, agent, task_id)

    def executor_began(self, agent: str, info: ExecutorInfo) -> None:
        self._audit.executor_began(agent, info)

    def executor_ended(self, agent: str, info: ExecutorInfo) -> None:
        self._audit.executor_ended(agent, info)

    def utilisation(self) -> float:
        """The part of all CPUs that was in use, on average, between the first start and the last end."""
        whole = self.cpus_in_all * (self._last_ms - self._first_ms)
        return self._area / whole if whole else 0.0

    def _pass(self, at_ms: int) -> None:
        if not self._first_ms:
            self._first_ms = self._last_ms = at_ms
        if at_ms > self._last_ms:
            self._area += self._audit.tasks.cpus_at_work * (at_ms - self._last_ms)
            self._last_ms = at_ms
