"""Quotas and why a role has nothing: limits, headroom, and roles that only have a quota."""

from __future__ import annotations

from typing import Any

from raymesos.model.jobs import BatchJob
from raymesos.sim import Simulation


def rows(answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in answer["data"] if row["kind"] == kind]


def test_a_limit_is_named_with_its_role_and_the_other_agent_is_for_others() -> None:
    sim = Simulation()
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:1;mem:1024")
    sim.settle()
    sim.set_quota("limited", limit="cpus:1")
    job = sim.submit(BatchJob("two", command="true", size=2, role="limited", cpus=1))
    sim.advance(2)
    assert sum(task.agent is not None for task in job.tasks) == 1
    limits = rows(sim.explain(job), "limit")
    assert [row["role"] for row in limits] == ["limited"]
    assert "the limit of role limited is reached" in " ".join(sim.explain("limited")["reasons"])
    other = sim.add_framework("F2", roles=["other"])
    sim.advance(1)
    assert sum(o.resources.scalar("cpus") for o in other.offers) == 1000, "an agent is not kept for who may not have it"
    sim.check()


def test_headroom_is_named_with_the_role_that_it_is_kept_for() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:4;mem:1024")
    sim.settle()
    sim.set_quota("kept", guarantee="cpus:4;mem:1024")
    sim.add_framework("F1", roles=["other"])
    sim.advance(2)
    answer = sim.explain("F1")
    headroom = rows(answer, "headroom")
    assert len(headroom) == 1 and headroom[0]["quantities"]
    assert any("headroom" in reason for reason in answer["reasons"])


def test_a_role_that_only_has_a_quota_is_seen_and_forgotten_with_it() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:4;mem:1024")
    sim.settle()
    sim.set_quota("kept", guarantee="cpus:1", limit="cpus:2")
    sim.advance(1)
    assert [(q["role"], q["guarantee"], q["limit"]) for q in sim.view("quotas")] == [("kept", "cpus:1", "cpus:2")]
    assert (sim.explain("kept")["verdict"], len(rows(sim.explain("kept"), "quota"))) == ("unused", 1)
    sim.set_quota("kept", guarantee=None, limit=None)
    sim.advance(1)
    assert sim.view("quotas") == []


def test_an_agent_that_a_constraint_leaves_out_is_not_kept_for_the_framework() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024", "rack:r1")
    constraint = {"selector": {"attribute_name": "rack"}, "predicate": {"text_equals": {"value": "r2"}}}
    groups = {"role_constraints": {"picky": {"groups": [{"attribute_constraints": [constraint]}]}}}
    sim.add_framework("F1", roles=["picky"], demand=[("cpus:2;mem:128", 1)], offer_constraints=groups)
    sim.advance(1)
    assert sim.explain("F1")["verdict"] == "blocked"
    other = sim.add_framework("F2", roles=["other"])
    sim.advance(1)
    assert [o.agent for o in other.offers] == ["A1"]
    answer = sim.explain("F1")
    assert [row["kind"] for row in answer["data"]][:2] == ["constraint", "nothing_free"]
    assert answer["reasons"][0] == "its offer constraints leave out 1 agent"


def test_a_limit_that_is_not_reached_any_more_is_not_named() -> None:
    sim = Simulation()
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:1;mem:1024")
    sim.settle()
    sim.set_quota("limited", limit="cpus:2")
    job = sim.submit(BatchJob("three", command="true", size=3, role="limited", cpus=1))
    sim.advance(2)
    assert len(rows(sim.explain(job), "limit")) == 1
    sim.drain("A1")
    sim.advance(2)
    assert sim.agent_state("A1") == "DRAINED"
    answer = sim.explain(job)
    assert rows(answer, "limit") == [] and len(rows(answer, "nothing_free")) == 1
