"""Offers to instances: spread over the agents that are offered, what is not needed given back at once; and what the framework asks the master for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import heapify, heappop, heapreplace

from raymesos.frameworks.base import ACCEPTED, REFUSE_MS, decline, want, want_nothing
from raymesos.frameworks.service import relocation
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Job, Slot, State, starting, wants_instance
from raymesos.frameworks.shapes import shape_with_ports
from raymesos.machine import BATCH, MASTER, Outbox
from raymesos.model.resources import Resources
from raymesos.model.services import UNIQUE_HOST
from raymesos.wire.checks import Check
from raymesos.wire.messages import Accept, Demand, Launch, Offer, TaskInfo
from raymesos.wire.service_records import InstanceKept, Lineage
from raymesos.wire.services import Constraint, Template
from raymesos.wire.work import ResidentWork


def offered(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int) -> None:
    """Use each offer or give it back."""
    free = {o.id: o for o in offers if state.subscription.settled and not relocation.is_left(state, o.agent_id)}
    tasks: dict[str, list[TaskInfo]] = {}
    for job in list(state.open.values()) if free else ():
        mine = {id: offer for id, offer in free.items() if offer.role == job.spec.role}
        if mine:
            _fill(state, job, mine, tasks, out, now_ms)
            free |= mine
    for id, infos in tasks.items():
        out.send(MASTER, Accept(state.subscription.framework_id, (id,), (Launch(tuple(infos)),), REFUSE_MS))
    unused = tuple([o for o in offers if o.id not in tasks])
    decline(state.subscription, unused, out, refuse_ms=REFUSE_MS)


def wish(state: State, out: Outbox, now_ms: int) -> None:
    """Ask for offers in each role where something could start, if that is news; for none in the others."""
    if not state.subscription.settled:
        return
    wanted: dict[str, dict[Demand, int]] = {}
    for job in state.open.values():
        for demand, many in _demands(state, job, now_ms).items():
            shapes = wanted.setdefault(job.spec.role, {})
            shapes[demand] = shapes.get(demand, 0) + many
    for role in [r for r in state.subscription.awake if r not in wanted]:
        state.asked_for.pop(role, None)
        want_nothing(state.subscription, role, out)
    for role, shapes in wanted.items():
        demands = tuple(replace(demand, count=many) for demand, many in shapes.items())
        if role not in state.subscription.awake or _is_news(state.asked_for.get(role, ()), demands):
            state.asked_for[role] = demands
            want(state.subscription, role, demands, out)


def waiting(job: Job, now_ms: int) -> list[Slot]:
    """The slots for which an instance may be launched now, the lowest index first."""
    if job.state != ACCEPTED:
        return []
    return sorted([s for s in job.slots.values() if wants_instance(s) and s.due_ms <= now_ms], key=lambda s: s.index)


def due(job: Job) -> Iterator[int]:
    """When slots' times come."""
    return (s.due_ms for s in job.slots.values() if wants_instance(s))


def room(state: State, job: Job) -> int:
    """How many more may be on their way."""
    return state.settings.not_started_per_job - starting(job)


def _is_news(before: tuple[Demand, ...], now: tuple[Demand, ...]) -> bool:
    """Whether another shape is wanted, more of one, or one not any more: if that stood, others would be preempted for it."""
    asked = {replace(d, count=0): d.count for d in before}
    wanted = {replace(d, count=0): d.count for d in now}
    return asked.keys() != wanted.keys() or any(wanted[d] > asked[d] for d in wanted)


def _demands(state: State, job: Job, now_ms: int) -> dict[Demand, int]:
    found: dict[Demand, int] = {}
    for slot in waiting(job, now_ms)[: max(0, room(state, job))]:
        template = job.versions[slot.version].template
        # Which ports and which agent is ours to choose: who wants some, or spreads over agents, needs to see them all.
        exact = not template.ports and not template.constraints and job.spec.size.desired < 2
        demand = Demand(template.resources, 0, job.spec.role, exact=exact)
        found[demand] = found.get(demand, 0) + 1
    return found


