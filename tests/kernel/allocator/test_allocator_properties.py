"""What holds for every history of the allocator: over random trees of roles, weights, quotas, reservations, agents and orders of events.

The driver has the machine check its books after every message: nothing is created or lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from allocator_driver import NO_ATTRIBUTES, Driver
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_sorter import Naive

from raymesos.model.portions import open_quantities
from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.roles import ancestors, is_within
from raymesos.wire.messages import (
    AgentActivated,
    AgentChanged,
    AgentDeactivated,
    AgentRemoved,
    Demand,
    FrameworkAdded,
    Grant,
    QuotasChanged,
    ReviveRoles,
)

ROLES = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"]
NAMES = ("cpus", "mem")
MB = 64
"""Memory comes in pieces of so much: every piece of anything is worth an offer."""

Amounts = tuple[int, int]
"""(CPUs, pieces of memory)"""


def text(amounts: Amounts, role: str = "") -> str:
    cpus, mem = amounts
    of = f"({role})" if role else ""
    return f"cpus{of}:{cpus};mem{of}:{mem * MB}"


def quantities(amounts: Amounts) -> tuple[tuple[str, int], ...]:
    return (("cpus", amounts[0] * 1000), ("mem", amounts[1] * MB * 1000))


def summed(rows: list[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row)
    return total


@dataclass
class World:
    """What the test itself knows of agents, quotas and holdings."""

    driver: Driver = field(default_factory=Driver)
    agents: dict[str, Resources] = field(default_factory=dict)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)
    guarantees: dict[str, dict[str, int]] = field(default_factory=dict)

    def open_held(self, role: str) -> Counter[str]:
        """What the role's subtree holds of what is reserved to nobody."""
        return summed([open_quantities(g.resources) for g in self.driver.held if is_within(g.role, role)])

    def reserved(self, role: str) -> Counter[str]:
        """What is reserved to the role's subtree, held or not."""
        return summed(
            [
                total.filter(lambda key: bool(key.reservations) and is_within(key.role, role)).quantities()
                for total in self.agents.values()
            ]
        )

    def set_quotas(self, quotas: dict[str, tuple[Amounts | None, Amounts | None]]) -> None:
        rows = []
        for role, (guarantee, limit) in quotas.items():
            self.guarantees[role] = dict(quantities(guarantee)) if guarantee else {}
            self.limits[role] = dict(quantities(limit)) if limit else {}
            rows.append(Quota(role, quantities(guarantee) if guarantee else (), quantities(limit) if limit else ()))
        self.driver.send(QuotasChanged(tuple(rows)))

    def join(self, name: str, free: Amounts, reserved: Amounts, role: str) -> None:
        """Every second agent lends out a CPU as well."""
        total = Resources.parse(f"{text(free)};{text(reserved, role)}" if any(reserved) else text(free))
        if int(name[1:]) % 2:
            total = total + as_revocable(Resources.parse("cpus:1"))
        self.agents[name] = total
        self.driver.agent(name, total)

    def leave(self, name: str) -> None:
        if self.agents.pop(name, None) is not None:
            self.driver.send(AgentRemoved(name))
            self.driver.held = [g for g in self.driver.held if g.agent_id != name]

    def resize(self, name: str, free: Amounts) -> None:
        if name in self.agents:
            others = self.agents[name].filter(lambda key: bool(key.reservations) or key.revocable)
            self.agents[name] = Resources.parse(text(free)) + others
            self.driver.send(AgentChanged(name, self.agents[name], NO_ATTRIBUTES))


# ---------------------------------------------------------------- (a) and (b): books and limits

AMOUNTS = st.tuples(st.integers(1, 6), st.integers(1, 6))
SOME = st.tuples(st.integers(0, 4), st.integers(0, 4))
MAYBE = st.one_of(st.none(), SOME)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(0, 4), AMOUNTS, SOME, st.sampled_from(ROLES)),
        st.tuples(st.just("leave"), st.integers(0, 4)),
        st.tuples(st.just("resize"), st.integers(0, 4), AMOUNTS),
        st.tuples(st.just("flip"), st.integers(0, 4), st.booleans()),
        st.tuples(st.just("decline"), st.integers(0, 9), st.sampled_from([None, 0, 1_000, 60_000])),
        st.tuples(st.just("finish"), st.integers(0, 9)),
        st.tuples(st.just("quota"), st.sampled_from(ROLES), MAYBE, MAYBE),
        st.tuples(st.just("weight"), st.sampled_from(ROLES), st.sampled_from(["0.5", "2", "3"])),
        st.tuples(st.just("revive"), st.integers(0, len(ROLES) - 1)),
        st.tuples(st.just("tick")),
    ),
    max_size=40,
)


