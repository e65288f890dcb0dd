"""The pass: what is free goes to whom it is due. It books in the ledger and returns the grants and what stood in the way of the others.

Two stages, each over the agents in an order of its own. First roles that are owed a guarantee, each up to what it is owed; then everybody, in the order of the role
sorter and in each role of its framework sorter: the first that may have what is left takes all of it, or, if it has said exactly what it wants, some of it (see wants). The sorters are
asked again for every agent, so successive agents go to the next most deserving. (Mesos: hierarchical.cpp, __allocate)
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from raymesos.kernel.allocator import gangs, holds
from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.filters import Filters
from raymesos.kernel.allocator.giving import Pass, give, part_of, place_gang
from raymesos.kernel.allocator.guarantees import meet_guarantees
from raymesos.kernel.allocator.holds import Holds
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.parts import Parts
from raymesos.kernel.allocator.pool import Vector, covers
from raymesos.kernel.allocator.scoring import ordered, room
from raymesos.kernel.allocator.shares import DrfSorter
from raymesos.kernel.allocator.wants import STEPS
from raymesos.model.resources import Resources
from raymesos.wire.messages import Grant

# Of so few agents everybody is asked about each: what stands in whose way is then known exactly.
FEW_AGENTS = 256


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
    this.may_learn = (
        bool(ledger.quotas.quotas)
        and len(candidates) > FEW_AGENTS
        and not any(framework.constraints for framework in ledger.roster.frameworks.values())
    )
    met = Parts()
    if ledger.roster.order.active:
        if any(ledger.quotas.required):
            meet_guarantees(this, ordered(candidates, scoring, dice))
            # Who had its guarantee met of an agent may have more of it by fair share: what is reserved above its role, say.
            met, this.parts = this.parts, Parts()
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
    if not (this.full or this.vain):
        return
    unused = [agent for agent in candidates if agent in this.ledger.offerable and agent.plain]
    for blocks in this.outcome.blocks.values():
        for kind, block in blocks.items():
            if kind in ("limit", "headroom"):
                block.also_on(unused)


# ---------------------------------------------------------------- stage 2


def _deal(this: Pass, agent: Agent) -> None:
    """Deal out the agent until nothing is left of it or nobody takes it."""
    ledger = this.ledger
    while agent in ledger.offerable:
        if (this.vain and _is_in_vain(this, agent)) or not _step(this, agent):
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
    again = agent in this.parts.takers
    if agent in this.holds.by_agent:
        held_for = holds.holder(this.holds, agent)
        if held_for is not None:
            return _step_held(this, agent, held_for)
    took = False
    waiting: Subscription | None = None
    for role_name in ledger.roster.order.walk() if agent.plain else _who_may(this, agent):
        role = roles[role_name]
        if role in this.full:
            continue
        for subscription in role.walk():
            if again and not subscription.exact and this.parts.has(agent, subscription):
                continue
            if subscription.exact and place_gang(this, subscription):
                return True
            offer = part_of(this, agent, subscription)
            if offer is None:
                if waiting is None and subscription.exact:
                    waiting = subscription
                continue
            if waiting is not None and _keep(this, agent, waiting, offer):
                return took or _step_held(this, agent, waiting)
            give(this, agent, subscription, offer)
            took = True
            if subscription.exact or agent not in offerable or agent.free.is_reserved:
                return True
            if this.vain and _is_in_vain(this, agent):
                return True
            again = True
        if ledger.quotas.quotas:
            _mark_full(this, role)
    if not took and this.may_learn and _is_like_any(this, agent):
        this.vain.append(agent.free_vector)
    return took


def _is_in_vain(this: Pass, agent: Agent) -> bool:
    """Whether nobody took as much or more of another agent that was like this one."""
    return _is_like_any(this, agent) and any(covers(vector, agent.free_vector) for vector in this.vain)


def _is_like_any(this: Pass, agent: Agent) -> bool:
    """Whether who would take nothing of it does so for how much it has, and for nothing else about it."""
    if not agent.free.is_plain or agent.gpus or agent.region or agent in this.holds.by_agent:
        return False
    return this.filters.of_agent(agent.id) is None


def _who_may(this: Pass, agent: Agent) -> Iterable[str]:
    """The roles to ask, in order. Of an agent of which only reserved resources are left, those that they are reserved to, and those below them."""
    order = this.ledger.roster.order
    if not agent.free.is_reserved or not isinstance(order, DrfSorter):
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


def _keep(this: Pass, agent: Agent, waiting: Subscription, offer: Resources) -> bool:
    """Keep the agent for `waiting`, whose turn came first, if what is left after the offer would lack what its task needs."""
    gang = gangs.next_gang(waiting)
    number = gang if gang is not None else holds.waiting_task(agent, waiting)
    if number is None or not holds.would_lack(agent, waiting.demand[number].resources, offer):
        return False
    return (holds.hold if gang is None else gangs.keep)(this, agent, waiting, number)


def _step_held(this: Pass, agent: Agent, holder: Subscription) -> bool:
    """The agent is kept: the holder takes what it waits for. Who comes before it by now does so here, too; who comes after it may use the time until then."""
    behind = False
    for role_name in this.ledger.roster.order.walk():
        role = this.ledger.roster.roles[role_name]
        for subscription in role.walk():
            if subscription.exact and not behind and place_gang(this, subscription):
                return True
            if behind and not holds.may_backfill(this.holds, agent, subscription, this.now_ms):
                until_ms = holds.until_ms(this.holds, agent)
                this.outcome.block(subscription, "held", until_ms=until_ms, role=holder.role.name)
                continue
            offer = part_of(this, agent, subscription)
            if offer is not None:
                if subscription is holder:
                    holds.release(this.holds, agent)
                give(this, agent, subscription, offer)
                return True
            behind = behind or subscription is holder
    return False


def _tell_grants(this: Pass, met: Parts) -> None:
    """One grant for each agent and subscription, of what both stages gave."""
    this.parts.take_in(met)
    rows = list(this.parts.rows())
    this.outcome.granted = dict.fromkeys(subscription for _, subscription, _ in rows)
    this.outcome.grants = [
        Grant(*subscription.key, agent.id, agent.incarnation, offer) for agent, subscription, offer in rows
    ]
