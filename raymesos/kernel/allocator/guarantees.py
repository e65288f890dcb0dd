"""The first stage of a pass: roles that are owed a guarantee, each up to what it is owed, and with it what comes along. (Mesos: hierarchical.cpp, __allocate; stage 1)"""

from __future__ import annotations

from raymesos.kernel.allocator import holds
from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.giving import Pass, cut, give
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.portion import guaranteed_part, suits


def meet_guarantees(this: Pass, agents: list[Agent]) -> None:
    ledger, order = this.ledger, this.ledger.roster.order
    playing = [role for role in ledger.roster.roles.values() if role.sorter.active]
    owed = {role: None for role in playing if _is_owed(ledger, role)}
    for role in playing:
        if role not in owed:
            order.deactivate(role.name)  # The others' order is what matters here, and is found the sooner.
    for agent in agents:
        if not owed:
            break
        if agent in ledger.offerable:
            _meet_owed(this, agent, owed)
    for role in playing:
        if role.sorter.active:
            order.activate(role.name)


def _meet_owed(this: Pass, agent: Agent, owed: dict[Role, None]) -> None:
    """Give of the agent to those that are owed; who is not any more leaves."""
    ledger, this.outcome.agent = this.ledger, agent
    held_for = holds.holder(this.holds, agent) if agent in this.holds.by_agent else None
    if held_for is not None and held_for.role in owed:
        if not _meet(this, agent, held_for):
            return  # It is kept for one that is owed something, too.
        holds.release(this.holds, agent)
    done = []
    for name in ledger.roster.order.walk():
        if not any(agent.open_vector):
            break  # What is left is reserved: nothing of it meets a guarantee.
        role = ledger.roster.roles[name]
        if not _meet_role(this, agent, role):
            done.append(role)
    for role in done:
        del owed[role]
        ledger.roster.order.deactivate(role.name)


def _meet_role(this: Pass, agent: Agent, role: Role) -> bool:
    """As much as the role is owed; who says exactly what it wants takes it step by step. Whether the role is still owed something."""
    ledger = this.ledger
    if not (is_owed := _is_owed(ledger, role)):
        return False
    for subscription in role.walk():
        while is_owed and agent in ledger.offerable and _meet(this, agent, subscription):
            is_owed = _is_owed(ledger, role)
            if not subscription.exact or subscription.sated:
                break
    return is_owed


def _meet(this: Pass, agent: Agent, subscription: Subscription) -> bool:
    """Whether the agent has something of what the subscription's role is owed; then it is given."""
    ledger = this.ledger
    if not suits(ledger, agent, subscription, this.outcome):
        return False
    offer = guaranteed_part(ledger, agent, subscription, this.given.get(agent, {}))
    if subscription.exact:
        offer = cut(this, agent, subscription, offer)
    if not offer:
        return False
    if (offer is not agent.free or ledger.unlike) and not ledger.worth_offering(offer, subscription.least):
        return False
    if this.is_refused(agent, subscription, offer):
        return False
    give(this, agent, subscription, offer)
    return True


def _is_owed(ledger: Ledger, role: Role) -> bool:
    chain = ledger.chain(role)
    return bool(chain) and any(chain[0].owed) and any(ledger.quotas.guaranteed(chain))
