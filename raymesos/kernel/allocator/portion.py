"""What of one agent may be offered to one subscription: by what its framework takes, by reservations, by quotas. (Mesos: hierarchical.cpp, __allocate)"""

from __future__ import annotations

from operator import le

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.pool import Vector, minus
from raymesos.kernel.allocator.quotas import UNLIMITED, Chain, lacking, least
from raymesos.model.offer_constraints import Place
from raymesos.model.portions import cut_open, is_open, open_part
from raymesos.model.resources import EMPTY, Key, Resources, Shared
from raymesos.model.roles import is_within


def suits(ledger: Ledger, agent: Agent, subscription: Subscription, outcome: Outcome) -> bool:
    """Whether the framework may see the agent at all."""
    framework = subscription.framework
    if agent.gpus and not framework.takes_gpus:
        outcome.block(subscription, "capability")
        return False
    if agent.region and not framework.takes_remote and agent.region != ledger.home_region:
        outcome.block(subscription, "domain", role=agent.region)
        return False
    if framework.constraints and not _allowed(agent, subscription):
        outcome.block(subscription, "constraint")
        return False
    return True


def takeable(agent: Agent, subscription: Subscription, given: dict[Key, None], *, own_only: bool = False) -> Resources:
    """What of the agent's free resources the subscription may hold; `agent.free` itself if it is all. `given`: shared things that this pass offered already.

    `own_only` leaves out what is reserved to roles above its own.
    """
    if agent.plain:
        return agent.free
    framework, role = subscription.framework, subscription.role.name

    def may_have(key: Key) -> bool:
        if key.reservations and not is_within(role, key.role):
            return False
        if key.revocable and not framework.takes_revocable:
            return False
        if key.shared and (not framework.takes_shared or key in given):
            return False
        if own_only and key.reservations and key.role != role:
            return False
        return len(key.reservations) < 2 or framework.takes_refined

    return agent.free.filter_special(may_have)


def fair_part(ledger: Ledger, agent: Agent, subscription: Subscription, part: Resources, outcome: Outcome) -> Resources:
    """`part` within the limits on the role's path, and without what is kept for those who are owed a guarantee. Nothing if that leaves too little for an offer."""
    chain, quotas = ledger.chain(subscription.role), ledger.quotas
    is_kept = any(quotas.required)
    if quotas.has_room(chain, agent.open_vector) and (not is_kept or _within(agent.open_vector, surplus(ledger))):
        return part
    room = quotas.room(chain) if chain else None
    if is_kept:
        bound = surplus(ledger) if room is None else least(surplus(ledger), room)
    elif room is not None:
        bound = room
    else:
        return part
    cut = cut_open(part, _named(ledger, bound))
    if cut is not part and not ledger.worth_offering(cut, subscription.least):
        _tell_why(ledger, subscription, room, agent.open_vector, outcome)
        return EMPTY
    return cut


def quota_allows(ledger: Ledger, subscription: Subscription, shape: Resources, outcome: Outcome) -> bool:
    """Whether limits and headroom leave room for one task of this shape, whatever is free on one agent. If not, the outcome hears which of them is in the way."""
    chain = ledger.chain(subscription.role)
    room = ledger.quotas.room(chain) if chain else None
    wanted = ledger.roster.pool.vector(shape.quantities())
    if room is not None and not _within(wanted, room):
        _blocked_by_limit(ledger, subscription, room, outcome)
        return False
    if any(ledger.quotas.required) and not _within(wanted, surplus(ledger)):
        _blocked_by_headroom(ledger, subscription, outcome)
        return False
    return True


def gang_bound(ledger: Ledger, subscription: Subscription) -> dict[str, int]:
    """How much of each name all tasks of a gang together may get: within the limits, and of what is kept only what is kept for its own role."""
    quotas = ledger.quotas
    if not quotas.quotas:
        return {}
    chain = ledger.chain(subscription.role)
    own = quotas.guaranteed(chain)
    bound = tuple([s if s >= UNLIMITED else s + (own[i] if i < len(own) else 0) for i, s in enumerate(surplus(ledger))])
    room = quotas.room(chain) if chain else None
    return _named(ledger, bound if room is None else least(bound, room))