def _fill(
    state: State, job: Job, offers: dict[str, Offer], tasks: dict[str, list[TaskInfo]], out: Outbox, now_ms: int
) -> None:
    """Launch what waits, each on the agent that has the fewest of the service; `offers` holds afterwards what is left of each."""
    slots = waiting(job, now_ms)[: max(0, room(state, job))]
    for version in dict.fromkeys(slot.version for slot in slots):
        heap = _by_crowd(job, offers)
        for slot in [s for s in slots if s.version == version]:
            _place(state, job, slot, heap, offers, tasks, out, now_ms)


def _by_crowd(job: Job, offers: dict[str, Offer]) -> list[tuple[int, int, str]]:
    """(instances of the service on its agent, order, id) of each offer, as a heap."""
    crowd: dict[str, int] = {}
    for instance in job.instances.values():
        crowd[instance.agent_id] = crowd.get(instance.agent_id, 0) + 1
    heap = [(crowd.get(o.agent_id, 0), order, o.id) for order, o in enumerate(offers.values())]
    heapify(heap)
    return heap


def _place(
    state: State,
    job: Job,
    slot: Slot,
    heap: list[tuple[int, int, str]],
    offers: dict[str, Offer],
    tasks: dict[str, list[TaskInfo]],
    out: Outbox,
    now_ms: int,
) -> None:
    """Launch the slot's instance on the first offer that will do. One that will not do for it will not do for its like either: it leaves the heap."""
    template = job.versions[slot.version].template
    while heap:
        count, order, id = heap[0]
        offer = offers[id]
        fits = all(_meets(job, each, offer, count) for each in template.constraints)
        shape = shape_with_ports(template.resources, template.ports, offer.resources) if fits else None
        if shape is None:
            heappop(heap)
            continue
        tasks.setdefault(id, []).append(_launch(state, job, slot, offer, shape, out, now_ms))
        offers[id] = replace(offer, resources=offer.resources - shape)
        heapreplace(heap, (count + 1, order, id))
        return


def _meets(job: Job, constraint: Constraint, offer: Offer, count: int) -> bool:
    if constraint.kind == UNIQUE_HOST:
        return count == 0 and all(i.host != offer.hostname for i in job.instances.values())
    value = offer.attributes.get(constraint.attribute)
    return value is not None and str(value) == constraint.value


def _launch(state: State, job: Job, slot: Slot, offer: Offer, shape: Resources, out: Outbox, now_ms: int) -> TaskInfo:
    """The next instance of the slot is on its way."""
    state.named += 1
    task_id = f"{job.id}.{slot.index}.{state.life}-{state.named}"
    ports = tuple([port for begin, end in shape.ranges("ports") for port in range(begin, end + 1)])
    epoch = job.epochs.get(slot.index, 0) + 1
    lineage = slot.next or Lineage(task_id)
    record = InstanceKept(
        job.id, task_id, slot.index, epoch, slot.version, lineage, offer.agent_id, offer.hostname, ports, now_ms
    )
    keep(state, record, out)
    template = job.versions[slot.version].template
    return TaskInfo(
        task_id,
        job.spec.name,
        shape,
        _work(job, template, record),
        kill_grace_ms=template.grace_ms,
        health=_at_port(template.health, ports),
        readiness=_at_port(template.readiness, ports),
    )


def _work(job: Job, template: Template, record: InstanceKept) -> ResidentWork:
    own = {
        "RAYMESOS_JOB": job.id,
        "RAYMESOS_SERVICE": job.spec.name,
        "RAYMESOS_INDEX": str(record.index),
        "RAYMESOS_EPOCH": str(record.epoch),
        "RAYMESOS_VERSION": str(record.version),
        "HOST": record.host,
    }
    env = tuple(sorted((own | dict(template.env)).items()))
    return ResidentWork(
        template.argv,
        template.fn,
        env,
        template.working_dir,
        template.sys_path,
        template.python,
        app=template.app,
        keeper=BATCH,
    )


def _at_port(check: Check | None, ports: tuple[int, ...]) -> Check | None:
    """The check of one instance: its port is a number now."""
    return check if check is None or check.kind == "command" else replace(check, port=ports[check.port])
