"""The algebra of resources: what holds for every value."""

from __future__ import annotations

import itertools
import pickle

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resource_values import ANY, RANGES, SETS, TEXTUAL, VOLUME, parts

from raymesos.errors import InvalidValue, InvariantBroken
from raymesos.model.resources import EMPTY, Key, Resources, Shared, build, make_ranges, take_ports

parse = Resources.parse


@given(TEXTUAL)
def test_the_text_of_resources_says_all_of_them(x: Resources) -> None:
    assert parse(str(x)) == x


@given(ANY)
def test_the_json_of_resources_says_all_of_them(x: Resources) -> None:
    assert Resources.from_json(x.to_json()) == x


@given(ANY)
def test_resources_travel_unchanged(x: Resources) -> None:
    assert Resources.from_wire(x.to_wire()) == x
    packed = msgpack.unpackb(msgpack.packb(x.to_wire()), strict_map_key=False)
    assert Resources.from_wire(packed) == x
    assert pickle.loads(pickle.dumps(x)) == x


@given(st.data())
def test_minus_undoes_plus_for_every_part(data: st.DataObject) -> None:
    whole = data.draw(ANY)
    part = data.draw(parts(whole))
    rest = whole - part
    assert rest + part == whole
    assert whole - rest == part
    assert whole.contains(rest)


@given(ANY, ANY)
def test_plus_undoes_minus_of_scalars(a: Resources, b: Resources) -> None:
    a, b = a.scalars(), b.scalars()
    assert a + b - b == a
    assert a + b - a == b


@given(ANY, ANY, ANY)
def test_adding_has_no_order(a: Resources, b: Resources, c: Resources) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + EMPTY == a == EMPTY + a
    assert hash(a + b) == hash(b + a)


@given(ANY, ANY, ANY)
def test_containing_is_a_partial_order(a: Resources, b: Resources, c: Resources) -> None:
    assert a.contains(a)
    assert a.contains(EMPTY)
    if a.contains(b) and b.contains(a):
        assert a == b
    if a.contains(b) and b.contains(c):
        assert a.contains(c)
    assert (a + b).contains(a)
    assert (a + b).contains(b)


@given(ANY, ANY)
def test_what_is_not_contained_cannot_be_taken(a: Resources, b: Resources) -> None:
    if a.contains(b):
        assert a - b + b == a
        return
    with pytest.raises(InvariantBroken, match="does not contain"):
        a - b


@given(ANY, ANY)
def test_no_operation_changes_its_operands(a: Resources, b: Resources) -> None:
    before = str(a), a.to_wire(), str(b), b.to_wire()
    assert (a + b).quantities() is not None
    if a.contains(b):
        assert a - b is not None
    a.available_to("ads")
    assert (str(a), a.to_wire(), str(b), b.to_wire()) == before


@given(st.data())
def test_the_filters_cut_a_value_into_parts_that_add_up(data: st.DataObject) -> None:
    x = data.draw(ANY)
    assert x.unreserved() + x.filter(lambda key: bool(key.reservations)) == x
    assert x.revocable() + x.non_revocable() == x
    assert x.scalars() + x.filter(lambda key: key.type != "SCALAR") == x
    for role in ("a", "a/b", "ads"):
        assert x.available_to(role).contains(x.unreserved() + x.reserved_to(role))


@given(st.lists(RANGES, min_size=1, max_size=4))
def test_ranges_merge_to_the_sorted_union_of_their_numbers(several: list[tuple[tuple[int, int], ...]]) -> None:
    merged = build([(Key("ports"), ranges) for ranges in several]).ranges("ports")
    numbers = {n for ranges in several for begin, end in ranges for n in range(begin, end + 1)}
    assert [n for begin, end in merged for n in range(begin, end + 1)] == sorted(numbers)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))


@given(SETS, SETS)
def test_sets_merge_to_their_union(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    merged = build([(Key("disks"), a), (Key("disks"), b)])  # type: ignore[list-item]
    assert str(merged) == "disks:{" + ",".join(sorted({*a, *b})) + "}"


@given(RANGES, st.integers(0, 50))
def test_ports_are_taken_lowest_first_and_none_is_lost(ranges: tuple[tuple[int, int], ...], count: int) -> None:
    numbers = [n for begin, end in ranges for n in range(begin, end + 1)]
    available = build([(Key("ports"), ranges), (Key("cpus"), 1_000)])
    taken = take_ports(available, count)
    if count > len(numbers):
        assert taken is None
        return
    assert taken is not None
    chosen, rest = taken
    assert [n for begin, end in chosen.ranges("ports") for n in range(begin, end + 1)] == numbers[:count]
    assert chosen + rest == available


def test_a_tenth_and_a_tenth_are_exactly_two_tenths() -> None:
    assert parse("cpus:0.1") + parse("cpus:0.1") == parse("cpus:0.2")
    assert parse("cpus:0.3") - parse("cpus:0.1") == parse("cpus:0.2")


def test_only_equal_kinds_add_up() -> None:
    both = parse("cpus:1") + parse("cpus(ads):2") + parse("cpus(web):4")
    assert str(both) == "cpus:1;cpus(ads):2;cpus(web):4"
    assert both.scalar("cpus") == 7_000
    assert both.unreserved() == parse("cpus:1")
    assert both.reserved_to("ads") == parse("cpus(ads):2")
    assert not both.contains(parse("cpus:2"))


def test_what_is_reserved_to_an_ancestor_may_be_offered_to_its_roles() -> None:
    agent = parse("cpus:1;cpus(a):2;cpus(a/b):4;cpus(ab):8")
    assert agent.available_to("a") == parse("cpus:1;cpus(a):2")
    assert agent.available_to("a/b") == parse("cpus:1;cpus(a):2;cpus(a/b):4")
    assert agent.available_to("ab") == parse("cpus:1;cpus(ab):8")
    assert agent.available_to("*") == parse("cpus:1")


@pytest.mark.parametrize("role", ["", "(ads)"])
def test_one_name_may_be_a_scalar_here_and_a_set_there(role: str) -> None:
    mixed = [parse(f"x{role}:{value}") for value in ("5", "[1-3]", "{a,b}")]
    total = mixed[0] + mixed[1] + mixed[2]
    assert str(total) == f"x{role}:[1-3];x{role}:5;x{role}:{{a,b}}" if role else "x:5;x:[1-3];x:{a,b}"
    for each in mixed:
        assert total.contains(each)
        assert total - each + each == total
    assert not mixed[1].contains(mixed[2])


def test_a_shared_volume_counts_once_however_many_hold_it() -> None:
    one, three = (build([(VOLUME, Shared(2_048_000, holders))]) for holders in (1, 3))
    assert one + one + one == three
    assert three.scalar("disk") == 2_048_000
    assert three - one - one == one
    assert not one.contains(three)
    with pytest.raises(InvalidValue, match="shared"):
        build([(VOLUME, Shared(1_000, 1)), (VOLUME, Shared(2_000, 1))])


def test_nothing_left_is_nothing_at_all() -> None:
    x = parse("cpus:1;ports:[1-3];disks:{a}")
    assert not (x - x)
    assert x - x == EMPTY == parse("")
    assert str(x - x) == ""
    assert parse("cpus:0;mem:0.0") == EMPTY


def test_empty_pairs_leave_no_range() -> None:
    assert make_ranges([(5, 4), (1, 2), (3, 3)]) == ((1, 3),)
