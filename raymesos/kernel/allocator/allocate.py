"""The pass: what is free goes to whom it is due. It books in the ledger and returns the grants and what stood in the way of the others.

Two stages, each over the agents in an order of its own. First roles that are owed a guarantee, each up to what it is owed; then everybody, in the order of the role
sorter and in each role of its framework sorter: the first that may have what is left takes all of it, or, if it has said exactly what it wants, some of it (see wants). The sorters are
asked again for every agent, so successive agents go to the next most deserving. (Mesos: hierarchical.cpp, __allocate)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from raymesos.kernel.allocator import gangs, holds
from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.filters import Filter, Filters, refused_until
from raymesos.kernel.allocator.holds import Holds
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.pool import Vector
from raymesos.kernel.allocator.portion import fair_part, guaranteed_part, suits, surplus, takeable
from raymesos.kernel.allocator.scoring import ordered, room
from raymesos.kernel.allocator.shares import DrfSorter
from raymesos.kernel.allocator.wants import NOTHING, STEPS, Part, book, next_part
from raymesos.model.portions import shared_part
from raymesos.model.resources import Key, Resources
from raymesos.wire.messages import Grant

Parts = dict[Agent, dict[Subscription, Resources]]


@dataclass(slots=True)
class Pass:
    """What one pass works with. `parts` is what the stage has given so far, by agent."""

    ledger: Ledger
    filters: Filters
    holds: Holds
    outcome: Outcome
    now_ms: int
    steps: int
    """An agent's room is dealt to those who say exactly what they want in about so many steps; 0: one task at a time."""
    parts: Parts = field(default_factory=dict)
    tasks: dict[tuple[Agent, Subscription], int] = field(default_factory=dict)
    """How many tasks' worth was given to those who say exactly what they want."""
    cut: Part = NOTHING
    """The part that was cut last."""
    full: dict[Role, None] = field(default_factory=dict)
    """Roles that are at a limit, and have nothing reserved: in this pass there is nothing more for them, so they are not asked again."""
    dry: bool = False
    """Nothing that is open may go to those who are owed nothing: it is all kept for others."""
    lent: bool = False
    """Some of the agents lend something out, which no limit keeps from anybody."""
    failed: dict[Subscription, None] = field(default_factory=dict)
    """Gangs for which there is not room enough."""
    given: dict[Agent, dict[Key, None]] = field(default_factory=dict)
    """Shared things that were offered: to one subscription in a pass."""

    def is_refused(self, agent: Agent, subscription: Subscription, offer: Resources) -> bool:
        """Whether a filter of its own refuses the offer."""
        refusals = self.filters.of_agent(agent.id)
        found: list[Filter] | None = refusals.get(subscription.key) if refusals is not None else None
        until_ms = refused_until(found, offer) if found else None
        if until_ms is None:
            return False
        self.outcome.block(subscription, "filtered", until_ms=until_ms)
        return True


def allocate(
    ledger: Ledger, filters: Filters, held: Holds, dice: Dice, agents: Iterable[Agent], *, scoring: str, now_ms: int
) -> Outcome:
    """Give what is free of `agents`, all offerable. Filters that have ended are gone already."""
    ledger.forget_passed_over(filters.take_lifted())
    holds.expire(held, now_ms)
    wishes = ledger.roster.wishes
    # What everybody was offered in vain is not offered again until somebody wants more, a filter ends or more is free: else an idle cluster whose frameworks
    # decline for an hour would cost a whole pass a second (20,000 agents, 10 frameworks: 0.4 s).
    candidates = [agent for agent in agents if agent.passed_over != wishes]
    this = Pass(ledger, filters, held, Outcome(len(candidates)), now_ms, 0 if scoring == "spread" else STEPS)
    this.lent = bool(ledger.quotas.quotas) and any(not a.plain and a.free.revocable() for a in candidates)
    met: Parts = {}
    if ledger.roster.order.active:
        if any(ledger.quotas.required):
            _meet_guarantees(this, ordered(candidates, scoring, dice))
            # Who had its guarantee met of an agent may have more of it by fair share: what is reserved above its role, say.
            met, this.parts = this.parts, {}
        if scoring == "spread":
            _spread(this, ordered(candidates, scoring, dice))
        else:
            for agent in ordered(candidates, scoring, dice):
                _deal(this, agent)
        _count_unasked(this, candidates)
        for role in this.full:
            ledger.roster.order.activate(role.name)
    _tell_grants(this, met)
    return this.outcome


def _count_unasked(this: Pass, candidates: list[Agent]) -> None:
    """Who was not asked again because of a limit or of what is kept for others was kept from all agents that are left."""
    if not (this.full or this.dry):
        return
    unused = [agent for agent in candidates if agent in this.ledger.offerable and agent.plain]
    for subscription, blocks in this.outcome.blocks.items():
        for kind, block in blocks.items():
            if (kind == "limit" and subscription.role in this.full) or (kind == "headroom" and this.dry):
                block.also_on(unused)


