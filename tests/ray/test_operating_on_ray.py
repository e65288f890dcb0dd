"""What an operator does to a running cluster, through the client and the command line: quota, reservation, drain, why something waits."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray

import raymesos as rm
from raymesos.errors import Conflict, QuotaRefused, UnknownId
from raymesos.machine import MASTER, OBSERVER

pytestmark = pytest.mark.ray

LONG = 30.0


def until(seen: Callable[[], Any]) -> Any:
    """What `seen` gives once that is something: notes are on the way for a tenth of a second."""
    deadline = time.monotonic() + LONG
    while not (found := seen()):
        assert time.monotonic() < deadline, "never seen"
        time.sleep(0.05)
    return found


def command(cluster: rm.Cluster, *argv: str) -> tuple[int, Any]:
    """(exit code, the document) of a command of a user."""
    done = subprocess.run(
        [sys.executable, "-m", "raymesos.cli.main", *argv, "--name", cluster.name, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def idle(cluster: rm.Cluster) -> Iterator[rm.Cluster]:
    """The cluster, with both agents active, nothing reserved and no quota afterwards."""
    yield cluster
    for agent in cluster.agents:
        for text in agent.row["reserved"].values():
            cluster.unreserve(agent.name, text)
    for quota in cluster.quota:
        cluster.quota.remove(quota.role)
    for agent in cluster.agents:
        if agent.state == "draining":
            agent.wait_drained(LONG)
        if agent.state in ("drained", "deactivated"):
            agent.reactivate()
    until(lambda: all(agent.state == "active" for agent in cluster.agents))


def test_a_quota_is_set_kept_and_refused_where_the_cluster_has_less(idle: rm.Cluster) -> None:
    with pytest.raises(QuotaRefused) as refused:
        idle.quota.set("quoted", guarantee="cpus:5")
    assert "cpus:5" in str(refused.value) and "cpus:2" in str(refused.value)
    code, answer = command(idle, "quota", "set", "quoted", "--guarantee", "cpus:5")
    assert (code, answer["error"]) == (5, str(refused.value))
    idle.quota.set({"quoted": ("cpus:0.5", "cpus:1"), "other": (None, "cpus:1.5")})
    until(lambda: [q.role for q in idle.quota] == ["other", "quoted"])
    assert (idle.quota["quoted"].guarantee, idle.quota["quoted"].limit) == ("cpus:0.5", "cpus:1")
    assert command(idle, "quota", "remove", "other")[0] == 0
    until(lambda: [q.role for q in idle.quota] == ["quoted"])


def test_a_limit_holds_and_explain_names_it(idle: rm.Cluster) -> None:
    idle.quota.set("limited", limit="cpus:1")
    job = idle.submit(rm.BatchJob("limited", command="sleep 60", size=2, role="limited"))
    until(lambda: job.status().running == 1)
    answer = until(
        lambda: (a := idle.explain("limited", kind="role")) and "limit" in [d["kind"] for d in a["data"]] and a
    )
    assert any("the limit of role limited" in reason for reason in answer["reasons"])
    assert job.status().running == 1
    code, told = command(idle, "explain", "limited")
    assert (code, told["kind"], told["subject"]) == (0, "job", job.id)
    job.cancel()
    assert job.wait(LONG).done


def test_what_is_reserved_is_for_its_role_until_it_is_given_back(idle: rm.Cluster) -> None:
    idle.reserve("agent1", "cpus(reserved):0.5;mem(reserved):64")
    until(lambda: idle.agents["agent1"].row["reserved"] == {"reserved": "cpus(reserved):0.5;mem(reserved):64"})
    with pytest.raises(Conflict, match=r"cpus:0\.5"):
        idle.reserve("agent1", "cpus(reserved):0.75")
    job = idle.submit(rm.BatchJob("squeezed", command="sleep 60", size=2, role="other"))
    until(lambda: job.status().running == 1)
    assert [row["agent_id"] for row in job.tasks()] == [idle.agents["agent2"].id]
    assert command(idle, "unreserve", "agent1", "cpus(reserved):0.5;mem(reserved):64")[0] == 0
    until(lambda: idle.agents["agent1"].row["reserved"] == {})
    with pytest.raises(Conflict):
        idle.unreserve("agent1", "cpus(reserved):0.5")
    until(lambda: job.status().running == 2)
    job.cancel()
    assert job.wait(LONG).done


def test_a_volume_is_made_of_reserved_disk_and_given_back(idle: rm.Cluster) -> None:
    idle.reserve("agent2", "disk(stored):64")
    idle.volumes.create("agent2", "index", "disk(stored):32", path="data")  # At once: its note is still on the way.
    assert command(idle, "volumes", "grow", "agent2", "index", "16MB")[0] == 0
    with pytest.raises(Conflict, match="17"):
        idle.volumes.grow("agent2", "index", 17)
    with pytest.raises(Conflict):
        idle.unreserve("agent2", "disk(stored):64")
    (row,) = until(lambda: [v for v in idle.volumes if v.size_mb == 48])
    assert (row.id, row.agent, row.role, row.path) == ("index", "agent2", "stored", "data")
    assert command(idle, "volumes", "destroy", "agent2", "index")[0] == 0
    until(lambda: not list(idle.volumes))
    idle.unreserve("agent2", "disk(stored):64")
    until(lambda: idle.agents["agent2"].row["reserved"] == {})


def test_a_drained_agent_is_empty_and_its_work_goes_elsewhere_until_it_is_reactivated(idle: rm.Cluster) -> None:
    job = idle.submit(rm.BatchJob("drained", command="sleep 2", size=2, role="ads"))
    until(lambda: job.status().running == 2)
    code, answer = command(idle, "drain", "agent1", "--grace", "1", "--wait")
    assert (code, answer) == (0, {"agent": "agent1", "state": "drained"})
    agent = idle.agents["agent1"]
    assert (agent.state, agent.used) == ("drained", {})
    with pytest.raises(Conflict, match="drained already"):
        agent.drain()
    status = job.wait(LONG)
    assert (status.ok, status.succeeded) == (True, 2)
    assert command(idle, "reactivate", "agent1") == (0, {"agent": "agent1", "state": "active"})
    until(lambda: agent.state == "active")
    with pytest.raises(Conflict, match="active already"):
        agent.reactivate()
    with pytest.raises(UnknownId):
        idle.agents["agent9"]


def test_roles_and_their_history_show_who_holds_what(idle: rm.Cluster) -> None:
    idle.roles.set_weight("shown", 3)
    job = idle.submit(rm.BatchJob("shown", command="sleep 60", role="shown"))
    until(lambda: job.status().running == 1)
    role = until(lambda: next((r for r in idle.roles if r.role == "shown" and r.running and not r.offered), None))
    assert (role.weight, role.share, role.dominant, role.running) == ("3", 0.5, "cpus", 1)
    until(lambda: idle.history("shown")["shown"][-1][1] == 0.5)
    code, points = command(idle, "roles", "--history")
    assert code == 0 and points["shown"][-1][1] == 0.5
    job.cancel()
    assert job.wait(LONG).done


def test_a_drain_is_carried_out_once_though_the_master_dies_meanwhile(idle: rm.Cluster) -> None:
    agent = idle.agents["agent1"]
    ray.kill(ray.get_actor(MASTER, namespace=idle.name), no_restart=False)
    agent.drain()
    assert agent.wait_drained(LONG)
    agent.reactivate()
    until(lambda: agent.state == "active")


def test_an_observer_that_died_is_told_everything_again(idle: rm.Cluster) -> None:
    idle.quota.set("kept", guarantee="cpus:1")
    until(lambda: [q.role for q in idle.quota] == ["kept"])
    ids = {agent.id for agent in idle.agents}
    died = ray.get_actor(OBSERVER, namespace=idle.name)
    watched = died.watch.remote()
    ray.kill(died, no_restart=False)
    ray.wait([watched], timeout=LONG)
    until(lambda: {row["id"] for row in idle.view("agents") if row["state"] == "active"} == ids)
    until(lambda: [q.role for q in idle.quota] == ["kept"])
    assert [f["name"] for f in idle.view("frameworks") if f["state"] == "active"] == ["batch"]
