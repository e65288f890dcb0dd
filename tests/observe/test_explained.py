"""Why a job, a framework or a role has nothing now: each reason of the allocator in words and numbers, and nothing that it did not say."""

from __future__ import annotations

from typing import Any

import pytest
from observe_rig import NOW_MS, Observed, agent, framework, job, offers, share, task, waits

from raymesos.errors import InvalidValue, UnknownId
from raymesos.wire.notes import WaitReason

CPU = (("cpus", 1500),)

REASONS: list[tuple[WaitReason, str, dict[str, Any]]] = [
    (
        WaitReason("suppressed"),
        "its framework asked for no offers in this role: suppressed",
        {},
    ),
    (WaitReason("no_agents"), "no agent is registered and active", {}),
    (
        WaitReason("filtered", until_ms=NOW_MS + 2500, agents=2),
        "its framework declined what is free on 2 agents: filtered, for 2.5 s more",
        {"agents": 2, "until_ms": NOW_MS + 2500, "for_s": 2.5},
    ),
    (
        WaitReason("no_agent_fits", "cpus:4", quantities=CPU),
        "no agent could ever hold one task of this shape; the nearest one lacks 1.5 cpus (cpus:4)",
        {"detail": "cpus:4", "quantities": {"cpus": 1.5}},
    ),
    (WaitReason("nothing_free"), "nothing is free now: every agent's resources are in use or offered", {}),
    (WaitReason("role_behind"), "other roles are further below their share and go first", {}),
    (WaitReason("role_behind", role="b"), "role b is further below its share and goes first", {"role": "b"}),
    (
        WaitReason("limit", role="ads", quantities=CPU),
        "the limit of role ads leaves room for only cpus:1.5",
        {"role": "ads", "quantities": {"cpus": 1.5}},
    ),
    (WaitReason("limit", role="ads"), "the limit of role ads is reached", {"role": "ads"}),
    (
        WaitReason("headroom", role="b", quantities=CPU, agents=1),
        "cpus:1.5 is held back as headroom for the guarantee of role b on 1 agent",
        {"role": "b", "quantities": {"cpus": 1.5}, "agents": 1},
    ),
    (WaitReason("constraint", agents=3), "its offer constraints leave out 3 agents", {"agents": 3}),
    (
        WaitReason("capability", "GPU_RESOURCES", agents=1),
        "it lacks a capability that 1 agent would need (GPU_RESOURCES)",
        {"detail": "GPU_RESOURCES", "agents": 1},
    ),
    (WaitReason("domain", agents=2), "2 agents are in another region, and it is not region-aware", {"agents": 2}),
    (
        WaitReason("minimum", agents=1),
        "what is free on 1 agent is less than the minimum that it is offered",
        {"agents": 1},
    ),
    (
        WaitReason("held", role="b", until_ms=NOW_MS + 1000, agents=1),
        "what is free is held for role b, whose turn it is on 1 agent, for 1.0 s more",
        {"role": "b", "agents": 1, "until_ms": NOW_MS + 1000, "for_s": 1.0},
    ),
    (
        WaitReason("inactive", "A1", agents=1),
        "nothing is offered of 1 agent: draining, deactivated or disconnected (A1)",
        {"detail": "A1", "agents": 1},
    ),
    (WaitReason("news_to_us", "x"), "news to us (x)", {"detail": "x"}),
]


@pytest.mark.parametrize(("reason", "text", "data"), REASONS, ids=lambda v: v.kind if isinstance(v, WaitReason) else "")
def test_each_reason_is_a_sentence_and_its_numbers(reason: WaitReason, text: str, data: dict[str, Any]) -> None:
    seen = Observed(framework("F1", "ads", name="one"), waits("F1", "ads", reason))
    answer = seen.explain("one")
    assert answer["reasons"] == [text]
    assert answer["data"] == [{"kind": reason.kind, "in_role": "ads", **data}]


def test_a_filter_that_has_ended_lasts_no_negative_time() -> None:
    seen = Observed(framework("F1", "ads"), waits("F1", "ads", WaitReason("filtered", until_ms=NOW_MS - 9)))
    assert seen.explain("F1")["data"][0]["for_s"] == 0


def test_a_framework_that_holds_an_offer_is_offered_something() -> None:
    seen = Observed(framework("F1", "ads", name="one"), offers("F1", 2))
    answer = seen.explain("F1")
    assert answer == {
        "subject": "F1",
        "kind": "framework",
        "role": "ads",
        "verdict": "offered",
        "reasons": ["framework one holds 2 offers now"],
        "data": [{"kind": "offered", "offers": 2}],
        "name": "one",
    }


def test_a_framework_of_several_roles_hears_of_each() -> None:
    seen = Observed(
        framework("F1", "a", "b"),
        waits("F1", "a", WaitReason("nothing_free")),
        waits("F1", "b", WaitReason("limit", role="b")),
    )
    answer = seen.explain("F1")
    assert [r.partition(":")[0] for r in answer["reasons"]] == ["in role a", "in role b"]
    assert (answer["role"], answer["verdict"]) == ("a, b", "waiting")


@pytest.mark.parametrize(
    ("notes", "verdict"),
    [
        ([framework("F1", "a")], "quiet"),
        ([framework("F1", "a", state="disconnected")], "disconnected"),
        ([framework("F1", "a", state="completed")], "completed"),
        ([framework("F1", "a"), waits("F1", "a", WaitReason("suppressed"))], "suppressed"),
        ([framework("F1", "a"), waits("F1", "a", WaitReason("no_agents"))], "blocked"),
        ([framework("F1", "a"), waits("F1", "a", WaitReason("constraint"), WaitReason("filtered"))], "waiting"),
        ([framework("F1", "a"), waits("F1", "a", WaitReason("nothing_free")), waits("F1", "a")], "quiet"),
    ],
)
def test_the_verdict_says_whose_turn_it_is_to_act(notes: list[Any], verdict: str) -> None:
    assert Observed(*notes).explain("F1")["verdict"] == verdict


