"""More of Mesos' sequences for the sorters: weights, totals, several agents, reserved, revocable and shared resources, the order of a tree."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from allocator_driver import cpus_mem as r

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.shares import DrfSorter, RandomSorter
from raymesos.model.resources import Disk, Key, Reservation, Resources, Shared, build
from raymesos.model.revocable import as_revocable


def holding(sorter: DrfSorter, path: str, resources: Resources | str) -> None:
    sorter.add(path)
    sorter.allocated(path, resources)


def shared_disk(size: int) -> Resources:
    key = Key("disk", (Reservation("role1"),), Disk(persistence_id="id1", container_path="path1"), shared=True)
    return build([(key, Shared(size * 1000, 1))])


def volume(id: str, size: int) -> Resources:
    return build([(Key("disk", (Reservation("role1"),), Disk(persistence_id=id, container_path="data")), size * 1000)])


def and_more(text: str, *more: Resources) -> Resources:
    return sum(more, Resources.parse(text))


# ---------------------------------------------------------------- weights


def test_s02_shares_are_divided_by_weights_that_may_come_before_the_client() -> None:
    sorter = DrfSorter(r(100, 100))
    holding(sorter, "a", r(5, 5))
    sorter.update_weight("b", 2)
    holding(sorter, "b", r(6, 6))
    assert sorter.sort() == ["b", "a"]
    holding(sorter, "c", r(4, 4))
    assert sorter.sort() == ["b", "c", "a"]
    sorter.add("d", 10)
    sorter.allocated("d", r(10, 20))
    assert sorter.sort() == ["d", "b", "c", "a"]
    sorter.remove("b")
    assert sorter.sort() == ["d", "c", "a"]
    sorter.allocated("d", r(10, 25))  # .45 / 10 now
    assert sorter.sort() == ["c", "d", "a"]
    sorter.update_weight("e", 0.1)
    holding(sorter, "e", r(1, 1))  # .01 / .1
    assert sorter.sort() == ["c", "d", "a", "e"]
    sorter.remove("a")
    assert sorter.sort() == ["c", "d", "e"]


def test_a_weight_that_changes_moves_its_client_at_once() -> None:
    sorter = DrfSorter(r(100, 100))
    holding(sorter, "a", r(5, 5))
    holding(sorter, "b", r(6, 6))
    assert sorter.sort() == ["a", "b"]
    sorter.update_weight("b", 2)
    assert sorter.sort() == ["b", "a"]
    sorter.update_weight("b", 1)
    assert sorter.sort() == ["a", "b"]


def test_a_subtree_moves_as_one_when_its_weight_changes_and_keeps_its_inner_order() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.update_weight("b", 3)
    sorter.update_weight("a", 2)
    for path in ("a/x", "b/y", "b/z"):
        sorter.add(path)
    assert sorter.sort() == ["a/x", "b/y", "b/z"]
    sorter.allocated("a/x", r(10, 10))
    assert sorter.sort() == ["b/y", "b/z", "a/x"]
    sorter.allocated("b/y", r(9, 9))
    sorter.allocated("b/z", r(3, 3))
    assert sorter.sort() == ["b/z", "b/y", "a/x"]  # .12 / 3 < .10 / 2
    sorter.update_weight("b", 1)
    assert sorter.sort() == ["a/x", "b/z", "b/y"]
    sorter.update_weight("b/y", 10)
    assert sorter.sort() == ["a/x", "b/y", "b/z"]
    sorter.update_weight("b", 4)
    assert sorter.sort() == ["b/y", "b/z", "a/x"]


def test_an_inner_role_that_is_a_client_too_has_weight_1_against_its_children() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.update_weight("a", 100)
    for path, cpus in (("a", 4), ("a/b", 3), ("c", 1)):
        holding(sorter, path, r(cpus, cpus))
    assert sorter.sort() == ["a/b", "a", "c"]
    sorter.update_weight("a", 1)
    assert sorter.sort() == ["c", "a/b", "a"]


# ---------------------------------------------------------------- totals


def test_s06_what_is_reserved_made_a_volume_or_cut_from_one_counts_by_its_quantity() -> None:
    sorter = DrfSorter(and_more("cpus:100;mem:100;disk:90", volume("v1", 5), volume("v2", 5)))
    holding(sorter, "a", "cpus:9;mem:9;disk:9")
    holding(sorter, "b", and_more("cpus:9;mem:9", volume("v1", 5), volume("v2", 5)))
    assert sorter.sort() == ["a", "b"]
    sorter.unallocated("b", volume("v1", 5))
    sorter.allocated("b", "disk(role1):3")
    assert (sorter.share("b"), sorter.share("a")) == (Fraction(9, 100), Fraction(9, 100))
    assert sorter.sort() == ["a", "b"]  # Equal; b was allocated to twice.


def test_s07_another_total_makes_another_resource_dominant() -> None:
    sorter = DrfSorter("cpus:10;mem:100")
    holding(sorter, "a", "cpus:2;mem:1")
    holding(sorter, "b", "cpus:1;mem:3")
    assert sorter.sort() == ["b", "a"]
    sorter.set_total("cpus:100;mem:10")
    assert sorter.sort() == ["a", "b"]
    assert (sorter.share("a"), sorter.share("b")) == (Fraction(1, 10), Fraction(3, 10))


def test_what_is_held_of_several_agents_adds_up_against_the_sum_of_their_totals() -> None:
    sorter = DrfSorter("cpus:2;mem:2000")
    sorter.set_total("cpus:4;mem:4000")  # A second agent, just like the first.
    holding(sorter, "a", "cpus:1;mem:500")
    sorter.allocated("a", "cpus:0.5;mem:500")
    holding(sorter, "b", "cpus:0.5;mem:1000")
    assert (sorter.share("a"), sorter.share("b")) == (Fraction(3, 8), Fraction(1, 4))
    assert sorter.sort() == ["b", "a"]
    sorter.unallocated("a", "cpus:1;mem:500")
    assert sorter.sort() == ["a", "b"]


def test_without_any_total_all_shares_are_nothing_and_counts_and_names_decide() -> None:
    sorter = DrfSorter("")
    for path in ("b", "a"):
        sorter.add(path)
    assert sorter.sort() == ["a", "b"]
    sorter.allocated("a", "cpus:1")
    assert (sorter.sort(), sorter.share("a")) == (["b", "a"], 0)


# ---------------------------------------------------------------- kinds of resources


def test_revocable_resources_count_like_others() -> None:
    sorter = DrfSorter(and_more("cpus:10;mem:100", as_revocable(Resources.parse("cpus:10"))))
    holding(sorter, "a", and_more("cpus:2;mem:1", as_revocable(Resources.parse("cpus:1"))))
    holding(sorter, "b", and_more("mem:1", as_revocable(Resources.parse("cpus:5"))))
    assert sorter.sort() == ["a", "b"]
    assert (sorter.share("a"), sorter.share("b")) == (Fraction(3, 20), Fraction(1, 4))


def test_s08_shared_resources_count_fully_for_each_client_that_holds_them() -> None:
    disk = shared_disk(100)
    sorter = DrfSorter(and_more("cpus:100;mem:100;disk:900", disk))
    holding(sorter, "a", and_more("cpus:5;mem:5", disk))
    holding(sorter, "b", "cpus:6;mem:6")
    assert sorter.sort() == ["b", "a"]
    holding(sorter, "c", and_more("cpus:1;mem:1", disk))
    holding(sorter, "d", and_more("cpus:3;mem:1", disk))
    assert sorter.sort() == ["b", "a", "c", "d"]
    sorter.remove("a")
    sorter.unallocated("b", "cpus:4;mem:4")
    assert sorter.sort() == ["b", "c", "d"]
    holding(sorter, "e", and_more("cpus:1;mem:5", disk))
    sorter.set_total(and_more("cpus:50;mem:100;disk:900", disk))
    assert sorter.sort() == ["b", "c", "d", "e"]
    sorter.set_total(and_more("cpus:50;mem:200;disk:900", disk))
    holding(sorter, "f", and_more("cpus:5;mem:1", disk))
    sorter.allocated("c", "mem:15")
    assert sorter.sort() == ["b", "d", "e", "f", "c"]
    assert [sorter.share(x) for x in "bdefc"] == [Fraction(1, 25), *[Fraction(1, 10)] * 4]
    sorter.deactivate("d")
    assert (sorter.sort(), sorter.count) == (["b", "e", "f", "c"], 5)


def test_s08_a_client_that_is_allocated_the_same_shared_thing_again_holds_no_more() -> None:
    disk = shared_disk(900)
    sorter = DrfSorter(and_more("cpus:100;mem:100;disk:100", disk))
    holding(sorter, "a", and_more("cpus:5;mem:5", disk))
    holding(sorter, "b", and_more("cpus:6;mem:6", disk))
    assert sorter.sort() == ["a", "b"]
    sorter.allocated("a", disk)
    assert (sorter.sort(), sorter.share("a")) == (["b", "a"], Fraction(9, 10))
    sorter.unallocated("a", disk)
    assert (sorter.sort(), sorter.share("a")) == (["b", "a"], Fraction(9, 10))
    sorter.unallocated("a", disk)
    assert (sorter.sort(), sorter.share("a")) == (["a", "b"], Fraction(5, 100))
    with pytest.raises(InvariantBroken, match="gives back"):
        sorter.unallocated("a", disk)
    sorter.check()
    sorter.remove("b")
    sorter.add("b")
    sorter.allocated("b", disk)
    assert sorter.share("b") == Fraction(9, 10)


# ---------------------------------------------------------------- who comes and goes


def test_a_client_that_goes_and_comes_back_has_nothing_and_no_count() -> None:
    sorter = DrfSorter(r(10, 10))
    holding(sorter, "a", r(1, 1))
    holding(sorter, "b", r(1, 1))
    sorter.allocated("a", r(0, 0))
    assert sorter.sort() == ["b", "a"]
    sorter.remove("a")
    sorter.add("a")
    assert sorter.sort() == ["a", "b"]
    sorter.allocated("a", r(1, 1))
    assert sorter.sort() == ["a", "b"]


def test_a_client_whose_children_have_gone_is_a_leaf_again_with_what_it_held() -> None:
    sorter = DrfSorter(r(100, 100))
    holding(sorter, "a", r(5, 5))
    holding(sorter, "a/b/c", r(1, 1))
    holding(sorter, "d", r(5.5, 5))
    assert sorter.sort() == ["d", "a/b/c", "a"]
    sorter.remove("a/b/c")
    assert sorter.sort() == ["a", "d"]
    sorter.remove("a")
    assert (sorter.sort(), sorter.count, sorted(sorter.paths())) == (["d"], 1, ["d"])
    sorter.check()


def test_a_parent_that_is_deactivated_leaves_its_children_and_what_it_holds_in_the_sums() -> None:
    sorter = DrfSorter(r(100, 100))
    holding(sorter, "a", r(9, 9))
    holding(sorter, "a/b", r(1, 1))
    holding(sorter, "c", r(5, 5))
    sorter.deactivate("a")
    assert sorter.sort() == ["c", "a/b"]
    sorter.deactivate("a/b")
    assert (sorter.sort(), sorter.share("a")) == (["c"], Fraction(1, 10))
    sorter.activate("a/b")
    assert sorter.sort() == ["c", "a/b"]


def test_the_order_is_depth_first_and_siblings_stay_together() -> None:
    sorter = DrfSorter(r(100, 100))
    for path, held in (("a/b", 6), ("c", 1), ("d", 3), ("d/e", 2), ("a/f/g", 1), ("a/f/h", 5), ("i", 4)):
        holding(sorter, path, r(held, held))
    # a 12 (a/b 6, a/f 6), c 1, d 5 (d itself 3, d/e 2), i 4; a/f was allocated to twice, a/b once.
    assert sorter.sort() == ["c", "i", "d/e", "d", "a/b", "a/f/g", "a/f/h"]


# ---------------------------------------------------------------- chance


def test_a_random_order_follows_weights_down_the_tree_and_only_among_the_active() -> None:
    sorter = RandomSorter(r(100, 100), seed=7)
    for path, weight in (("a", 1), ("b", 2)):
        sorter.update_weight(path, weight)
    for path in ("a/x", "a/y", "b/x", "b/y"):
        sorter.add(path)
    sorter.update_weight("b/y", 2)
    drawn = Counter(sorter.sort()[0] for _ in range(6_000))
    chances = {path: drawn[path] / 6_000 for path in sorted(drawn)}
    assert chances == pytest.approx({"a/x": 1 / 6, "a/y": 1 / 6, "b/x": 2 / 9, "b/y": 4 / 9}, abs=0.03)
    sorter.deactivate("b/y")
    drawn = Counter(sorter.sort()[0] for _ in range(6_000))
    chances = {path: drawn[path] / 6_000 for path in sorted(drawn)}
    assert chances == pytest.approx({"a/x": 1 / 6, "a/y": 1 / 6, "b/x": 2 / 3}, abs=0.03)


def test_who_comes_anew_does_not_catch_up_what_others_were_allocated_by_size_meanwhile() -> None:
    sorter = DrfSorter("cpus:2")
    cpu, one = r(1, 0), (1000, 0)
    sorter.add("old")
    sorter.add("late")
    sorter.deactivate("late")
    for _ in range(20):
        sorter.hold("old", one, count=1000, weighed=True)
        sorter.unallocated("old", cpu)
    sorter.activate("late", anew=True)
    served = Counter[str]()
    for _ in range(20):
        first = sorter.sort()[0]
        served[first] += 1
        sorter.hold(first, one, count=1000, weighed=True)
        sorter.unallocated(first, cpu)
    assert abs(served["old"] - served["late"]) <= 2


def test_who_was_only_set_aside_keeps_its_place() -> None:
    sorter = DrfSorter("cpus:2")
    cpu, one = r(1, 0), (1000, 0)
    for name in ("a", "b"):
        sorter.add(name)
    for _ in range(3):
        sorter.hold("a", one, count=1000, weighed=True)
        sorter.unallocated("a", cpu)
    sorter.deactivate("b")
    sorter.activate("b")
    for _ in range(3):
        assert sorter.sort()[0] == "b"
        sorter.hold("b", one, count=1000, weighed=True)
        sorter.unallocated("b", cpu)
    assert sorter.sort() == ["a", "b"]
