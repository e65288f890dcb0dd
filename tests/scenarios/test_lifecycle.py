"""Frameworks and agents that come and go, in Mesos' terms (E3, E4, agents lost and back, reconciliation), through the whole kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scenario_rig import running

from raymesos.errors import Conflict, InvalidValue, RaymesosError, UnknownId
from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.events import Offer, Task
from raymesos.sim.scripted import Framework

NOT_AWARE = ("MULTI_ROLE",)
ONE_CPU = Resources.parse("cpus:1")


def states(framework: Framework, task: Task) -> list[str | None]:
    return [e.state for e in framework.updates(task)]


# ---------------------------------------------------------------- the walk of a task


def test_a_task_starts_runs_and_finishes_and_each_step_is_told_once(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.finish(task)
    sim.settle()
    sim.advance(60)
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert all(e.uuid and e.source == "SOURCE_EXECUTOR" and e.agent == "A1" for e in f1.updates(task))


def test_a_failed_task_says_why_and_by_whom(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.fail(task)
    sim.settle()
    assert (task.state, task.reason, task.message) == ("TASK_FAILED", None, "failed by the user")
    other = f1.launch(_offer(sim, f1), "cpus:1;mem:64")
    sim.settle()
    sim.fail(other, reason="REASON_CONTAINER_LIMITATION_MEMORY", by="system")
    sim.settle()
    assert (other.state, other.reason) == ("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY")


def test_a_killed_task_is_first_being_killed_and_then_dead(sim: Simulation) -> None:
    f1, task = running(sim)
    f1.kill(task)
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]


def test_a_framework_that_does_not_know_the_killing_state_is_not_told_of_it(sim: Simulation) -> None:
    f1, task = running(sim, capabilities=["PARTITION_AWARE"])
    f1.kill(task)
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLED"]


def test_the_kill_of_an_unknown_task_is_answered_as_a_reconciliation(sim: Simulation) -> None:
    f1, task = running(sim)
    f1.kill(Task("nobody", "A1", task.resources))
    sim.settle()
    (answer,) = f1.updates("nobody")
    assert (answer.state, answer.reason, answer.uuid) == ("TASK_GONE", "REASON_RECONCILIATION", None)


def test_an_update_that_nobody_acknowledges_comes_again_with_the_same_uuid_and_holds_back_the_next(
    sim: Simulation,
) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"], acknowledge=False)
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING"]
    sim.advance(9.999)
    assert states(f1, task) == ["TASK_STARTING"]
    sim.advance(0.001)
    assert states(f1, task) == ["TASK_STARTING"] * 2
    sim.advance(20)
    assert states(f1, task) == ["TASK_STARTING"] * 3
    first, second, third = f1.updates(task)
    assert first.uuid == second.uuid == third.uuid
    f1.acknowledge(first)
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING"] * 3 + ["TASK_RUNNING"]


def test_a_task_that_takes_longer_than_it_may_fails_for_that_reason(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128", max_completion_time=2.0)
    sim.advance(1.9)
    assert task.state == "TASK_RUNNING"
    sim.advance(0.1)
    assert (task.state, task.reason) == ("TASK_FAILED", "REASON_MAX_COMPLETION_TIME_REACHED")


# ---------------------------------------------------------------- E3: failover


def test_e3_a_scheduler_that_comes_back_in_time_keeps_its_tasks(sim: Simulation) -> None:
    f1, task = running(sim, failover_timeout=30.0)
    sim.crash("F1")
    sim.advance(29)
    sim.restart("F1")
    sim.settle()
    assert f1.subscribed
    f1.reconcile()
    sim.settle()
    assert task.state == "TASK_RUNNING"
    assert [e.type for e in f1.events].count("SUBSCRIBED") == 2
    assert {e.framework_id for e in f1.events if e.type == "SUBSCRIBED"} == {f1.id}


def test_e3_after_the_failover_timeout_its_tasks_are_killed_and_its_id_is_burnt(sim: Simulation) -> None:
    f1, task = running(sim, failover_timeout=30.0)
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    sim.crash("F1")
    sim.advance(30)
    sim.settle()
    with pytest.raises(UnknownId):
        sim.finish(task)
    assert sum((o.resources.scalar("cpus") for o in f2.offers), 0) == 2000
    sim.restart("F1")
    sim.settle()
    assert (f1.events[-1].type, f1.events[-1].message) == ("ERROR", "Framework has been removed")
    assert f1.closed


def test_e3_without_a_failover_timeout_a_lost_connection_kills_the_tasks(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("F1")
    sim.settle()
    with pytest.raises(UnknownId):
        sim.finish(task)
    sim.reconnect("F1")
    sim.settle()
    assert (f1.events[-1].type, f1.events[-1].message) == ("ERROR", "Framework has been removed")


def test_e3_a_second_subscriber_with_the_same_id_takes_over_and_the_first_is_told(sim: Simulation) -> None:
    f1, task = running(sim)
    f1b = sim.add_framework("F1b", roles=["role1"], framework_id=f1.id)
    sim.settle()
    assert (f1.events[-1].type, f1.events[-1].message) == ("ERROR", "Framework failed over")
    assert (f1b.id, f1b.subscribed) == (f1.id, True)
    sim.finish(task)
    sim.settle()
    assert [e.state for e in f1b.updates(task)] == ["TASK_FINISHED"]
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING"]


def test_e3_another_scheduler_under_the_id_takes_the_tasks_of_a_dead_one(sim: Simulation) -> None:
    f1, task = running(sim, failover_timeout=30.0)
    sim.crash("F1")
    sim.advance(29.9)
    f1b = sim.add_framework("F1b", roles=["role1"], failover_timeout=30.0, framework_id=f1.id)
    sim.advance(60)
    assert (f1b.id, f1b.subscribed) == (f1.id, True)
    f1b.reconcile([])
    sim.settle()
    assert [(e.task_id, e.state) for e in f1b.updates()] == [(task.id, "TASK_RUNNING")]
    f1b.kill(task)
    sim.settle()
    assert [e.state for e in f1b.updates(task)] == ["TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]


def test_e3_an_id_that_was_never_given_is_refused(sim: Simulation) -> None:
    stranger = sim.add_framework("F1", roles=["role1"], framework_id="never-given")
    sim.settle()
    assert [e.type for e in stranger.events] == ["ERROR"]
    assert sim.metrics()["master/frameworks_active"] == 0


def test_a_framework_told_not_to_subscribe_again_stays_away_until_it_does_so_by_hand(sim: Simulation) -> None:
    f1, task = running(sim, failover_timeout=100.0, reregister=False)
    sim.disconnect("F1")
    sim.settle()
    sim.reconnect("F1")
    sim.advance(50)
    assert not f1.subscribed
    f1.subscribe()
    sim.settle()
    assert f1.subscribed
    f1.reconcile()
    sim.settle()
    assert f1.updates(task)[-1].state == "TASK_RUNNING"


# ---------------------------------------------------------------- E4: offers that do not go together


@pytest.mark.parametrize(("capabilities", "state"), [(None, "TASK_DROPPED"), (NOT_AWARE, "TASK_LOST")])
@pytest.mark.parametrize("case", ["unknown", "none", "duplicate", "two agents", "two roles", "another framework's"])
def test_e4_a_launch_on_offers_that_do_not_go_together_is_dropped_and_the_valid_offers_return(
    sim: Simulation, case: str, capabilities: tuple[str, ...] | None, state: str
) -> None:
    f1 = sim.add_framework("F1", roles=["r1", "r2"], capabilities=capabilities)
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.settle()
    listed = _offers_for(sim, f1, case)
    foreign = [o for f in sim.frameworks if f is not f1 for o in f.offers]
    tasks = f1.accept(listed, [f1.launch_op("cpus:0.1;mem:32"), f1.launch_op("cpus:0.1;mem:32")], refuse_seconds=0)
    sim.settle()
    for task in tasks:
        (update,) = f1.updates(task)
        told = (update.state, update.reason, update.source, update.uuid)
        assert told == (state, "REASON_INVALID_OFFERS", "SOURCE_MASTER", None)
    everybody = sim.frameworks
    assert [o for f in everybody if f is not f1 for o in f.offers] == foreign
    own = {o.agent: o.resources for o in listed if not isinstance(o, str) and o not in foreign}
    sim.advance(1)
    for agent in own:
        (back,) = [o for f in everybody for o in f.offers if o.agent == agent and o not in foreign]
        assert back.id not in [o if isinstance(o, str) else o.id for o in listed]


def _offers_for(sim: Simulation, f1: Framework, case: str) -> list[Offer | str]:
    """What F1, which holds one offer of A1, lists in the case."""
    (first,) = f1.offers
    match case:
        case "unknown":
            return [first, "no-such-offer"]
        case "none":
            return []
        case "duplicate":
            return [first, first]
        case "two agents":
            sim.add_agent("A2", "cpus:2;mem:1024")
            sim.settle()
            assert [o.agent for o in f1.offers] == ["A1", "A2"]
        case "two roles":
            task = f1.launch(first, "cpus:1;mem:512")
            sim.advance(1)
            sim.finish(task)
            sim.settle()
            assert [(o.agent, o.role) for o in f1.offers] == [("A1", "r2"), ("A1", "r1")]
        case _:
            f1.suppress()
            other = sim.add_framework("F2", roles=["r3"])
            sim.add_agent("A2", "cpus:2;mem:1024")
            sim.settle()
            return [first, *other.offers]
    return list(f1.offers)


def test_a_launch_on_an_offer_that_was_rescinded_is_dropped(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(offer_timeout=5.0)
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    stale = f1.offers[0]
    sim.advance(5)
    assert [e.offer_id for e in f1.events if e.type == "RESCIND"] == [stale.id]
    task = f1.launch(stale, "cpus:1;mem:128")
    sim.settle()
    assert (task.state, task.reason) == ("TASK_DROPPED", "REASON_INVALID_OFFERS")


@pytest.mark.parametrize("shape", ["cpus:3;mem:128", "cpus:1;mem:2048", "gpus:1", ""])
def test_a_task_that_asks_for_more_than_was_offered_is_an_error_and_the_rest_runs(sim: Simulation, shape: str) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    bad, good = f1.accept(f1.offers, [f1.launch_op(shape), f1.launch_op("cpus:2;mem:1024")])
    sim.settle()
    assert (bad.state, bad.reason) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert good.state == "TASK_RUNNING"


def test_a_task_id_that_is_in_use_is_an_error(sim: Simulation) -> None:
    f1, task = running(sim)
    again = f1.launch(_offer(sim, f1), "cpus:0.5;mem:64", task_id=task.id)
    sim.settle()
    assert (again.state, again.reason) == ("TASK_ERROR", "REASON_TASK_INVALID")
    sim.finish(again)
    sim.settle()


# ---------------------------------------------------------------- agents lost and back


@pytest.mark.parametrize(("capabilities", "state"), [(None, "TASK_UNREACHABLE"), (NOT_AWARE, "TASK_LOST")])
def test_an_agent_that_misses_five_pings_is_unreachable_and_its_tasks_come_back_with_it(
    sim: Simulation, capabilities: tuple[str, ...] | None, state: str
) -> None:
    f1, task = running(sim, capabilities=capabilities)
    sim.disconnect("A1")
    sim.advance(74)
    assert task.state == "TASK_RUNNING"
    sim.advance(30)
    assert (task.state, task.reason) == (state, "REASON_AGENT_REMOVED")
    lost = f1.updates(task)[-1]
    assert lost.uuid is None
    assert lost.source == "SOURCE_MASTER"
    assert lost.unreachable_time is not None
    assert 75 <= lost.unreachable_time <= 90
    assert [e.agent for e in f1.events if e.type == "FAILURE"] == ["A1"]
    sim.reconnect("A1")
    sim.settle()
    back = f1.updates(task)[-1]
    assert (back.state, back.reason, back.uuid) == ("TASK_RUNNING", "REASON_AGENT_REREGISTERED", None)
    sim.finish(task)
    sim.settle()
    assert task.state == "TASK_FINISHED"


def test_a_short_break_of_an_agents_link_loses_nothing_but_its_offers(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert [o.agent for o in f1.offers] == ["A2"]
    sim.disconnect("A2")
    sim.disconnect("A1")
    sim.settle()
    assert f1.offers == []
    sim.finish(task)
    sim.advance(10)
    assert task.state == "TASK_RUNNING"
    sim.reconnect("A1")
    sim.settle()
    assert task.state == "TASK_FINISHED"
    assert [e.type for e in f1.events].count("FAILURE") == 0


def test_an_agent_that_restarts_finds_its_task_running_and_the_framework_never_notices(sim: Simulation) -> None:
    f1, task = running(sim)
    agent_id = sim.cluster.agent_id("A1")
    sim.crash("A1")
    sim.advance(10)
    sim.restart("A1")
    sim.advance(5)
    assert sim.cluster.agent_id("A1") == agent_id
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING"]
    sim.finish(task)
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]


def test_a_task_that_ends_while_its_agent_is_down_is_told_when_the_agent_is_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.crash("A1")
    sim.settle()
    sim.finish(task)
    sim.advance(20)
    assert task.state == "TASK_RUNNING"
    sim.restart("A1")
    sim.advance(5)
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]


def test_a_removed_agent_takes_its_tasks_and_offers_with_it(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    sim.remove_agent("A1")
    sim.remove_agent("A2")
    sim.settle()
    assert (task.state, task.reason) == ("TASK_GONE", "REASON_AGENT_REMOVED")
    assert f1.offers == []
    assert sim.metrics()["master/slaves_active"] == 0
    sim.add_agent("A1", "cpus:4;mem:512")
    sim.settle()
    assert [(o.agent, str(o.resources)) for o in f1.offers] == [("A1", "cpus:4;mem:512")]


def test_an_agent_that_lost_its_disk_while_it_was_cut_off_does_not_have_what_its_former_self_ran(
    sim: Simulation,
) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.remove_agent("A1")
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.reconnect("A1")
    sim.settle()
    assert states(f1, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_DROPPED"]
    assert sim.metrics()["master/tasks_running"] == 0
    f1.revive()
    sim.advance(1)
    assert [(o.agent, str(o.resources)) for o in f1.offers] == [("A1", "cpus:2;mem:1024")]


# ---------------------------------------------------------------- the master and the allocator


def test_a_restarted_master_relearns_what_runs_and_who_is_subscribed(sim: Simulation) -> None:
    f1, task = running(sim)
    id_before = f1.id
    sim.crash("master")
    sim.advance(5)
    sim.restart("master")
    sim.advance(5)
    assert (f1.id, f1.subscribed) == (id_before, True)
    f1.reconcile([(task.id, "A1")])
    sim.settle()
    assert (task.state, f1.updates(task)[-1].reason) == ("TASK_RUNNING", "REASON_RECONCILIATION")
    assert [(o.agent, str(o.resources)) for o in f1.offers] == [("A1", "cpus:1;mem:896")]
    sim.finish(task)
    sim.settle()
    assert task.state == "TASK_FINISHED"


def test_a_restarted_allocator_is_told_what_is_held_and_offers_only_the_rest(sim: Simulation) -> None:
    f1, task = running(sim)
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    before = sim.shares()
    offers = [len(f.offers) for f in (f1, f2)]
    sim.crash("allocator")
    sim.advance(5)
    with pytest.raises(Conflict):
        sim.shares()
    sim.restart("allocator")
    sim.settle()
    assert sim.shares() == before
    sim.add_agent("A3", "cpus:1;mem:512")
    sim.settle()
    assert sum(len(f.offers) for f in (f1, f2)) == sum(offers) + 1


def test_weights_outlive_the_master(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["role1"])
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.set_weight("role2", 2)
    sim.settle()
    sim.crash("master")
    sim.restart("master")
    sim.settle()
    for n in range(6):
        sim.add_agent(f"A{n}", "cpus:1;mem:512")
    sim.advance(1)
    assert [len(f.offers) for f in (f1, f2)] == [2, 4]


# ---------------------------------------------------------------- reconciliation


def test_reconciliation_answers_by_what_is_known_of_task_and_agent(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    sim.disconnect("A2")
    sim.advance(120)
    f1.reconcile([(task.id, "A1"), ("t-none", "A1"), ("t-far", "A2"), ("t-lost", "never-seen"), ("t-any", None)])
    sim.settle()
    answers = {e.task_id: e.state for e in f1.updates() if e.reason == "REASON_RECONCILIATION"}
    assert answers == {
        task.id: "TASK_RUNNING",
        "t-none": "TASK_GONE",
        "t-far": "TASK_UNREACHABLE",
        "t-lost": "TASK_UNKNOWN",
        "t-any": "TASK_UNKNOWN",
    }
    assert all(e.uuid is None for e in f1.updates() if e.reason == "REASON_RECONCILIATION")


def test_implicit_reconciliation_names_every_task_that_has_not_ended(sim: Simulation) -> None:
    f1, task = running(sim)
    other = f1.launch(_offer(sim, f1), "cpus:0.5;mem:64")
    sim.settle()
    sim.finish(other)
    sim.settle()
    f1.reconcile([])
    sim.settle()
    assert [e.task_id for e in f1.updates() if e.reason == "REASON_RECONCILIATION"] == [task.id]


# ---------------------------------------------------------------- refusals


def test_a_bad_role_is_an_error_event_and_nothing_is_subscribed(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["-bad"])
    sim.settle()
    assert [e.type for e in f1.events] == ["ERROR"]
    assert "-bad" in (f1.events[0].message or "")
    assert sim.metrics()["master/frameworks_active"] == 0


def test_what_does_not_exist_or_is_no_value_is_refused(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:512")
    f1 = sim.add_framework("F1", roles=["r"])
    refusals: list[tuple[type[RaymesosError], Callable[[], object]]] = [
        (Conflict, lambda: sim.add_agent("A1", "cpus:1")),
        (Conflict, lambda: sim.add_framework("A1", roles=["r"])),
        (InvalidValue, lambda: sim.add_agent("A2", "cpus:-1")),
        (InvalidValue, lambda: sim.add_agent("A2", "cpus:nan")),
        (InvalidValue, lambda: sim.add_agent("A/2", "cpus:1")),
        (UnknownId, lambda: sim.crash("A2")),
        (UnknownId, lambda: sim.remove_agent("F1")),
        (UnknownId, lambda: sim.disconnect("nobody")),
        (Conflict, lambda: sim.restart("master")),
        (InvalidValue, lambda: sim.advance(-1)),
        (InvalidValue, lambda: sim.advance(float("nan"))),
        (InvalidValue, lambda: sim.set_weight("r", 0)),
        (InvalidValue, lambda: sim.set_weight("r", float("inf"))),
        (InvalidValue, lambda: sim.set_weight("a//b", 1)),
        (InvalidValue, lambda: sim.fail(Task("t", "A1", ONE_CPU), reason="REASON_NONSENSE")),
        (UnknownId, lambda: sim.finish(Task("t", "A1", ONE_CPU))),
        (InvalidValue, lambda: f1.launch("o", "cpus:x")),
        (InvalidValue, lambda: Simulation(allocation_interval=0)),
        (InvalidValue, lambda: Simulation(start="yesterday")),
    ]
    for error, call in refusals:
        with pytest.raises(error):
            call()
    sim.crash("F1")
    with pytest.raises(Conflict):
        f1.revive()


def _offer(sim: Simulation, framework: Framework) -> Offer:
    """An offer of the framework, revived for."""
    framework.revive()
    sim.settle()
    return framework.offers[0]
