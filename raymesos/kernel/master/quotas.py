"""Quotas: checked against the tree of roles and against what there is, kept, told to the allocator; offers that stand in their way are rescinded.

All roles of a request or none. `force` lets guarantees exceed what there is (in the cluster, or of the role above), and limits lie below what is consumed.
(Mesos: quota_handler.cpp, quota.cpp; the tree: its QuotaTree, which was never released)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.operator import Refused, answer
from raymesos.kernel.master.state import State
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.amounts import Amounts, covers, less, total
from raymesos.model.portions import open_quantities
from raymesos.model.quota import Quantities, Quota, quantities_text
from raymesos.model.resource_text import quantity_text
from raymesos.model.roles import is_within, parent_of, role_error
from raymesos.wire.messages import QuotasChanged, QuotasSet, SetQuotas


def set_quotas(state: State, sender: str, message: SetQuotas, out: Outbox, now_ms: int) -> None:
    """Replace the quotas of the roles that the request names, or say with numbers why not, and then nothing has changed."""
    refused = _refusal(state, message)
    if refused is None and message.quotas:
        for quota in message.quotas:
            _keep(state, quota)
        out.persist(QuotasSet(message.quotas))
        out.send(ALLOCATOR, QuotasChanged(message.quotas))
        notes.master_now(state, out, now_ms)
        for quota in message.quotas:
            text = f"guarantee {quantities_text(quota.guarantee) or 'none'}, limit {quantities_text(quota.limit) or 'none'}"
            notes.event(out, now_ms, "quota set", quota.role, text)
            if message.legacy:
                _rescind_as_of_old(state, quota, out, now_ms)
        if not message.legacy:
            _rescind_above_limits(state, message.quotas, out)
            _rescind_for_guarantees(state, message.quotas, out)
    answer(out, sender, message.request_id, refused)


def restore(state: State, quotas: Iterable[Quota]) -> None:
    for quota in quotas:
        _keep(state, quota)


def tell_allocator(state: State, out: Outbox) -> None:
    if state.quotas:
        out.send(ALLOCATOR, QuotasChanged(tuple(state.quotas.values())))


def _keep(state: State, quota: Quota) -> None:
    if quota.is_default:
        state.quotas.pop(quota.role, None)
    else:
        state.quotas[quota.role] = quota


# ---------------------------------------------------------------- why not


def _refusal(state: State, message: SetQuotas) -> Refused | None:
    seen: dict[str, None] = {}
    for quota in message.quotas:
        refused = _own_error(quota)
        if refused is not None:
            return refused
        if quota.role in seen:
            return Refused("invalid", "is named twice in one request", "quota.role", quota.role)
        seen[quota.role] = None
    if message.force:
        return None
    wanted = {**state.quotas, **{q.role: q for q in message.quotas}}
    guarantees = {role: dict(q.guarantee) for role, q in wanted.items() if any(m for _, m in q.guarantee)}
    return _tree_error(guarantees) or _capacity_error(state, guarantees, message) or _limit_error(state, message)


def _own_error(quota: Quota) -> Refused | None:
    error = role_error(quota.role)
    if error is not None:
        return Refused("invalid", error, "quota.role", quota.role)
    limit = dict(quota.limit)
    for name, milli in quota.guarantee:
        if name in limit and milli > limit[name]:
            text = f"guarantee of {quota.role}, {name}:{quantity_text(milli)}, is more than its limit, {name}:{quantity_text(limit[name])}"
            return Refused("quota", text, "guarantee", quota.role)
    return None


def _tree_error(guarantees: Mapping[str, Amounts]) -> Refused | None:
    """What a role guarantees to its children together must fit into its own guarantee."""
    below: dict[str, dict[str, Amounts]] = {}
    for role, amounts in guarantees.items():
        parent = parent_of(role)
        if parent is not None:
            below.setdefault(parent, {})[role] = amounts
    for parent, children in below.items():
        own = guarantees.get(parent, {})
        together = total(children.values())
        if not covers(own, together):
            names = ", ".join(sorted(children))
            text = (
                f"guarantees below {parent} ({names}) are {quantities_text(together)} together, "
                f"{parent} is guaranteed {quantities_text(own) or 'nothing'}"
            )
            return Refused("quota", text, "guarantee", parent)
    return None


def _capacity_error(state: State, guarantees: Mapping[str, Amounts], message: SetQuotas) -> Refused | None:
    """All guarantees of top roles together must fit into what the agents have. A request that only lowers them is never refused for it."""
    before = total(dict(q.guarantee) for role, q in state.quotas.items() if parent_of(role) is None)
    wanted = total(amounts for role, amounts in guarantees.items() if parent_of(role) is None)
    have = total(a.whole.non_revocable().quantities() for a in state.agents.values() if a.connected)
    over = {n: m for n, m in wanted.items() if m > have.get(n, 0) and m > before.get(n, 0)}
    if not over:
        return None
    text = (
        f"guarantees of all roles would be {quantities_text(wanted)}, "
        f"the cluster has {quantities_text({n: have.get(n, 0) for n in wanted}) or 'nothing'}; force sets them all the same"
    )
    return Refused("quota", text, "guarantee", message.quotas[0].role)


def _limit_error(state: State, message: SetQuotas) -> Refused | None:
    for quota in message.quotas:
        if not quota.limit:
            continue
        consumed = consumption(state, quota.role)
        over = {name: consumed.get(name, 0) for name, milli in quota.limit if consumed.get(name, 0) > milli}
        if over:
            text = (
                f"{quota.role} and its sub-roles consume {quantities_text(over)} now, more than the limit "
                f"{quantities_text(dict(quota.limit))}; force sets it all the same"
            )
            return Refused("quota", text, "limit", quota.role)
    return None


def consumption(state: State, role: str) -> Amounts:
    """What is reserved to the role and its sub-roles, and what their tasks and executors use of what is open. Offers can be rescinded: they are no consumption."""
    parts: list[Amounts] = []
    for agent in state.agents.values():
        reserved_to = dict.fromkeys(key.role for key, _ in agent.own if key.reservations)
        parts.extend(agent.own.reserved_to(each).quantities() for each in reserved_to if is_within(each, role))
        parts.extend(
            open_quantities(task.info.resources)
            for task in agent.tasks.values()
            if task.holding and is_within(task.info.role, role)
        )
        parts.extend(
            open_quantities(each.info.resources) for each in agent.executors.values() if is_within(each.info.role, role)
        )
    return total(parts)


# ---------------------------------------------------------------- what has to go back


def _rescind_above_limits(state: State, quotas: tuple[Quota, ...], out: Outbox) -> None:
    """Offers in a role's subtree end until what is consumed and offered there is within its limit."""
    for quota in quotas:
        if not quota.limit:
            continue
        over = _over(total([consumption(state, quota.role), *_offered(state, quota.role)]), quota.limit)
        for offer_id, offer in list(state.offers.items()):
            if not over:
                break
            held = open_quantities(offer.resources)
            if is_within(offer.role, quota.role) and any(held.get(name) for name in over):
                offers.rescind(state, offer_id, out)
                over = less(over, held)


