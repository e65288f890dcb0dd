"""What several roles of a tree hold of one shared volume counts once for each role that has it at or below itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from test_allocator_ledger import new_ledger

from raymesos.kernel.allocator.ledger import Ledger
from raymesos.model.attributes import Attributes
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, Shared, build
from raymesos.model.roles import is_within
from raymesos.wire.messages import AgentAdded

ROLES = ["a", "a/b", "a/b/c", "a/b/d", "a/e"]
SIZES = {"v1": 100, "v2": 40}


def volume(id: str) -> Resources:
    key = Key("disk", (Reservation("a"),), Disk(persistence_id=id, container_path="data"), shared=True)
    return build([(key, Shared(SIZES[id] * 1000, 1))])


def agent_ledger() -> Ledger:
    ledger = new_ledger()
    for name in ("A1", "A2"):
        total = sum((volume(id) for id in SIZES), Resources.parse("cpus:100;mem:64"))
        ledger.add_agent(AgentAdded(name, 1, name, total, Attributes()))
    return ledger


HOLDINGS = st.lists(
    st.tuples(
        st.sampled_from(["A1", "A2"]),
        st.sampled_from(["F1", "F2"]),
        st.sampled_from(ROLES),
        st.lists(st.sampled_from(list(SIZES)), unique=True),
        st.integers(0, 2),
    ),
    max_size=14,
)


@given(HOLDINGS, st.lists(st.integers(0, 13), max_size=14))
@settings(max_examples=200, deadline=None)
def test_each_role_counts_a_shared_volume_once_on_each_agent_however_many_below_it_hold_it(
    holdings: list[tuple[str, str, str, list[str], int]], returned: list[int]
) -> None:
    ledger = agent_ledger()
    made = []
    for agent, framework, role, ids, cpus in holdings:
        what = sum((volume(id) for id in ids), Resources.parse(f"cpus:{cpus}") if cpus else EMPTY)
        if what:
            ledger.hold(ledger.agents[agent], ledger.roster.subscription(framework, role), what)
            made.append((agent, framework, role, ids, what))
            check(ledger, made)
    for number in returned:
        if number < len(made):
            agent, framework, role, _, what = made.pop(number)
            ledger.release(ledger.agents[agent], ledger.roster.subscription(framework, role), what)
            check(ledger, made)


def check(ledger: Ledger, made: list[tuple[str, str, str, list[str], Resources]]) -> None:
    ledger.check()
    ledger.roster.check()
    names = ledger.roster.pool.names
    for path in ROLES:
        below = [row for row in made if is_within(row[2], path)]
        disks = sum(SIZES[id] for _, id in {(row[0], id): None for row in below for id in row[3]})
        held = dict(zip(names, ledger.roster.order.held(path), strict=False))
        assert held.get("disk", 0) == disks * 1000
        assert held.get("cpus", 0) == sum(row[4].scalar("cpus") for row in below)
