"""Published cases of Mesos and of the DRF paper, against the allocator alone: S09 S11 S12 S13 S15 E1."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from allocator_driver import Driver, brief
from allocator_driver import cpus_mem as r

from raymesos.kernel.allocator.shares import DrfSorter
from raymesos.model.resources import Resources
from raymesos.wire.messages import Grant


@pytest.mark.parametrize("excluded", [False, True])
def test_s09_an_agent_goes_to_the_poorest_role_and_in_it_to_the_poorest_framework(excluded: bool) -> None:
    d = Driver(fairness_excluded=("gpus",)) if excluded else Driver()
    a1 = "cpus:2;mem:1024;gpus:1" if excluded else "cpus:2;mem:1024"
    assert d.agent("A1", a1) == []
    assert brief(d.framework("F1", "role1")) == [("F1", "A1", str(Resources.parse(a1)))]
    assert d.framework("F2", "role2") == []
    assert brief(d.agent("A2", r(1, 512))) == [("F2", "A2", "cpus:1;mem:512")]
    assert brief(d.agent("A3", r(3, 2048))) == [("F2", "A3", "cpus:3;mem:2048")]
    assert d.framework("F3", "role1") == []
    assert brief(d.agent("A4", r(4, 4096))) == [("F3", "A4", "cpus:4;mem:4096")]
    assert d.framework("F4", "role1") == []
    assert brief(d.agent("A5", r(1, 512))) == [("F2", "A5", "cpus:1;mem:512")]
    assert d.tick() == []
    assert d.machine.shares() == {"role1": Fraction(5120, 8192), "role2": Fraction(5, 11)}


def test_s11_a_nested_role_competes_as_its_subtree_first() -> None:
    d = Driver()
    d.agent("A1", r(2, 1024))
    assert brief(d.framework("F1", "a/b")) == [("F1", "A1", "cpus:2;mem:1024")]
    assert d.framework("F2", "a/c") == d.framework("F3", "d/e") == []
    assert brief(d.agent("A2", r(1, 512))) == [("F3", "A2", "cpus:1;mem:512")]
    assert d.machine.shares()["a"] == Fraction(2, 3)
    assert d.framework("F4", "d/f") == []
    assert brief(d.agent("A3", r(2, 1024))) == [("F4", "A3", "cpus:2;mem:1024")]


def test_s12_i_agents_are_offered_whole() -> None:
    d = Driver()
    d.agent("A1", r(2, 1024))
    d.agent("A2", r(2, 1024))
    assert brief(d.framework("F1", "role1")) == [("F1", "A1", "cpus:2;mem:1024"), ("F1", "A2", "cpus:2;mem:1024")]
    assert d.give_back_all() == []
    grants = d.framework("F2", "role2")
    assert sorted(g.framework_id for g in grants) == ["F1", "F2"]
    assert sorted(g.agent_id for g in grants) == ["A1", "A2"]
    assert [str(g.resources) for g in grants] == ["cpus:2;mem:1024"] * 2


def test_s12_ii_equals_alternate() -> None:
    d = Driver()
    d.framework("F1", "*")
    d.framework("F2", "*")
    offered: Counter[str] = Counter()
    grants = d.agent("A", r(2, 1024))
    for _ in range(10):
        (grant,) = grants
        offered[grant.framework_id] += 1
        assert d.give_back(grant) == []
        grants = d.tick()
    assert offered == {"F1": 5, "F2": 5}


def test_s13_i_a_filter_lasts_its_time() -> None:
    d = Driver()
    d.framework("F", "role")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=2_000)
    active = "allocator/mesos/offer_filters/roles/role/active"
    assert d.machine.metrics()[active] == 1
    assert d.tick() == []
    assert brief(d.tick()) == [("F", "A", "cpus:1;mem:512")]
    assert d.machine.metrics()[active] == 0


def test_s13_ii_a_short_filter_still_blocks_one_pass() -> None:
    d = Driver(interval_ms=60_000)
    d.framework("F1", "role")
    d.framework("F2", "role")
    d.agent("A1", r(1, 512), held=(("F1", "role", r(1, 512)),))
    (grant,) = d.agent("A2", r(1, 512))
    assert grant.framework_id == "F2"
    assert d.give_back(grant, refuse_ms=1_000) == []
    assert d.advance(1_000) == []
    (grant,) = d.advance(60_000)
    assert (grant.framework_id, grant.agent_id) == ("F1", "A2")
    assert d.machine.metrics()["allocator/mesos/offer_filters/roles/role/active"] == 0
    assert d.give_back(grant) == []
    assert [(g.framework_id, g.agent_id) for g in d.tick()] == [("F2", "A2")]


def test_s15_weights_divide_the_agents() -> None:
    d = Driver()
    for n in range(6):
        d.agent(f"A{n}", r(2, 1024))
    d.framework("F1", "role1")
    d.framework("F2", "role2")
    d.give_back_all()
    assert _agents_of(d.tick()) == {"F1": 3, "F2": 3}
    assert d.weight("role2", "2") == []
    assert d.give_back_all() == []
    assert _agents_of(d.tick()) == {"F1": 2, "F2": 4}
    assert d.weight("role3", "3") == []
    assert d.give_back_all() == []
    assert _agents_of(d.framework("F3", "role3")) == {"F1": 1, "F2": 2, "F3": 3}


def _agents_of(grants: list[Grant]) -> dict[str, int]:
    return dict(sorted(Counter(g.framework_id for g in grants).items()))


def test_e1_the_example_of_the_drf_paper() -> None:
    sorter = DrfSorter("cpus:9;mem:18")
    task = {"A": "cpus:1;mem:4", "B": "cpus:3;mem:1"}
    for user in task:
        sorter.add(user)
    left, order = Resources.parse("cpus:9;mem:18"), ""
    while left.contains(Resources.parse(task[first := sorter.sort()[0]])):
        left = left - Resources.parse(task[first])
        sorter.allocated(first, task[first])
        order += first
    assert order == "ABABA"
    assert {user: sorter.share(user) for user in task} == {"A": Fraction(2, 3), "B": Fraction(2, 3)}
    assert left == Resources.parse("mem:4")
