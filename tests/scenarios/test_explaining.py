"""Why a framework, a role or a job has nothing now, asked of a running simulation: the allocator's own reasons."""

from __future__ import annotations

import pytest

from raymesos.errors import UnknownId
from raymesos.model.jobs import BatchJob
from raymesos.sim import Simulation


def kinds(answer: dict[str, object]) -> list[str]:
    data = answer["data"]
    assert isinstance(data, list)
    return [row["kind"] for row in data]


def test_what_is_offered_is_said_to_be_offered() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert sim.explain("F1") == sim.explain(f) == sim.explain(f.id)
    assert (sim.explain(f)["verdict"], sim.explain(f)["data"]) == ("offered", [{"kind": "offered", "offers": 1}])
    assert sim.explain("role1")["verdict"] == "offered"


def test_a_filter_is_named_with_the_time_that_it_lasts() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f.decline(f.offers[0], refuse_seconds=100)
    sim.advance(1.5)
    answer = sim.explain(f)
    assert (answer["verdict"], kinds(answer), answer["data"][0]["for_s"]) == ("waiting", ["filtered"], 98.5)
    assert "98.5 s more" in answer["reasons"][0]


def test_without_an_agent_the_answer_is_that_there_is_none() -> None:
    sim = Simulation()
    sim.add_framework("F1", roles=["role1"])
    sim.advance(1)
    assert sim.explain("F1")["verdict"] == "blocked"
    assert kinds(sim.explain("F1")) == ["no_agents"]


def test_what_one_holds_the_other_waits_for_with_both_shares() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f1.launch(f1.offers[0], "cpus:2;mem:1024")
    sim.settle()
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.advance(1)
    assert f2.offers == []
    answer = sim.explain("role2")
    assert kinds(answer) == ["nothing_free", "share"]
    assert answer["data"][1]["others"] == {"role1": 1.0}
    f2.suppress()
    sim.settle()
    assert sim.explain(f2)["verdict"] == "suppressed"


def test_a_drained_agent_is_named() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f.launch(f.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.drain("A1")
    sim.advance(1)
    answer = sim.explain(f)
    assert kinds(answer) == ["no_agents", "inactive"]
    assert answer["reasons"][1] == "nothing is offered of 1 agent: A1 drained"


def test_demand_that_no_agent_could_hold_is_told_what_is_missing() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.add_framework("F1", roles=["role1"], demand=[("cpus:5;mem:128", 1)])
    sim.advance(1)
    answer = sim.explain("F1")
    assert kinds(answer) == ["no_agent_fits"], "an offer that holds none of its tasks is no use to it"
    assert answer["data"][0]["quantities"] == {"cpus": 3.0}
    assert "lacks 3 cpus" in answer["reasons"][0]


def test_a_job_is_explained_by_its_handle_and_its_name() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    job = sim.submit(BatchJob("big", command="true", role="role1", cpus=9))
    sim.advance(1)
    assert sim.explain(job) == sim.explain("big")
    assert (sim.explain(job)["kind"], sim.explain(job)["verdict"]) == ("job", "blocked")


def test_who_is_not_there_is_not_explained() -> None:
    with pytest.raises(UnknownId, match="no framework, role or job 'F1'"):
        Simulation().explain("F1")