@dataclass(frozen=True)
class History:
    """A world with a framework in each of `roles`, quotas and no agents; and what comes then, `agents` first."""

    then: list[Any]
    roles: list[str]
    quotas: dict[str, tuple[Amounts | None, Amounts | None]]
    agents: list[Amounts]
    seed: int

    def world(self, scoring: str) -> World:
        made = World(Driver(seed=self.seed, scoring=scoring))
        for role, (guarantee, limit) in self.quotas.items():
            take(made, ("quota", role, guarantee, limit))
        for number, role in enumerate(self.roles):
            made.driver.framework(f"F{number}", role)
        return made

    @property
    def steps(self) -> list[Any]:
        return [*(("join", number, free, (0, 0), "g") for number, free in enumerate(self.agents)), *self.then]


HISTORIES = st.builds(
    History,
    STEPS,
    st.lists(st.sampled_from(ROLES), min_size=1, max_size=6),
    st.fixed_dictionaries({role: st.tuples(MAYBE, MAYBE) for role in ROLES}),
    st.lists(AMOUNTS, max_size=3),
    st.integers(0, 99),
)


@pytest.mark.parametrize("scoring", ["shuffle", "spread"])
@given(HISTORIES)
@settings(max_examples=150, deadline=None)
def test_limits_hold_at_every_level_at_every_instant_for_what_is_granted_while_they_stand(
    scoring: str, history: History
) -> None:
    world = history.world(scoring)
    for step in history.steps:
        before = {role: world.open_held(role) for role in world.limits}
        take(world, step)
        for role, limit in world.limits.items():
            now, reserved = world.open_held(role), world.reserved(role)
            for name, most in limit.items():
                # What was granted before, or is reserved beyond the limit, stays; nothing is added to it.
                held_before = before.get(role, Counter[str]())[name] if step[0] != "quota" else now[name]
                assert now[name] <= max(most - reserved[name], held_before), (step, role, name)
    world.driver.tick()


def take(world: World, step: Any) -> None:
    driver = world.driver
    match step:
        case ("join", number, free, reserved, role) if f"A{number}" not in world.agents:
            world.join(f"A{number}", free, reserved, role)
        case ("leave", number):
            world.leave(f"A{number}")
        case ("resize", number, free):
            world.resize(f"A{number}", free)
        case ("flip", number, active) if f"A{number}" in world.agents:
            driver.send(AgentActivated(f"A{number}") if active else AgentDeactivated(f"A{number}"))
        case ("decline", number, refuse_ms) if number < len(driver.held):
            driver.give_back(driver.held[number], refuse_ms=refuse_ms)
        case ("finish", number) if number < len(driver.held):
            driver.give_back(driver.held[number], ended=True)
        case ("quota", role, guarantee, limit):
            if guarantee and limit:
                limit = (max(guarantee[0], limit[0]), max(guarantee[1], limit[1]))
            world.set_quotas({role: (guarantee, limit)})
        case ("weight", role, weight):
            driver.weight(role, weight)
        case ("revive", number):
            driver.revive(f"F{number}")
        case ("tick",):
            driver.tick()


# ---------------------------------------------------------------- nothing is left that somebody may have


@pytest.mark.parametrize("scoring", ["shuffle", "pack", "spread"])
@given(HISTORIES)
@settings(max_examples=100, deadline=None)
def test_a_pass_leaves_nothing_that_limits_headroom_and_filters_let_somebody_have(
    scoring: str, history: History
) -> None:
    world = history.world(scoring)
    for step in history.steps:
        take(world, step)
    world.driver.tick()
    world.driver.framework(
        "last", "last", suppressed=("last",)
    )  # A pass after the filters that the tick was the last to see.
    ledger, filters = world.driver.machine._state.ledger, world.driver.machine._state.filters
    active = [agent for agent in ledger.agents.values() if agent.active]
    free = summed([open_quantities(agent.free) for agent in active])
    kept = summed([owed(world, role) for role in ROLES if "/" not in role])
    for number, role in enumerate(history.roles):
        bound = {name: free[name] - kept[name] if kept[name] else free[name] for name in NAMES}
        for name, room in room_under_limits(world, role).items():
            bound[name] = min(bound[name], room)
        for agent in active:
            mine = agent.free.filter(
                lambda key, role=role: key.revocable or (bool(key.reservations) and is_within(role, key.role))
            )
            open_ = {name: min(q, max(0, bound[name])) for name, q in open_quantities(agent.free).items()}
            offer = mine + Resources.of_milli({name: q for name, q in open_.items() if q})
            refusals = (filters.of_agent(agent.id) or {}).get((f"F{number}", role), [])
            refused = any(f.resources.contains(offer) for f in refusals)
            assert refused or not ledger.worth_offering(offer), (agent.id, role, str(offer))


