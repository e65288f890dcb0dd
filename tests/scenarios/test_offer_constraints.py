"""Offer constraints: the whole truth table of Mesos 1.11's language, its refusals, and what they do not touch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesos.errors import InvalidValue
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

ABSENT, EQUAL, OTHER, SCALAR, RANGES, SET = "", "x:blue", "x:green", "x:3", "x:[1-5]", "x:{blue,red}"
ATTRIBUTES = (ABSENT, EQUAL, OTHER, SCALAR, RANGES, SET)

PREDICATES: dict[str, dict[str, Any]] = {
    "exists": {"exists": {}},
    "not_exists": {"not_exists": {}},
    "text_equals": {"text_equals": {"value": "blue"}},
    "text_not_equals": {"text_not_equals": {"value": "blue"}},
    "text_matches": {"text_matches": {"regex": "b.*e"}},
    "text_not_matches": {"text_not_matches": {"regex": "b.*e"}},
}

# Of an attribute that is there and no text every text predicate holds; of one that is absent only those with a not.
TRUE_FOR = {
    "exists": {EQUAL, OTHER, SCALAR, RANGES, SET},
    "not_exists": {ABSENT},
    "text_equals": {EQUAL, SCALAR, RANGES, SET},
    "text_not_equals": {ABSENT, OTHER, SCALAR, RANGES, SET},
    "text_matches": {EQUAL, SCALAR, RANGES, SET},
    "text_not_matches": {ABSENT, OTHER, SCALAR, RANGES, SET},
}


def on(selector: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """One constraint; a selector in capitals is HOSTNAME, REGION or ZONE."""
    what = "pseudoattribute_type" if selector.isupper() else "attribute_name"
    return {"selector": {what: selector}, "predicate": predicate}


def constraints(*groups: list[dict[str, Any]], role: str = "r") -> dict[str, Any]:
    return {"role_constraints": {role: {"groups": [{"attribute_constraints": group} for group in groups]}}}


def equals(text: str) -> dict[str, Any]:
    return {"text_equals": {"value": text}}


def matches(regex: str) -> dict[str, Any]:
    return {"text_matches": {"regex": regex}}


def agents(framework: Framework) -> list[str]:
    return sorted(offer.agent for offer in framework.offers)


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("predicate", PREDICATES)
def test_each_predicate_holds_for_exactly_the_attributes_that_it_should(sim: Simulation, predicate: str) -> None:
    names = {f"A{number}": text for number, text in enumerate(ATTRIBUTES)}
    for name, text in names.items():
        sim.add_agent(name, "cpus:1;mem:64", attributes=f"y:blue;{text}")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("x", PREDICATES[predicate])]))
    sim.settle()
    sim.advance(2.0)
    assert {names[agent] for agent in agents(f)} == TRUE_FOR[predicate]


@pytest.mark.parametrize(
    ("selector", "predicate", "seen"),
    [
        ("HOSTNAME", equals("A1"), ["A1"]),
        ("HOSTNAME", {"text_not_equals": {"value": "A1"}}, ["A2", "A3"]),
        ("HOSTNAME", matches("A[23]"), ["A2", "A3"]),
        ("HOSTNAME", {"exists": {}}, ["A1", "A2", "A3"]),
        ("HOSTNAME", {"not_exists": {}}, []),
        ("REGION", equals("eu"), ["A1", "A2"]),
        ("REGION", {"not_exists": {}}, ["A3"]),
        ("REGION", {"text_not_matches": {"regex": "e."}}, ["A3"]),
        ("ZONE", equals("eu-1"), ["A1"]),
        ("ZONE", {"exists": {}}, ["A1", "A2"]),
        ("ZONE", {"text_not_equals": {"value": "eu-2"}}, ["A1", "A3"]),
    ],
)
def test_hostname_region_and_zone_can_be_asked_for(
    sim: Simulation, selector: str, predicate: dict[str, Any], seen: list[str]
) -> None:
    # An attribute that is called so is another thing.
    sim.add_agent("A1", "cpus:1;mem:64", "HOSTNAME:zzz;REGION:zzz;ZONE:zzz", region="eu", zone="eu-1")
    sim.add_agent("A2", "cpus:1;mem:64", region="eu", zone="eu-2")
    sim.add_agent("A3", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on(selector, predicate)]))
    sim.settle()
    assert agents(f) == seen


def test_all_constraints_of_a_group_must_hold_and_one_group_is_enough(sim: Simulation) -> None:
    for name, attributes in (("A1", "os:linux;rack:r1"), ("A2", "os:linux;rack:r2"), ("A3", "os:bsd"), ("A4", "")):
        sim.add_agent(name, "cpus:1;mem:64", attributes)
    wanted = constraints([on("os", equals("linux")), on("rack", equals("r2"))], [on("os", equals("bsd"))])
    f = sim.add_framework("F", roles=["r"], offer_constraints=wanted)
    sim.settle()
    assert agents(f) == ["A2", "A3"]


def test_a_regular_expression_matches_the_whole_text_or_not_at_all(sim: Simulation) -> None:
    for name, rack in (("A1", "r1"), ("A2", "r12"), ("A3", "xr1"), ("A4", "R1")):
        sim.add_agent(name, "cpus:1;mem:64", f"rack:{rack}")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("rack", matches("r[0-9]"))]))
    sim.settle()
    assert agents(f) == ["A1"]


def test_constraints_are_of_one_role_and_of_one_framework(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    sim.add_agent("A2", "cpus:1;mem:64", "rack:r2")
    both = sim.add_framework("F", roles=["r", "s"], offer_constraints=constraints([on("rack", equals("r1"))]))
    sim.settle()
    assert agents(both) == ["A1", "A2"]
    assert {o.role for o in both.offers if o.agent == "A2"} == {"s"}
    both.suppress(["s"])
    both.decline_all(refuse_seconds=0)
    sim.advance(1.0)
    assert agents(both) == ["A1"]
    sim.add_framework("G", roles=["r"])
    sim.settle()
    assert [o.agent for o in sim.frameworks[1].offers] == ["A2"]


def test_the_json_may_be_text(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    text = json.dumps(constraints([on("rack", equals("r2"))]))
    f = sim.add_framework("F", roles=["r"], offer_constraints=text)
    sim.settle()
    assert f.offers == []
    f.update(offer_constraints=text.replace("r2", "r1"))
    sim.advance(1.0)
    assert agents(f) == ["A1"]


# ---------------------------------------------------------------- when they count


def test_they_leave_outstanding_offers_alone_and_count_from_the_next_pass_on(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    sim.add_agent("A2", "cpus:1;mem:64", "rack:r2")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    f.update(offer_constraints=constraints([on("rack", equals("r1"))]))
    sim.advance(2.0)
    assert agents(f) == ["A1", "A2"]
    assert not [e for e in f.events if e.type == "RESCIND"]
    f.decline_all(refuse_seconds=0)
    sim.advance(1.0)
    assert agents(f) == ["A1"]
    f.update(offer_constraints=constraints([on("rack", equals("r2"))]))
    sim.settle()
    assert agents(f) == ["A1"]  # An update asks for no pass.
    sim.advance(1.0)
    assert agents(f) == ["A1", "A2"]


def test_without_constraints_again_it_is_offered_everything(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("rack", {"exists": {}})]))
    sim.advance(1.0)
    assert f.offers == []
    f.update(offer_constraints={})
    sim.advance(1.0)
    assert agents(f) == ["A1"]


def test_other_attributes_of_an_agent_are_looked_at_at_once(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("rack", equals("r2"))]))
    sim.advance(1.0)
    assert f.offers == []
    sim.update_agent("A1", attributes="rack:r2")
    sim.settle()
    assert agents(f) == ["A1"]
    f.decline_all(refuse_seconds=0)
    sim.update_agent("A1", attributes="rack:r3")
    sim.advance(2.0)
    assert f.offers == []


def test_they_hold_over_a_restart_of_the_allocator_and_of_the_master(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    sim.add_agent("A2", "cpus:1;mem:64", "rack:r2")
    wanted = constraints([on("rack", equals("r2"))])
    f = sim.add_framework("F", roles=["r"], offer_constraints=wanted, failover_timeout=100.0)
    sim.settle()
    for who in ("allocator", "master"):
        sim.crash(who)
        sim.restart(who)
        sim.advance(30.0)
        assert agents(f) == ["A2"]


def test_they_hold_for_what_a_guarantee_brings_too(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    sim.settle()
    sim.set_quota("r", guarantee="cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("rack", equals("r2"))]))
    g = sim.add_framework("G", roles=["r"])
    sim.settle()
    assert (agents(f), agents(g)) == ([], ["A1"])


# ---------------------------------------------------------------- refusals

BAD: list[tuple[Any, str]] = [
    ({"role_constraints": {"r": {"groups": []}}}, "must hold at least one group"),
    ({"role_constraints": {"r": {}}}, "must hold at least one group"),
    (constraints([on("x", {"exists": {}})], role="s"), "is a role that the framework is not subscribed to"),
    (constraints([on("x", matches("a(b"))]), "regex"),
    (constraints([on("x", matches("(?=a)b"))]), "regex"),
    (constraints([on("x", matches("((a{30}){30})"))]), "regex"),
    (constraints([{"selector": {}, "predicate": {"exists": {}}}]), "either attribute_name or pseudoattribute_type"),
    (constraints([on("COUNTRY", {"exists": {}})]), "must be one of HOSTNAME, REGION, ZONE"),
    (constraints([on("x", {})]), "exactly one predicate"),
    (constraints([on("x", {"is_prime": {}})]), "is no predicate"),
    (constraints([on("x", {"text_equals": {}})]), "must be text"),
    ("{not json", "is not JSON"),
]


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_what_is_no_constraint_ends_a_subscription_with_an_error(sim: Simulation, bad: Any, said: str) -> None:
    f = sim.add_framework("F", roles=["r"], offer_constraints=bad)
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.advance(1.0)
    assert [e.type for e in f.events] == ["ERROR"]
    assert said in (f.events[0].message or "")
    assert "offer_constraints" in (f.events[0].message or "")


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_an_update_that_is_no_constraint_is_refused_and_the_one_before_holds(
    sim: Simulation, bad: Any, said: str
) -> None:
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints([on("rack", equals("r1"))]))
    sim.add_agent("A1", "cpus:1;mem:64", "rack:r1")
    sim.add_agent("A2", "cpus:1;mem:64", "rack:r2")
    sim.settle()
    f.decline_all(refuse_seconds=0)
    with pytest.raises(InvalidValue) as refused:
        f.update(offer_constraints=bad)
    assert said in str(refused.value)
    sim.advance(2.0)
    assert agents(f) == ["A1"]


def test_a_role_with_constraints_is_not_dropped_without_them(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"], offer_constraints=constraints([on("x", {"exists": {}})]))
    sim.settle()
    with pytest.raises(InvalidValue, match="not subscribed to"):
        f.update(roles=["s"])
    f.update(roles=["s"], offer_constraints={})
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.settle()
    assert [o.role for o in f.offers] == ["s"]
