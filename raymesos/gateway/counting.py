"""What HAProxy counted, booked: who is without requests, who waits, and what the service framework is told of it."""

from __future__ import annotations

from raymesos.gateway.orders import READY, Counted, SlotCount
from raymesos.gateway.plan import found
from raymesos.gateway.state import QUIET, Books
from raymesos.gateway.traffic import traffic_since
from raymesos.wire.routes import TrafficSeen


def slots_to_count(books: Books) -> tuple[str, ...]:
    """Those with a server that ends."""
    return tuple(n for n, slot in books.slots.items() if any(s.mode != READY for s in slot.servers.values()))


def book_sessions(books: Books, counted: Counted) -> bool:
    """True if requests wait where none did, and there is no instance: the framework is to hear of it at once."""
    for name, task_id, number in counted.sessions:
        server = books.slots[name].servers.get(task_id) if name in books.slots else None
        if server is not None and server.mode != READY:
            server.quiet = server.quiet + 1 if number == 0 else 0
    before, books.waiting = books.waiting, dict(counted.waiting)
    return any(name not in before and name in books.slots and not _ready(books, name) for name in books.waiting)


def _ready(books: Books, name: str) -> bool:
    return any(server.mode == READY for server in books.slots[name].servers.values())


def book_traffic(books: Books, counts: tuple[SlotCount, ...], span_ms: int, *, first: bool) -> TrafficSeen | None:
    """What to tell of it. Of the `first` count of a life nothing: it holds all since HAProxy began."""
    now = {count.slot: count for count in counts}
    for name, count in now.items():
        if count.open and name not in books.slots:
            # Of a service that left it when we were away.
            found(books, name)
    seen = []
    for name, slot in books.slots.items():
        counted = now.get(name)
        slot.open = counted.open if counted is not None else 0
        if counted is not None and slot.service and not first:
            traffic = traffic_since(slot.service, books.counts.get(name), counted, books.waiting.get(name, 0))
            if traffic.requests or traffic.open or traffic.waiting:
                seen.append(traffic)
    books.counts = now
    return TrafficSeen(span_ms, tuple(seen)) if seen else None


def newly_drained(books: Books) -> tuple[str, ...]:
    """Draining instances without a request, that were not told of. HAProxy has all that is wanted: one that it does not have has none."""
    drained: dict[str, None] = {}
    for route in books.wanted.values():
        name = books.slot_of.get(route.service)
        servers = books.slots[name].servers if name is not None else {}
        for endpoint in route.endpoints:
            server = servers.get(endpoint.task_id)
            if endpoint.draining and (server is None or server.quiet >= QUIET):
                drained[endpoint.task_id] = None
    new = tuple(task_id for task_id in drained if task_id not in books.drained)
    books.drained = drained
    return new
