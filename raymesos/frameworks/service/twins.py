"""Slots that two instances hold for a while: the new version and the old one, or the replacement and the one that was out of reach. One of them stays."""

from __future__ import annotations

from collections.abc import Iterator

from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import REPLACED, UPDATED, Instance, Job, Slot, State, holder, is_well
from raymesos.frameworks.service.stops import stop
from raymesos.machine import Outbox
from raymesos.wire.service_records import SlotKept


def settle(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Slots of those that are out of reach too long want another instance; of two holders of a slot the one that is not needed is ended."""
    for slot in job.slots.values():
        if slot.holders:
            _give_up(state, job, slot, out, now_ms)
        if len(slot.holders) > 1:
            _settle(state, job, slot, out, now_ms)


def due(state: State, job: Job) -> Iterator[int]:
    """When one has been out of reach for too long, or well for long enough."""
    target = job.rollout.target if job.rollout is not None else None
    for slot in job.slots.values():
        for each in slot.holders.values():
            if each.unreachable_ms is not None and each.stop is None and not slot.beside:
                yield each.unreachable_ms + state.settings.unreachable_ms
            if each.well_since_ms is not None and each.version == target:
                yield each.well_since_ms + job.spec.update.stable_ms


def is_settled(job: Job, instance: Instance, now_ms: int) -> bool:
    """Whether it is well, and has been for as long as an update wants it to be."""
    if not is_well(job, instance) or instance.well_since_ms is None:
        return False
    updating = job.rollout is not None and instance.version == job.rollout.target
    return not updating or now_ms >= instance.well_since_ms + job.spec.update.stable_ms


def _give_up(state: State, job: Job, slot: Slot, out: Outbox, now_ms: int) -> None:
    held = holder(slot)
    if held is None or held.unreachable_ms is None:
        return
    if now_ms >= held.unreachable_ms + state.settings.unreachable_ms:
        keep(state, SlotKept(job.id, slot.index, slot.version, beside=True), out)


def _settle(state: State, job: Job, slot: Slot, out: Outbox, now_ms: int) -> None:
    live = [h for h in slot.holders.values() if h.stop is None]
    wanted = [h for h in live if h.version == slot.version]
    settled = next((h for h in reversed(wanted) if is_settled(job, h, now_ms)), None)
    if settled is None:
        # None is well: of those of its version that are in reach the first one stays.
        near = [h for h in wanted if h.unreachable_ms is None]
        settled = near[0] if len(near) > 1 else None
    if settled is None:
        return
    others = [h for h in live if h is not settled and (h.version == slot.version or is_settled(job, settled, now_ms))]
    for each in others:
        stop(state, job, each, UPDATED if each.version != settled.version else REPLACED, out, now_ms)
    if slot.beside:
        keep(state, SlotKept(job.id, slot.index, slot.version), out)