def test_shares_and_quotas_are_said_with_their_numbers() -> None:
    seen = Observed(
        framework("F1", "a/x"),
        waits("F1", "a/x", WaitReason("limit", role="a")),
        share("a", (1, 2), "cpus:2", guarantee=(("cpus", 1000),), limit=(("cpus", 2000),)),
        share("a/x", (1, 2), "cpus:2", entitled=(1, 4)),
        share("b", (1, 4), "cpus:1", weight="3"),
        task("t1", "a/x", "cpus:2"),
    )
    answer = seen.explain("a/x", "role")
    assert answer["verdict"] == "waiting"
    assert answer["reasons"] == [
        "framework name of F1: the limit of role a is reached",
        "role a/x holds 50 % of the cluster (fair share now 25 %, weight 1); others: b 25 %",
        "role a has guarantee cpus:1 and limit cpus:2, and holds cpus:2",
    ]
    assert answer["data"][1] == {
        "kind": "share",
        "role": "a/x",
        "share": 0.5,
        "entitled": 0.25,
        "weight": "1",
        "others": {"b": 0.25},
    }
    assert answer["data"][2]["limit"] == {"cpus": 2.0}


def test_a_role_without_frameworks_is_unused_and_one_that_nobody_named_unknown() -> None:
    seen = Observed(share("a", guarantee=(("cpus", 1000),)), framework("F1", "b", state="completed"))
    answer = seen.explain("a")
    assert (answer["verdict"], answer["data"][0]["kind"], answer["data"][1]["kind"]) == ("unused", "unused", "quota")
    with pytest.raises(UnknownId):
        seen.explain("b", "role")


def test_a_role_hears_of_the_frameworks_in_its_sub_roles() -> None:
    seen = Observed(framework("F1", "a/x", name="one"), waits("F1", "a/x", WaitReason("nothing_free")))
    assert seen.explain("a")["reasons"][0].startswith("framework one in role a/x: nothing is free now")


def test_agents_that_offer_nothing_are_named() -> None:
    seen = Observed(
        framework("F1", "a"),
        waits("F1", "a", WaitReason("nothing_free")),
        agent("A1", state="draining"),
        agent("A2"),
        agent("A3", state="gone"),
        *[agent(f"B{i}", state="deactivated") for i in range(3)],
    )
    answer = seen.explain("F1")
    assert (
        answer["reasons"][1] == "nothing is offered of 4 agents: A1 draining, B0 deactivated, B1 deactivated and 1 more"
    )
    assert answer["data"][1] == {"kind": "inactive", "agents": 4, "states": {"draining": 1, "deactivated": 3}}


# ---------------------------------------------------------------- jobs


def test_a_job_hears_the_reasons_of_its_framework_in_its_role() -> None:
    seen = Observed(
        agent("A1"),
        framework("F1", "ads", "b"),
        job("j1", "ads"),
        waits("F1", "ads", WaitReason("headroom", role="b", quantities=CPU)),
        waits("F1", "b", WaitReason("nothing_free")),
    )
    answer = seen.explain("j1")
    assert (answer["subject"], answer["kind"], answer["role"], answer["verdict"]) == ("j1", "job", "ads", "waiting")
    assert [d["kind"] for d in answer["data"]] == ["headroom"] and len(answer["reasons"]) == 1


def test_a_job_that_no_agent_could_hold_is_told_what_is_missing() -> None:
    seen = Observed(agent("A1", "cpus:1;mem:99"), agent("A2", "cpus:2;mem:50"), job("j1", "ads", "cpus:3;mem:60"))
    answer = seen.explain("j1")
    assert answer["verdict"] == "blocked"
    assert answer["data"] == [{"kind": "no_agent_fits", "nearest": "A1", "quantities": {"cpus": 2.0}, "agents": 2}]
    assert "A1, has cpus:1;mem:99 (short of cpus 3 of 1)" in answer["reasons"][0]


def test_what_is_reserved_to_others_does_not_make_an_agent_large_enough() -> None:
    seen = Observed(agent("A1", "cpus:1;cpus(b):9;mem:99"), job("j1", "ads", "cpus:2"), job("j2", "b/x", "cpus:2"))
    assert [seen.explain(j)["verdict"] for j in ("j1", "j2")] == ["blocked", "waiting"]


def test_a_job_without_an_active_agent_hears_which_ones_are_not() -> None:
    seen = Observed(agent("A1", state="drained"), job("j1", "ads"))
    answer = seen.explain("j1")
    assert answer["reasons"] == ["no agent is registered and active", "nothing is offered of 1 agent: A1 drained"]


def test_of_one_name_the_job_comes_before_the_framework_and_the_role_unless_told() -> None:
    seen = Observed(agent("A1"), job("x", "x"), framework("F1", "x", name="x"), share("x"))
    assert [seen.explain("x", kind)["kind"] for kind in (None, "job", "framework", "role")] == [
        "job",
        "job",
        "framework",
        "role",
    ]
    with pytest.raises(InvalidValue, match="job, service, framework or role"):
        seen.explain("x", "agent")
    with pytest.raises(UnknownId, match="no job, service, framework or role 'y'"):
        seen.explain("y")
