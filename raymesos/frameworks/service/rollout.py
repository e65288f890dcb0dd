"""Rolling updates: slot by slot from one version to another, each new instance well before the next slot goes; back again if too many of them fail.

A slot that is moved either starts its new instance beside the old one (surge), or ends the old one first (unavailable). What is of the target version already is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import (
    REPLACED,
    UPDATED,
    Instance,
    Job,
    Slot,
    State,
    holder,
    is_well,
    wants_instance,
)
from raymesos.frameworks.service.stops import stop
from raymesos.frameworks.service.twins import is_settled
from raymesos.machine import Outbox
from raymesos.wire.notes import EventNote
from raymesos.wire.service_records import Rollout, RolloutKept, SlotKept, SpecKept

CANARY, ROLLING, PAUSED, FAILED = "canary", "rolling", "paused", "failed"


def begin(state: State, job: Job, target: int, why: str, out: Outbox, now_ms: int, *, back: bool = False) -> None:
    """From now on the service goes to the version `target`, whose template its spec has. An update that goes on is broken off by it."""
    canary = 0 if back else min(job.spec.update.canary, len(job.slots))
    before = job.rollout.before if job.rollout is not None and job.rollout.target != job.version else job.version
    before = job.version if before == target else before
    phase = CANARY if canary else ROLLING
    rollout = Rollout(before, target, phase, now_ms, now_ms, back=back, why=why, canary=canary)
    keep(state, RolloutKept(job.id, rollout, job.version), out)
    kind = "rollback begun" if back else "update begun"
    out.note(EventNote(now_ms, kind, job.id, f"{job.spec.name}: to version {target}" + (f": {why}" if why else "")))


def version_of_new(job: Job) -> int:
    """What an instance for a new index is of: the new version only once it is trusted."""
    return job.rollout.target if job.rollout is not None and job.rollout.phase == ROLLING else job.version


def advance(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Move as many slots as the rules allow, and end the update when all are moved."""
    rollout = job.rollout
    if rollout is None:
        return
    pending = [s for s in job.slots.values() if s.version == rollout.target and not _is_done(job, s, now_ms)]
    left = [s for s in job.slots.values() if s.version != rollout.target]
    if not left and not pending:
        _finish(state, job, rollout, out, now_ms)
        return
    if rollout.phase == CANARY and not pending and len(job.slots) - len(left) >= rollout.canary:
        _canary_is_well(state, job, rollout, out, now_ms)
    elif rollout.phase in (CANARY, ROLLING) and now_ms >= rollout.moved_ms + job.spec.update.deadline_ms:
        _failed(state, job, f"no progress in {job.spec.update.deadline_ms / 1000:g} s", out, now_ms)
    assert job.rollout is not None
    if job.rollout.phase in (CANARY, ROLLING):
        _move_some(state, job, job.rollout, out, now_ms)


def due(job: Job) -> Iterator[int]:
    """When it has failed if nothing happens."""
    if job.rollout is not None and job.rollout.phase in (CANARY, ROLLING):
        yield job.rollout.moved_ms + job.spec.update.deadline_ms


def got_on(state: State, job: Job, instance: Instance, out: Outbox, now_ms: int) -> None:
    """An instance has become well: if it is of the new version, that is progress."""
    rollout = job.rollout
    if rollout is not None and instance.version == rollout.target and rollout.moved_ms != now_ms:
        keep(state, RolloutKept(job.id, replace(rollout, moved_ms=now_ms), job.version), out)


def failed(state: State, job: Job, instance: Instance, text: str, out: Outbox, now_ms: int) -> None:
    """An instance has failed by its own doing: if it is of the new version, that counts."""
    rollout = job.rollout
    if rollout is None or instance.version != rollout.target or rollout.back or rollout.phase == FAILED:
        return
    counted = replace(rollout, failures=rollout.failures + 1)
    keep(state, RolloutKept(job.id, counted, job.version), out)
    if counted.failures > job.spec.update.max_failures:
        why = f"instance {instance.index} of version {instance.version} failed: {text}"
        _failed(state, job, why, out, now_ms)


def go_back(state: State, job: Job, target: int, why: str, out: Outbox, now_ms: int) -> None:
    """To an earlier version, at the pace of the update's rules, without canary."""
    keep(state, SpecKept(replace(job.spec, template=job.versions[target].template)), out)
    begin(state, job, target, why, out, now_ms, back=True)


