"""Schedulers written against the SDK, in a whole simulated cluster: what they hear, and what becomes of their tasks."""

from __future__ import annotations

import pytest
from sdk_rig import OnAgent, Recorder, SimulatedDriver, a_task

from raymesos.errors import InvalidValue
from raymesos.machine import MASTER
from raymesos.model.resources import Resources
from raymesos.sdk import FrameworkInfo, Offer, Unavailability
from raymesos.sim import Simulation


@pytest.fixture
def sim() -> Simulation:
    simulation = Simulation()
    simulation.add_agent("A1", "cpus:2;mem:1024", attributes="rack:r1;n:5")
    return simulation


def running(
    sim: Simulation, failover: float = 0.0, *, implicit_acknowledgements: bool = True
) -> tuple[SimulatedDriver, Recorder]:
    """A driver with one task `t1`, running."""
    recorder = Recorder()
    info = FrameworkInfo(name="F", roles=["r"], failover_timeout=failover)
    driver = SimulatedDriver(sim, recorder, info, implicit_acknowledgements=implicit_acknowledgements)
    sim.settle()
    driver.launch_tasks(recorder.take_offer(), a_task("t1"), refuse_seconds=0)
    sim.settle()
    return driver, recorder


def resumed(sim: Simulation, framework_id: str) -> tuple[SimulatedDriver, Recorder]:
    recorder = Recorder()
    info = FrameworkInfo(name="F", roles=["r"], failover_timeout=60, framework_id=framework_id)
    driver = SimulatedDriver(sim, recorder, info, address="framework/F2")
    sim.settle()
    return driver, recorder


def states(recorder: Recorder) -> list[str]:
    return [s.state for s in recorder.statuses]


def test_an_offer_has_its_agent_its_role_what_there_is_and_the_attributes(sim: Simulation) -> None:
    recorder = Recorder()
    driver = SimulatedDriver(sim, recorder, FrameworkInfo(name="F", roles=["r"], principal="p"))
    sim.settle()
    (offer,) = recorder.offers.values()
    assert (offer.agent, offer.role, offer.framework_id) == ("A1", "r", driver.framework_id)
    assert offer.resources == Resources.parse("cpus:2;mem:1024")
    assert (offer.cpus, offer.mem) == (2.0, 1024.0)
    assert offer.attributes == {"rack": "r1", "n": 5.0}
    assert recorder.kinds() == ["subscribed", "offers"]


def test_a_task_is_told_from_its_start_to_its_end_each_state_once(sim: Simulation) -> None:
    driver, recorder = running(sim)
    sim.finish(OnAgent("t1"))
    sim.advance(60)
    assert states(recorder) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert {s.task_id for s in recorder.statuses} == {"t1"}
    sim.check()


def test_a_kill_ends_the_task(sim: Simulation) -> None:
    driver, recorder = running(sim)
    driver.kill_task("t1")
    sim.advance(5)
    assert states(recorder)[-1] == "TASK_KILLED"


def test_what_is_not_acknowledged_comes_again_and_holds_up_the_next(sim: Simulation) -> None:
    driver, recorder = running(sim, implicit_acknowledgements=False)
    sim.finish(OnAgent("t1"))
    sim.advance(11)
    assert states(recorder) == ["TASK_STARTING"] * 2
    assert recorder.statuses[0].uuid == recorder.statuses[1].uuid != ""
    for _ in range(2):
        driver.acknowledge(recorder.statuses[-1])
        sim.settle()
    assert states(recorder)[2:] == ["TASK_RUNNING", "TASK_FINISHED"]


def test_a_scheduler_lives_through_the_masters_end_with_its_id_and_its_tasks(sim: Simulation) -> None:
    driver, recorder = running(sim, failover=60)
    sim.advance(1)
    assert recorder.offers
    framework_id = driver.framework_id
    before = len(recorder.heard)
    sim.crash(MASTER)
    sim.settle()
    assert recorder.kinds()[before:] == ["rescinded"]
    sim.restart(MASTER)
    sim.advance(3)
    assert ("subscribed", framework_id) in recorder.heard[before:]
    driver.reconcile_tasks()
    sim.settle()
    assert states(recorder)[-1] == "TASK_RUNNING"
    assert recorder.statuses[-1].reason == "REASON_RECONCILIATION"


def test_launches_without_a_master_come_back_dropped_at_once(sim: Simulation) -> None:
    driver, recorder = running(sim, failover=60)
    sim.advance(1)
    (offer,) = recorder.offers.values()
    sim.crash(MASTER)
    sim.settle()
    driver.launch_tasks(offer, a_task("t2"))
    sim.settle()
    last = recorder.statuses[-1]
    assert (last.task_id, last.state, last.reason) == ("t2", "TASK_DROPPED", "REASON_MASTER_DISCONNECTED")


