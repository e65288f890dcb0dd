"""An instance goes over to another service of the same template: it runs on, under its own id. (Titus: MoveTask)"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from raymesos.frameworks.service import capacity
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Instance, Job, State
from raymesos.machine import Outbox
from raymesos.wire.notes import EventNote
from raymesos.wire.service_records import InstanceMoved, SpecKept
from raymesos.wire.services import ServiceAnswer


def move(state: State, source: Job, instance: Instance, target: Job, out: Outbox, now_ms: int) -> ServiceAnswer:
    """The source wants one less, the target one more, and has this one."""
    wrong = _incompatible(source, instance, target)
    if wrong:
        return ServiceAnswer(source.id, "Conflict", "to_job_id", wrong)
    sizes = capacity.moved(source.spec.size, target.spec.size)
    if isinstance(sizes, str):
        return ServiceAnswer(source.id, "Conflict", "capacity", sizes)
    keep(state, SpecKept(replace(source.spec, size=sizes[0])), out)
    keep(state, SpecKept(replace(target.spec, size=sizes[1])), out)
    index = next(i for i in count() if i not in target.slots)
    epoch = target.epochs.get(index, 0) + 1
    keep(state, InstanceMoved(source.id, instance.id, target.id, index, epoch), out)
    text = f"from {source.spec.name} to {target.spec.name}, index {index}"
    out.note(EventNote(now_ms, "instance moved", instance.id, text))
    return ServiceAnswer(source.id, text=text)


def _incompatible(source: Job, instance: Instance, target: Job) -> str:
    slot = source.slots.get(instance.index)
    if source is target:
        return f"it is {instance.id}'s service already"
    if instance.stop is not None or slot is None or len(slot.holders) != 1 or instance.id not in slot.holders:
        return f"{instance.id} is being ended or replaced"
    if source.rollout is not None or target.rollout is not None:
        return "an update of one of the services goes on"
    if source.spec.role != target.spec.role:
        return f"the services are of roles {source.spec.role} and {target.spec.role}"
    if source.versions[instance.version].template != target.versions[target.version].template:
        return "the services do not run the same: another template"
    return ""
