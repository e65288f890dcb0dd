"""Accepting offers: the one place where launches and operations are verified against what was offered."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import launching, notes, offers, operations
from raymesos.kernel.master.launching import Accepted, Answer
from raymesos.kernel.master.state import Framework, State, count, subscriber
from raymesos.machine import Outbox
from raymesos.model.portions import once, shared_part
from raymesos.model.resources import EMPTY
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import Accept, Launch, LaunchGroup


def accepted(state: State, sender: str, message: Accept, out: Outbox, now_ms: int) -> None:
    """Carry out the operations on the sum of the offers; the rest returns with the filter.

    Offers that do not go together use none of them: every launch is answered DROPPED (LOST), every operation is dropped, and the valid ones return to the pool.
    """
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_accept")
    error = _offers_error(state, framework, message.offer_ids)
    if error is not None:
        _refuse(state, framework, message, error, out, now_ms)
        return
    used = [offers.take(state, offer_id) for offer_id in message.offer_ids]
    if message.operations:
        framework.accepted += len(used)
    else:
        framework.declined += len(used)
    offered = EMPTY
    for offer in used:
        offered = offered + offer.resources
    on = Accepted(framework, state.agents[used[0].agent_id], used[0].role, offered, once(shared_part(offered)))
    for operation in message.operations:
        match operation:
            case Launch(tasks):
                launching.launch(state, on, tasks, out, now_ms)
            case LaunchGroup():
                launching.launch_group(state, on, operation, out, now_ms)
            case _:
                operations.convert(state, on, operation, out, now_ms)
    offers.recover(out, framework.id, on.role, on.agent, on.left, offers.refuse_of(message.refuse_ms))
    notes.offers_now(out, now_ms, framework)


def _offers_error(state: State, framework: Framework, offer_ids: tuple[str, ...]) -> str | None:
    """Why these offers cannot be used together, in Mesos' words; None if they can."""
    if not offer_ids:
        return "No offers specified"
    seen: dict[str, None] = {}
    for offer_id in offer_ids:
        if offer_id in seen:
            return f"Duplicate offer {offer_id} in offer list"
        seen[offer_id] = None
        found = state.offers.get(offer_id)
        if found is None:
            return f"Offer {offer_id} is no longer valid"
        if found.framework_id != framework.id:
            return f"Offer {offer_id} has invalid framework {found.framework_id} while framework {framework.id} is expected"
    first = state.offers[offer_ids[0]]
    for offer_id in offer_ids[1:]:
        offer = state.offers[offer_id]
        if offer.agent_id != first.agent_id:
            return f"Aggregated offers must belong to one single agent. Offer {offer_id} uses agent {offer.agent_id} and agent {first.agent_id}"
        if offer.role != first.role:
            return f"Aggregated offers must be allocated to the same role. Offer {offer_id} uses role '{offer.role}' but another is being used with role '{first.role}'"
    return None


def _refuse(state: State, framework: Framework, message: Accept, error: str, out: Outbox, now_ms: int) -> None:
    for offer_id in dict.fromkeys(message.offer_ids):
        if offer_id in framework.offers:
            offers.give_back(state, offer_id, out)
    notes.offers_now(out, now_ms, framework)
    why = Answer(TaskState.DROPPED, Reason.INVALID_OFFERS, f"Task launched with invalid offers: {error}")
    for operation in message.operations:
        if isinstance(operation, Launch | LaunchGroup):
            for task in operation.tasks:
                launching.answer(state, framework, task.task_id, replace(why, agent_id=task.agent_id), out, now_ms)
        else:
            operations.drop(framework, operation, "", error, out, now_ms)