def test_silenced_roles_stay_silent_and_demand_is_said_again_after_the_master_was_lost(sim: Simulation) -> None:
    recorder = Recorder()
    driver = SimulatedDriver(sim, recorder, FrameworkInfo(name="F", roles=["r", "s"], failover_timeout=60))
    sim.settle()
    driver.suppress_offers(["r"])
    driver.revive_offers(["s"], demand=[("cpus:1;mem:128", 3)])
    driver.decline_offer(list(recorder.offers.values()), refuse_seconds=0)
    recorder.offers.clear()
    sim.crash(MASTER)
    sim.restart(MASTER)
    sim.advance(3)
    assert {offer.role for offer in recorder.offers.values()} == {"s"}
    driver.suppress_offers()
    for offer in recorder.offers.values():
        driver.decline_offer(offer, refuse_seconds=0)
    recorder.offers.clear()
    sim.advance(3)
    assert not recorder.offers


def test_a_crashed_framework_is_resumed_by_its_id_and_hears_what_it_missed(sim: Simulation) -> None:
    driver, _ = running(sim, failover=60)
    sim.cluster.crash(driver.address)
    sim.settle()
    sim.finish(OnAgent("t1"))
    sim.advance(5)
    again, recorder = resumed(sim, driver.framework_id)
    sim.advance(20)
    assert again.framework_id == driver.framework_id
    assert states(recorder) == ["TASK_FINISHED"]


def test_a_crashed_framework_without_a_failover_timeout_is_over(sim: Simulation) -> None:
    driver, _ = running(sim)
    sim.cluster.crash(driver.address)
    sim.advance(5)
    _, recorder = resumed(sim, driver.framework_id)
    assert recorder.heard == [("error", "Framework has been removed")]
    watcher = sim.add_framework("W", roles=["w"])
    sim.advance(2)
    (offer,) = watcher.offers
    assert offer.resources == Resources.parse("cpus:2;mem:1024")


def test_a_framework_that_stops_is_torn_down_with_its_tasks(sim: Simulation) -> None:
    driver, recorder = running(sim, failover=60)
    heard = len(recorder.heard)
    driver.stop()
    sim.advance(5)
    assert recorder.heard[heard:] == []
    _, late = resumed(sim, driver.framework_id)
    assert late.kinds() == ["error"]
    watcher = sim.add_framework("W", roles=["w"])
    sim.advance(2)
    assert watcher.offers[0].resources == Resources.parse("cpus:2;mem:1024")


def test_a_framework_that_stops_while_the_master_is_away_is_torn_down_when_it_is_back(sim: Simulation) -> None:
    driver, recorder = running(sim, failover=60)
    sim.crash(MASTER)
    sim.settle()
    heard = len(recorder.heard)
    driver.stop()
    sim.settle()
    sim.restart(MASTER)
    sim.advance(5)
    assert driver.machine.state.ended
    assert recorder.heard[heard:] == []
    _, late = resumed(sim, driver.framework_id)
    assert late.kinds() == ["error"]


def test_a_lost_agent_is_told_and_its_offers_are_void(sim: Simulation) -> None:
    driver, recorder = running(sim)
    sim.advance(1)
    before = len(recorder.heard)
    (offer,) = recorder.offers.values()
    sim.remove_agent("A1")
    sim.settle()
    assert ("rescinded", offer.id) in recorder.heard[before:]
    assert ("agent lost", offer.agent_id) in recorder.heard[before:]


def test_by_default_offers_are_declined(sim: Simulation) -> None:
    class Greedy(Recorder):
        def resource_offers(self, driver: SimulatedDriver, offers: list[Offer]) -> None:
            self.heard.append(("offers", [o.id for o in offers]))
            super(Recorder, self).resource_offers(driver, offers)  # type: ignore[arg-type]

    SimulatedDriver(sim, Greedy(), FrameworkInfo(name="G", roles=["g"]))
    other = sim.add_framework("O", roles=["o"])
    sim.advance(2)
    assert other.offers[0].resources == Resources.parse("cpus:2;mem:1024")


def test_a_group_ends_with_the_first_that_fails_and_its_executor_after_it(sim: Simulation) -> None:
    recorder = Recorder()
    driver = SimulatedDriver(sim, recorder, FrameworkInfo(name="F", roles=["r"]))
    sim.settle()
    offer = recorder.take_offer()
    driver.launch_group(offer, [a_task("t1", "cpus:1;mem:32"), a_task("t2", "cpus:1;mem:32")], executor_id="pod")
    sim.settle()
    sim.finish(OnAgent("t1"), exit_code=1)
    sim.settle()
    assert [(s.task_id, s.state) for s in recorder.statuses if s.is_terminal] == [
        ("t1", "TASK_FAILED"),
        ("t2", "TASK_KILLED"),
    ]
    assert [what for kind, what in recorder.heard if kind == "executor lost"] == [("pod", offer.agent_id, 0)]


