"""What the service framework tells the observer: each service and each of its instances as it is now, when that has changed."""

from __future__ import annotations

from raymesos.frameworks.service import rollout, routes
from raymesos.frameworks.service.readers import counts, why_waiting
from raymesos.frameworks.service.state import Instance, Job, State
from raymesos.machine import Outbox
from raymesos.wire.notes import InstanceNote, ServiceNote

NOTES_MS = 100
NEVER = -1
"""The revision of a service that was not told yet."""


def ask(state: State, out: Outbox) -> None:
    """Have what has changed told soon: many changes make one note."""
    if not state.notes_asked and any(job.noted != job.revision for job in state.jobs.values()):
        state.notes_asked = True
        out.wake("notes", NOTES_MS)


def tell(state: State, out: Outbox, now_ms: int) -> None:
    """A note for each service that has changed since its last one, after those of its instances."""
    state.notes_asked = False
    for job in state.jobs.values():
        if job.noted != job.revision:
            serving = {i.id: None for i in routes.in_service(job)}
            for instance in job.moved.values():
                out.note(_instance(job, instance, instance.id in serving, now_ms))
            job.moved.clear()
            job.noted = job.revision
            out.note(_service(state, job, now_ms))


def forget_told(state: State) -> None:
    """The observer has lost its memory: each service is told again, with all instances that can be asked for."""
    for job in state.jobs.values():
        job.noted, job.moved = NEVER, dict(job.rows)


def _service(state: State, job: Job, now_ms: int) -> ServiceNote:
    spec, size = job.spec, job.spec.size
    running, ready, waits = counts(job)
    return ServiceNote(
        now_ms,
        job.id,
        spec.name,
        spec.role,
        state.subscription.framework_id,
        job.state,
        size.min,
        size.desired,
        size.max,
        running,
        ready,
        waits,
        job.version,
        spec.enabled,
        spec.template.resources,
        job.why or why_waiting(state, job, now_ms),
        rollout.told(job, now_ms),
        "; ".join(d.text for d in job.decisions if d.text),
        job.submitted_ms,
        job.ended_ms,
        job.cancelled_ms,
        spec.attributes,
    )


def _instance(job: Job, i: Instance, serving: bool, now_ms: int) -> InstanceNote:
    line = i.lineage
    return InstanceNote(
        now_ms,
        job.id,
        i.id,
        i.index,
        i.epoch,
        i.version,
        line.original_id,
        line.resubmit_of,
        line.resubmits,
        line.system_resubmits,
        line.eviction_resubmits,
        i.agent_id,
        i.host,
        i.ports,
        i.message,
        tuple(i.steps),
        bool(i.reason),
        i.healthy if i.judged else False,
        i.ready,
        serving,
    )
