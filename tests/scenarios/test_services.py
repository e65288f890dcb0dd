"""Services in Titus' published numbers (T1, T2, T4) and its capacity algebra, through the whole kernel with user work in the test's hands."""

from __future__ import annotations

import pytest
from service_rig import ON_THEIR_WAY, live, service, start, started, states

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob, UnknownId
from raymesos.sim import Simulation

# ---------------------------------------------------------------- T1: who pays for a retry


@pytest.mark.parametrize("exit_code", [0, 1])
def test_t1_an_instance_that_ends_is_replaced_at_its_index_however_it_ended(sim: Simulation, exit_code: int) -> None:
    svc = started(sim, 2, retry=rm.Immediate(retries=0))
    _, first = live(svc)
    sim.finish(first, exit_code)
    sim.advance(1)
    _, second = live(svc)
    assert (second.index, second.original_id, second.resubmit_of) == (1, first.id, first.id)
    assert second.id != first.id
    numbers = (second.resubmit_number, second.system_resubmit_number, second.eviction_resubmit_number)
    assert (numbers, second.epoch) == ((1, 0, 0), 2)
    assert len(svc.tasks) == 3


def test_t1_a_failure_of_the_system_is_counted_as_such(sim: Simulation) -> None:
    svc = started(sim, 1)
    sim.fail(live(svc)[0], by="system")
    sim.advance(1)
    (second,) = live(svc)
    numbers = (second.resubmit_number, second.system_resubmit_number, second.eviction_resubmit_number)
    assert numbers == (1, 1, 0)


def test_t1_waits_grow_as_the_policy_says_are_there_to_see_and_never_end(sim: Simulation) -> None:
    svc = service(sim, 1, retry=rm.ExponentialBackOff(initial=0.5, maximum=3, retries=2))
    waits = []
    for n in range(5):
        sim.fail(live(svc)[0])
        sim.settle()
        why = svc.instances[0]["why"]
        assert why.endswith(
            f"because failed by the user {('once', 'twice', 'three times')[n] if n < 3 else f'{n + 1} times'}"
        )
        assert svc.status()["why"] == why
        begun = sim.now
        while not live(svc):
            sim.advance(0.1)
        waits.append(round(sim.now - begun, 1))
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_t1_who_ran_for_five_minutes_begins_with_a_clean_sheet(sim: Simulation) -> None:
    svc = service(sim, 1, retry=rm.ExponentialBackOff(initial=2, maximum=60))
    for _ in range(3):
        sim.fail(live(svc)[0])
        sim.advance(10)
    start(sim, svc)
    sim.advance(301)
    sim.fail(live(svc)[0])
    sim.settle()
    assert svc.instances[0]["why"] == "next attempt in 2 s, because failed by the user once"


def test_t1_a_service_that_is_stopped_starts_nothing_more(sim: Simulation) -> None:
    svc = started(sim, 2)
    svc.cancel()
    sim.advance(5)
    assert svc.state == "Finished"
    assert [(t.state, t.reason) for t in svc.tasks] == [("TASK_KILLED", "killed")] * 2
    with pytest.raises(Conflict, match="has ended"):
        svc.scale(desired=3)


# ---------------------------------------------------------------- T2: throttled start and stop


def test_t2_at_most_five_instances_are_on_their_way_and_fifteen_come_in_three_waves(sim: Simulation) -> None:
    svc = service(sim, 15)
    waves = []
    while wave := [t for t in live(svc) if t.state in ON_THEIR_WAY]:
        waves.append([t.index for t in wave])
        for task in wave:
            sim.start(task)
        sim.settle()
    assert waves == [list(range(5)), list(range(5, 10)), list(range(10, 15))]
    assert states(svc) == {"TASK_RUNNING": 15}