def test_a_group_that_does_not_fit_comes_back_whole(sim: Simulation) -> None:
    recorder = Recorder()
    driver = SimulatedDriver(sim, recorder, FrameworkInfo(name="F", roles=["r"]))
    sim.settle()
    driver.launch_group(recorder.take_offer(), [a_task("t1"), a_task("t2", "cpus:1.5;mem:32")])
    sim.settle()
    assert [(s.task_id, s.state, s.reason) for s in recorder.statuses] == [
        ("t1", "TASK_ERROR", "REASON_TASK_GROUP_INVALID"),
        ("t2", "TASK_ERROR", "REASON_TASK_GROUP_INVALID"),
    ]


def test_a_scheduler_is_asked_to_leave_an_agent_and_its_answer_is_seen(sim: Simulation) -> None:
    driver, recorder = running(sim)
    sim.advance(1)
    before = len(recorder.heard)
    start = 1_767_571_200.0  # When the simulation starts.
    sim.schedule_maintenance("A1", start=60.0, duration=5.0)
    sim.settle()
    assert [kind for kind, _ in recorder.heard[before:]] == ["rescinded", "offers", "inverse offers"]
    (offer,) = recorder.offers.values()
    assert offer.unavailability == Unavailability(start + 60, 5.0)
    (asked,) = recorder.heard[-1][1]
    assert (asked.agent_id, asked.framework_id) == (offer.agent_id, driver.framework_id)
    assert asked.unavailability == Unavailability(start + 60, 5.0)
    driver.decline_inverse_offers(asked)
    sim.settle()
    assert list(sim.maintenance_status()["A1"]["answers"].values()) == ["DECLINE"]
    sim.advance(6)
    (again,) = recorder.heard[-1][1]
    driver.accept_inverse_offers([again.id], refuse_seconds=1000)
    sim.settle()
    assert list(sim.maintenance_status()["A1"]["answers"].values()) == ["ACCEPT"]
    sim.schedule_maintenance([])
    sim.advance(6)
    assert "inverse rescinded" not in recorder.kinds()
    assert recorder.kinds().count("inverse offers") == 2
    sim.check()


def test_a_scheduler_hears_that_it_need_not_leave(sim: Simulation) -> None:
    _, recorder = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    (asked,) = recorder.heard[-1][1]
    sim.schedule_maintenance([])
    sim.settle()
    assert ("inverse rescinded", asked.id) in recorder.heard


RACK = '{"role_constraints": {"r": {"groups": [{"attribute_constraints": [{"selector": {"attribute_name": "rack"}, "predicate": {"text_equals": {"value": "r1"}}}]}]}}}'


def test_constraints_and_minimum_offers_decide_what_it_is_offered(sim: Simulation) -> None:
    sim.add_agent("A2", "cpus:2;mem:1024", attributes="rack:r2")
    constrained, choosy = Recorder(), Recorder()
    SimulatedDriver(sim, constrained, FrameworkInfo(name="F", roles=["r"]), offer_constraints=RACK)
    sim.settle()
    assert [o.agent for o in constrained.offers.values()] == ["A1"]
    SimulatedDriver(sim, choosy, FrameworkInfo(name="G", roles=["r"], min_allocatable={"r": ["cpus:4"]}))
    sim.advance(3)
    assert choosy.kinds() == ["subscribed"]
    with pytest.raises(InvalidValue, match="min_allocatable"):
        FrameworkInfo(name="G", roles=["r"], min_allocatable={"other": []})


def test_an_update_of_the_framework_is_answered_and_holds_over_a_new_master(sim: Simulation) -> None:
    recorder = Recorder()
    driver = SimulatedDriver(sim, recorder, FrameworkInfo(name="F", roles=["r"], user="u", failover_timeout=600))
    sim.settle()
    [offer] = recorder.offers
    driver.update_framework(FrameworkInfo(name="F", roles=["s"], user="u", failover_timeout=600))
    sim.advance(2)
    assert recorder.heard[2:4] == [("updated", ""), ("rescinded", offer)]
    assert [o.role for o in recorder.offers.values()] == ["s"]
    driver.update_framework(FrameworkInfo(name="F", roles=["t"], user="v", failover_timeout=600))
    sim.settle()
    [(_, error)] = [row for row in recorder.heard if row[0] == "updated"][1:]
    assert "'FrameworkInfo.user' is unsupported" in error
    assert driver.machine.state.info.roles == ("s",)
    sim.crash("master")
    sim.settle()
    sim.restart("master")
    sim.settle()
    assert sim.cluster.kernel(MASTER).state.frameworks[driver.framework_id].info.roles == ("s",)
