"""What gateways are told, how instances drain, who holds an index when agents are out of reach, and how load changes the size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from service_rig import live, service, start, started

import raymesos as rm
from raymesos.machine import SERVICE, LinkUp, Outbox
from raymesos.sim import Simulation
from raymesos.sim.services import SubmittedService
from raymesos.wire.routes import Drained, Endpoint, Route, Routes, Traffic, TrafficSeen, WatchRoutes

GATEWAY = "gateway/1"


@dataclass
class Gateway:
    """A gateway that keeps what it is told, and says what the test says."""

    sim: Simulation
    routes: dict[str, Route] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case Routes(version, routes, gone, whole):
                self.versions.append(version)
                if whole:
                    self.routes.clear()
                for name in gone:
                    self.routes.pop(name, None)
                self.routes |= {route.service: route for route in routes}
            case LinkUp(peer, restarted) if peer == SERVICE and restarted:
                out.send(SERVICE, WatchRoutes())

    def check(self) -> None:
        return

    def say(self, message: object) -> None:
        self.sim.world.post(GATEWAY, SERVICE, message)
        self.sim.settle()

    def active(self, name: str = "web") -> list[str]:
        return [e.task_id for e in self._endpoints(name) if not e.draining]

    def draining(self, name: str = "web") -> list[str]:
        return [e.task_id for e in self._endpoints(name) if e.draining]

    def _endpoints(self, name: str) -> tuple[Endpoint, ...]:
        return self.routes[name].endpoints if name in self.routes else ()


@pytest.fixture
def watched(sim: Simulation) -> tuple[SubmittedService, Gateway]:
    """A service of three with a port each, and a gateway that knows them."""
    svc = started(sim, 3, ports=1)
    sim.advance(1)
    gateway = Gateway(sim)
    sim.world.add(GATEWAY, gateway)
    gateway.say(WatchRoutes())
    assert gateway.active() == [t.id for t in live(svc)]
    return svc, gateway


# ---------------------------------------------------------------- routes


def test_routes_name_the_host_and_port_of_those_that_are_ready(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    svc, gateway = watched
    first = live(svc)[0]
    assert gateway.routes["web"].endpoints[0] == Endpoint(first.id, "A1", first.ports[0])
    assert len({e.port for e in gateway.routes["web"].endpoints}) == 3
    sim.set_ready(first, False)
    sim.advance(2)
    assert gateway.active() == [t.id for t in live(svc)[1:]]
    assert [t.state for t in live(svc)] == ["TASK_RUNNING"] * 3
    sim.set_ready(first, True)
    sim.advance(2)
    assert gateway.active() == [t.id for t in live(svc)]


def test_a_disabled_service_has_no_route_and_its_instances_run(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    svc, gateway = watched
    svc.disable()
    sim.settle()
    assert gateway.routes == {}
    assert [t.state for t in live(svc)] == ["TASK_RUNNING"] * 3
    svc.enable()
    sim.settle()
    assert len(gateway.active()) == 3


def test_nothing_is_told_twice(sim: Simulation, watched: tuple[SubmittedService, Gateway]) -> None:
    _, gateway = watched
    before = list(gateway.versions)
    sim.advance(60)
    assert gateway.versions == before


def test_a_new_life_tells_a_gateway_nothing_before_it_knows_what_runs(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    svc, gateway = watched
    routes = dict(gateway.routes)
    sim.crash("service")
    sim.disconnect("A1")
    sim.crash("master")
    sim.restart("service")
    sim.advance(5)
    assert gateway.routes == routes
    sim.restart("master")
    sim.reconnect("A1")
    sim.advance(40)
    assert gateway.active() == [t.id for t in live(svc)]
    assert gateway.routes == routes


# ---------------------------------------------------------------- draining


@pytest.mark.parametrize("how", ["scale", "kill", "evict", "stop"])
def test_an_instance_is_killed_only_when_no_request_is_open_to_it(
    sim: Simulation, watched: tuple[SubmittedService, Gateway], how: str
) -> None:
    svc, gateway = watched
    before = {t.id for t in live(svc)}
    first = live(svc)[0]
    ways: dict[str, Callable[[], object]] = {
        "scale": lambda: svc.scale(desired=2),
        "kill": lambda: svc.kill(first),
        "evict": lambda: svc.evict(first),
        "stop": svc.stop,
    }
    ways[how]()
    sim.settle()
    going = gateway.draining()
    assert len(going) == (3 if how == "stop" else 1)
    assert not set(going) & set(gateway.active())
    sim.advance(5)
    assert before <= {t.id for t in live(svc)}
    gateway.say(Drained((going[0],)))
    assert going[0] not in {t.id for t in live(svc)}
    assert going[0] not in gateway.draining()


def test_a_drain_is_over_when_its_time_is_or_when_no_gateway_is_left(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    svc, gateway = watched
    svc.scale(desired=2)
    sim.advance(29.9)
    assert len(live(svc)) == 3
    sim.advance(0.2)
    assert len(live(svc)) == 2
    svc.scale(desired=1)
    sim.settle()
    assert len(gateway.draining()) == 1
    sim.world.remove(GATEWAY)
    sim.settle()
    assert len(live(svc)) == 1


def test_an_update_takes_no_traffic_from_the_old_before_the_new_has_some(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    svc, gateway = watched
    svc.update(command="y")
    least = 3
    for _ in range(80):
        sim.advance(0.5)
        for task in [t for t in live(svc) if t.state == "TASK_STARTING"]:
            sim.start(task)
        sim.settle()
        least = min(least, len(gateway.active()))
        if gateway.draining():
            gateway.say(Drained(tuple(gateway.draining())))
    assert [t.version for t in live(svc)] == [2, 2, 2]
    assert gateway.active() == [t.id for t in live(svc)]
    assert least == 3


# ---------------------------------------------------------------- out of reach


def lost(sim: Simulation) -> tuple[SubmittedService, Gateway]:
    """A service of two; the agent of one of them has been out of reach for long."""
    sim.add_agent("A1", "cpus:1;mem:100;ports:[1-9]")
    sim.add_agent("A2", "cpus:1;mem:100;ports:[1-9]")
    svc = started(sim, 2, ports=1)
    sim.advance(1)
    gateway = Gateway(sim)
    sim.world.add(GATEWAY, gateway)
    gateway.say(WatchRoutes())
    assert len(gateway.active()) == 2
    sim.disconnect("A1")
    return svc, gateway


def test_who_is_out_of_reach_is_replaced_after_a_while_and_only_one_of_the_two_stays(sim: Simulation) -> None:
    svc, gateway = lost(sim)
    sim.advance(91)  # The master's pings.
    (old,) = [t for t in live(svc) if t.state == "TASK_UNREACHABLE"]
    assert len(gateway.active()) == 1
    sim.add_agent("A3", "cpus:1;mem:100;ports:[1-9]")
    sim.advance(20)
    assert len(live(svc)) == 2
    for _ in range(50):
        sim.advance(1)
        start(sim, svc)
    (new,) = [t for t in live(svc) if t.index == old.index and t.id != old.id]
    assert (new.agent, new.epoch, new.resubmit_of, new.system_resubmit_number) == ("A3", 2, old.id, 1)
    assert new.id in gateway.active()
    assert old.id not in gateway.active()
    sim.reconnect("A1")
    sim.advance(30)
    assert [t.index for t in live(svc)] == [0, 1]
    assert old.id not in {t.id for t in live(svc)}
    assert new.id in gateway.active()


def test_who_comes_back_before_its_replacement_runs_stays(sim: Simulation) -> None:
    svc, _ = lost(sim)
    sim.advance(91)
    (old,) = [t for t in live(svc) if t.state == "TASK_UNREACHABLE"]
    sim.add_agent("A3", "cpus:1;mem:100;ports:[1-9]")
    sim.advance(62)
    assert len(live(svc)) == 3
    sim.reconnect("A1")
    sim.advance(4)
    assert old.id in {t.id for t in live(svc)}
    assert [t.index for t in live(svc)] == [0, 1]


def test_who_comes_back_in_time_is_not_replaced(sim: Simulation) -> None:
    svc, gateway = lost(sim)
    before = [t.id for t in live(svc)]
    sim.advance(80)
    sim.reconnect("A1")
    sim.advance(100)
    assert [t.id for t in live(svc)] == before
    assert gateway.active() == before


# ---------------------------------------------------------------- scaling


def load(sim: Simulation, svc: SubmittedService, cpu: float, seconds: int) -> list[int]:
    """Desired at each second under a load of so many percent of one instance in all, shared by those that run."""
    seen = []
    for _ in range(seconds):
        start(sim, svc)
        running = [t for t in live(svc) if t.state == "TASK_RUNNING"]
        for task in running:
            sim.report(task, cpu=cpu / len(running))
        sim.advance(1)
        seen.append(svc.capacity.desired)
    return seen


def test_a_load_that_grows_fivefold_is_met_within_two_cool_downs_and_left_without_swinging(sim: Simulation) -> None:
    policy = rm.TargetTracking(cpu=50, scale_out_cooldown=10, scale_in_cooldown=20)
    svc = started(sim, 2, capacity=rm.Capacity(1, 2, 20), scaling=[policy])
    assert set(load(sim, svc, 100, 30)) == {2}
    up = load(sim, svc, 500, 60)
    assert up[19] == 10
    assert up == sorted(up)
    assert up[-1] == 10
    down = load(sim, svc, 100, 60)
    assert down[45] == 2
    assert down == sorted(down, reverse=True)
    assert "cpu" in svc.status()["scaling"]


def test_a_short_dip_does_not_shrink_it(sim: Simulation) -> None:
    policy = rm.TargetTracking(cpu=50, scale_in_cooldown=20)
    svc = started(sim, 4, capacity=rm.Capacity(1, 4, 20), scaling=policy)
    for _ in range(5):
        assert set(load(sim, svc, 50, 15)) == {4}
        assert set(load(sim, svc, 200, 2)) == {4}


def test_steps_change_the_size_once_in_a_cool_down(sim: Simulation) -> None:
    policy = rm.StepScaling(metric="cpu", threshold=60, steps=[rm.Step(0, 1), rm.Step(30, 3)], cooldown=10)
    svc = started(sim, 1, capacity=rm.Capacity(1, 1, 8), scaling=policy)
    assert set(load(sim, svc, 55, 5)) == {1}
    assert load(sim, svc, 65, 1) == [2]
    assert set(load(sim, svc, 130, 8)) == {2}
    assert load(sim, svc, 190, 4)[-1] == 5


def test_it_goes_to_zero_and_a_request_that_waits_wakes_it(
    sim: Simulation, watched: tuple[SubmittedService, Gateway]
) -> None:
    policy = rm.TargetTracking(requests=10, scale_in_cooldown=20)
    svc, gateway = watched
    svc.update(scaling=[policy])
    gateway.say(TrafficSeen(1_000, (Traffic("web", requests=25),)))
    sim.advance(60)
    assert svc.capacity.desired == 0
    for _ in range(3):
        gateway.say(Drained(tuple(gateway.draining())))
        sim.advance(1)
    assert live(svc) == []
    assert gateway.routes["web"].endpoints == ()
    gateway.say(TrafficSeen(1_000, (Traffic("web", waiting=1),)))
    assert svc.capacity.desired == 1
    start(sim, svc)
    sim.advance(1)
    assert len(gateway.active()) == 1


def test_neither_a_disabled_service_nor_one_without_policies_is_scaled(sim: Simulation) -> None:
    policy = rm.TargetTracking(cpu=10)
    off = started(sim, 1, name="off", scaling=policy, enabled=False)
    held = started(sim, 1, name="held", scaling=policy, disable_increase=True)
    plain = started(sim, 1, name="plain")
    for svc in (off, held, plain):
        assert set(load(sim, svc, 90, 5)) == {1}


def test_more_is_asked_for_by_the_policy_that_wants_most_and_less_only_by_all(sim: Simulation) -> None:
    policies = [rm.TargetTracking(cpu=50, scale_in_cooldown=5), rm.TargetTracking(metric="lag", target=10)]
    svc = service(sim, 2, capacity=rm.Capacity(1, 2, 20), scaling=policies)
    start(sim, svc)
    for _ in range(10):
        for task in live(svc):
            sim.report(task, cpu=10, lag=10)
        sim.advance(1)
        start(sim, svc)
    assert svc.capacity.desired == 2
    for task in live(svc):
        sim.report(task, cpu=10, lag=40)
    sim.advance(2)
    assert svc.capacity.desired == 8
