"""How long an allocation pass takes: `python -m load_tests.benchmarks.allocator --agents 20000 --frameworks 2000 --json`.

Agents of 8 CPUs and 32 GB, all free; frameworks spread over the roles (one role each unless `--roles`); nobody suppressed; at the end of the full
pass every agent is offered. With `--quota` each role has a guarantee of half of its even share and a limit of twice as much as that share, and each framework has a filter on
an agent; with `--reservations` a tenth of the agents have 2 CPUs and 8 GB reserved to one of the roles. Messages go through `AllocatorMachine.handle`, as in a cluster. `pass_ms` is the handling of the Wake that runs the pass, notes
included, plus making an Offer of each Grant, as the master does next; nothing is encoded (`allocate_ms_p50` is the first part alone). A steady pass follows after 1 % of
the agents were given back. The rival, in the same run, is a bare loop over a heap of (share, name) that makes the same Grants and Offers and knows neither
weights, trees, filters nor books. Objects of the set-up are frozen out of the garbage collector, as the actors do after theirs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from heapq import heapify, heapreplace
from statistics import median
from typing import Any

from load_tests.benchmarks.common import emit, parser, pss_mb
from raymesos.actors.memory import settle_memory
from raymesos.kernel.allocator.machine import AllocatorMachine
from raymesos.machine import MASTER, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.model.settings import AllocatorSettings
from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.wire.messages import (
    AgentAdded,
    Allocations,
    AllocatorReset,
    FrameworkAdded,
    Grant,
    Offer,
    QuotasChanged,
    Recover,
)

TOTAL = Resources.parse("cpus:8;mem:32768")
NO_ATTRIBUTES = Attributes.parse("")
INTERVAL_MS = AllocatorSettings().allocation_interval_ms


class Cluster:
    """An allocator with its agents and frameworks, and what it has granted."""

    def __init__(
        self, agents: int, frameworks: int, roles: int, seed: int, *, quota: bool = False, reservations: bool = False
    ) -> None:
        self.machine = AllocatorMachine(AllocatorSettings(), seed)
        self.now_ms = 0
        self._tell(Wake("start"), AllocatorReset(1))
        if quota:
            self._tell(QuotasChanged(tuple(quota_of(f"role{n:05}", agents, roles) for n in range(roles))))
        for n in range(agents):
            total = reserved_to(f"role{n % roles:05}") if reservations and n % 10 == 0 else TOTAL
            self._tell(AgentAdded(f"S{n}", 1, f"host{n}", total, NO_ATTRIBUTES))
        for n in range(frameworks):
            self._tell(FrameworkAdded(f"F{n:05}", (f"role{n % roles:05}",), (), ALL_CAPABILITIES))

    def refuse(self, grants: list[Grant]) -> None:
        """All is given back; each framework refuses one agent for a day."""
        first = {g.framework_id: g for g in grants}
        for g in grants:
            refuse_ms = 86_400_000 if first[g.framework_id] is g else None
            self._tell(Recover(g.framework_id, g.role, g.agent_id, g.incarnation, g.resources, refuse_ms))

    def passes(self) -> tuple[float, float, list[Grant]]:
        """One periodic pass: (milliseconds with its offers, without them, grants)."""
        self.now_ms += INTERVAL_MS
        out = Outbox()
        begin = time.perf_counter()
        self.machine.handle(self.now_ms, MASTER, Wake("tick"), out)
        allocated = time.perf_counter()
        grants = [g for _, m in out.sends if isinstance(m, Allocations) for g in m.grants]
        offers = make_offers(grants)
        end = time.perf_counter()
        assert len(offers) == len(grants)
        return (end - begin) * 1000, (allocated - begin) * 1000, grants

    def give_back(self, grants: list[Grant]) -> float:
        """Milliseconds to book that the grants return."""
        messages = [Recover(g.framework_id, g.role, g.agent_id, g.incarnation, g.resources) for g in grants]
        begin = time.perf_counter()
        self._tell(*messages)
        return (time.perf_counter() - begin) * 1000

    def _tell(self, *messages: Any) -> None:
        for message in messages:
            self.machine.handle(self.now_ms, MASTER, message, Outbox())


def quota_of(role: str, agents: int, roles: int) -> Quota:
    """Half of an even share guaranteed, twice an even share at most."""
    cpus, mem = 8_000 * agents // roles, 32_768_000 * agents // roles
    return Quota(role, (("cpus", cpus // 2), ("mem", mem // 2)), (("cpus", cpus * 2), ("mem", mem * 2)))


def reserved_to(role: str) -> Resources:
    return Resources.parse(f"cpus:6;mem:24576;cpus({role}):2;mem({role}):8192")


def measure(
    *, agents: int, frameworks: int, roles: int, repeats: int, quota: bool = False, reservations: bool = False
) -> dict[str, Any]:
    pick = random.Random(0)
    cluster = Cluster(agents, frameworks, roles, seed=7, quota=quota, reservations=reservations)
    exact = not (quota or reservations)
    if quota:
        _, _, grants = cluster.passes()
        cluster.refuse(grants)
    settle_memory()
    full, alone, steady, returns = [], [], [], []
    for _ in range(repeats):
        took, allocated, grants = cluster.passes()
        assert len({g.agent_id for g in grants}) == agents, f"{len(grants)} grants of {agents} agents"
        full.append(took)
        alone.append(allocated)
        held = by_agent(grants)
        for _ in range(repeats):
            some = pick.sample(sorted(held), max(1, agents // 100))
            returns.append(cluster.give_back([g for a in some for g in held.pop(a)]))
            took, _, grants = cluster.passes()
            assert not exact or sorted(g.agent_id for g in grants) == sorted(some)
            steady.append(took)
            held.update(by_agent(grants))
        cluster.give_back([g for grants in held.values() for g in grants])
    cluster.machine.check()
    return {
        "pass_ms_p50": round(median(full), 1),
        "pass_ms_max": round(max(full), 1),
        "allocate_ms_p50": round(median(alone), 1),
        "steady_pass_ms_p50": round(median(steady), 2),
        "steady_pass_ms_max": round(max(steady), 2),
        "steady_return_ms_p50": round(median(returns), 2),
        "pss_mb": pss_mb(),
    }


def by_agent(grants: list[Grant]) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for grant in grants:
        found.setdefault(grant.agent_id, []).append(grant)
    return found


def make_offers(grants: list[Grant]) -> list[Offer]:
    return [
        Offer(f"O{n}", g.framework_id, g.agent_id, "host", g.role, g.resources, NO_ATTRIBUTES)
        for n, g in enumerate(grants)
    ]


def bare_heap(agents: int, frameworks: int) -> list[Offer]:
    heap = [(0, f"F{n:05}") for n in range(frameworks)]
    heapify(heap)
    grants = []
    for n in range(agents):
        share, framework_id = heap[0]
        grants.append(Grant(framework_id, framework_id, f"S{n}", 1, TOTAL))
        heapreplace(heap, (share + 1, framework_id))
    return make_offers(grants)


def timed_ms(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) * 1000)
    return round(median(times), 1)


def main() -> None:
    arguments = parser(__doc__, repeats=7)
    arguments.add_argument("--agents", type=int, default=20_000)
    arguments.add_argument("--frameworks", type=int, default=2_000)
    arguments.add_argument("--roles", type=int, help="default: one for each framework")
    arguments.add_argument("--quota", action="store_true", help="guarantees, limits and filters")
    arguments.add_argument("--reservations", action="store_true", help="a tenth of the agents reserved in part")
    given = arguments.parse_args()
    roles = given.roles or given.frameworks
    result = {
        "agents": given.agents,
        "frameworks": given.frameworks,
        "roles": roles,
        "quota": given.quota,
        "reservations": given.reservations,
        "repeats": given.repeats,
        "memory_settled_as_in_the_actor": True,
        **measure(
            agents=given.agents,
            frameworks=given.frameworks,
            roles=roles,
            repeats=given.repeats,
            quota=given.quota,
            reservations=given.reservations,
        ),
        "bare_heap_ms": timed_ms(lambda: bare_heap(given.agents, given.frameworks), given.repeats),
    }
    result["ratio_to_bare_heap"] = round(result["pass_ms_p50"] / result["bare_heap_ms"], 2)
    emit("allocator", result, record=given.record)


if __name__ == "__main__":
    main()