@pytest.mark.parametrize("ends", ["scaled", "stopped"])
def test_t2_five_of_a_hundred_are_ended_in_a_cycle_until_none_is_left(sim: Simulation, ends: str) -> None:
    svc = started(sim, 100)
    if ends == "scaled":
        svc.scale(desired=0)
    else:
        svc.cancel()
    sim.settle()
    left = []
    while live(svc):
        left.append(len(live(svc)))
        sim.advance(1)
    assert left == list(range(95, 0, -5))
    assert {t.reason for t in svc.tasks} == {"scaledDown" if ends == "scaled" else "killed"}
    assert svc.state == ("Accepted" if ends == "scaled" else "Finished")


# ---------------------------------------------------------------- T4: time limits


def test_t4_one_that_never_starts_is_killed_and_a_kill_that_nobody_confirms_ends_after_two_attempts(
    sim: Simulation,
) -> None:
    svc = service(sim, 1)
    (first,) = live(svc)
    sim.disconnect("A1")
    sim.advance(4.9)
    assert live(svc)[0].state == "TASK_STARTING"
    sim.advance(0.2)
    assert live(svc)[0].state == "TASK_KILLING"
    sim.advance(59.8)
    assert [t.state for t in svc.tasks] == ["TASK_KILLING"]
    sim.advance(0.2)
    assert (svc.tasks[0].state, svc.tasks[0].reason) == ("TASK_KILLED", "stuckInKillingState")
    sim.reconnect("A1")
    sim.advance(2)
    (second,) = live(svc)
    assert (second.resubmit_of, second.resubmit_number, second.system_resubmit_number) == (first.id, 1, 1)


# ---------------------------------------------------------------- capacity


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"desired": 7}, (2, 7, 10)),
        ({"min": 6}, (6, 6, 10)),
        ({"max": 3}, (2, 3, 3)),
        ({"min": 0, "desired": 0}, (0, 0, 10)),
        ({"desired": 5}, (2, 5, 10)),
        ({}, (2, 5, 10)),
        ({"min": 20, "max": 30}, (20, 20, 30)),
    ],
)
def test_a_size_follows_into_its_range(sim: Simulation, given: dict[str, int], expected: tuple[int, int, int]) -> None:
    svc = service(sim, 5, capacity=rm.Capacity(2, 5, 10))
    svc.scale(**given)
    size = svc.capacity
    assert (size.min, size.desired, size.max) == expected


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"desired": 1}, "capacity.desired"),
        ({"desired": 11}, "capacity.desired"),
        ({"min": 11}, "capacity.min"),
        ({"max": 1}, "capacity.max"),
        ({"min": -1}, "capacity.min"),
        ({"max": 10_001}, "capacity.max"),
        ({"min": 5, "desired": 4}, "capacity.desired"),
    ],
)
def test_a_size_that_is_none_is_refused_by_field_and_changes_nothing(
    sim: Simulation, given: dict[str, int], field: str
) -> None:
    svc = service(sim, 5, capacity=rm.Capacity(2, 5, 10))
    with pytest.raises(InvalidJob) as refused:
        svc.scale(**given)
    assert refused.value.field == field
    assert svc.capacity == rm.Capacity(2, 5, 10)


def test_each_flag_blocks_its_direction_and_no_other(sim: Simulation) -> None:
    svc = service(sim, 5, capacity=rm.Capacity(2, 5, 10), disable_increase=True)
    with pytest.raises(InvalidJob, match="increase"):
        svc.scale(desired=6)
    with pytest.raises(InvalidJob, match="increase"):
        svc.scale(min=6)
    svc.scale(desired=4)
    svc.set_processes(disable_decrease=True)
    with pytest.raises(InvalidJob, match="decrease"):
        svc.scale(desired=3)
    svc.scale(desired=6)
    assert svc.capacity.desired == 6


def test_a_kill_that_shrinks_is_not_filled_again(sim: Simulation) -> None:
    svc = started(sim, 3, capacity=rm.Capacity(3, 3, 5))
    svc.kill(live(svc)[1], shrink=True)
    sim.advance(5)
    assert [t.index for t in live(svc)] == [0, 2]
    assert svc.capacity == rm.Capacity(2, 2, 5)
    with pytest.raises(Conflict, match="min"):
        svc.kill(live(svc)[0], shrink=True, keep_min=True)
    assert len(live(svc)) == 2