def set_phase(state: State, job: Job, phase: str, out: Outbox, now_ms: int) -> None:
    """Pause, or go on: from now on there is time for progress again, and a canary that was waited for is over."""
    assert job.rollout is not None
    canary = job.rollout.canary if phase == CANARY else 0 if phase == ROLLING else job.rollout.canary
    changed = replace(job.rollout, phase=phase, moved_ms=now_ms, canary=canary, failures=0)
    keep(state, RolloutKept(job.id, changed, job.version), out)


def told(job: Job, now_ms: int) -> str:
    """How far the update is, in words."""
    rollout = job.rollout
    if rollout is None:
        return ""
    done = sum(s.version == rollout.target and _is_done(job, s, now_ms) for s in job.slots.values())
    kind = "rollback" if rollout.back else "update"
    text = f"{kind} from version {rollout.before} to {rollout.target}: {done} of {len(job.slots)}, {rollout.phase}"
    return f"{text}: {rollout.why}" if rollout.why else text


def _is_done(job: Job, slot: Slot, now_ms: int) -> bool:
    held = holder(slot)
    return held is not None and is_settled(job, held, now_ms) and len(slot.holders) == 1


def _finish(state: State, job: Job, rollout: Rollout, out: Outbox, now_ms: int) -> None:
    keep(state, RolloutKept(job.id, None, rollout.target), out)
    kind = "rolled back" if rollout.back else "updated"
    why = f": {rollout.why}" if rollout.why else ""
    out.note(EventNote(now_ms, f"service {kind}", job.id, f"{job.spec.name}: version {rollout.target}{why}"))


def _canary_is_well(state: State, job: Job, rollout: Rollout, out: Outbox, now_ms: int) -> None:
    phase = PAUSED if job.spec.update.pause_after_canary else ROLLING
    keep(state, RolloutKept(job.id, replace(rollout, phase=phase, canary=0, moved_ms=now_ms), job.version), out)


def _failed(state: State, job: Job, why: str, out: Outbox, now_ms: int) -> None:
    rollout = job.rollout
    assert rollout is not None
    out.note(EventNote(now_ms, "update failed", job.id, f"{job.spec.name}: {why}"))
    if job.spec.update.auto_rollback and not rollout.back:
        go_back(state, job, rollout.before, why, out, now_ms)
    else:
        keep(state, RolloutKept(job.id, replace(rollout, phase=FAILED, why=why), job.version), out)


def _move_some(state: State, job: Job, rollout: Rollout, out: Outbox, now_ms: int) -> None:
    """Begin to move slots, those first that are not in service anyway."""
    slots = job.slots.values()
    moved = [s for s in slots if s.version == rollout.target]
    pending = sum(not _is_done(job, s, now_ms) for s in moved)
    room = rollout.canary - len(moved) if rollout.phase == CANARY else job.spec.update.batch_size - pending
    left = [s for s in slots if s.version != rollout.target]
    for slot in sorted(left, key=lambda s: (_in_service(job, s), s.index)):
        free = _holder_of(slot, rollout.target)
        if free is not None:
            _take_back(state, job, slot, free, out, now_ms)  # It never left the target version: nothing is lost.
        elif room > 0 and _move(state, job, slot, rollout.target, out, now_ms):
            room -= 1


def _move(state: State, job: Job, slot: Slot, target: int, out: Outbox, now_ms: int) -> bool:
    """Whether the slot was moved: it may start another beside the old one, or do without for a while."""
    rules, desired = job.spec.update, job.spec.size.desired
    live = len(job.instances) + sum(wants_instance(s) for s in job.slots.values())
    if slot.holders and live < desired + rules.max_surge:
        keep(state, SlotKept(job.id, slot.index, target, beside=True), out)
        return True
    well = sum(_in_service(job, s) for s in job.slots.values()) - _in_service(job, slot)
    if _in_service(job, slot) and well < desired - rules.max_unavailable:
        return False
    keep(state, SlotKept(job.id, slot.index, target), out)
    for each in list(slot.holders.values()):
        stop(state, job, each, UPDATED, out, now_ms)
    return True


def _take_back(state: State, job: Job, slot: Slot, held: Instance, out: Outbox, now_ms: int) -> None:
    keep(state, SlotKept(job.id, slot.index, held.version), out)
    if is_well(job, held):
        for each in [h for h in slot.holders.values() if h is not held]:
            stop(state, job, each, REPLACED, out, now_ms)


def _holder_of(slot: Slot, version: int) -> Instance | None:
    return next((h for h in slot.holders.values() if h.version == version and h.stop is None), None)


def _in_service(job: Job, slot: Slot) -> bool:
    return any(is_well(job, h) for h in slot.holders.values())
