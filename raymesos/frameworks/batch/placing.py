"""Offers to tasks: whose turn it is, and what is not needed given back at once. Within a role jobs go first come, first served."""

from __future__ import annotations

from raymesos.frameworks.base import REFUSE_MS, decline
from raymesos.frameworks.batch import gangs, sizing
from raymesos.frameworks.batch.launching import launch
from raymesos.frameworks.batch.state import Job, State
from raymesos.frameworks.batch.wishes import hungry_jobs, room, silence
from raymesos.frameworks.shapes import shape_with_ports
from raymesos.machine import MASTER, Outbox
from raymesos.wire.messages import Accept, Launch, Offer, TaskInfo


def offered(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int) -> None:
    """Use each offer or give it back."""
    for offer in offers:
        sizing.seen(state, offer.agent_id, offer.resources.scalar("cpus"))
    if not state.subscription.settled:
        decline(state.subscription, offers, out, refuse_ms=REFUSE_MS)
        return
    use(state, gangs.hold_back(state, offers, out, now_ms), out, now_ms, refuse_ms=REFUSE_MS)
    silence(state, out)


def release_gang(state: State, out: Outbox, now_ms: int) -> None:
    """The hold is over: others get the offers, and what they leave goes back for a while."""
    if state.hold is not None:
        held, state.hold = tuple(state.hold.offers.values()), None
        out.sleep("gang")
        use(state, held, out, now_ms, refuse_ms=gangs.PAUSE_MS)
        silence(state, out)


def use(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int, *, refuse_ms: int) -> None:
    """Launch what fits of jobs that are no gangs; decline the rest."""
    jobs: dict[str, list[Job]] = {}
    unused = []
    for offer in offers:
        if offer.role not in jobs:
            jobs[offer.role] = [j for j in hungry_jobs(state, offer.role) if not j.spec.gang]
        tasks = _fill(state, jobs[offer.role], offer, now_ms)
        if tasks:
            operations = (Launch(tuple(tasks)),)
            out.send(MASTER, Accept(state.subscription.framework_id, (offer.id,), operations, refuse_ms))
        else:
            unused.append(offer)
    decline(state.subscription, tuple(unused), out, refuse_ms=refuse_ms)


def _fill(state: State, jobs: list[Job], offer: Offer, now_ms: int) -> list[TaskInfo]:
    free = offer.resources
    tasks: list[TaskInfo] = []
    for job in jobs:
        queue = job.queue
        while (span := queue.first(job.inputs)) is not None:
            if room(state, job) <= 0:
                job.throttled = True
                break
            shape = shape_with_ports(job.spec.resources, job.spec.ports, free)
            if shape is None:
                break
            free = free - shape
            tasks.append(launch(state, job, span, offer, shape, now_ms))
    return tasks
