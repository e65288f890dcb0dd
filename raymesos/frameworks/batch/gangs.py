"""Gangs: all of a job's inputs start at once or none does. Offers are held back for one gang at a time, and not for long."""

from __future__ import annotations

from raymesos.frameworks.batch.launching import launch
from raymesos.frameworks.batch.queue import OPEN
from raymesos.frameworks.batch.state import GangHold, Job, State, open_jobs
from raymesos.frameworks.batch.wishes import got, hungry
from raymesos.frameworks.shapes import shape_with_ports
from raymesos.machine import MASTER, Outbox
from raymesos.model.resources import Resources
from raymesos.wire.messages import Accept, Launch, Offer

# A gang may keep offers back so long; then others get them, and it tries again.
HOLD_MS = 5_000
PAUSE_MS = 2_000


def hold_back(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int) -> tuple[Offer, ...]:
    """Keep offers back for the oldest gang that waits, and launch it once they suffice. Returns the others.

    Only one gang of the framework ever holds, so no two can wait for each other.
    """
    gang = next((j for j in open_jobs(state) if j.spec.gang and hungry(state, j)), None)
    if gang is None or (state.hold is not None and state.hold.job_id != gang.id):
        return offers
    mine = [o for o in offers if o.role == gang.spec.role]
    if not mine:
        return offers
    if state.hold is None:
        state.hold = GangHold(gang.id)
        out.wake("gang", HOLD_MS)
    for offer in mine:
        state.hold.offers[offer.id] = offer
    _launch_if_enough(state, gang, state.hold, out, now_ms)
    return tuple([o for o in offers if o.role != gang.spec.role])


def forget_offer(state: State, offer_id: str) -> None:
    """The offer was rescinded."""
    if state.hold is not None:
        state.hold.offers.pop(offer_id, None)


def _launch_if_enough(state: State, job: Job, hold: GangHold, out: Outbox, now_ms: int) -> None:
    wanted = sum(job.inputs.count(OPEN, span.lo, span.hi) for span in job.queue.ready)
    plan: list[tuple[Offer, list[Resources]]] = []
    for offer in hold.offers.values():
        free, shapes = offer.resources, []
        while wanted and (shape := shape_with_ports(job.spec.resources, job.spec.ports, free)) is not None:
            free = free - shape
            shapes.append(shape)
            wanted -= 1
        plan.append((offer, shapes))
    if wanted:
        return
    state.hold = None
    got(state, job)
    out.sleep("gang")
    for offer, shapes in plan:
        tasks = []
        for shape in shapes:
            span = job.queue.first(job.inputs)
            assert span is not None
            tasks.append(launch(state, job, span, offer, shape, now_ms))
        operations = (Launch(tuple(tasks)),) if tasks else ()
        out.send(MASTER, Accept(state.subscription.framework_id, (offer.id,), operations, 0))
