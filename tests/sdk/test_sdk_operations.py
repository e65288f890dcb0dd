"""Reserving and volumes by the SDK, in a whole simulated cluster, and what is said where they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from sdk_rig import OnAgent, Recorder, SimulatedDriver

from raymesos.errors import InvalidValue
from raymesos.machine import MASTER
from raymesos.model.resources import Reservation, Resources, build
from raymesos.sdk import FrameworkInfo, OperationStatus, TaskInfo, create_volume, reserve, unreserve
from raymesos.sim import Simulation

ADS = FrameworkInfo(name="f", roles=["ads"], principal="p")


class Told(Recorder):
    """Keeps the outcomes of operations too."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[OperationStatus] = []

    def operation_status(self, driver: Any, status: OperationStatus) -> None:
        self.outcomes.append(status)


@pytest.fixture
def sim() -> Simulation:
    simulation = Simulation()
    simulation.add_agent("A1", "cpus:2;mem:1024;disk:100")
    return simulation


def reserved(text: str) -> Resources:
    ads = (Reservation("ads", True, "p"),)
    return build([(key._replace(reservations=ads), quantity) for key, quantity in Resources.parse(text)])


def test_a_scheduler_reserves_makes_a_volume_and_runs_a_task_on_both(sim: Simulation) -> None:
    scheduler = Told()
    driver = SimulatedDriver(sim, scheduler, ADS)
    sim.settle()
    task = TaskInfo(task_id="t", command=["scripted"], resources="cpus:1;mem:64", volumes=["v"])
    ops = [reserve("cpus:1;disk:100", operation_id="r"), create_volume("v", "disk:40", "data"), task]
    driver.accept(scheduler.take_offer(), ops, refuse_seconds=0)
    sim.settle()
    assert [s.state for s in scheduler.statuses] == ["TASK_STARTING", "TASK_RUNNING"]
    assert [(o.operation_id, o.state, o.converted) for o in scheduler.outcomes] == [
        ("r", "OPERATION_FINISHED", reserved("cpus:1;disk:100"))
    ]
    assert sim.volumes("A1") == ["v"]
    sim.advance(100)
    assert len(scheduler.outcomes) == 1
    left = scheduler.take_offer()
    assert left.resources == Resources.parse("cpus:0;mem:960") + reserved("cpus:1;disk:60")
    driver.accept(left, unreserve("disk:60"), refuse_seconds=0)
    sim.advance(1)
    assert scheduler.take_offer().resources == Resources.parse("mem:960;disk:60") + reserved("cpus:1")
    sim.finish(OnAgent("t"))
    sim.settle()
    sim.check()


def test_an_outcome_that_is_not_acknowledged_comes_again_and_is_known_when_asked_for(sim: Simulation) -> None:
    scheduler = Told()
    driver = SimulatedDriver(sim, scheduler, ADS, implicit_acknowledgements=False)
    sim.settle()
    driver.accept(scheduler.take_offer(), reserve("cpus:1", operation_id="r"))
    sim.settle()
    sim.advance(15)
    first, again = scheduler.outcomes
    assert first == again
    driver.reconcile_operations(["r", ("other", first.agent_id)])
    sim.settle()
    assert [(o.operation_id, o.state, o.uuid) for o in scheduler.outcomes[2:]] == [
        ("r", "OPERATION_FINISHED", ""),
        ("other", "OPERATION_UNKNOWN", ""),
    ]
    driver.acknowledge_operation(first)
    sim.advance(1000)
    assert len(scheduler.outcomes) == 4


def test_an_operation_that_no_master_hears_is_dropped_at_once(sim: Simulation) -> None:
    scheduler = Told()
    driver = SimulatedDriver(sim, scheduler, ADS)
    sim.settle()
    (offer,) = scheduler.offers.values()
    sim.crash(MASTER)
    sim.settle()
    driver.accept(offer, [reserve("cpus:1", operation_id="r"), reserve("cpus:1")])
    sim.settle()
    assert [(o.operation_id, o.state, o.message) for o in scheduler.outcomes] == [
        ("r", "OPERATION_DROPPED", "Master disconnected")
    ]


def test_what_offers_hold_must_be_known_to_reserve_of_them(sim: Simulation) -> None:
    scheduler = Told()
    driver = SimulatedDriver(sim, scheduler, ADS)
    sim.settle()
    with pytest.raises(InvalidValue, match="must be the offers themselves"):
        driver.accept(scheduler.take_offer().id, reserve("cpus:1"))
    with pytest.raises(InvalidValue, match="operations"):
        driver.accept("o1", ["cpus:1"])  # type: ignore[list-item]
    with pytest.raises(InvalidValue, match="volumes"):
        TaskInfo(task_id="t", command="true", resources="cpus:1", volumes="v")
