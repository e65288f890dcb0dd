"""The allocator's gauges, by the names of Mesos' /metrics/snapshot. Scalars in units, not thousandths: these are for graphs, nothing decides by them."""

from __future__ import annotations

from fractions import Fraction

from raymesos.kernel.allocator.state import State


def shares(state: State) -> dict[str, Fraction]:
    """Dominant share, weight not applied, of each role that holds something (its sub-roles included) or has a subscribed framework."""
    order, roles = state.roster.order, state.roster.roles
    subscribed = {name: None for name, role in roles.items() if any(s.subscribed for s in role.subscriptions.values())}
    return {path: order.share(path) for path in sorted(order.paths()) if path in subscribed or any(order.held(path))}


def cluster_metrics(state: State) -> dict[str, float]:
    """Runs, and what of each resource there is and is offered or used."""
    pool, held = state.roster.pool, state.roster.order.held_by_all()
    values: dict[str, float] = {"allocator/mesos/allocation_runs": state.runs}
    for index, name in enumerate(pool.names):
        values[f"allocator/mesos/resources/{name}/total"] = _units(pool.total, index)
        values[f"allocator/mesos/resources/{name}/offered_or_allocated"] = _units(held, index)
    return values


def all_metrics(state: State) -> dict[str, float]:
    """`cluster_metrics` and those of each role that has a record."""
    values = cluster_metrics(state)
    active = state.filters.active()
    for role in sorted(state.roster.roles):
        values[f"allocator/mesos/roles/{role}/shares/dominant"] = float(state.roster.order.share(role))
        values[f"allocator/mesos/offer_filters/roles/{role}/active"] = active.get(role, 0)
    return values


def _units(vector: tuple[int, ...], index: int) -> float:
    return vector[index] / 1000 if index < len(vector) else 0.0
