"""The pass: each service that something has happened to is brought nearer to what it is to be, until nothing changes; then gateways, the master and the observer are told."""

from __future__ import annotations

from raymesos.frameworks.base import FINISHED
from raymesos.frameworks.service import (
    jobs,
    notes,
    placing,
    relocation,
    rollout,
    routes,
    scaling,
    sizing,
    stops,
    twins,
)
from raymesos.frameworks.service.state import Job, State, starting, wants_instance
from raymesos.machine import Outbox

# One thing leads to the next within a service; what is not done after so many rounds waits for the next pass.
ROUNDS = 20


def ask(state: State, out: Outbox) -> None:
    """There will be a pass, soon."""
    if state.dirty and not state.pass_asked and state.subscription.settled:
        state.pass_asked = True
        out.wake("pass", 0)


def run(state: State, out: Outbox, now_ms: int) -> None:
    """Look at all that is marked."""
    state.pass_asked = False
    changed: dict[str, Job] = {}
    if not state.subscription.settled:
        return
    relocation.carry_out(state, out, now_ms)
    for _ in range(ROUNDS):
        marked = [state.jobs[id] for id in state.dirty if id in state.jobs]
        state.dirty.clear()
        if not marked:
            break
        for job in marked:
            changed[job.id] = job
            if job.state != FINISHED:
                _converge(state, job, out, now_ms)
    for job in changed.values():
        _book_due(state, job, now_ms)
    placing.wish(state, out, now_ms)
    routes.tell(state, list(changed.values()), out)
    notes.ask(state, out)
    _wake_for_due(state, out, now_ms)
    _ask_for_cycle(state, out)


def cycle(state: State, out: Outbox, now_ms: int) -> None:
    """Each may begin to end some more; what policies want is looked at."""
    state.cycle_asked = False
    for job in state.open.values():
        job.kills_left = state.settings.kills_per_cycle
        if job.restless:
            state.dirty[job.id] = None
    for job in list(state.open.values()):
        if job.spec.scaling and state.subscription.settled:
            scaling.decide(state, job, out, now_ms)
    _ask_for_cycle(state, out)


def due(state: State, now_ms: int) -> None:
    """The time of some has come."""
    for job in state.open.values():
        if job.due_ms is not None and job.due_ms <= now_ms:
            state.dirty[job.id] = None


def _converge(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    twins.settle(state, job, out, now_ms)
    rollout.advance(state, job, out, now_ms)
    sizing.fit(state, job, out, now_ms)
    stops.look_after(state, job, out, now_ms)
    relocation.plan(state, job, out, now_ms)
    jobs.finish_if_done(state, job, out, now_ms)


def _book_due(state: State, job: Job, now_ms: int) -> None:
    times = [*stops.due(state, job), *twins.due(state, job), *rollout.due(job), *placing.due(job)]
    job.due_ms = min((t for t in times if t > now_ms), default=None)
    busy = job.rollout is not None or starting(job) > 0 or len(job.slots) != job.spec.size.desired
    stopping = any(i.stop is not None or i.unreachable_ms is not None for i in job.instances.values())
    job.restless = job.state != FINISHED and (busy or stopping or any(wants_instance(s) for s in job.slots.values()))


def _wake_for_due(state: State, out: Outbox, now_ms: int) -> None:
    times = [job.due_ms for job in state.open.values() if job.due_ms is not None and job.due_ms > now_ms]
    times += [at_ms for at_ms in relocation.due(state) if at_ms > now_ms]
    if times:
        out.wake("due", min(times) - now_ms)


def _ask_for_cycle(state: State, out: Outbox) -> None:
    """Who is at rest and has no policy needs none."""
    if not state.cycle_asked and any(job.restless or job.spec.scaling for job in state.open.values()):
        state.cycle_asked = True
        out.wake("cycle", state.settings.cycle_ms)