def owed(world: World, role: str) -> Counter[str]:
    """What the role's guarantee lacks, or what those of its children lack together, whichever is more."""
    below = summed([owed(world, child) for child in children(role)])
    has, guarantee = world.open_held(role) + world.reserved(role), world.guarantees.get(role, {})
    return Counter({name: max(0, guarantee.get(name, 0) - has[name], below[name]) for name in NAMES})


def children(role: str) -> list[str]:
    return [each for each in ROLES if each.rpartition("/")[0] == role]


def room_under_limits(world: World, role: str) -> dict[str, int]:
    """The least that any limit on the role's path leaves, without what is owed there to others."""
    room: dict[str, int] = {}
    outside, below = Counter[str](), ""
    for path in [role, *ancestors(role)]:
        outside.update(summed([owed(world, child) for child in children(path) if child != below]))
        below = path
        has = world.open_held(path) + world.reserved(path)
        for name, limit in world.limits.get(path, {}).items():
            room[name] = min(room.get(name, limit), limit - has[name] - outside[name])
    return room


# ---------------------------------------------------------------- (c): guarantees


@st.composite
def guarantee_trees(draw: st.DrawFn) -> dict[str, Amounts]:
    """Guarantees in which those of children fit into their parent's."""
    found: dict[str, Amounts] = {}
    for role in ROLES:
        parent = role.rpartition("/")[0]
        room = found.get(parent) if parent else (8, 8)
        if room is None:
            continue
        taken = [g for r, g in found.items() if parent and r.rpartition("/")[0] == parent]
        left = [room[n] - sum(g[n] for g in taken) for n in range(2)]
        if draw(st.booleans()):
            found[role] = (draw(st.integers(0, left[0])), draw(st.integers(0, left[1])))
    return found


@given(
    guarantee_trees(),
    st.lists(st.tuples(AMOUNTS, SOME, st.sampled_from(ROLES)), min_size=1, max_size=8),
    st.lists(st.integers(0, 20), max_size=10),
    st.integers(0, 99),
)
@settings(max_examples=200, deadline=None)
def test_a_guarantee_that_fits_is_met_within_two_passes(
    guarantees: dict[str, Amounts], agents: list[tuple[Amounts, Amounts, str]], returned: list[int], seed: int
) -> None:
    world = World(Driver(seed=seed))
    for number, role in enumerate((*ROLES, "other")):
        world.driver.framework(f"F{number}", role)
    for number, (free, reserved, role) in enumerate(agents):
        world.join(f"A{number}", free, reserved, role)
    for number in returned:
        if number < len(world.driver.held):
            world.driver.give_back(world.driver.held[number])
    world.set_quotas({role: (amounts, None) for role, amounts in guarantees.items()})
    free = summed([open_quantities(total) for total in world.agents.values()])
    free.subtract(summed([open_quantities(g.resources) for g in world.driver.held]))
    kept = summed([owed(world, role) for role in ROLES if "/" not in role])
    fits = all(kept[name] <= free[name] for name in NAMES)
    for _ in range(2):
        world.driver.tick()
    if fits:
        for role in guarantees:
            has = world.open_held(role) + world.reserved(role)
            assert all(has[name] >= world.guarantees[role][name] for name in NAMES), role


# ---------------------------------------------------------------- (d): order