# ---------------------------------------------------------------- stage 1


def _meet_guarantees(this: Pass, agents: list[Agent]) -> None:
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
    held_for = holds.holder(this.holds, agent)
    if held_for is not None:
        if not (held_for.role in owed and _meet(this, agent, held_for)):
            return
        holds.release(this.holds, agent)
    touched = []
    for name in ledger.roster.order.walk():
        if not any(agent.open_vector):
            break  # What is left is reserved: nothing of it meets a guarantee.
        role = ledger.roster.roles[name]
        touched.append(role)
        for framework_id in role.sorter.walk():
            _meet_all(this, agent, role.subscriptions[framework_id])
    for role in touched:
        if not _is_owed(ledger, role):
            del owed[role]
            ledger.roster.order.deactivate(role.name)


def _meet_all(this: Pass, agent: Agent, subscription: Subscription) -> None:
    """As much as the role is owed; one that says exactly what it wants takes it step by step."""
    while agent in this.ledger.offerable and _is_owed(this.ledger, subscription.role):
        if not (_meet(this, agent, subscription) and subscription.exact and not subscription.sated):
            return


def _meet(this: Pass, agent: Agent, subscription: Subscription) -> bool:
    """Whether the agent has something of what the subscription's role is owed; then it is given."""
    ledger = this.ledger
    if not suits(ledger, agent, subscription, this.outcome):
        return False
    offer = guaranteed_part(ledger, agent, subscription, this.given.get(agent, {}))
    if subscription.exact:
        offer = _cut(this, agent, subscription, offer)
    if not offer:
        return False
    if (offer is not agent.free or ledger.unlike) and not ledger.worth_offering(offer, subscription.least):
        return False
    if this.is_refused(agent, subscription, offer):
        return False
    _give(this, agent, subscription, offer)
    return True


def _is_owed(ledger: Ledger, role: Role) -> bool:
    chain = ledger.chain(role)
    return bool(chain) and any(chain[0].owed) and any(ledger.quotas.guaranteed(chain))


# ---------------------------------------------------------------- stage 2


def _deal(this: Pass, agent: Agent) -> None:
    """Deal out the agent until nothing is left of it or nobody takes it."""
    ledger = this.ledger
    while agent in ledger.offerable:
        if (this.dry and agent.plain) or not _step(this, agent):
            agent.passed_over = ledger.roster.wishes
            return


def _spread(this: Pass, agents: list[Agent]) -> None:
    """One step for the emptiest agent at a time."""
    heap = [(-room(agent), number, agent) for number, agent in enumerate(agents)]
    heapify(heap)
    while heap:
        _, number, agent = heappop(heap)
        if agent not in this.ledger.offerable:
            continue
        if _step(this, agent):
            heappush(heap, (-room(agent), number, agent))
        else:
            agent.passed_over = this.ledger.roster.wishes


def _step(this: Pass, agent: Agent) -> bool:
    """Give something of what is left to the most deserving; false if nobody takes anything. Who takes all that it may is asked once, and the next goes on from there."""
    # One iteration per agent: 20,000 of them in a pass is the case that is measured, so the loop keeps to local names.
    ledger, this.outcome.agent = this.ledger, agent
    offerable, roles = ledger.offerable, ledger.roster.roles
    parts = this.parts.get(agent)
    if agent in this.holds.by_agent:
        held_for = holds.holder(this.holds, agent)
        if held_for is not None:
            return _step_held(this, agent, held_for)
    took = False
    for role_name in _who_may(this, agent):
        role = roles[role_name]
        if role in this.full:
            continue
        for framework_id in role.sorter.walk():
            subscription = role.subscriptions[framework_id]
            if parts is not None and subscription in parts and not subscription.exact:
                continue
            if subscription.exact and (gang := gangs.next_gang(subscription)) is not None:
                if _place_gang(this, subscription, gang):
                    return True
                if gangs.keep(this, agent, subscription, gang):
                    return took or _step_held(this, agent, subscription)
            offer = _part(this, agent, subscription)
            if offer is None:
                if subscription.exact and holds.hold(this, agent, subscription):
                    return took or _step_held(this, agent, subscription)
                continue
            _give(this, agent, subscription, offer)
            took = True
            if subscription.exact or agent not in offerable or agent.free.is_reserved:
                return True
            parts = this.parts[agent]
        if ledger.quotas.quotas:
            _mark_full(this, role)
    if not took and ledger.quotas.quotas and agent.plain:
        this.dry = not ledger.unlike and not _is_worth(ledger, surplus(ledger))
    return took


def _who_may(this: Pass, agent: Agent) -> Iterable[str]:
    """The roles to ask, in order. Of an agent of which only reserved resources are left, those that they are reserved to, and those below them."""
    order = this.ledger.roster.order
    if agent.plain or not agent.free.is_reserved or not isinstance(order, DrfSorter):
        return order.walk()
    names = dict.fromkeys(name for role in agent.free.reserved_roles() for name in order.clients_under(role))
    active = [name for name in names if order.is_active(name)]
    return sorted(active, key=order.rank) if len(active) > 1 else active


