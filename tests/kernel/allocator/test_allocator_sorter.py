"""The sorters against Mesos' published sequences (S01, S03, S04) and against a naive exact model."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from allocator_driver import cpus_mem as r
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_sorter import Naive

from raymesos.errors import Conflict, InvalidValue, InvariantBroken, UnknownId
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.shares import DrfSorter, RandomSorter


def holding(sorter: DrfSorter, path: str, cpus: float, mem: float) -> None:
    sorter.add(path)
    sorter.allocated(path, r(cpus, mem))


RENAMINGS = [
    dict(zip("abcdef", "abcdef", strict=True)),
    {x: f"{x}/{x}" for x in "abcdef"},
    {"a": "a/a/a", "b": "b/x", "c": "c", "d": "d/p/q/r", "e": "e/e", "f": "f/f/f/f/f"},
]


@pytest.mark.parametrize("name", RENAMINGS)
def test_s01_the_lowest_dominant_share_comes_first_however_deep_the_paths(name: dict[str, str]) -> None:
    sorter = DrfSorter(r(100, 100))

    def order() -> str:
        back = {path: short for short, path in name.items()}
        return "".join(back[path] for path in sorter.sort())

    assert order() == ""
    holding(sorter, name["a"], 5, 5)
    holding(sorter, name["b"], 6, 6)
    assert order() == "ab"
    holding(sorter, name["c"], 1, 1)
    holding(sorter, name["d"], 3, 1)
    assert order() == "cdab"
    sorter.remove(name["a"])
    sorter.unallocated(name["b"], r(4, 4))
    assert order() == "cbd"
    holding(sorter, name["e"], 1, 5)
    sorter.set_total(r(50, 100))
    assert order() == "cbed"
    sorter.set_total(r(50, 200))
    holding(sorter, name["f"], 5, 1)
    sorter.allocated(name["c"], r(0, 15))
    assert order() == "ebdcf"
    assert [sorter.share(name[x]) for x in "ebdcf"] == [Fraction(n, 1000) for n in (25, 40, 60, 80, 100)]
    assert sorter.count == 5
    sorter.deactivate(name["d"])
    assert order() == "ebcf"
    assert sorter.count == 5
    sorter.activate(name["d"])
    assert order() == "ebdcf"
    sorter.check()


def test_s03_equal_shares_are_ordered_by_allocations_so_far_then_by_path() -> None:
    sorter = DrfSorter(r(100, 100))
    for path in "abe":
        holding(sorter, path, 3, 3)
    holding(sorter, "c", 1, 1)
    sorter.allocated("c", r(1, 1))
    sorter.allocated("c", r(1, 1))
    holding(sorter, "d", 2, 2)
    sorter.allocated("d", r(1, 1))
    assert sorter.sort() == ["a", "b", "e", "d", "c"]
    sorter.unallocated("c", r(3, 3))
    assert sorter.sort() == ["c", "a", "b", "e", "d"]
    sorter.allocated("c", r(3, 3))
    assert sorter.sort() == ["a", "b", "e", "d", "c"]
    sorter.deactivate("c")
    sorter.activate("c")
    assert sorter.sort() == ["a", "b", "e", "d", "c"]
    sorter.unallocated("c", r(3, 3))
    sorter.allocated("c", r(3, 3))
    assert sorter.sort() == ["a", "b", "e", "d", "c"]
    sorter.deactivate("a")
    sorter.unallocated("a", r(1, 3))
    sorter.allocated("a", r(1, 3))
    assert sorter.sort() == ["b", "e", "d", "c"]
    sorter.activate("a")
    assert sorter.sort() == ["b", "e", "a", "d", "c"]


def test_s04_a_subtree_competes_with_the_sum_of_what_it_holds() -> None:
    sorter = DrfSorter(r(100, 100))
    for path in ("a", "b/c", "b/d"):
        sorter.add(path)
    assert sorter.sort() == ["a", "b/c", "b/d"]
    sorter.allocated("a", r(6, 6))
    assert sorter.sort() == ["b/c", "b/d", "a"]
    sorter.allocated("b/c", r(4, 4))
    sorter.allocated("b/d", r(3, 3))
    assert sorter.sort() == ["a", "b/d", "b/c"]
    sorter.allocated("a", r(2, 2))
    assert sorter.sort() == ["b/d", "b/c", "a"]
    sorter.add("b/e/f")
    assert sorter.sort() == ["b/e/f", "b/d", "b/c", "a"]
    sorter.allocated("b/e/f", r(3.5, 3.5))
    assert sorter.sort() == ["a", "b/d", "b/e/f", "b/c"]
    assert sorter.share("b") == Fraction(105, 1000)
    sorter.remove("b/e/f")
    assert sorter.sort() == ["b/d", "b/c", "a"]
    sorter.unallocated("b/c", r(4, 4))
    sorter.allocated("b/c", r(1, 1))
    assert sorter.sort() == ["b/c", "b/d", "a"]
    sorter.add("b/e/f")
    sorter.allocated("b/e/f", r(3.5, 3.5))
    assert sorter.sort() == ["b/c", "b/d", "b/e/f", "a"]
    assert sorter.count == 4
    sorter.check()


def test_the_weight_of_a_parent_counts_among_its_siblings_and_not_against_its_children() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.update_weight("a", 10)
    for path in ("a", "a/b", "c"):
        sorter.add(path)
    sorter.allocated("a", r(20, 20))
    sorter.allocated("a/b", r(10, 10))
    sorter.allocated("c", r(5, 5))
    assert sorter.sort() == ["a/b", "a", "c"]


def test_an_exact_tie_of_weighted_shares_goes_to_the_tie_rule_where_doubles_would_not() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.add("a", 3)
    sorter.add("b", 2)
    sorter.allocated("a", r(15, 15))
    sorter.allocated("b", r(10, 10))
    assert 0.15 / 3 < 0.10 / 2
    assert sorter.sort() == ["a", "b"]
    sorter.unallocated("a", r(15, 15))
    sorter.allocated("a", r(15, 15))
    assert sorter.sort() == ["b", "a"]


def test_a_heavier_weight_than_any_before_leaves_the_order_of_the_others_exact() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.add("a", Fraction(7, 2))
    sorter.add("b", Fraction(7, 3))
    sorter.add("c", 1)
    sorter.allocated("a", r(21, 21))
    sorter.allocated("b", r(14, 14))
    sorter.allocated("c", r(5, 5))
    assert sorter.sort() == ["c", "a", "b"]
    sorter.update_weight("c", Fraction(97, 100))
    assert sorter.sort() == ["c", "a", "b"]
    sorter.update_weight("c", Fraction(83, 100))
    assert sorter.sort() == ["a", "b", "c"]


def test_the_last_client_of_an_order_goes_and_another_comes() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.add("a")
    assert sorter.sort() == ["a"]
    sorter.add("b")
    sorter.deactivate("a")
    assert sorter.sort() == ["b"]
    sorter.activate("a")
    sorter.deactivate("b")
    assert sorter.sort() == ["a"]
    sorter.remove("a")
    assert sorter.sort() == []


def test_a_float_weight_counts_as_its_decimal_text() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.update_weight("a", 0.1)
    sorter.add("a")
    sorter.add("b", "1/10")
    sorter.allocated("a", r(1, 1))
    sorter.allocated("b", r(1, 1))
    assert sorter.sort() == ["a", "b"]
    assert sorter.weight("a") == Fraction(1, 10)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "heavy", "1/0"])
def test_a_weight_that_is_not_a_number_above_0_is_refused(weight: float) -> None:
    sorter = DrfSorter(r(1, 1))
    with pytest.raises(InvalidValue):
        sorter.update_weight("a", weight)
    assert sorter.weight("a") == 1


def test_the_sorter_refuses_what_does_not_fit_its_clients() -> None:
    sorter = DrfSorter(r(10, 10))
    sorter.add("a")
    with pytest.raises(Conflict):
        sorter.add("a")
    with pytest.raises(UnknownId):
        sorter.allocated("b", r(1, 1))
    with pytest.raises(UnknownId):
        sorter.remove("b")
    with pytest.raises(InvariantBroken):
        sorter.unallocated("a", r(1, 1))
    assert sorter.sort() == ["a"]


def test_resource_names_that_do_not_count_or_that_the_pool_lacks_take_no_part_in_a_share() -> None:
    pool = Pool(["gpus"])
    sorter = DrfSorter(pool)
    pool.set_total(pool.vector({"cpus": 10_000, "gpus": 1_000}))
    for path in "ab":
        sorter.add(path)
    sorter.allocated("a", "gpus:1;cpus:1;licences:3")
    sorter.allocated("b", "cpus:2")
    assert sorter.sort() == ["a", "b"]
    assert (sorter.share("a"), sorter.share("b")) == (Fraction(1, 10), Fraction(2, 10))


# ---------------------------------------------------------------- the naive model


PATHS = ["a", "a/b", "a/b/c", "a/d", "b", "b/b", "b/+", "c", "d/e"]
WEIGHTS = st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=9)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "hold", "hold", "hold", "free", "flip", "weigh", "total"]),
        st.sampled_from(PATHS),
        st.tuples(st.integers(1, 6), st.integers(0, 6)),
        WEIGHTS,
        st.booleans(),
    ),
    max_size=30,
)


@given(
    st.lists(st.sampled_from(PATHS), min_size=2, unique=True), st.dictionaries(st.sampled_from(PATHS), WEIGHTS), STEPS
)
@settings(max_examples=300, deadline=None)
def test_any_history_is_ordered_as_the_naive_model_orders_it(
    paths: list[str],
    weights: dict[str, Fraction],
    steps: list[tuple[str, str, tuple[int, int], Fraction, bool]],
) -> None:
    sorter, naive = DrfSorter("cpus:10;mem:30"), Naive({"cpus": 10_000, "mem": 30_000}, weights=dict(weights))
    for path, weight in weights.items():
        sorter.update_weight(path, weight)
    for number, path in enumerate(paths):
        _add(sorter, naive, path)
        _change(sorter, naive, "hold", path, number, number % 3)
    for what, path, (one, two), weight, look in steps:
        if what == "add" and path not in naive.held:
            _add(sorter, naive, path)
        elif what == "weigh":
            sorter.update_weight(path, weight)
            naive.weights[path] = weight
        elif what == "total":
            sorter.set_total(f"cpus:{10 * one};mem:{10 * two}")
            naive.total = {"cpus": 10_000 * one, "mem": 10_000 * two}
        elif path in naive.held:
            _change(sorter, naive, what, path, one, two)
        if look:
            assert sorter.sort() == naive.sort()
    sorter.check()
    assert sorter.sort() == naive.sort()
    assert sorter.count == len(naive.held)


def _add(sorter: DrfSorter, naive: Naive, path: str) -> None:
    before = {client: naive.nodes(client)[-1] for client in naive.held}
    sorter.add(path)
    naive.held[path], naive.active[path] = {}, True
    for client, leaf in before.items():
        if naive.nodes(client)[-1] != leaf:  # It became a parent: its leaf takes the count along.
            naive.counts[naive.nodes(client)[-1]] = naive.counts.get(leaf, 0)


def _change(sorter: DrfSorter, naive: Naive, what: str, path: str, one: int, two: int) -> None:
    held = naive.held[path]
    if what == "hold":
        sorter.allocated(path, f"cpus:{one};mem:{two}")
        naive.held[path] = {"cpus": held.get("cpus", 0) + 1000 * one, "mem": held.get("mem", 0) + 1000 * two}
        for node in naive.nodes(path):
            naive.counts[node] = naive.counts.get(node, 0) + 1
    elif what == "free" and held:
        sorter.unallocated(path, f"cpus:{held['cpus'] / 1000};mem:{held['mem'] / 1000}")
        naive.held[path] = {}
    elif what == "flip":
        naive.active[path] = not naive.active[path]
        (sorter.activate if naive.active[path] else sorter.deactivate)(path)


@given(st.lists(st.sampled_from(PATHS), unique=True, min_size=1), st.data())
@settings(max_examples=100, deadline=None)
def test_removing_clients_leaves_the_rest_as_if_they_had_never_been(paths: list[str], data: st.DataObject) -> None:
    removed = data.draw(st.lists(st.sampled_from(paths), unique=True))
    sorter, expected = DrfSorter(r(10_000, 10_000)), DrfSorter(r(10_000, 10_000))
    # Powers of two: no two sums are equal. Of equal ones the count decides, and that of a subtree remembers those who left.
    for n, path in enumerate(paths):
        holding(sorter, path, 2**n, 1)
    for path in removed:
        sorter.remove(path)
        sorter.check()
    for n, path in enumerate(paths):
        if path not in removed:
            holding(expected, path, 2**n, 1)
    assert sorter.sort() == expected.sort()
    assert sorted(sorter.paths()) == sorted(expected.paths())


# ---------------------------------------------------------------- chance


def first_places(sorter: RandomSorter, draws: int) -> dict[str, float]:
    places = Counter(sorter.sort()[0] for _ in range(draws))
    return {path: places[path] / draws for path in places}


def test_a_random_order_follows_the_weights_place_by_place() -> None:
    sorter = RandomSorter("cpus:1", seed=7)
    for path, weight in zip("abcd", (1, 2, 2, 4), strict=True):
        sorter.add(path, weight)
    orders = Counter("".join(sorter.sort()) for _ in range(6_000))
    for order, times in orders.items():
        assert times / 6_000 == pytest.approx(_chance(order, dict(zip("abcd", (1, 2, 2, 4), strict=True))), abs=0.05)
    assert first_places(sorter, 6_000) == pytest.approx({"a": 1 / 9, "b": 2 / 9, "c": 2 / 9, "d": 4 / 9}, abs=0.05)


def _chance(order: str, weights: dict[str, int]) -> float:
    chance, left = 1.0, sum(weights.values())
    for path in order:
        chance *= weights[path] / left
        left -= weights[path]
    return chance


def test_a_random_order_gives_a_client_the_product_of_its_shares_down_the_path_among_active_siblings() -> None:
    sorter = RandomSorter("cpus:1", seed=3)
    sorter.update_weight("a", 3)
    for path in ("a", "a/b", "a/c", "b", "z"):
        sorter.add(path)
    sorter.deactivate("z")
    assert first_places(sorter, 6_000) == pytest.approx({"a": 1 / 4, "a/b": 1 / 4, "a/c": 1 / 4, "b": 1 / 4}, abs=0.05)
    sorter.deactivate("a/c")
    assert first_places(sorter, 6_000) == pytest.approx({"a": 3 / 8, "a/b": 3 / 8, "b": 1 / 4}, abs=0.05)


def test_a_random_order_has_every_active_client_once_and_equal_seeds_draw_alike() -> None:
    sorters = [RandomSorter("cpus:1", seed=5), RandomSorter("cpus:1", seed=5), RandomSorter("cpus:1", seed=6)]
    for sorter in sorters:
        for n in range(200):
            sorter.add(f"r{n}", 1 + n % 7)
    one, same, other = ([sorter.sort() for _ in range(3)] for sorter in sorters)
    assert one == same
    assert one != other
    assert sorted(one[0]) == sorted(f"r{n}" for n in range(200))
    assert one[0] != one[1]


def test_what_is_held_does_not_move_a_random_order_but_its_shares_are_known() -> None:
    sorter = RandomSorter("cpus:4", seed=1)
    sorter.add("a/b")
    sorter.add("c")
    sorter.allocated("a/b", "cpus:1")
    assert sorter.share("a") == Fraction(1, 4)
    assert first_places(sorter, 4_000) == pytest.approx({"a/b": 0.5, "c": 0.5}, abs=0.05)


def test_clients_that_come_and_go_while_nobody_asks_leave_nothing_behind() -> None:
    sorter = DrfSorter(r(100, 100))
    sorter.add("kept")
    for n in range(1_000):
        holding(sorter, f"r{n}", 1, 1)
        sorter.remove(f"r{n}")
    assert len(sorter._root.moved) < 100
    holding(sorter, "last", 1, 1)
    assert sorter.sort() == ["kept", "last"]
