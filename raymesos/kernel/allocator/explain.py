"""What the observer is told: shares, passes, and why a framework got nothing. Everything is said once, and again when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from raymesos.kernel.allocator.books import Subscription
from raymesos.kernel.allocator.entitled import entitled_shares
from raymesos.kernel.allocator.metrics import cluster_metrics
from raymesos.kernel.allocator.outcome import Block, Outcome
from raymesos.kernel.allocator.portion import bounded
from raymesos.kernel.allocator.sizes import fits_some, nearest_miss
from raymesos.kernel.allocator.state import State
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.model.roles import ancestors
from raymesos.wire.notes import MetricsNote, PassNote, ShareNote, WaitNote, WaitReason

# Who plays changes with every last task of a role; this is for people who look on.
LOOK_AGAIN_MS = 5_000
# What says most comes first: of several reasons the first is the headline.
ORDER = ("limit", "headroom", "constraint", "capability", "domain", "minimum", "held", "filtered")
# These stand in the way whatever is free.
LASTING = ("constraint", "capability", "domain")


# What most of thousands are told in every pass: one object, so that comparing costs nothing.
BEHIND = (WaitReason("role_behind"),)


def tell_outcome(state: State, outcome: Outcome, now_ms: int, out: Outbox, *, whole: bool) -> None:
    """Tell of a pass. Of those who got nothing all are told of after a pass over all agents, else those who were passed over: one over a few says little about the rest."""
    out.note(PassNote(now_ms, outcome.agents, len(outcome.grants), tuple(state.filters.active().items())))
    for subscription in outcome.granted:
        tell_wait(subscription, (), now_ms, out)
    outcome.stand(state.roster.wishes)
    _tell_waits(state, outcome, now_ms, out, whole=whole)
    if whole:
        out.note(MetricsNote(now_ms, tuple(cluster_metrics(state).items())))
    tell_shares(state, now_ms, out, whole=whole)


def tell_wait(subscription: Subscription, reasons: tuple[WaitReason, ...], now_ms: int, out: Outbox) -> None:
    """It waits for these reasons; for none if it got something, or wants nothing."""
    if subscription.told is reasons or list(map(_gist, subscription.told)) == list(map(_gist, reasons)):
        return
    subscription.told = reasons
    framework_id, role = subscription.key
    first = reasons[0] if reasons else WaitReason("")
    out.note(WaitNote(now_ms, framework_id, role, first.kind, first.detail, first.until_ms, reasons))


def _gist(reason: WaitReason) -> WaitReason:
    """What is worth saying anew: not that it is on one agent more."""
    return replace(reason, agents=0) if reason.agents else reason


def tell_wishes(state: State, framework_id: str, now_ms: int, out: Outbox) -> None:
    """Tell in which roles the framework wants no offers, because it said so or because it is gone from there."""
    framework = state.roster.frameworks.get(framework_id)
    for subscription in framework.subscriptions.values() if framework is not None else ():
        if not subscription.wants:
            suppressed = subscription.subscribed and subscription.suppressed
            tell_wait(subscription, (WaitReason("suppressed"),) if suppressed else (), now_ms, out)
    _tell_parted(state, now_ms, out)


def tell_again(state: State, now_ms: int, out: Outbox) -> None:
    """The observer has lost its memory: all roles are told of with the next pass, and why frameworks wait with the next pass over all agents."""
    roster = state.roster
    for names in (roster.roles, roster.weights, state.ledger.quotas.quotas):
        roster.changed.update(dict.fromkeys(names))
    for framework_id, framework in roster.frameworks.items():
        for subscription in framework.subscriptions.values():
            subscription.told = ()
        tell_wishes(state, framework_id, now_ms, out)


def _tell_parted(state: State, now_ms: int, out: Outbox) -> None:
    parted, state.roster.parted = state.roster.parted, []
    for subscription in parted:
        tell_wait(subscription, (), now_ms, out)


def tell_shares(state: State, now_ms: int, out: Outbox, *, whole: bool) -> None:
    """Tell of the roles whose holdings, weight, quota or entitlement changed, and of those above them. The last is looked at in passes over all agents only."""
    changed, state.roster.changed = state.roster.changed, {}
    for role in list(changed):
        if "/" in role:
            changed.update(dict.fromkeys(ancestors(role)))
    if whole and (state.roster.wishes != state.entitled_as_of[0] or now_ms >= state.entitled_as_of[1] + LOOK_AGAIN_MS):
        state.entitled_as_of = (state.roster.wishes, now_ms)
        entitled = entitled_shares(state.roster.order)
        changed.update({r: None for r, share in entitled.items() if state.entitled.get(r) != share})
        state.entitled = entitled
    for role in changed:
        out.note(_share(state, role, now_ms))


def _share(state: State, role: str, now_ms: int) -> ShareNote:
    order, pool = state.roster.order, state.roster.pool
    held, quota = order.held(role), state.ledger.quotas.quotas.get(role)
    return ShareNote(
        now_ms,
        role,
        state.roster.weights.get(role, "1"),
        (pool.part(held), pool.whole),
        Resources.of_milli(pool.named(held)),
        guarantee=quota.guarantee if quota is not None else (),
        limit=quota.limit if quota is not None else (),
        dominant=pool.dominant(held),
        entitled=state.entitled.get(role, (0, 1)),
    )


def _tell_waits(state: State, outcome: Outcome, now_ms: int, out: Outbox, *, whole: bool) -> None:
    agents = any(agent.active for agent in state.ledger.agents.values())
    for subscription in _waiting(state) if whole else outcome.blocks:
        if subscription.wants and subscription not in outcome.granted:
            tell_wait(subscription, _reasons(state, outcome, subscription, now_ms, agents=agents), now_ms, out)


def _waiting(state: State) -> Iterator[Subscription]:
    for role in state.roster.roles.values():
        if role.sorter.active:
            yield from role.subscriptions.values()


def _reasons(
    state: State, outcome: Outcome, subscription: Subscription, now_ms: int, *, agents: bool
) -> tuple[WaitReason, ...]:
    if not agents:
        return (WaitReason("no_agents"),)
    shape = _misfit(state, subscription) if subscription.demand else None
    if shape is not None:
        missing = nearest_miss(state.ledger.totals, subscription.role.name, shape)
        return (WaitReason("no_agent_fits", str(shape), quantities=tuple(sorted(missing.items()))),)
    # What was not asked about again in this pass still stands in the way, until its time is over.
    stood = subscription.stood
    if stood:
        stood = {k: b for k, b in stood.items() if _still_stands(state, subscription, k, now_ms)}
    if state.ledger.offerable or subscription in outcome.blocks:
        if stood:
            return tuple(_reason(state, kind, stood[kind]) for kind in ORDER if kind in stood)
        until_ms = state.filters.soonest_end(subscription.key)
        if until_ms is not None:
            return (WaitReason("filtered", until_ms=until_ms),)
    if not stood and outcome.grants:
        return BEHIND
    lasting = tuple(_reason(state, kind, stood[kind]) for kind in LASTING if kind in stood)
    return (*lasting, _no_turn(state, outcome, subscription))


def _still_stands(state: State, subscription: Subscription, kind: str, now_ms: int) -> bool:
    """Whether its time is not over, and limits and headroom are what they were when they stood in the way."""
    quotas, block = state.ledger.quotas, subscription.stood[kind]
    if kind == "headroom":
        return block.vector == quotas.required
    if kind == "limit":
        chain = state.ledger.chain(subscription.role)
        room = quotas.room(chain) if chain else None
        return room is not None and block.vector == bounded(room)
    return block.until_ms is None or block.until_ms > now_ms


def _no_turn(state: State, outcome: Outcome, subscription: Subscription) -> WaitReason:
    """Nothing but that others have it, or come first."""
    if outcome.grants:
        return WaitReason("role_behind")
    kept_for_it = state.holds.of(subscription)
    if kept_for_it:
        agents_are = "1 agent is" if kept_for_it == 1 else f"{kept_for_it} agents are"
        return WaitReason("nothing_free", f"{agents_are} kept for its tasks", agents=kept_for_it)
    small = subscription.exact and state.ledger.offerable
    return WaitReason("nothing_free", "what is free is too little for one of its tasks" if small else "")


def _reason(state: State, kind: str, block: Block) -> WaitReason:
    named = state.roster.pool.named(block.vector)
    detail = "what is free is on agents with GPUs" if kind == "capability" else ""
    return WaitReason(kind, detail, block.until_ms, block.role, tuple(sorted(named.items())), block.agents)


def _misfit(state: State, subscription: Subscription) -> Resources | None:
    """The first shape that the subscription wants and that no agent, empty, could hold. Looked for again only when agents or demand changed."""
    ledger = state.ledger
    if subscription.misfit_version != ledger.totals_version:
        subscription.misfit_version = ledger.totals_version
        shapes = (d.resources for d in subscription.demand if d.count > 0)
        subscription.misfit = next((s for s in shapes if not fits_some(ledger.totals, subscription.role.name, s)), None)
    return subscription.misfit