def guaranteed_part(ledger: Ledger, agent: Agent, subscription: Subscription, given: dict[Key, None]) -> Resources:
    """What of the agent meets what the role is owed, with what comes along: reserved to exactly the role, revocable, no scalars, and more where limit and headroom allow.

    Nothing if nothing of it is owed, or if all that the subscription could take would not be worth an offer.
    """
    if agent.free.is_plain:
        return _guaranteed_of_plain(ledger, agent, subscription)
    available = takeable(agent, subscription, given)
    if not ledger.worth_offering(available, subscription.least):
        return EMPTY
    chain, quotas = ledger.chain(subscription.role), ledger.quotas
    open_, owed = open_part(available), quotas.guaranteed(chain)
    names = ledger.roster.pool.names
    met = cut_open(open_, {**dict.fromkeys(names, 0), **_named(ledger, owed)})
    if not met:
        return EMPTY
    vector = ledger.roster.pool.vector(met.quantities())
    # What meets the guarantee lowers what is free and what is owed alike: the surplus stays what it is.
    bound = surplus(ledger)
    room = quotas.room(chain)
    if room is not None:
        bound = least(bound, lacking(room, vector))
    extra = cut_open(open_ - met, _named(ledger, bound))
    return met + extra + takeable(agent, subscription, given, own_only=True).filter(_comes_along) + _unscalar(available)


def _guaranteed_of_plain(ledger: Ledger, agent: Agent, subscription: Subscription) -> Resources:
    """The same of an agent that has nothing but open scalars, which is most of a pass over thousands: by vectors alone."""
    chain, quotas = ledger.chain(subscription.role), ledger.quotas
    free, owed = agent.free_vector, quotas.guaranteed(chain)
    met = tuple(map(min, free, owed))
    if not any(met) or (ledger.unlike and not ledger.worth_offering(agent.free, subscription.least)):
        return EMPTY
    if met == free:
        return agent.free
    bound, room = surplus(ledger), quotas.room(chain)
    if room is not None:
        bound = least(bound, lacking(room, met))
    met += (0,) * (len(free) - len(met))
    bound += (UNLIMITED,) * (len(free) - len(bound))
    part = tuple([m + min(f - m, b) for f, m, b in zip(free, met, bound, strict=False)])
    return agent.free if part == free else Resources.of_milli(ledger.roster.pool.named(part))


def _allowed(agent: Agent, subscription: Subscription) -> bool:
    found = subscription.suits.get(agent.id)
    if found is None:
        constraints = subscription.framework.constraints.get(subscription.role.name)
        place = Place(agent.hostname, agent.attributes, agent.region, agent.zone)
        found = subscription.suits[agent.id] = constraints is None or constraints.allow(place)
    return found


def surplus(ledger: Ledger) -> Vector:
    """What is free and open, and not kept for anybody. A name of which nothing is kept is not bounded."""
    required = ledger.quotas.required
    free = ledger.open_free
    return tuple(
        [max(0, (free[i] if i < len(free) else 0) - kept) if kept > 0 else UNLIMITED for i, kept in enumerate(required)]
    )


def _within(vector: Vector, bound: Vector) -> bool:
    return all(map(le, vector, bound))


def _named(ledger: Ledger, vector: Vector) -> dict[str, int]:
    names = ledger.roster.pool.names
    return {name: amount for name, amount in zip(names, vector, strict=False) if amount < UNLIMITED}


def _comes_along(key: Key) -> bool:
    return not is_open(key)


def _unscalar(resources: Resources) -> Resources:
    """What is unreserved and no scalar: ports, say."""
    if resources.is_plain:
        return EMPTY
    return Resources(rest={k: q for k, q in resources if is_open(k) and not isinstance(q, int | Shared)})


def _tell_why(
    ledger: Ledger, subscription: Subscription, room: Vector | None, wanted: Vector, outcome: Outcome
) -> None:
    """A limit if the room under it is too small, else the headroom that is kept for others."""
    if room is not None and not ledger.worth_offering(_of(ledger, least(wanted, room)), subscription.least):
        _blocked_by_limit(ledger, subscription, room, outcome)
    else:
        _blocked_by_headroom(ledger, subscription, outcome)


def bounded(room: Vector) -> Vector:
    """The room under a limit as it is told: what is not limited counts 0."""
    return tuple(r if r < UNLIMITED else 0 for r in room)


def _blocked_by_limit(ledger: Ledger, subscription: Subscription, room: Vector, outcome: Outcome) -> None:
    node = _tightest(ledger, ledger.chain(subscription.role), room)
    outcome.block(subscription, "limit", role=node, vector=bounded(room))


def _blocked_by_headroom(ledger: Ledger, subscription: Subscription, outcome: Outcome) -> None:
    owed = [n.path for n in ledger.quotas.root.children.values() if any(n.owed)]
    outcome.block(subscription, "headroom", role=", ".join(owed[:3]), vector=ledger.quotas.required)


def _of(ledger: Ledger, vector: Vector) -> Resources:
    return Resources.of_milli(ledger.roster.pool.named(tuple(v if v < UNLIMITED else 0 for v in vector)))


def _tightest(ledger: Ledger, chain: Chain, room: Vector) -> str:
    """The role on the path whose limit leaves least."""
    limited = [node for node in chain if node.limit is not None]
    return min(limited, key=lambda n: minus(n.limit or (), n.consumed)).path if limited else ""
