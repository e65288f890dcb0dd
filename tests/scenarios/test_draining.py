"""Draining, deactivated and gone agents (S40 i to iii), through the whole kernel."""

from __future__ import annotations

import pytest
from scenario_rig import WHOLE, running, types

import raymesos as rm
from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.scripted import Framework

NOT_AWARE = ("MULTI_ROLE", "TASK_KILLING_STATE")
LONG_MISSED_PINGS = 100.0


def ends(framework: Framework, task: Task | str) -> list[tuple[str | None, str | None]]:
    """(state, reason) of each update of the task after it ran."""
    told = [(e.state, e.reason) for e in framework.updates(task)]
    return told[told.index(("TASK_RUNNING", None)) + 1 :] if ("TASK_RUNNING", None) in told else told


# ---------------------------------------------------------------- (i) an idle agent


def test_s40_i_an_idle_agent_is_drained_at_once_and_offered_again_when_it_is_reactivated(sim: Simulation) -> None:
    a1 = sim.add_agent("A1", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    offer = f1.offers[0]
    assert a1.state == "ACTIVE"
    sim.drain("A1")
    assert (sim.agent_state("A1"), a1.state) == ("DRAINED", "DRAINED")
    sim.settle()
    assert (types(f1), f1.events[-1].offer_id, f1.offers) == (["SUBSCRIBED", "OFFERS", "RESCIND"], offer.id, [])
    sim.advance(10)
    assert f1.offers == []
    sim.reactivate("A1")
    sim.advance(1)
    assert [(o.agent, str(o.resources)) for o in f1.offers] == [("A1", WHOLE)]
    assert a1.state == "ACTIVE"


def test_an_offer_that_was_rescinded_by_a_drain_launches_nothing(sim: Simulation) -> None:
    sim.add_agent("A1", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    offer = f1.offers[0]
    sim.drain("A1")
    task = f1.launch(offer, "cpus:1;mem:128")
    sim.settle()
    assert (task.state, task.reason) == ("TASK_DROPPED", "REASON_INVALID_OFFERS")
    assert sim.agent_state("A1") == "DRAINED"


# ---------------------------------------------------------------- (ii) an agent with tasks


def test_s40_ii_tasks_are_killed_for_the_drain_and_the_agent_is_drained_when_that_is_acknowledged(
    sim: Simulation,
) -> None:
    f1, task = running(sim)
    f1.acknowledges = False
    sim.drain("A1", grace=0)
    sim.settle()
    assert ends(f1, task) == [("TASK_KILLING", "REASON_AGENT_DRAINING")]
    assert sim.agent_state("A1") == "DRAINING"
    with pytest.raises(Conflict, match="still being drained: 1 of its tasks"):
        sim.reactivate("A1")
    f1.acknowledge(f1.updates(task)[-1])
    sim.settle()
    assert ends(f1, task)[1:] == [("TASK_KILLED", "REASON_AGENT_DRAINING")]
    assert sim.agent_state("A1") == "DRAINING"
    f1.acknowledge(f1.updates(task)[-1])
    sim.settle()
    assert sim.agent_state("A1") == "DRAINED"
    sim.advance(60)
    assert f1.offers == []
    f1.acknowledges = True
    sim.reactivate("A1")
    f1.revive()
    sim.settle()
    again = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    assert again.state == "TASK_RUNNING"


def test_s40_ii_with_mark_gone_the_task_and_its_agent_are_gone_and_never_come_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.drain("A1", grace=0, mark_gone=True)
    sim.settle()
    killing, gone = ends(f1, task)
    assert killing == ("TASK_KILLING", "REASON_AGENT_DRAINING")
    assert gone == ("TASK_GONE_BY_OPERATOR", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "GONE"
    assert (f1.events[-1].type, f1.events[-1].agent) == ("FAILURE", "A1")
    with pytest.raises(Conflict, match="marked gone"):
        sim.reactivate("A1")
    sim.restart("A1")
    sim.advance(200)
    assert sim.agent_state("A1") == "GONE"
    assert f1.offers == []
    f1.reconcile([("other", "A1")])
    sim.settle()
    assert ends(f1, "other") == [("TASK_GONE_BY_OPERATOR", "REASON_RECONCILIATION")]


def test_s40_ii_a_framework_that_is_not_partition_aware_hears_of_a_kill_even_if_the_agent_goes(sim: Simulation) -> None:
    f1, task = running(sim, capabilities=NOT_AWARE)
    sim.drain("A1", grace=0, mark_gone=True)
    sim.settle()
    assert ends(f1, task)[-1] == ("TASK_KILLED", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "GONE"


def test_a_draining_agent_answers_for_tasks_of_several_frameworks_one_by_one(sim: Simulation) -> None:
    f1, first = running(sim)
    f2 = sim.add_framework("F2", roles=["role2"], acknowledge=False)
    sim.advance(1)
    second = f2.launch(f2.offers[0], "cpus:1;mem:128")
    sim.settle()
    f2.acknowledge(f2.updates(second)[0])
    sim.settle()
    sim.drain("A1", grace=0)
    sim.settle()
    assert (first.state, sim.agent_state("A1")) == ("TASK_KILLED", "DRAINING")
    for _ in range(3):
        assert sim.agent_state("A1") == "DRAINING"
        f2.acknowledge(f2.updates(second)[-1])
        sim.settle()
    assert ends(f2, second)[-1] == ("TASK_KILLED", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "DRAINED"


# ---------------------------------------------------------------- (iii) an agent that is away


def test_s40_iii_a_disconnected_agent_is_told_to_drain_when_it_is_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.settle()
    sim.drain("A1", grace=0)
    sim.advance(30)
    assert (task.state, sim.agent_state("A1")) == ("TASK_RUNNING", "DRAINING")
    sim.reconnect("A1")
    sim.settle()
    assert ends(f1, task)[-1] == ("TASK_KILLED", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "DRAINED"
    assert [o for e in f1.events[2:] for o in e.offers] == []


def test_s40_iii_an_unreachable_agent_is_told_to_drain_when_it_is_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.advance(LONG_MISSED_PINGS)
    assert task.state == "TASK_UNREACHABLE"
    sim.drain("A1", grace=0)
    assert sim.agent_state("A1") == "DRAINING"
    with pytest.raises(Conflict, match="still being drained: it is away"):
        sim.reactivate("A1")
    sim.reconnect("A1")
    sim.settle()
    assert [state for state, _ in ends(f1, task)][-2:] == ["TASK_KILLING", "TASK_KILLED"]
    assert task.reason == "REASON_AGENT_DRAINING"
    assert sim.agent_state("A1") == "DRAINED"


def test_an_unreachable_agent_that_is_to_be_gone_is_drained_first_when_it_is_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.advance(LONG_MISSED_PINGS)
    sim.drain("A1", mark_gone=True)
    sim.advance(LONG_MISSED_PINGS)
    assert (task.state, sim.agent_state("A1")) == ("TASK_UNREACHABLE", "DRAINING")
    sim.reconnect("A1")
    sim.settle()
    assert (task.state, task.reason) == ("TASK_GONE_BY_OPERATOR", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "GONE"


# ---------------------------------------------------------------- crashes


def test_a_drain_outlives_the_master(sim: Simulation) -> None:
    f1, task = running(sim, failover_timeout=600.0)
    f1.acknowledges = False
    sim.drain("A1", grace=0, mark_gone=True)
    sim.crash("master")
    sim.settle()
    sim.restart("master")
    assert sim.agent_state("A1") == "DRAINING"
    f1.acknowledges = True
    sim.advance(30)
    assert (task.state, task.reason) == ("TASK_GONE_BY_OPERATOR", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "GONE"
    sim.crash("master")
    sim.restart("master")
    sim.advance(10)
    assert sim.agent_state("A1") == "GONE"


def test_a_drained_agent_stays_so_over_restarts_of_the_master_and_of_itself(sim: Simulation) -> None:
    sim.add_agent("A1", WHOLE)
    sim.settle()
    sim.drain("A1")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=600.0)
    for name in ("master", "A1", "allocator", "master"):
        sim.crash(name)
        sim.restart(name)
        sim.advance(30)
        assert sim.agent_state("A1") == "DRAINED"
    assert [e.type for e in f1.events if e.type != "SUBSCRIBED"] == []
    sim.reactivate("A1")
    sim.advance(1)
    assert [o.agent for o in f1.offers] == ["A1"]


def test_an_agent_that_crashes_while_it_drains_is_told_again(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.crash("A1")
    sim.settle()
    sim.drain("A1", grace=0)
    sim.settle()
    assert (task.state, sim.agent_state("A1")) == ("TASK_RUNNING", "DRAINING")
    sim.restart("A1")
    sim.advance(30)
    assert ends(f1, task)[-1] == ("TASK_KILLED", "REASON_AGENT_DRAINING")
    assert sim.agent_state("A1") == "DRAINED"


# ---------------------------------------------------------------- deactivate


def test_a_deactivated_agent_is_not_offered_and_its_tasks_run_on(sim: Simulation) -> None:
    f1, task = running(sim)
    f1.revive()
    sim.settle()
    assert len(f1.offers) == 1
    sim.deactivate("A1")
    sim.settle()
    assert (f1.offers, sim.agent_state("A1"), task.state) == ([], "DEACTIVATED", "TASK_RUNNING")
    sim.deactivate("A1")
    sim.finish(task)
    sim.advance(10)
    assert (task.state, f1.offers) == ("TASK_FINISHED", [])
    sim.crash("master")
    sim.restart("master")
    sim.advance(30)
    assert (sim.agent_state("A1"), f1.offers) == ("DEACTIVATED", [])
    sim.reactivate("A1")
    sim.advance(10)
    assert [str(o.resources) for o in f1.offers] == [WHOLE]


def test_a_deactivated_agent_can_be_drained(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.deactivate("A1")
    sim.drain("A1", grace=0)
    sim.settle()
    assert (task.state, sim.agent_state("A1")) == ("TASK_KILLED", "DRAINED")
    sim.deactivate("A1")
    assert sim.agent_state("A1") == "DRAINED"


# ---------------------------------------------------------------- mark gone


@pytest.mark.parametrize(
    ("capabilities", "state"), [(None, "TASK_GONE_BY_OPERATOR"), (NOT_AWARE, "TASK_LOST")], ids=["aware", "not aware"]
)
def test_the_tasks_of_an_agent_that_is_marked_gone_are_gone_at_once(
    sim: Simulation, capabilities: tuple[str, ...] | None, state: str
) -> None:
    f1, task = running(sim, capabilities=capabilities)
    sim.mark_gone("A1")
    sim.settle()
    assert ends(f1, task) == [(state, "REASON_AGENT_REMOVED_BY_OPERATOR")]
    assert (task.message, f1.updates(task)[-1].uuid) == ("Agent A1 removed: marked gone", None)
    f1.reconcile([(task.id, "A1")])
    sim.settle()
    assert ends(f1, task)[1:] == [(state, "REASON_RECONCILIATION")]
    sim.crash("master")
    sim.restart("master")
    sim.crash("A1")
    sim.restart("A1")
    sim.advance(1000)
    f1.reconcile([(task.id, "A1")])
    sim.settle()
    assert ends(f1, task)[2:] == [(state, "REASON_RECONCILIATION")]
    assert sim.agent_state("A1") == "GONE"
    with pytest.raises(UnknownId):
        sim.finish(task)


def test_an_unreachable_agent_that_is_marked_gone_may_not_come_back(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.advance(LONG_MISSED_PINGS)
    sim.mark_gone("A1")
    sim.settle()
    assert ends(f1, task)[-2:] == [
        ("TASK_UNREACHABLE", "REASON_AGENT_REMOVED"),
        ("TASK_GONE_BY_OPERATOR", "REASON_AGENT_REMOVED_BY_OPERATOR"),
    ]
    sim.reconnect("A1")
    sim.advance(LONG_MISSED_PINGS)
    assert (sim.agent_state("A1"), f1.offers) == ("GONE", [])
    with pytest.raises(UnknownId):
        sim.finish(task)


# ---------------------------------------------------------------- what is refused


def test_what_cannot_be_done_is_refused_by_the_call_and_changes_nothing(sim: Simulation) -> None:
    f1, task = running(sim)
    f1.acknowledges = False
    for call in (sim.drain, sim.reactivate, sim.deactivate, sim.mark_gone):
        with pytest.raises(UnknownId, match="A9"):
            call("A9")
    with pytest.raises(Conflict, match="active already"):
        sim.reactivate("A1")
    with pytest.raises(InvalidValue, match="grace"):
        sim.drain("A1", grace=-1)
    assert sim.agent_state("A1") == "ACTIVE"
    sim.drain("A1")
    with pytest.raises(Conflict, match="being drained already: 1 of its tasks"):
        sim.drain("A1", mark_gone=True)
    f1.acknowledges = True
    sim.advance(30)
    assert (task.state, sim.agent_state("A1")) == ("TASK_KILLED", "DRAINED")
    with pytest.raises(Conflict, match="drained already"):
        sim.drain("A1")
    sim.mark_gone("A1")
    with pytest.raises(Conflict, match="has been marked gone"):
        sim.mark_gone("A1")


# ---------------------------------------------------------------- batch jobs


def test_a_batch_job_goes_on_elsewhere_at_the_systems_cost_when_its_agent_is_drained(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:1024")
    job = sim.submit(rm.BatchJob("job", command="x", mem=128, retries=0))
    sim.settle()
    (first,) = job.tasks
    sim.start(first)
    sim.schedule_maintenance("A1", start=100.0)
    sim.advance(2)
    assert sim.maintenance_status() == {"A1": {"mode": "DRAINING", "answers": {"batch": "ACCEPT"}}}
    sim.add_agent("A2", "cpus:1;mem:1024")
    sim.drain("A1", grace=0)
    sim.advance(2)
    first, second = job.tasks
    assert (first.state, first.reason, sim.agent_state("A1")) == ("TASK_KILLED", "lost", "DRAINED")
    assert (second.agent, second.resubmit_number, second.system_resubmit_number) == ("A2", 1, 1)
    sim.finish(second)
    sim.advance(2)
    assert (job.state, job.status()["succeeded"]) == ("Finished", 1)


# ---------------------------------------------------------------- agents kept for big tasks


def test_an_agent_that_is_not_offered_any_more_is_not_kept_for_a_big_task_and_another_is(sim: Simulation) -> None:
    for name in ("A1", "A2"):
        sim.add_agent(name, WHOLE)
    f1 = sim.add_framework("F1", roles=["small"])
    sim.settle()
    tasks = {o.agent: f1.launch(o, "cpus:1;mem:128") for o in f1.offers}
    f2 = sim.add_framework("F2", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    sim.advance(1)
    (offer,) = f1.offers
    (kept,) = tasks.keys() - {offer.agent}
    sim.deactivate(kept)
    f1.decline_all()
    sim.advance(1)
    assert (f1.offers, f2.offers) == ([], [])
    sim.finish(tasks[offer.agent])
    sim.settle()
    assert [o.agent for o in f2.offers] == [offer.agent]
