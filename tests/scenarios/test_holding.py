"""Big tasks and gangs do not starve: agents are kept for them, few, not for long, and never for two gangs at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import raymesos as rm
from raymesos.machine import MASTER
from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.scripted import Framework
from raymesos.wire.messages import Demand, Revive

Make = Callable[..., Simulation]
ONE = "cpus:1;mem:64"


def launch_all(f: Framework, cpus: int = 1) -> list[Task]:
    tasks = []
    for offer in f.offers:
        count = offer.resources.scalar("cpus") // (1000 * cpus)
        ops = [f.launch_op(f"cpus:{cpus};mem:64") for _ in range(count)]
        tasks += f.accept([offer], ops, refuse_seconds=0)
    return tasks


class Stream:
    """A framework with a backlog of one-CPU tasks: as one ends it asks for another."""

    def __init__(self, sim: Simulation, width: int) -> None:
        self.sim, self.width = sim, width
        self.f = sim.add_framework("small", roles=["small"], demand=[(ONE, width)])
        self.running: list[Task] = []
        self.ended = 0

    def settle(self) -> None:
        self.sim.settle()
        self.running += launch_all(self.f)
        self.sim.settle()

    def finish_oldest(self) -> None:
        self.sim.finish(self.running.pop(0))
        self.ended += 1
        self.f.revive(demand=[(ONE, self.width)])
        self.settle()


def test_a_stream_of_small_tasks_does_not_keep_a_big_one_away(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:4096")
    small = Stream(sim, 2)
    small.settle()
    assert len(small.running) == 2
    big = sim.add_framework("big", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    small.settle()
    small.finish_oldest()
    assert (len(small.running), big.offers) == (1, [])  # One CPU is free, and kept.
    assert sim.explain("small")["data"][0]["kind"] == "held"
    small.finish_oldest()
    assert [str(o.resources) for o in big.offers] == ["cpus:2;mem:64"]


def test_a_late_tenant_of_big_tasks_has_its_share_from_the_start_and_no_more(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:4096")
    small = Stream(sim, 2)
    small.settle()
    for _ in range(40):
        small.finish_oldest()
    big = sim.add_framework("big", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    running = small.running
    cpus = {"small": 0, "big": 0}
    for _ in range(60):  # All that runs ends at the same time.
        for task in running:
            sim.finish(task)
        small.f.revive(demand=[(ONE, 2)])
        big.revive(demand=[("cpus:2;mem:64", 1)])
        sim.settle()
        ones, twos = launch_all(small.f), launch_all(big, 2)
        sim.settle()
        running = ones + twos
        cpus["small"] += len(ones)
        cpus["big"] += 2 * len(twos)
    assert abs(cpus["small"] - cpus["big"]) <= 3, cpus


def test_an_agent_is_not_kept_for_long(make_sim: Make) -> None:
    sim = make_sim()
    sim.add_agent("A1", "cpus:2;mem:4096")
    small = Stream(sim, 2)
    small.settle()
    sim.add_framework("big", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    small.settle()
    small.finish_oldest()
    assert len(small.running) == 1
    sim.advance(4.0)
    small.settle()
    assert len(small.running) == 1
    sim.advance(2.0)  # 5 s are over: others get it, and it is not kept again for as long.
    small.settle()
    assert len(small.running) == 2


def test_an_agent_is_not_kept_if_another_has_room(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:4096")
    small = Stream(sim, 2)
    small.settle()
    sim.add_agent("A2", "cpus:2;mem:4096", attributes="rack:r2")
    big = sim.add_framework("big", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    small.settle()
    assert [o.agent for o in big.offers] == ["A2"]
    small.finish_oldest()
    assert len(small.running) == 2


def test_short_work_may_use_the_time_if_it_ends_before_what_runs_there(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:3;mem:4096")
    shape = Resources.parse(ONE)
    fast = sim.add_framework("fast", roles=["fast"])
    long = sim.add_framework("long", roles=["long"], demand=[])
    sim.settle()
    fast.decline_all(refuse_seconds=0)
    fast.suppress()
    sim.settle()

    def want(f: Framework, count: int, run_ms: int) -> None:
        sim.world.post(f.address, MASTER, Revive(f.id, (), (Demand(shape, count, exact=True, run_ms=run_ms),)))
        sim.settle()

    want(long, 1, 10_000)
    launch_all(long)
    sim.settle()
    big = sim.add_framework("big", roles=["big"], demand=[("cpus:3;mem:64", 1)])
    sim.settle()
    want(fast, 1, 60_000)
    assert fast.offers == []  # It would end after the big one could begin.
    want(fast, 1, 2_000)
    assert [str(o.resources) for o in fast.offers] == [ONE]
    assert big.offers == []


# ---------------------------------------------------------------- gangs


def gang(sim: Simulation, name: str, shape: str, count: int) -> Framework:
    return sim.add_framework(name, roles=[name], demand=[(shape, count, "gang")])


def total(f: Framework) -> int:
    return sum(o.resources.scalar("cpus") for o in f.offers) // 1000


def test_a_gang_is_offered_everything_in_one_pass_or_nothing(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:4096")
    g = gang(sim, "g", "cpus:1;mem:64", 5)
    sim.settle()
    sim.add_agent("A2", "cpus:2;mem:4096")
    sim.settle()
    assert g.offers == []
    sim.add_agent("A3", "cpus:2;mem:4096")
    sim.settle()
    assert total(g) == 5
    assert [e.type for e in g.events].count("OFFERS") == 1
    assert sorted(o.agent for o in g.offers) == ["A1", "A2", "A3"]


def test_two_gangs_that_each_fit_alone_do_not_wait_for_each_other(sim: Simulation) -> None:
    for name in ("A1", "A2", "A3", "A4"):
        sim.add_agent(name, "cpus:1;mem:512")
    small = sim.add_framework("small", roles=["small"], demand=[(ONE, 4)])
    sim.settle()
    tasks = launch_all(small)
    sim.settle()
    g1, g2 = gang(sim, "g1", ONE, 3), gang(sim, "g2", ONE, 3)
    sim.settle()
    for task in tasks:
        sim.finish(task)
        sim.settle()
    assert sorted([total(g1), total(g2)]) == [0, 3]
    first, second = (g1, g2) if g1.offers else (g2, g1)
    done = launch_all(first)
    sim.settle()
    for task in done:
        sim.finish(task)
    sim.settle()
    sim.advance(1.0)
    assert total(second) == 3


def test_a_gang_larger_than_the_cluster_keeps_nothing_from_anybody(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:4096")
    gang(sim, "g", ONE, 3)
    sim.settle()
    f = sim.add_framework("F", roles=["f"], demand=[(ONE, 2)])
    sim.settle()
    assert total(f) == 2


def test_a_gang_within_a_limit_that_is_too_small_is_not_begun(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:4096")
    sim.settle()
    sim.set_quota("g", limit="cpus:2")
    g = gang(sim, "g", ONE, 3)
    sim.settle()
    assert g.offers == []
    sim.set_quota("g", limit="cpus:3")
    sim.advance(1.0)
    assert total(g) == 3


def test_a_batch_gang_starts_all_its_tasks_at_once(sim: Simulation) -> None:
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:2;mem:4096")
    small = sim.add_framework("small", roles=["small"], demand=[(ONE, 1)])
    sim.settle()
    (task,) = launch_all(small)
    sim.settle()
    job = sim.submit(rm.BatchJob("together", command="true", size=4, role="g", cpus=1, mem=64, gang=True))
    sim.advance(2.0)
    assert [t.state for t in job.tasks] == []
    sim.finish(task)
    sim.advance(2.0)
    assert len(job.tasks) == 4


@pytest.mark.parametrize("scoring", ["shuffle", "pack", "spread"])
def test_scoring_packs_or_spreads_tasks_over_agents(make_sim: Make, scoring: str) -> None:
    sim = make_sim(scoring=scoring, seed=3)
    for name in ("A1", "A2", "A3", "A4"):
        sim.add_agent(name, "cpus:4;mem:4096")
    f = sim.add_framework("F", roles=["f"], demand=[(ONE, 1)])
    sim.settle()
    placed: dict[str, int] = {}
    for _ in range(8):
        (offer,) = f.offers
        placed[offer.agent] = placed.get(offer.agent, 0) + 1
        f.launch(offer, ONE)
        f.revive(demand=[(ONE, 1)])
        sim.settle()
    if scoring == "pack":
        assert sorted(placed.values()) == [4, 4]
    elif scoring == "spread":
        assert sorted(placed.values()) == [2, 2, 2, 2]


def test_spread_deals_one_demand_out_over_all_agents(make_sim: Make) -> None:
    sim = make_sim(scoring="spread")
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:4;mem:4096")
    f = sim.add_framework("F", roles=["f"], demand=[(ONE, 6)])
    sim.settle()
    assert sorted(o.resources.scalar("cpus") for o in f.offers) == [2000, 2000, 2000]
