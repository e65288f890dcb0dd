"""A generated cluster run to its end, watched by the auditor, told in a report whose digest is the same for the same seed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from raymesos.errors import InvalidValue, RaymesosError
from raymesos.kernel.volumes import volumes_of
from raymesos.machine import BATCH
from raymesos.model.attributes import Attributes
from raymesos.model.settings import Settings, simulated
from raymesos.sim.audit import Auditor, Violation
from raymesos.sim.batch_load import BatchLoad
from raymesos.sim.cluster import OURS, Cluster, Makers, Watcher
from raymesos.sim.drawn import DrawnWork
from raymesos.sim.faults import Faults, Tools
from raymesos.sim.generate import Workload, WorkloadMachine, plan_agents, plan_frameworks
from raymesos.sim.interventions import Interventions
from raymesos.sim.report import Report
from raymesos.sim.story import Story
from raymesos.sim.world import World
from raymesos.wire.messages import AgentInfo

# 2026-01-05, a Monday; any moment would do.
START_MS = 1_767_571_200_000
STEP_MS = 1_000
# Faults begin in the first virtual minute, while there is work to disturb.
FAULTS_FROM_MS, FAULTS_TO_MS = 1_000, 60_000
AGENTS_PER_FAULT = 20
FEWEST_FAULTS = 12
# After the last task everything is given time to be told, pinged and registered again.
QUIET_MS, QUIET_AFTER_FAULTS_MS = 2_000, 200_000
# A run that takes longer than this in virtual time hangs.
LONGEST_S = 6 * 3_600

Progress = Callable[[Report], None]


def run(
    agents: int,
    frameworks: int,
    tasks: int,
    seed: int = 0,
    *,
    jobs: int = 0,
    faults: bool = False,
    operators: bool | None = None,
    programs: bool = False,
    checks: bool = False,
    progress: Progress | None = None,
    settings: Settings | None = None,
    watch: Watcher | None = None,
    makers: Makers = OURS,
    longest_s: int = LONGEST_S,
) -> Report:
    """Run `tasks` tasks of `frameworks` frameworks, and `jobs` batch jobs, on `agents` agents to their end. Raises InvalidValue for numbers below 1.

    With `faults`, or if it is said, `operators` drain agents, mark them gone and take machines down meanwhile. With `programs` some tasks
    are of custom executors, with `checks` some are asked for their health and readiness, and some of these fail.
    `progress` hears how far it is each virtual second, `watch` each message that a machine took, with what it sent in answer.
    Violations do not stop the run; a machine's broken invariant does, as a violation of its own, and so do `longest_s` virtual seconds.
    """
    for name, value in (("agents", agents), ("frameworks", frameworks), ("tasks", tasks)):
        if value < 1:
            raise InvalidValue(name, value, "must be at least 1")
    if jobs < 0:
        raise InvalidValue("jobs", jobs, "must be at least 0")
    return _Run(
        Report(agents, frameworks, tasks, seed, jobs, faults), settings or simulated(), makers, progress, watch
    ).go(
        1000 * longest_s,
        faults=faults,
        operators=faults if operators is None else operators,
        programs=programs,
        checks=checks,
    )


class _Run:
    def __init__(
        self, report: Report, settings: Settings, makers: Makers, progress: Progress | None, watch: Watcher | None
    ) -> None:
        self.report = report
        self._progress = progress
        self._watch = watch
        self._rng = Random(report.seed)
        self._world = World(START_MS)
        self._audit = Auditor()
        self._story = Story()
        # Probes have dice of their own: a run without checks is the same whether there are checks in others.
        probes = Random(f"probes {report.seed}")
        self._work = DrawnWork(Random(self._rng.getrandbits(64)), self._audit, probes)
        self._cluster = Cluster(
            self._world, settings, self._rng.getrandbits(32), script=self._work, watcher=self._saw, makers=makers
        )
        self._loads: list[Workload] = []
        self._batch: BatchLoad | None = None
        self._faults: Faults | None = None

    def go(self, longest_ms: int, *, faults: bool, operators: bool, programs: bool, checks: bool) -> Report:
        began = time.perf_counter()
        self._build(programs=programs, checks=checks)
        if faults or operators:
            self._plan_faults(faults=faults, operators=operators)
        # A pass of the cyclic collector over a large world takes longer than a round; nothing here is garbage before the end.
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._run_to_end(longest_ms)
        except RaymesosError as error:
            self._story.line(f"stopped: {error}")
            self._note("machine.stopped", str(error))
        finally:
            if collecting:
                gc.enable()
        self._sum_up(time.perf_counter() - began)
        return self.report

    # ------------------------------------------------------------ before

    def _build(self, *, programs: bool, checks: bool) -> None:
        for plan in plan_agents(self.report.agents, self._rng):
            attributes = Attributes.parse(plan.attributes)
            info = AgentInfo(plan.name, plan.name, plan.resources, attributes, node_id=plan.name)
            self._cluster.add_agent(info)
            self._audit.agent_added(info)
            self._work.cpus_in_all += plan.resources.scalar("cpus")
        for wish in plan_frameworks(self.report.frameworks, self.report.tasks, self._rng):
            load = Workload.of(wish)
            load.programs, load.checks = programs, checks
            self._loads.append(load)
            self._cluster.adopt(load.address, partial(WorkloadMachine, load))
        if self.report.jobs:
            # Its dice are its own: a run without jobs is the same whether there are jobs in others.
            rng = Random(f"jobs {self.report.seed}")
            self._batch = self._work.batch = BatchLoad(self._cluster, rng, self.report.jobs, self._note)
            self._audit.tasks.forgetful[BATCH] = None

    def _plan_faults(self, *, faults: bool, operators: bool) -> None:
        tools = Tools(self._cluster, self._audit, self._framework_addresses(), self._story.line)
        count = max(FEWEST_FAULTS, self.report.agents // AGENTS_PER_FAULT) if faults else 0
        rng = Random(self._rng.getrandbits(64))
        from_ms, to_ms = START_MS + FAULTS_FROM_MS, START_MS + FAULTS_TO_MS
        self._faults = Faults(tools, rng, count=count, from_ms=from_ms, to_ms=to_ms)
        if operators:
            # Their dice are their own: the faults of a seed are the same without them.
            rng = Random(f"operators {self.report.seed}")
            Interventions(self._faults, tools, rng, from_ms=from_ms, to_ms=to_ms)

    def _framework_addresses(self) -> tuple[str, ...]:
        return (*(load.address for load in self._loads), *((BATCH,) if self._batch is not None else ()))

    # ------------------------------------------------------------ during

    def _run_to_end(self, longest_ms: int) -> None:
        while not self._over():
            self._step()
            if self._progress is not None:
                self._tally()
                self._progress(self.report)
            if self._virtual_ms() > longest_ms:
                self._note("run.stuck", self._stuck())
                break
        self._world.advance(QUIET_MS if self._faults is None else QUIET_AFTER_FAULTS_MS)
        self._audit.settle_accounts(self._world.now_ms)
        self._settle_operations()
        if self._batch is not None:
            self._batch.settle_accounts()
        self._cluster.check()

    def _settle_operations(self) -> None:
        """Every operation has an outcome, master and agents agree on what was made of these, and the volumes have their directories, no more and no less."""
        for load in self._loads:
            if load.conversions.open:
                self._note("operation.unanswered", f"{load.plan.name}: {', '.join(load.conversions.open)}")
        believed = self._audit.offers.totals()
        for name in self._cluster.agent_names():
            state = self._cluster.kernel(f"agent/{name}").state
            thought = believed.get(state.agent_id)
            if state.total != thought:
                self._note("operation.disagreed", f"{name} has {state.total}, the master thinks {thought}")
            volumes = [(v.role, v.id) for v in volumes_of(state.own)]
            found = list(self._cluster.launcher(name).volumes)
            # A volume for which its agent became too small is lost; what was in it is left where it is.
            if not set(volumes) <= set(found) or (len(found) > len(volumes) and name not in self._audit.grants.resized):
                self._note("volume.directories", f"{name} has volumes {sorted(volumes)}, directories {sorted(found)}")

    def _step(self) -> None:
        end_ms = self._world.now_ms + STEP_MS
        faults = self._faults
        while faults is not None and (at := faults.next_ms()) is not None and at <= end_ms:
            self._world.advance(max(0, at - self._world.now_ms))
            faults.act()
        self._world.advance(end_ms - self._world.now_ms)
        if self._batch is not None:
            self._batch.read()

    def _over(self) -> bool:
        healed = self._faults is None or self._faults.next_ms() is None
        served = self._batch is None or self._batch.complete
        return healed and served and all(load.complete for load in self._loads)

    def _saw(self, now_ms: int, address: str, sender: str, message: Any, sends: list[tuple[str, Any]]) -> None:
        self._story.saw(now_ms, address, sender, message)
        self._audit.saw(now_ms, address, sender, message, sends)
        if self._watch is not None:
            self._watch(now_ms, address, sender, message, sends)

    def _note(self, name: str, story: str) -> None:
        self.report.violations.append(str(Violation(self._world.now_ms, name, story)))
        self.report.violation_count += 1

    def _virtual_ms(self) -> int:
        return self._world.now_ms - START_MS

    def _stuck(self) -> str:
        return "; ".join(
            f"{load.plan.name}: {len(load.live)} live, {sum(load.waiting)} waiting, {load.refused or 'subscribed'}"
            for load in self._loads
            if not load.complete
        ) + (self._batch.unfinished() if self._batch is not None else "")

    # ------------------------------------------------------------ after

    def _tally(self) -> None:
        report = self.report
        report.done = sum(load.done for load in self._loads)
        report.launched = sum(load.launched for load in self._loads)
        report.relaunched = sum(load.lost for load in self._loads)
        report.inputs = self._batch.decided if self._batch is not None else 0
        report.offers = self._audit.offers.offered
        report.events = self._story.events
        report.virtual_s = self._virtual_ms() / 1000

    def _sum_up(self, wall_s: float) -> None:
        report = self.report
        self._tally()
        report.ends = dict(sorted(self._audit.tasks.ends.items()))
        report.faults = dict(sorted(self._faults.counts.items())) if self._faults is not None else {}
        report.utilisation = round(self._work.utilisation(), 4)
        report.violations = [*(str(v) for v in self._audit.violations), *report.violations]
        report.violation_count += self._audit.count
        report.digest = self._story.digest()
        report.wall_s = round(wall_s, 3)
        report.events_per_s = round(report.events / wall_s, 1)