def test_a_plain_kill_is_filled_again_at_the_same_index(sim: Simulation) -> None:
    svc = started(sim, 2)
    killed = live(svc)[0]
    svc.kill(killed)
    sim.advance(1)
    assert [(t.index, t.resubmit_of) for t in live(svc)] == [(0, killed.id), (1, None)]
    with pytest.raises(Conflict, match="has ended"):
        svc.kill(killed)


def test_those_that_have_not_started_go_first(sim: Simulation) -> None:
    svc = started(sim, 3)
    svc.scale(desired=5)
    sim.settle()
    svc.scale(desired=3)
    sim.settle()
    assert [(t.index, t.state) for t in live(svc)] == [(n, "TASK_RUNNING") for n in range(3)]


def test_of_the_started_the_oldest_of_the_fullest_agent_goes(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1000")
    sim.add_agent("A2", "cpus:1;mem:1000")
    svc = started(sim, 4)
    assert [t.agent for t in live(svc)].count("A1") == 3
    oldest = min((t for t in live(svc) if t.agent == "A1"), key=lambda t: t.index)
    svc.scale(desired=3)
    sim.settle()
    assert oldest.id not in [t.id for t in live(svc)]
    assert [t.agent for t in live(svc)].count("A1") == 2


def test_instances_spread_over_agents_and_unique_hosts_take_one_each(sim: Simulation) -> None:
    for n in range(3):
        sim.add_agent(f"H{n}", "cpus:10;mem:1000", "rack:r1" if n else "rack:r2")
    spread = service(sim, 3, name="spread")
    assert len({t.agent for t in live(spread)}) == 3
    unique = service(sim, 5, name="unique", constraints=["unique-host", "rack=r1"])
    sim.advance(3)
    assert {t.agent for t in live(unique)} == {"H1", "H2"}
    assert len(live(unique)) == 2
    assert unique.instances[4]["why"] == "waits for an offer"


def test_another_service_of_the_name_is_a_conflict_and_another_group_too(sim: Simulation) -> None:
    svc = service(sim, 1, group="main-v001")
    with pytest.raises(Conflict, match="web"):
        sim.submit(rm.ServiceJob("web", command="y"))
    sim.submit(rm.ServiceJob("web-2", command="y", group="main-v001"))
    with pytest.raises(Conflict, match="main-v001"):
        sim.settle()
    assert sim.submit(svc.descriptor) is svc


def test_an_unknown_task_is_named(sim: Simulation) -> None:
    svc = started(sim, 1)
    other = started(sim, 1, name="other")
    with pytest.raises(UnknownId):
        svc.move(live(other)[0], other)


# ---------------------------------------------------------------- what is said of it


def test_what_stands_in_its_way_is_explained(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:100")
    svc = started(sim, 2)
    sim.advance(1)
    assert sim.explain(svc)["reasons"] == ["nothing waits: 2 running, 2 ready, 2 desired"]
    sim.fail(live(svc)[0])
    sim.advance(0.1)
    svc.disable()
    sim.advance(0.1)
    answer = sim.explain("web")
    assert (answer["kind"], answer["verdict"]) == ("service", "running")
    assert "it is disabled: no traffic, no scaling" in answer["reasons"]
    big = service(sim, 1, name="big", cpus=3)
    sim.advance(2)
    answer = sim.explain(big)
    assert answer["verdict"] == "blocked"
    assert "no agent is large enough" in answer["reasons"][0]
    svc.stop()
    sim.advance(5)
    assert sim.explain(svc)["reasons"] == ["ended: stopped"]


def test_the_observer_knows_each_instance_and_its_line(sim: Simulation) -> None:
    svc = started(sim, 1)
    sim.fail(live(svc)[0])
    sim.advance(2)
    notes = list(sim._observing._view.instances[svc.id].values())
    assert [(n.index, n.epoch, n.ended, n.resubmit_of) for n in notes] == [
        (0, 1, True, ""),
        (0, 2, False, notes[0].task_id),
    ]
