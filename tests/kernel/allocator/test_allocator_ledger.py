"""The ledger and the filters: any history keeps their books true."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from allocator_driver import NO_ATTRIBUTES
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.books import Agent
from raymesos.kernel.allocator.filters import Filters, refused_until
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.parts import Parts
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.roster import Roster
from raymesos.kernel.allocator.shares import DrfSorter
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, Shared, build
from raymesos.wire.messages import AgentAdded, Held

ROLE_DISK = Key("disk", (Reservation("x", True),))
SHARED_VOLUME = Key("disk", (Reservation("x", True),), Disk(persistence_id="v"), shared=True)
LEAST = (Resources.parse("cpus:0.01"), Resources.parse("mem:32"))


def new_ledger() -> Ledger:
    pool = Pool()
    return Ledger(Roster(pool, DrfSorter(pool), lambda: DrfSorter(pool)), LEAST)


def joins(ledger: Ledger, name: str, total: str, held: tuple[tuple[str, str, str], ...] = ()) -> Agent:
    holdings = tuple(Held(framework, role, name, Resources.parse(text)) for framework, role, text in held)
    return ledger.add_agent(AgentAdded(name, 1, name, Resources.parse(total), NO_ATTRIBUTES, holdings))


def test_a_whole_agent_is_given_and_taken_back_without_a_new_resources_object() -> None:
    ledger = new_ledger()
    agent = joins(ledger, "A", "cpus:2;mem:64;ports:[1-5]")
    subscription = ledger.roster.subscription("F", "x")
    total = agent.total
    ledger.hold(agent, subscription, agent.free)
    assert agent.held[subscription] is total
    assert (agent.free, list(ledger.offerable)) == (EMPTY, [])
    assert ledger.release(agent, subscription, Resources.parse("cpus:2;mem:64;ports:[1-5]")) is total
    assert agent.free is total
    ledger.check()


def test_a_copy_of_a_shared_volume_that_was_destroyed_meanwhile_is_not_free_when_it_comes_back() -> None:
    disk, volume = build([(ROLE_DISK, 5000)]), build([(SHARED_VOLUME, Shared(5000, 1))])
    ledger = new_ledger()
    agent = ledger.add_agent(AgentAdded("A", 1, "A", Resources.parse("cpus:2") + volume, NO_ATTRIBUTES))
    one, other = ledger.roster.subscription("F", "x"), ledger.roster.subscription("G", "x")
    ledger.hold(agent, one, volume)
    ledger.hold(agent, other, Resources.parse("cpus:1") + volume)
    ledger.convert(agent, one, volume, disk)
    ledger.release(agent, one, disk)
    ledger.release(agent, other, volume)
    assert agent.free == Resources.parse("cpus:1") + disk
    assert agent.total == Resources.parse("cpus:2") + disk
    ledger.check()


def test_what_is_given_of_an_agent_is_summed_by_subscription_and_told_in_the_order_in_which_they_came() -> None:
    ledger, parts = new_ledger(), Parts()
    a, b = joins(ledger, "A", "cpus:4"), joins(ledger, "B", "cpus:4")
    one, other, none = (ledger.roster.subscription(name, "x") for name in "FGH")
    for agent, subscription, cpus in ((b, one, 1), (a, other, 1), (b, other, 1), (b, one, 2), (b, other, 1)):
        parts.add(agent, subscription, Resources.parse(f"cpus:{cpus}"))
    assert [(agent.id, s.framework.id, str(offer)) for agent, s, offer in parts.rows()] == [
        ("B", "F", "cpus:3"),
        ("B", "G", "cpus:2"),
        ("A", "G", "cpus:1"),
    ]
    assert [parts.has(b, s) for s in (one, other, none)] == [True, True, False]
    assert [parts.has(a, s) for s in (one, other, none)] == [False, True, False]


def test_books_that_were_cooked_are_found_out() -> None:
    ledger = new_ledger()
    agent = joins(ledger, "A", "cpus:2;mem:64", held=(("F", "x", "cpus:1"),))
    ledger.check()
    agent.free = agent.total
    with pytest.raises(InvariantBroken, match="ledger"):
        ledger.check()
    ledger = new_ledger()
    agent = joins(ledger, "A", "cpus:2;mem:64", held=(("F", "x", "cpus:1"),))
    ledger.roster.roles["x"].sorter.hold("F", ledger.roster.pool.vector({"cpus": 1}))
    with pytest.raises(InvariantBroken, match=r"ledger\.framework"):
        ledger.check()


def test_the_last_thing_that_an_unsubscribed_framework_gives_back_ends_its_record() -> None:
    ledger = new_ledger()
    agent = joins(ledger, "A", "cpus:2;mem:64", held=(("F", "x", "cpus:1"),))
    subscription = ledger.roster.frameworks["F"].subscriptions["x"]
    ledger.release(agent, subscription, Resources.parse("cpus:1"))
    assert (ledger.roster.frameworks, ledger.roster.roles) == ({}, {})
    ledger.check()
    ledger.roster.check()


QUANTITIES = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3), st.integers(0, 2))


def resources(quantities: tuple[int, int, int, int]) -> Resources:
    cpus, mem, ports, reserved = quantities
    parts = [f"cpus:{cpus}", f"mem:{mem * 32}", f"ports:[1-{ports}]" if ports else "", f"cpus(x):{reserved}"]
    return Resources.parse(";".join(p for p in parts if p and not p.endswith(":0")) or "cpus:0")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "change", "hold", "hold", "whole", "release", "release", "flip"]),
        st.integers(0, 3),
        st.tuples(st.sampled_from(["F1", "F2", "F3"]), st.sampled_from(["x", "x/y", "z"])),
        QUANTITIES,
    ),
    max_size=50,
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_any_history_keeps_free_and_held_the_total(
    steps: list[tuple[str, int, tuple[str, str], tuple[int, int, int, int]]],
) -> None:
    ledger = new_ledger()
    for what, number, (framework_id, role), quantities in steps:
        agent = ledger.agents.get(f"A{number}")
        some = resources(quantities)
        if agent is None:
            if what == "join":
                joins(ledger, f"A{number}", str(some), held=((framework_id, role, "cpus:1"),) if number else ())
            continue
        _step(ledger, what, agent, (framework_id, role), some)
        ledger.check()
        ledger.roster.check()
        for each in ledger.agents.values():
            assert each.over or each.free + each.held_by_all() == each.total
    shares = [ledger.roster.order.share(role) for role in ledger.roster.roles]
    assert all(share >= 0 for share in shares)


def _step(ledger: Ledger, what: str, agent: Agent, key: tuple[str, str], some: Resources) -> None:
    if what == "leave":
        ledger.remove_agent(agent)
    elif what == "change":
        ledger.change_agent(agent, some, NO_ATTRIBUTES)
    elif what == "hold" and some and agent.free.contains(some):
        ledger.hold(agent, ledger.roster.subscription(*key), some)
    elif what == "whole" and agent.free:
        ledger.hold(agent, ledger.roster.subscription(*key), agent.free)
    elif what == "release" and agent.held:
        subscription, held = next(iter(agent.held.items()))
        ledger.release(agent, subscription, some if some and held.contains(some) else held)
    elif what == "flip":
        ledger.set_active(agent, active=not agent.active)


# ---------------------------------------------------------------- filters


@dataclass
class NaiveFilter:
    key: tuple[str, str]
    agent_id: str
    until_ms: int
    passes: int = 0


INTERVAL_MS = 10
FILTER_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "pass", "look", "clear", "clear agent"]),
        st.tuples(st.sampled_from(["F1", "F2"]), st.sampled_from(["x", "y"])),
        st.sampled_from(["A1", "A2"]),
        st.integers(0, 40),
    ),
    max_size=80,
)


@given(FILTER_STEPS)
@settings(max_examples=300, deadline=None)
def test_filters_are_in_force_exactly_as_long_as_a_list_of_them_says(
    steps: list[tuple[str, tuple[str, str], str, int]],
) -> None:
    filters, naive, now_ms = Filters(interval_ms=INTERVAL_MS, most=1_000), list[NaiveFilter](), 0
    for what, key, agent_id, number in steps:
        now_ms += number
        if what == "add":
            filters.add(key, agent_id, EMPTY, now_ms=now_ms, refuse_ms=number + 1)
            naive.append(NaiveFilter(key, agent_id, now_ms + max(INTERVAL_MS, number + 1)))
        elif what == "clear":
            filters.clear(key)
            naive = [f for f in naive if f.key != key]
        elif what == "clear agent":
            filters.clear_agent(agent_id)
            naive = [f for f in naive if f.agent_id != agent_id]
        else:
            filters.expire(now_ms)
            naive = [f for f in naive if f.until_ms > now_ms or not f.passes]
            if what == "pass":
                filters.periodic_pass_done()
                for f in naive:
                    f.passes += 1
            in_force = [f.until_ms for f in naive if (f.key, f.agent_id) == (key, agent_id)]
            found = (filters.of_agent(agent_id) or {}).get(key, [])
            assert sorted(f.until_ms for f in found) == sorted(in_force)
            assert refused_until(found, EMPTY) == max(in_force, default=None)
            assert sum(filters.active().values()) == len(naive)
        filters.check()


def test_a_filter_refuses_what_it_contains_and_nothing_more() -> None:
    filters = Filters(interval_ms=1, most=8)
    filters.add(("F", "x"), "A", Resources.parse("cpus:1;mem:64"), now_ms=0, refuse_ms=5)
    ((_, found),) = (filters.of_agent("A") or {}).items()
    assert refused_until(found, Resources.parse("cpus:1")) == 5
    assert refused_until(found, Resources.parse("cpus:1;mem:64")) == 5
    assert refused_until(found, Resources.parse("cpus:2")) is None
    assert refused_until(found, Resources.parse("cpus:1;disk:1")) is None
    assert filters.of_agent("B") is None


def test_filters_stay_within_their_bound_and_so_does_what_is_kept_of_removed_ones() -> None:
    filters = Filters(interval_ms=1, most=3)
    for n in range(10):
        filters.add(("F", "x"), "A", EMPTY, now_ms=0, refuse_ms=1_000 + n)
    assert [f.until_ms for f in (filters.of_agent("A") or {})["F", "x"]] == [1_007, 1_008, 1_009]
    for _ in range(1_000):
        filters.add(("F", "y"), "A", EMPTY, now_ms=0, refuse_ms=31_536_000_000)
        filters.clear(("F", "y"))
    assert filters.active() == {"x": 3}
    assert len(filters._heap) < 200
    filters.check()
