"""Whatever dies, in whatever order, a service comes to be what is wanted of it; and at no instant is more moved than its budget allows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob, UnknownId
from raymesos.frameworks.service.machine import ServiceMachine
from raymesos.machine import SERVICE
from raymesos.sim import Simulation
from raymesos.sim.services import ServiceTask, SubmittedService
from raymesos.wire.codec import decode, encode

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
AGENTS = ("A1", "A2", "A3")
ON_THEIR_WAY = ("TASK_STAGING", "TASK_STARTING")

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("finish"), st.integers(0, 9)),
        st.tuples(st.just("kill"), st.integers(0, 9)),
        st.tuples(st.just("evict"), st.integers(0, 9)),
        st.tuples(st.just("sick"), st.integers(0, 9)),
        st.tuples(st.just("cut"), st.integers(0, 2)),
        st.tuples(st.just("heal"), st.integers(0, 2)),
        st.tuples(st.just("agent"), st.integers(0, 2)),
        st.tuples(st.just("scale"), st.integers(0, 8)),
        st.tuples(st.just("update"), st.integers(0, 3)),
        st.tuples(st.just("rollback"), st.just(0)),
        st.tuples(st.just("framework"), st.integers(0, 3)),
        st.tuples(st.just("master"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 7, 100])),
    ),
    max_size=25,
)


def live(svc: SubmittedService) -> list[ServiceTask]:
    return [t for t in svc.tasks if t.reason is None]


def begin(sim: Simulation, svc: SubmittedService) -> None:
    """Start what an agent has taken."""
    for task in [t for t in live(svc) if t.state in ON_THEIR_WAY]:
        with suppress(UnknownId):
            sim.start(task)
    sim.settle()


def do(sim: Simulation, svc: SubmittedService, cut: dict[str, None], what: str, n: int) -> None:
    """One thing that may happen; what is refused changes nothing."""
    tasks = [t for t in live(svc) if t.agent not in cut and t.state not in ("TASK_UNREACHABLE", "TASK_KILLING")]
    task = tasks[n % len(tasks)] if tasks else None
    match what:
        case "fail" | "lose" if task is not None:
            sim.fail(task, by="user" if what == "fail" else "system")
        case "finish" if task is not None:
            sim.finish(task)
        case "kill" if task is not None:
            svc.kill(task, shrink=n % 2 == 0)
        case "evict" if task is not None:
            svc.evict(task)
        case "sick" if task is not None:
            sim.set_health(task, False)
        case "cut" if AGENTS[n] not in cut:
            cut[AGENTS[n]] = None
            sim.disconnect(AGENTS[n])
        case "heal" if AGENTS[n] in cut:
            del cut[AGENTS[n]]
            sim.reconnect(AGENTS[n])
        case "agent" if AGENTS[n] not in cut:
            sim.crash(AGENTS[n])
            sim.advance(1)
            sim.restart(AGENTS[n])
        case "scale":
            svc.scale(desired=n)
        case "update":
            svc.update(command=f"v{n}")
        case "rollback":
            svc.rollback()
        case "framework" | "master":
            name = "service" if what == "framework" else what
            sim.crash(name)
            sim.advance(n)
            sim.restart(name)
        case "wait":
            sim.advance(n)


@FEW
@given(STEPS)
def test_whatever_happens_the_service_comes_to_be_what_is_wanted_of_it(steps: list[tuple[str, int]]) -> None:
    sim = Simulation()
    for name in AGENTS:
        sim.add_agent(name, "cpus:20;mem:2000")
    svc = sim.submit(rm.ServiceJob("web", command="v0", cpus=1, mem=10, capacity=rm.Capacity(0, 3, 10)))
    sim.settle()
    cut: dict[str, None] = {}
    for what, n in steps:
        begin(sim, svc)
        with suppress(Conflict, InvalidJob, UnknownId):
            do(sim, svc, cut, what, n)
        sim.settle()
        sim.check()
    for name in cut:
        sim.reconnect(name)
    for task in live(svc):
        sim.set_health(task, True)
    for _ in range(200):
        sim.advance(5)
        begin(sim, svc)
    desired = svc.capacity.desired
    assert sorted((t.index, t.state) for t in live(svc)) == [
        (index, "TASK_RUNNING") for index in sorted(t.index for t in live(svc))
    ]
    assert len({t.index for t in live(svc)}) == len(live(svc)) == desired
    status = svc.status()
    assert (status["waiting"], status["update"]) == (0, "")
    assert {t.version for t in live(svc)} <= {status["version"]}
    sim.check()


@FEW
@given(
    st.integers(1, 12),
    st.sampled_from([50, 80, 100]),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from([0, 1, 5, 20]), st.booleans()), max_size=40),
)
def test_a_budget_holds_at_every_instant(
    size: int, percentage: int, rate: int, steps: list[tuple[int, int, bool]]
) -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:50;mem:2000")
    budget = rm.DisruptionBudget(rm.AvailabilityPercentageLimit(percentage), rate=rm.PerInterval(rate, interval=30))
    svc = sim.submit(
        rm.ServiceJob("web", command="x", cpus=1, mem=10, capacity=rm.Capacity(size, size, size), disruption=budget)
    )
    sim.settle()
    while [t for t in live(svc) if t.state in ON_THEIR_WAY]:
        begin(sim, svc)
    least = min(-(-percentage * size // 100), size - 1)
    evicted: list[float] = []
    for which, wait, starts in steps:
        tasks = [t for t in live(svc) if t.state == "TASK_RUNNING"]
        if tasks and svc.evict(tasks[which % len(tasks)])[0]:
            evicted.append(sim.now)
        sim.settle()
        assert [t.state for t in live(svc)].count("TASK_RUNNING") >= least
        assert sum(at > sim.now - 30 for at in evicted) <= rate
        sim.advance(wait)
        if starts:
            begin(sim, svc)
    sim.check()


@FEW
@given(STEPS)
def test_a_snapshot_is_the_same_as_what_it_is_of(steps: list[tuple[str, int]]) -> None:
    sim = Simulation()
    for name in AGENTS:
        sim.add_agent(name, "cpus:20;mem:2000")
    svc = sim.submit(rm.ServiceJob("web", command="v0", cpus=1, mem=10, capacity=rm.Capacity(0, 3, 10)))
    sim.settle()
    for what, n in steps:
        begin(sim, svc)
        with suppress(Conflict, InvalidJob, UnknownId):
            do(sim, svc, {}, what, n)
        sim.settle()
        machine: ServiceMachine = sim.cluster.kernel(SERVICE)
        replayed = restored(sim, [decode(r) for r in sim.world.journal(SERVICE).replay()])
        snapped = restored(sim, [decode(encode(r)) for r in machine.snapshot()])
        assert kept(replayed) == kept(machine)
        assert kept(snapped) == kept(machine)


def restored(sim: Simulation, records: list[Any]) -> ServiceMachine:
    machine = ServiceMachine(sim.settings.service, SERVICE)
    machine.restore(records)
    machine.check()
    return machine


def kept(machine: ServiceMachine) -> Any:
    """What must outlive a life, in plain values."""
    return [
        (
            job.spec,
            job.state,
            job.version,
            job.rollout,
            sorted(v.number for v in job.versions.values()),
            {
                index: (s.version, s.beside, list(s.holders), s.failures, s.losses, s.due_ms, s.next)
                for index, s in sorted(job.slots.items())
            },
            {
                id: (i.index, i.epoch, i.version, i.lineage, i.stop is not None)
                for id, i in sorted(job.instances.items())
            },
            sorted(job.epochs.items()),
            job.evictions,
        )
        for job in machine.state.jobs.values()
    ]