@given(
    st.lists(st.tuples(st.sampled_from(ROLES), st.integers(0, 3)), min_size=1, max_size=8, unique=True),
    st.dictionaries(st.sampled_from(ROLES), st.fractions(min_value="1/4", max_value=4, max_denominator=4), max_size=4),
    st.lists(AMOUNTS, min_size=1, max_size=12),
    st.lists(st.integers(0, 11), max_size=8),
    st.integers(0, 99),
)
@settings(max_examples=200, deadline=None)
def test_within_a_pass_each_agent_goes_to_the_poorest_role_and_in_it_to_the_poorest_framework(
    members: list[tuple[str, int]], weights: dict[str, Any], agents: list[Amounts], returned: list[int], seed: int
) -> None:
    driver = Driver(seed=seed)
    for role, weight in weights.items():
        driver.weight(role, str(weight))  # A float of 2/3 would not be 2/3 in a tie.
    for number, amounts in enumerate(agents):
        driver.agent(f"A{number}", text(amounts))
    total = summed([dict(quantities(amounts)) for amounts in agents])
    roles = Naive(dict(total), weights=weights)
    within: dict[str, Naive] = {}
    for role, number in members:
        join(roles, role)
        join(within.setdefault(role, Naive(dict(total))), f"F{number}@{role}".replace("/", "."))
    driver.deliver(*[_added(role, number) for role, number in members])
    driver.send()
    grants = driver.new()
    follow(grants, roles, within)
    assert len(grants) == len(agents)
    back = [driver.held[n] for n in dict.fromkeys(returned) if n < len(driver.held)]
    for grant in back:
        roles.held[grant.role] = minus(roles.held[grant.role], grant)
        of = within[grant.role].held
        of[grant.framework_id] = minus(of[grant.framework_id], grant)
    driver.give_back(*back)
    follow(driver.tick(), roles, within)


def follow(grants: list[Grant], roles: Naive, within: dict[str, Naive]) -> None:
    """Each grant is the one that the naive models make."""
    for grant in grants:
        assert grant.role == roles.sort()[0]
        assert grant.framework_id == within[grant.role].sort()[0]
        for naive, client in ((roles, grant.role), (within[grant.role], grant.framework_id)):
            naive.held[client] = dict(Counter(naive.held[client]) + Counter(grant.resources.quantities()))
            for node in naive.nodes(client):
                naive.counts[node] = naive.counts.get(node, 0) + 1


def join(naive: Naive, client: str) -> None:
    naive.held[client], naive.active[client] = {}, True


def minus(held: dict[str, int], grant: Grant) -> dict[str, int]:
    return dict(Counter(held) - Counter(grant.resources.quantities()))


def _added(role: str, number: int) -> Any:
    return FrameworkAdded(f"F{number}@{role}".replace("/", "."), (role,), (), ())


# ---------------------------------------------------------------- (e): demand

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize("scoring", ["shuffle", "pack", "spread"])
@given(
    st.lists(st.lists(st.tuples(SHAPES, st.integers(0, 5)), min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), AMOUNTS),
            st.tuples(st.sampled_from(["decline", "finish"]), st.integers(0, 9)),
            st.tuples(st.just("tick")),
        ),
        max_size=30,
    ),
    st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_who_says_exactly_what_it_wants_is_never_offered_more(
    scoring: str, demands: list[list[tuple[Amounts, int]]], steps: list[Any], seed: int
) -> None:
    driver = Driver(seed=seed, scoring=scoring)
    for number, demand in enumerate(demands):
        driver.framework(f"F{number}", ROLES[number])
        wanted = tuple(Demand(Resources.parse(text(shape)), count, exact=True) for shape, count in demand)
        driver.send(ReviveRoles(f"F{number}", (), wanted))
    ended: dict[str, Counter[str]] = {f"F{number}": Counter() for number in range(len(demands))}
    for number, step in enumerate(steps):
        match step:
            case ("join", amounts):
                driver.agent(f"A{number}", text(amounts))
            case ("tick",):
                driver.tick()
            case (what, index) if index < len(driver.held):
                grant = driver.held[index]
                if what == "finish":
                    ended[grant.framework_id].update(grant.resources.quantities())
                driver.give_back(grant, ended=what == "finish")
        for f, demand in enumerate(demands):
            held = summed([g.resources.quantities() for g in driver.held if g.framework_id == f"F{f}"])
            held.update(ended[f"F{f}"])
            asked = summed([{n: q * count for n, q in quantities(shape)} for shape, count in demand])
            assert all(held[name] <= asked[name] for name in NAMES), (step, held, asked)
