"""Instances that are to leave their agents: evicted one by one as the budgets allow, by plans that are there to see before they act. (Titus: eviction, task relocation)"""

from __future__ import annotations

from collections.abc import Iterator

from raymesos.frameworks.retry import EVICTED
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.budgets import parts_of_instance, take_token
from raymesos.frameworks.service.state import Instance, Job, Plan, State, touch
from raymesos.frameworks.service.stops import stop
from raymesos.machine import MASTER, Outbox
from raymesos.wire.messages import AcceptInverse, InverseOffer
from raymesos.wire.notes import EventNote
from raymesos.wire.service_records import LeavingKept, PlanKept
from raymesos.wire.services import LeaveAgent, ServiceAnswer

MAINTENANCE = "maintenance of its machine"
# We are asked again after so long: a later life hears of it that way.
ASK_AGAIN_MS = 60_000


def evict(state: State, job: Job, instance: Instance, why: str, out: Outbox, now_ms: int) -> ServiceAnswer:
    """End the instance, if no part of the budgets is in the way. Nothing is used of any if one is."""
    if instance.stop is not None:
        return ServiceAnswer(job.id, "Conflict", "task", f"{instance.id} is ending")
    allowed, part = min(parts_of_instance(state, job, instance, now_ms), key=lambda part: part[0])
    if allowed <= 0:
        return ServiceAnswer(job.id, "QuotaRefused", part, f"not enough quota: {part} allows no more now")
    take_token(state, now_ms)
    stop(state, job, instance, EVICTED, out, now_ms)
    out.note(EventNote(now_ms, "instance evicted", instance.id, f"{job.spec.name}: {why or 'asked for'}"))
    return ServiceAnswer(job.id, text=why)


def is_left(state: State, agent_id: str) -> bool:
    """Whether instances are to leave the agent, and none is to come."""
    return agent_id in state.leaving or agent_id in state.inverse


def leave(state: State, message: LeaveAgent, out: Outbox) -> ServiceAnswer:
    """An operator wants the agent to be left, or not any more. Said again it changes nothing."""
    if message.leave is not (message.agent_id in state.leaving):
        keep(state, LeavingKept(message.agent_id, message.leave, message.reason or "its agent is drained"), out)
        _look_again(state, message.agent_id, out)
    return ServiceAnswer("")


def asked(state: State, offers: tuple[InverseOffer, ...], out: Outbox) -> None:
    """Machines will be maintained: we leave them."""
    for offer in offers:
        state.inverse[offer.agent_id] = offer.id
        _look_again(state, offer.agent_id, out)
    ids = tuple([offer.id for offer in offers])
    out.send(MASTER, AcceptInverse(state.subscription.framework_id, ids, ASK_AGAIN_MS))


def rescinded(state: State, offer_id: str, out: Outbox) -> None:
    """The maintenance is off, or begins anew with another offer."""
    for agent_id in [a for a, id in state.inverse.items() if id == offer_id]:
        del state.inverse[agent_id]
        _look_again(state, agent_id, out)


def plan(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Each instance on an agent that is left has a plan; who moves its instances itself has its time first."""
    budget = job.spec.budget
    wait_ms = budget.limit if budget.policy == "self-managed" else state.settings.cycle_ms
    for instance in list(job.instances.values()):
        if instance.id not in state.plans and instance.stop is None and is_left(state, instance.agent_id):
            reason = state.leaving.get(instance.agent_id, MAINTENANCE)
            keep(state, PlanKept(instance.id, reason, now_ms, now_ms + wait_ms), out)
            out.note(EventNote(now_ms, "relocation planned", instance.id, f"{job.spec.name}: {reason}"))


def carry_out(state: State, out: Outbox, now_ms: int) -> None:
    """What is due is evicted as far as the budgets allow; the rest says what is in the way, and is tried again."""
    for each in [p for p in state.plans.values() if _due_ms(state, p) <= now_ms]:
        job = state.open.get(state.of_task.get(each.task_id, ""))
        instance = job.instances.get(each.task_id) if job is not None else None
        if job is None or instance is None or not is_left(state, instance.agent_id):
            keep(state, PlanKept(each.task_id, each.reason, each.decided_ms, each.at_ms, over=True), out)
        elif instance.stop is None:
            each.tried_ms = now_ms
            each.result = evict(state, job, instance, each.reason, out, now_ms).text
            touch(state, job)


def due(state: State) -> Iterator[int]:
    """When plans are carried out, or tried again."""
    return (_due_ms(state, each) for each in state.plans.values())


def _due_ms(state: State, each: Plan) -> int:
    return each.at_ms if each.tried_ms is None else each.tried_ms + state.settings.relocation_ms


def _look_again(state: State, agent_id: str, out: Outbox) -> None:
    for job in state.open.values():
        for instance in job.instances.values():
            if instance.agent_id == agent_id:
                touch(state, job)
                if not is_left(state, agent_id) and instance.id in state.plans:
                    each = state.plans[instance.id]
                    keep(state, PlanKept(each.task_id, each.reason, each.decided_ms, each.at_ms, over=True), out)
