"""What gateways are told: for each service that is enabled, its instances in service, and those that only end what they have begun."""

from __future__ import annotations

from raymesos.frameworks.base import FINISHED
from raymesos.frameworks.service.state import Instance, Job, State, serving
from raymesos.machine import Outbox
from raymesos.wire.routes import Endpoint, Route, Routes


def watch(state: State, gateway: str, out: Outbox) -> None:
    """The gateway is told all, and all that changes from now on; in a new life once we know what runs: until then its old routes are better than none."""
    if gateway not in state.gateways and len(state.gateways) >= state.settings.gateways:
        return
    state.gateways[gateway] = None
    if state.published:
        _tell_all(state, gateway, out)


def tell(state: State, jobs: list[Job], out: Outbox) -> None:
    """All gateways hear of the routes that are others now: one message to each."""
    if not state.published:
        _publish(state, out)
        return
    changed: list[Route] = []
    gone: list[str] = []
    for job in jobs:
        now = route_of(job)
        if now == job.told:
            continue
        if now is None:
            gone.append(job.spec.name)
        else:
            changed.append(now)
        job.told = now
    if not changed and not gone:
        return
    # A service may have come under the name of one that has just ended.
    gone = [name for name in gone if all(route.service != name for route in changed)]
    state.routes_version += 1
    for gateway in state.gateways:
        out.send(gateway, Routes(state.routes_version, tuple(changed), tuple(gone)))


def _publish(state: State, out: Outbox) -> None:
    state.published = True
    for job in state.jobs.values():
        job.told = route_of(job)
    for gateway in state.gateways:
        _tell_all(state, gateway, out)


def _tell_all(state: State, gateway: str, out: Outbox) -> None:
    routes = tuple([job.told for job in state.jobs.values() if job.told is not None])
    out.send(gateway, Routes(state.routes_version, routes, whole=True))


def route_of(job: Job) -> Route | None:
    """None for one that has none: it has no ports, is disabled, has finished, or is of size 0 and nothing would wake it."""
    spec = job.spec
    if job.state == FINISHED or not spec.enabled or not any(v.template.ports for v in job.versions.values()):
        return None
    endpoints = _endpoints(job)
    if not endpoints and not spec.size.desired and not (spec.scaling and spec.size.max):
        return None
    return Route(spec.name, endpoints)


def in_service(job: Job) -> list[Instance]:
    """Those that get requests, by index."""
    if not job.spec.enabled:
        return []
    found = [serving(job, job.slots[index]) for index in sorted(job.slots)]
    return [each for each in found if each is not None and each.ports]


def _endpoints(job: Job) -> tuple[Endpoint, ...]:
    active = [Endpoint(i.id, i.host, i.ports[0]) for i in in_service(job)]
    ending = [
        Endpoint(i.id, i.host, i.ports[0], draining=True)
        for i in job.instances.values()
        if i.stop is not None and i.stop.waits
    ]
    return tuple(active + ending)
