"""The allocator's gauges, by the names of Mesos' /metrics/snapshot. Scalars in units, not thousandths: these are for graphs, nothing decides by them."""

from __future__ import annotations

from fractions import Fraction

from raymesos.kernel.allocator.state import State
from raymesos.model.quota import Quota


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
    for quota in state.ledger.quotas.quotas.values():
        values |= _of_quota(state, quota)
    return values


def _of_quota(state: State, quota: Quota) -> dict[str, float]:
    head = f"allocator/mesos/quota/roles/{quota.role}/resources"
    held = state.roster.pool.named(state.roster.order.held(quota.role))
    values = {f"{head}/{name}/guarantee": milli / 1000 for name, milli in quota.guarantee}
    values |= {f"{head}/{name}/limit": milli / 1000 for name, milli in quota.limit}
    names = dict.fromkeys(name for name, _ in (*quota.guarantee, *quota.limit))
    return values | {f"{head}/{name}/offered_or_allocated": held.get(name, 0) / 1000 for name in names}


def _units(vector: tuple[int, ...], index: int) -> float:
    return vector[index] / 1000 if index < len(vector) else 0.0
