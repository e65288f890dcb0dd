"""How many slots a service has: as many as desired. The lowest free index is filled first; who goes first is Titus' order."""

from __future__ import annotations

from itertools import count, islice

from raymesos.frameworks.base import ACCEPTED
from raymesos.frameworks.retry import KILLED, SCALED_DOWN
from raymesos.frameworks.service import rollout
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Job, Slot, State
from raymesos.frameworks.service.stops import stop
from raymesos.machine import Outbox
from raymesos.wire.service_records import SlotKept


def fit(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Add slots, or take some away, with what holds them: so many in a cycle."""
    if job.state != ACCEPTED:
        _end_all(state, job, out, now_ms)
        return
    missing = job.spec.size.desired - len(job.slots)
    if missing > 0:
        version = rollout.version_of_new(job)
        for index in list(islice((i for i in count() if i not in job.slots), missing)):
            keep(state, SlotKept(job.id, index, version), out)
    for slot in leaving(job, -missing) if missing < 0 else ():
        if slot.holders and not job.kills_left:
            break
        drop(state, job, slot, SCALED_DOWN, out, now_ms)
    _end_strays(state, job, out, now_ms)


def drop(state: State, job: Job, slot: Slot, why: str, out: Outbox, now_ms: int) -> None:
    """The index is none of the service's any more; who holds it is ended."""
    holders = list(slot.holders.values())
    job.kills_left -= bool(holders)
    keep(state, SlotKept(job.id, slot.index, slot.version, gone=True), out)
    for instance in holders:
        stop(state, job, instance, why, out, now_ms)


def leaving(job: Job, many: int) -> list[Slot]:
    """The slots that go: those that end anyway, those without an instance, those that have not started, then of the agent with most, the oldest. (Titus: ScaleDownEvaluator)"""
    ranked = sorted(job.slots.values(), key=lambda slot: (_rank(slot), _age_ms(slot), slot.index))
    gone = [slot for slot in ranked if _rank(slot) < STARTED][:many]
    left = [slot for slot in ranked if _rank(slot) == STARTED]
    crowd: dict[str, list[Slot]] = {}
    for slot in left:
        crowd.setdefault(_agent(slot), []).append(slot)
    while len(gone) < many and left:
        fullest = max(crowd, key=lambda agent: (len(crowd[agent]), -_age_ms(crowd[agent][0]), agent))
        gone.append(crowd[fullest].pop(0))
        if not crowd[fullest]:
            del crowd[fullest]
        left.pop()
    return gone


STARTED = 3


def _rank(slot: Slot) -> int:
    if not slot.holders:
        return 1
    if all(h.stop is not None for h in slot.holders.values()):
        return 0
    return STARTED if any(h.started_ms is not None for h in slot.holders.values()) else 2


def _age_ms(slot: Slot) -> int:
    return min((h.launched_ms for h in slot.holders.values()), default=0)


def _agent(slot: Slot) -> str:
    return next(iter(slot.holders.values())).agent_id


def _end_strays(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Who holds no slot and was not told to end: a life that was cut short has begun to end it."""
    for instance in list(job.instances.values()):
        slot = job.slots.get(instance.index)
        if instance.stop is None and (slot is None or instance.id not in slot.holders):
            stop(state, job, instance, SCALED_DOWN, out, now_ms)


def _end_all(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    for slot in list(job.slots.values()):
        if slot.holders and not job.kills_left:
            break
        drop(state, job, slot, KILLED, out, now_ms)
