"""Roles, agents and maintenance through the client, against the real master in the simulator."""

from __future__ import annotations

import pytest
from simulated_door import Client

from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.sim import Simulation

NONE: dict[str, list[object]] = {"windows": [], "down": [], "answers": []}


@pytest.fixture
def sim() -> Simulation:
    made = Simulation()
    made.add_agent("A1", "cpus:2;mem:1024", "rack:r1")
    made.add_agent("A2", "cpus:2;mem:1024")
    made.settle()
    return made


@pytest.fixture
def client(sim: Simulation) -> Client:
    return Client(sim)


def test_roles_are_rows_with_their_shares_and_weights_are_set_by_name(sim: Simulation, client: Client) -> None:
    assert list(client.roles) == [] and len(client.roles) == 0
    f = sim.add_framework("F1", roles=["ads"])
    sim.settle()
    client.roles.set_weight("ads", 2.5)
    sim.advance(1)
    f.launch(f.offers[0], "cpus:1;mem:512")
    sim.settle()
    role = client.roles["ads"]
    assert (role.role, role.weight, role.used, role.tasks) == ("ads", "2.5", "cpus:1;mem:512", 1)
    assert client.roles[0] == role == next(iter(client.roles)) and client.roles[:1] == [role]
    with pytest.raises(UnknownId, match="no role 'b'"):
        client.roles["b"]


@pytest.mark.parametrize("weight", [0, -1, "x", float("nan"), float("inf"), None])
def test_what_is_no_weight_is_refused_with_its_role(client: Client, weight: object) -> None:
    with pytest.raises(InvalidValue, match="the weight of ads must be"):
        client.roles.set_weight("ads", weight)  # type: ignore[arg-type]


def test_agents_are_found_by_name_and_id(client: Client) -> None:
    assert [a.name for a in client.agents] == ["A1", "A2"]
    first = client.agents["A1"]
    assert client.agents[first.id].name == "A1" == client.agents[0].name
    assert (first.state, first.attributes, str(first.total), first.used) == ("active", "rack:r1", "cpus:2;mem:1024", {})
    with pytest.raises(UnknownId, match="no agent 'A3'"):
        client.agents["A3"]


def test_an_agent_drains_and_comes_back(sim: Simulation, client: Client) -> None:
    f = sim.add_framework("F1", roles=["ads"], failover_timeout=100)
    sim.settle()
    offer = next(o for o in f.offers if o.agent == "A1")
    task = f.launch(offer, "cpus:1;mem:128")
    sim.settle()
    sim.disconnect("F1")  # Nobody acknowledges the end of its task.
    agent = client.agents["A1"]
    agent.drain(grace="2s")
    assert agent.state == "draining" and not agent.wait_drained(timeout=0)
    with pytest.raises(Conflict):
        agent.drain()
    with pytest.raises(Conflict):
        agent.reactivate()
    sim.reconnect("F1")
    sim.advance(20)
    assert task.state == "TASK_KILLED"
    assert agent.wait_drained(timeout=0) and agent.state == "drained"
    agent.reactivate()
    assert agent.state == "active"
    sim.check()


def test_an_agent_is_deactivated_and_marked_gone(sim: Simulation, client: Client) -> None:
    agent = client.agents["A2"]
    agent.deactivate()
    assert agent.state == "deactivated"
    agent.mark_gone()
    sim.settle()
    assert agent.state == "gone"
    with pytest.raises((Conflict, UnknownId)):
        agent.mark_gone()


@pytest.mark.parametrize("grace", [-1, "soon", float("nan"), True])
def test_what_is_no_span_of_time_is_refused_by_name(client: Client, grace: object) -> None:
    with pytest.raises(InvalidValue, match="grace"):
        client.agents["A1"].drain(grace)  # type: ignore[arg-type]
    assert client.agents["A1"].state == "active"


def test_maintenance_is_scheduled_started_and_stopped(sim: Simulation, client: Client) -> None:
    assert client.maintenance.status == NONE
    client.maintenance.schedule([{"machines": ["A1"], "start": "2026-01-05T22:00:00Z", "duration": "2h"}])
    window = client.maintenance.status["windows"][0]
    assert (window["machines"][0]["hostname"], window["duration_ms"]) == ("A1", 7_200_000)
    client.maintenance.start(["A1"])
    assert [m["hostname"] for m in client.maintenance.status["down"]] == ["A1"]
    with pytest.raises(InvalidValue):
        client.maintenance.start(["A1"])
    client.maintenance.stop(["A1"])
    assert client.maintenance.status == NONE
    with pytest.raises(InvalidValue):
        client.maintenance.start(["A2"])
