"""What the observer is told: shares, passes, and why a framework got nothing. Everything is said once, and again when it changes."""

from __future__ import annotations

from raymesos.kernel.allocator.allocate import Outcome
from raymesos.kernel.allocator.books import Subscription
from raymesos.kernel.allocator.metrics import cluster_metrics
from raymesos.kernel.allocator.state import State
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.model.roles import ancestors
from raymesos.wire.notes import MetricsNote, PassNote, ShareNote, WaitNote

GOT_SOMETHING = ""
WANTS_NOTHING = ""


def tell_outcome(state: State, outcome: Outcome, now_ms: int, out: Outbox, *, whole: bool) -> None:
    """Tell of a pass. Why frameworks wait is worked out only after a pass over all agents: one over a few says little about the rest."""
    out.note(PassNote(now_ms, outcome.agents, len(outcome.grants), tuple(state.filters.active().items())))
    for subscription in outcome.granted:
        tell_wait(subscription, GOT_SOMETHING, now_ms, out)
    if whole:
        _tell_waits(state, outcome, now_ms, out)
        out.note(MetricsNote(now_ms, tuple(cluster_metrics(state).items())))
    tell_shares(state, now_ms, out)


def tell_wait(
    subscription: Subscription, why: str, now_ms: int, out: Outbox, *, detail: str = "", until_ms: int | None = None
) -> None:
    if subscription.told != (why, until_ms):
        subscription.told = (why, until_ms)
        framework_id, role = subscription.key
        out.note(WaitNote(now_ms, framework_id, role, why, detail, until_ms))


def tell_wishes(state: State, framework_id: str, now_ms: int, out: Outbox) -> None:
    """Tell in which roles the framework wants no offers, because it said so or because it is gone from there."""
    framework = state.roster.frameworks.get(framework_id)
    for subscription in framework.subscriptions.values() if framework is not None else ():
        if not subscription.wants:
            suppressed = subscription.subscribed and subscription.suppressed
            tell_wait(subscription, "suppressed" if suppressed else WANTS_NOTHING, now_ms, out)
    _tell_parted(state, now_ms, out)


def _tell_parted(state: State, now_ms: int, out: Outbox) -> None:
    parted, state.roster.parted = state.roster.parted, []
    for subscription in parted:
        tell_wait(subscription, WANTS_NOTHING, now_ms, out)


def tell_shares(state: State, now_ms: int, out: Outbox) -> None:
    """Tell of the roles whose holdings or weight changed, and of those above them."""
    changed, state.roster.changed = state.roster.changed, {}
    for role in list(changed):
        if "/" in role:
            changed.update(dict.fromkeys(ancestors(role)))
    order, pool = state.roster.order, state.roster.pool
    for role in changed:
        held = order.held(role)
        share = pool.part(held), pool.whole
        out.note(
            ShareNote(now_ms, role, state.roster.weights.get(role, "1"), share, Resources.of_milli(pool.named(held)))
        )


def _tell_waits(state: State, outcome: Outcome, now_ms: int, out: Outbox) -> None:
    agents = any(agent.active for agent in state.ledger.agents.values())
    for role in state.roster.roles.values():
        if not role.sorter.active:
            continue
        for subscription in role.subscriptions.values():
            if not subscription.wants or subscription in outcome.granted:
                continue
            if not agents:
                tell_wait(subscription, "no_agents", now_ms, out)
            elif subscription.demand and (shape := _misfit(state, subscription)) is not None:
                tell_wait(subscription, "no_agent_fits", now_ms, out, detail=str(shape))
            elif (until_ms := _filtered_until(state, outcome, subscription)) is not None:
                tell_wait(subscription, "filtered", now_ms, out, until_ms=until_ms)
            elif outcome.grants:
                tell_wait(subscription, "role_behind", now_ms, out)
            else:
                tell_wait(subscription, "nothing_free", now_ms, out, detail=_why_not(state, outcome, subscription))


def _why_not(state: State, outcome: Outcome, subscription: Subscription) -> str:
    """Why what is free was no use to the subscription; empty if nothing is."""
    if subscription in outcome.unfit:
        return "what is free is on agents with GPUs"
    return "what is free is too little for one of its tasks" if subscription.exact and state.ledger.offerable else ""


def _filtered_until(state: State, outcome: Outcome, subscription: Subscription) -> int | None:
    """When a filter ends that kept something from the subscription, in this pass or in the one that last offered what is still left."""
    until_ms = outcome.refused.get(subscription)
    if until_ms is None and state.ledger.offerable:
        until_ms = state.filters.oldest_end(subscription.key)
    return until_ms


def _misfit(state: State, subscription: Subscription) -> Resources | None:
    """The first shape that the subscription wants and that no agent, empty, could hold. Looked for again only when agents or demand changed."""
    ledger = state.ledger
    if subscription.misfit_version != ledger.totals_version:
        subscription.misfit_version = ledger.totals_version
        shapes = (d.resources for d in subscription.demand if d.count > 0)
        subscription.misfit = next((s for s in shapes if not ledger.fits_some_agent(subscription.role.name, s)), None)
    return subscription.misfit
