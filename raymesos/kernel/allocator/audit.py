"""The ledger's facts against its indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.books import Agent
from raymesos.kernel.allocator.pool import Vector, minus, plus
from raymesos.kernel.allocator.quotas import Quotas
from raymesos.model.portions import open_quantities, shared_part, unshared_part
from raymesos.model.resources import EMPTY, Resources

if TYPE_CHECKING:
    from raymesos.kernel.allocator.ledger import Ledger


def check_ledger(ledger: Ledger) -> None:
    """Raises InvariantBroken, with the story, if they disagree."""
    total: Vector = ()
    for agent in ledger.agents.values():
        total = plus(total, agent.total_vector)
        _check_agent(ledger, agent)
    if any(minus(total, ledger.roster.pool.total)):
        raise InvariantBroken("ledger.total", f"agents have {total}, the pool {ledger.roster.pool.total}")
    _check_sums(ledger)
    _check_quotas(ledger)


def _check_agent(ledger: Ledger, agent: Agent) -> None:
    held = agent.held_by_all()
    unshared = unshared_part(held)
    if agent.over == agent.total.contains(unshared):
        raise InvariantBroken("ledger.over", f"{agent.id}: over is {agent.over}, total {agent.total}, held {held}")
    if not agent.over and agent.free + unshared != agent.total:
        raise InvariantBroken("ledger.agent", f"{agent.id}: {agent.free} free and {held} held of {agent.total}")
    if agent.shared != bool(shared_part(agent.total)):
        raise InvariantBroken("ledger.shared", f"{agent.id}: shared is {agent.shared}, total {agent.total}")
    if any(minus(agent.free_vector, ledger.roster.pool.vector(agent.free.quantities()))):
        raise InvariantBroken("ledger.vector", f"{agent.id}: {agent.free_vector} for {agent.free}")
    if agent in ledger.offerable and not agent.active:
        raise InvariantBroken("ledger.offerable", f"{agent.id} is not active")
    if agent.active and agent not in ledger.offerable and ledger.worth_offering(agent.free):
        raise InvariantBroken("ledger.offerable", f"{agent.id}: {agent.free} free")
    if not all(agent.held.values()):
        raise InvariantBroken("ledger.empty", f"{agent.id}: a holder of nothing")


def _check_sums(ledger: Ledger) -> None:
    """What each role and each framework holds, as the sorters have it. What is shared counts once for each of them on each agent."""
    pool, roster = ledger.roster.pool, ledger.roster
    of_framework: dict[tuple[str, str], Vector] = {}
    agents_of: dict[tuple[str, str], int] = {}
    of_role: dict[str, Vector] = {}
    for agent in ledger.agents.values():
        roles: dict[str, Resources] = {}
        for subscription, resources in agent.held.items():
            key = subscription.key
            of_framework[key] = plus(of_framework.get(key, ()), pool.vector(resources.quantities()))
            agents_of[key] = agents_of.get(key, 0) + 1
            roles[key[1]] = roles.get(key[1], EMPTY) + resources
        for name, resources in roles.items():
            of_role[name] = plus(of_role.get(name, ()), pool.vector(resources.quantities()))
    for role in roster.roles.values():
        for subscription in role.subscriptions.values():
            key, own = subscription.key, role.sorter.own(subscription.framework.id)
            if any(minus(own, of_framework.get(key, ()))) or subscription.agents != agents_of.pop(key, 0):
                raise InvariantBroken("ledger.framework", f"{key}: {own} ranked, {of_framework.get(key)} held")
        if any(minus(roster.order.own(role.name), of_role.get(role.name, ()))):
            raise InvariantBroken(
                "ledger.role", f"{role.name}: {roster.order.own(role.name)} ranked, {of_role.get(role.name)} held"
            )
    if agents_of:
        raise InvariantBroken("ledger.unknown", f"holders without a record: {sorted(agents_of)}")


def _check_quotas(ledger: Ledger) -> None:
    """The tree of quotas against one that is counted anew."""
    if not ledger.quotas:
        return
    pool = ledger.roster.pool
    anew = Quotas(pool)
    anew.set(ledger.quotas.quotas.values())
    free: Vector = ()
    for agent in ledger.agents.values():
        for role in dict.fromkeys(key.role for key, _ in agent.total if key.reservations):
            anew.reserve(anew.chain(role), pool.vector(agent.total.reserved_to(role).quantities()))
        for subscription, resources in agent.held.items():
            anew.allocate(anew.chain(subscription.role.name), pool.vector(open_quantities(resources)))
        if agent.active:
            free = plus(free, pool.vector(open_quantities(agent.free)))
    if any(minus(free, ledger.open_free)):
        raise InvariantBroken("ledger.open_free", f"{ledger.open_free} counted, {free} found")
    for node, found in zip(ledger.quotas.nodes(), anew.nodes(), strict=True):
        for name in ("reserved", "consumed", "owed"):
            if any(minus(getattr(node, name), getattr(found, name))):
                raise InvariantBroken(
                    "ledger.quota", f"{node.path}: {name} is {getattr(node, name)}, found {getattr(found, name)}"
                )