def _rescind_for_guarantees(state: State, quotas: tuple[Quota, ...], out: Outbox) -> None:
    """Offers of others end until what is free would meet what these roles are owed."""
    owed: Amounts = {}
    for quota in quotas:
        has = total([consumption(state, quota.role), *_offered(state, quota.role)])
        lacks = less(dict(quota.guarantee), has)
        owed = total([owed, lacks])
    free = _free(state)
    short = less(owed, free)
    for offer_id, offer in list(state.offers.items()):
        if not short:
            return
        held = open_quantities(offer.resources)
        theirs = any(is_within(offer.role, quota.role) for quota in quotas)
        if not theirs and any(held.get(name) for name in short):
            offers.rescind(state, offer_id, out)
            short = less(short, held)


def _rescind_as_of_old(state: State, quota: Quota, out: Outbox, now_ms: int) -> None:
    """Agent by agent all offers, until they hold the guarantee and are of as many agents as the role has active frameworks."""
    frameworks = sum(quota.role in f.info.roles for f in state.frameworks.values() if f.address is not None)
    visited, rescinded = 0, dict[str, int]()
    for agent in state.agents.values():
        if visited >= frameworks and covers(rescinded, dict(quota.guarantee)):
            return
        if not agent.connected or not agent.offers:
            continue
        visited += 1
        rescinded = total([rescinded, *(state.offers[o].resources.quantities() for o in agent.offers)])
        offers.rescind_of_agent(state, agent, out, now_ms)


def _offered(state: State, role: str) -> list[Amounts]:
    return [open_quantities(o.resources) for o in state.offers.values() if is_within(o.role, role)]


def _free(state: State) -> Amounts:
    """What of the connected agents is open, and neither used nor offered."""
    free: Amounts = {}
    for agent in state.agents.values():
        if agent.connected:
            taken = [agent.used, *(state.offers[o].resources for o in agent.offers)]
            held = total(open_quantities(r) for r in taken)
            own = open_quantities(agent.own)
            free = total([free, {n: max(0, m - held.get(n, 0)) for n, m in own.items()}])
    return free


def _over(amounts: Amounts, limit: Quantities) -> Amounts:
    return {name: amounts.get(name, 0) - milli for name, milli in limit if amounts.get(name, 0) > milli}
