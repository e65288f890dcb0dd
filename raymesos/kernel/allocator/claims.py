"""Who is owed resources that others use: claims, from which the master chooses what to take back.

After a pass over all agents. A role below its guarantee claims what it lacks of it; with `fair`, a role that has been below its fair share for a while claims up to that. A claim
is for what its framework can use and is not free anywhere, and says from whom how much may be taken: never so much that a role falls below its guarantee, nor, for the sake
of fairness alone, below its share. Claims are made anew after each such pass, as long as they stand: nobody keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.entitled import entitled_shares
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.pool import Vector, minus
from raymesos.kernel.allocator.portion import suits
from raymesos.kernel.allocator.quotas import UNLIMITED, lacking, least
from raymesos.kernel.allocator.state import State
from raymesos.kernel.allocator.wants import left
from raymesos.model.amounts import covers
from raymesos.model.quota import Quantities
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.messages import Claim

# In one message; the next pass says the rest.
MOST_CLAIMS = 64
# Agents among which the master chooses for one claim: looking at all of thousands would cost more than it finds.
MOST_AGENTS = 64
# Of one claim in one pass.
MOST_TASKS = 256
# From whom is taken for one claim.
MOST_ROLES = 64
# A role that is entitled to nothing is over its share by more than anybody.
WITHOUT_ANY = 1 << 30


@dataclass(slots=True)
class Owing:
    """What one look at the shares says: what each role is entitled to, and who holds something, furthest over its share first. `agents` are drawn with the first claim."""

    ledger: Ledger
    entitled: dict[str, Fraction]
    holders: list[tuple[Fraction, Role]]
    agents: list[Agent] = field(default_factory=list)


def claims(state: State, outcome: Outcome, now_ms: int) -> tuple[Claim, ...]:
    """What is owed now, the most deserving first."""
    mode, ledger = state.settings.preemption, state.ledger
    fair = mode == "fair"
    if mode == "off" or not (fair or any(ledger.quotas.required)):
        return ()
    owing = _look(ledger)
    found: list[Claim] = []
    for name in ledger.roster.order.walk():
        role = ledger.roster.roles[name]
        for subscription in role.walk():
            claim = _guarantee_claim(owing, subscription)
            if claim is None and fair:
                claim = _fair_claim(state, owing, subscription, now_ms)
            agents = _agents(state, owing, subscription, claim, outcome) if claim is not None else ()
            if claim is not None and agents:
                found.append(replace(claim, agents=agents))
                if len(found) == MOST_CLAIMS:
                    return tuple(found)
    return tuple(found)


def _look(ledger: Ledger) -> Owing:
    order, pool = ledger.roster.order, ledger.roster.pool
    entitled = {role: Fraction(*share) for role, share in entitled_shares(order).items()}
    holders = []
    for role in ledger.roster.roles.values():
        if any(order.own(role.name)):
            due, share = entitled.get(role.name), Fraction(pool.part(order.held(role.name)), pool.whole)
            holders.append((share / due if due else share * WITHOUT_ANY, role))
    holders.sort(key=lambda row: (-row[0], row[1].name))
    return Owing(ledger, entitled, holders)


# ---------------------------------------------------------------- what is claimed


def _guarantee_claim(owing: Owing, subscription: Subscription) -> Claim | None:
    ledger = owing.ledger
    chain = ledger.chain(subscription.role)
    owed = ledger.quotas.guaranteed(chain) if chain else ()
    if not any(owed):
        return None
    return _claim(owing, subscription, "guarantee", owed)


def _fair_claim(state: State, owing: Owing, subscription: Subscription, now_ms: int) -> Claim | None:
    """Once it has been below its share, with something that it wants, for long enough."""
    ledger, role = state.ledger, subscription.role
    pool = ledger.roster.pool
    due, held = owing.entitled.get(role.name, Fraction(0)), ledger.roster.order.held(role.name)
    if Fraction(pool.part(held), pool.whole) >= due:
        subscription.below_since_ms = None
        return None
    if subscription.below_since_ms is None:
        subscription.below_since_ms = now_ms
    if now_ms - subscription.below_since_ms < state.settings.preempt_after_ms:
        return None
    share = tuple(
        [int(due * total) if factor else UNLIMITED for total, factor in zip(pool.total, pool.factors, strict=False)]
    )
    return _claim(owing, subscription, "fair", lacking(share, held))


def _claim(owing: Owing, subscription: Subscription, kind: str, owed: Vector) -> Claim | None:
    """Tasks of the shape that it wants, or what it lacks if it did not say; None if that is nothing, or may be taken from nobody."""
    ledger = owing.ledger
    shape, count = EMPTY, 0
    missing: Quantities = ()
    if subscription.exact:
        shape, count = _tasks(ledger, subscription, owed, bounded_by_owed=kind == "guarantee")
    else:
        lacks = lacking(owed, ledger.open_free)
        missing = tuple(sorted((n, m) for n, m in ledger.roster.pool.named(lacks).items() if m < UNLIMITED))
    if not count and not missing:
        return None
    takings = _takings(owing, subscription.role, fair=kind == "fair")
    return Claim(*subscription.key, kind, shape, count, missing, takings) if takings else None


def _tasks(ledger: Ledger, subscription: Subscription, owed: Vector, *, bounded_by_owed: bool) -> tuple[Resources, int]:
    """The first shape that it wants, and how many tasks of it what it is owed allows. Names of which nothing is guaranteed do not count against a guarantee."""
    index = {name: i for i, name in enumerate(ledger.roster.pool.names)}
    for number, demand in enumerate(subscription.demand):
        wanted = demand.count if demand.more else left(subscription, number)
        counts = [wanted, MOST_TASKS]
        for name, size in demand.resources.quantities().items():
            amount = owed[index[name]] if name in index and index[name] < len(owed) else 0
            if amount < UNLIMITED and not (bounded_by_owed and not _is_guaranteed(ledger, subscription.role, name)):
                counts.append(amount // size)
        if min(counts) > 0 and (not demand.gang or min(counts) == wanted):
            return demand.resources, min(counts)
    return EMPTY, 0


def _is_guaranteed(ledger: Ledger, role: Role, name: str) -> bool:
    index = ledger.roster.pool.names.index(name)
    return any(index < len(node.guarantee) and node.guarantee[index] for node in ledger.chain(role))


# ---------------------------------------------------------------- from whom


def _takings(owing: Owing, claimant: Role, *, fair: bool) -> tuple[tuple[str, Quantities], ...]:
    """(role, at most so much), the role furthest over its share first. A name that is not there: as much as it holds."""
    ledger, names = owing.ledger, owing.ledger.roster.pool.names
    rows: list[tuple[str, Quantities]] = []
    for ratio, role in owing.holders:
        if len(rows) == MOST_ROLES or (fair and ratio <= 1):
            break
        spare = _spare(ledger, role, claimant) if role is not claimant else None
        if spare is None:
            continue
        if fair:
            spare = least(spare, _above(ledger, role, owing.entitled.get(role.name, Fraction(0))))
        rows.append((role.name, tuple(sorted((n, a) for n, a in zip(names, spare, strict=False) if a < UNLIMITED))))
    return tuple(rows)


def _spare(ledger: Ledger, role: Role, claimant: Role) -> Vector | None:
    """What the role, and those above it, have beyond their guarantees; None if one of them lacks something. What is guaranteed to both is the claimant's too."""
    spare: Vector = ()
    own = ledger.chain(claimant)
    for node in ledger.chain(role):
        if node in own or not any(node.guarantee):
            continue
        if any(lacking(node.guarantee, node.consumed)):
            return None
        beyond = minus(node.consumed, node.guarantee)
        guaranteed = node.guarantee + (0,) * (len(beyond) - len(node.guarantee))
        spare = least(spare, tuple(b if g else UNLIMITED for b, g in zip(beyond, guaranteed, strict=True)))
    return spare