def _mark_full(this: Pass, role: Role) -> None:
    """Not to be asked again if its limits leave nothing worth an offer, and nothing is reserved to it or to a role above it."""
    chain = this.ledger.chain(role)
    room = this.ledger.quotas.room(chain) if chain else None
    if (
        room is None
        or this.lent
        or this.ledger.unlike
        or any(any(node.reserved) for node in chain)
        or _is_worth(this.ledger, room)
    ):
        return
    this.full[role] = None
    this.ledger.roster.order.deactivate(role.name)


def _is_worth(ledger: Ledger, bound: Vector) -> bool:
    """Whether an offer within these bounds could be worth making."""
    return any(
        all(i >= len(bound) or bound[i] >= size for i, size in enumerate(least)) for least in ledger.default_least
    )


def _step_held(this: Pass, agent: Agent, subscription: Subscription) -> bool:
    """The agent is kept for the subscription: it takes what it waits for, or others use the time until then."""
    gang = gangs.next_gang(subscription)
    if gang is not None and _place_gang(this, subscription, gang):
        return True
    offer = _part(this, agent, subscription)
    if offer is not None:
        holds.release(this.holds, agent)
        _give(this, agent, subscription, offer)
        return True
    for role_name in this.ledger.roster.order.walk():
        role = this.ledger.roster.roles[role_name]
        for framework_id in role.sorter.walk():
            other = role.subscriptions[framework_id]
            if holds.may_backfill(this.holds, agent, other, this.now_ms):
                offer = _part(this, agent, other)
                if offer is not None:
                    _give(this, agent, other, offer)
                    return True
            elif other is not subscription:
                until_ms = holds.until_ms(this.holds, agent)
                this.outcome.block(other, "held", until_ms=until_ms, role=subscription.role.name)
    return False


def _place_gang(this: Pass, subscription: Subscription, number: int) -> bool:
    """Give all of the gang its room, if there is room for all of it."""
    found = gangs.placing(this, subscription, number)
    if found is None:
        return False
    this.holds.forget_subscription(subscription)
    for agent, offer, count in found:
        this.cut = Part(offer, number, count)
        _give(this, agent, subscription, offer)
    return True


def _part(this: Pass, agent: Agent, subscription: Subscription) -> Resources | None:
    """What the subscription is to be offered of what is left of the agent now; None if nothing."""
    ledger = this.ledger
    if (agent.gpus or agent.region or subscription.framework.constraints) and not suits(
        ledger, agent, subscription, this.outcome
    ):
        return None
    offer = agent.free if agent.plain else takeable(agent, subscription, this.given.get(agent, {}))
    if ledger.quotas.quotas:
        offer = fair_part(ledger, agent, subscription, offer, this.outcome)
    if subscription.exact:
        offer = _cut(this, agent, subscription, offer)
    if not offer:
        return None
    if (offer is not agent.free or ledger.unlike) and not ledger.worth_offering(offer, subscription.least):
        this.outcome.block(subscription, "minimum")
        return None
    return None if this.is_refused(agent, subscription, offer) else offer


# ---------------------------------------------------------------- both


def _cut(this: Pass, agent: Agent, subscription: Subscription, offer: Resources) -> Resources:
    """Some tasks' worth of it, by what the subscription says that it wants."""
    this.cut = next_part(subscription, offer, this.steps, this.tasks.get((agent, subscription), 0))
    return this.cut.offer


def _give(this: Pass, agent: Agent, subscription: Subscription, offer: Resources) -> None:
    if agent.shared:
        this.given.setdefault(agent, {}).update(dict.fromkeys(key for key, _ in shared_part(offer)))
    this.ledger.hold(agent, subscription, offer)
    if subscription.exact:
        book(subscription, this.cut.number, this.cut.count)
        if subscription.demand[this.cut.number].more:
            this.tasks[agent, subscription] = this.tasks.get((agent, subscription), 0) + this.cut.count
        this.holds.gave(agent, subscription, this.now_ms)
        if subscription.sated:
            this.ledger.roster.settle(subscription)
    parts = this.parts.get(agent)
    if parts is None:
        parts = this.parts[agent] = {}
    before = parts.get(subscription)
    parts[subscription] = offer if before is None else before + offer


def _tell_grants(this: Pass, met: Parts) -> None:
    """One grant for each agent and subscription, of what both stages gave."""
    grants, granted = this.outcome.grants, this.outcome.granted
    for agent, parts in met.items():
        dealt = this.parts.setdefault(agent, {})
        for subscription, offer in parts.items():
            dealt[subscription] = offer + dealt[subscription] if subscription in dealt else offer
    for agent, parts in this.parts.items():
        for subscription, offer in parts.items():
            grants.append(Grant(*subscription.key, agent.id, agent.incarnation, offer))
            granted[subscription] = None