def _above(ledger: Ledger, role: Role, due: Fraction) -> Vector:
    """What may go of its dominant resource until it holds just its share."""
    pool = ledger.roster.pool
    held = ledger.roster.order.held(role.name)
    dominant = pool.names.index(pool.dominant(held))
    spare = held[dominant] - int(due * pool.total[dominant])
    return tuple(spare if i == dominant else UNLIMITED for i in range(len(pool.names)))


def _agents(state: State, owing: Owing, subscription: Subscription, claim: Claim, outcome: Outcome) -> tuple[str, ...]:
    """Agents that the claimant would use and on which somebody holds what may be taken."""
    roles = dict.fromkeys(role for role, _ in claim.takings)
    shape = claim.shape.quantities()
    found: list[str] = []
    owing.agents = owing.agents or state.dice.shuffled(state.ledger.agents.values())
    for agent in owing.agents:
        if len(found) >= MOST_AGENTS:
            break
        if (
            agent.active
            and any(holder.role.name in roles for holder in agent.held)
            and _could_hold(agent, subscription, shape)
            and suits(state.ledger, agent, subscription, outcome)
            and not state.filters.refuses(subscription.key, agent.id)
        ):
            found.append(agent.id)
    return tuple(sorted(found))


def _could_hold(agent: Agent, subscription: Subscription, shape: Mapping[str, int]) -> bool:
    total = agent.total.available_to(subscription.role.name).quantities()
    return covers(total, shape)
