"""From what HAProxy has to what it should have: which commands next, and what it has once one is carried out.

An instance that leaves is first in maintenance and removed when it has no request any more; a slot is free when nothing of its service is left in it, not even a request. So
neither a request nor a server ever finds itself in a slot that is somebody else's by now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from raymesos.gateway.orders import (
    DRAIN,
    MAINT,
    READY,
    AddServer,
    Command,
    DropRoute,
    Looked,
    RemoveServer,
    SetMode,
    SetRoute,
    Settle,
)
from raymesos.gateway.speech import SETTLED, rules_text
from raymesos.gateway.state import QUIET, Books, Server, Slot
from raymesos.wire.routes import Endpoint, Route


def plan(books: Books) -> list[Command]:
    """What to do now; empty when all is as wanted, or nothing can be done yet. Takes slots for new services. Before the framework has spoken, all stays as it is."""
    if not books.known:
        return []
    commands: list[Command] = []
    for service, route in books.wanted.items():
        name = books.slot_of.get(service) or books.take(service)
        if name is None:
            books.unplaced[service] = None
            continue
        books.unplaced.pop(service, None)
        commands += _serve(books, name, books.slots[name], route)
    for name, slot in list(books.slots.items()):
        if slot.service not in books.wanted:
            commands += _empty(name, slot)
            if not slot.rules and not slot.servers and not slot.open:
                books.leave(name)
    if not books.settled:
        commands.append(Settle())
    return commands


def _serve(books: Books, name: str, slot: Slot, route: Route) -> Iterator[Command]:
    """Servers come before the route and before others leave: at no moment is there none that could be there."""
    wanted = {endpoint.task_id: endpoint for endpoint in route.endpoints}
    for task_id, endpoint in wanted.items():
        server = slot.servers.get(task_id)
        mode = DRAIN if endpoint.draining else READY
        if server is None:
            # One that drains and is not there has no requests there.
            if mode == READY and (name, task_id) not in books.refused:
                yield AddServer(name, task_id, endpoint.host, endpoint.port, mode)
        elif is_at(server, endpoint) and server.mode != mode:
            yield SetMode(name, task_id, mode)
    rules = rules_text(route.rules)
    if slot.rules != rules:
        yield SetRoute(route.service, name, rules, known=bool(slot.rules))
    leaving = {t: s for t, s in slot.servers.items() if t not in wanted or not is_at(s, wanted[t])}
    yield from _retire(name, leaving)


def _empty(name: str, slot: Slot) -> Iterator[Command]:
    if slot.rules:
        yield DropRoute(slot.service)
    yield from _retire(name, slot.servers)


def _retire(name: str, leaving: dict[str, Server]) -> Iterator[Command]:
    for task_id, server in leaving.items():
        if server.mode != MAINT:
            yield SetMode(name, task_id, MAINT)
        elif server.quiet >= QUIET:
            yield RemoveServer(name, task_id)


def is_at(server: Server, endpoint: Endpoint) -> bool:
    """Whether the server is the endpoint's, as far as is known."""
    return server.port == endpoint.port and server.host in ("", endpoint.host)


def book(books: Books, command: Command) -> None:
    """HAProxy has carried it out."""
    match command:
        case SetRoute(_, slot, rules):
            books.slots[slot].rules = rules
        case DropRoute(service):
            slot_left = books.slots[books.slot_of[service]]
            slot_left.rules = ""
            # What came until now is not counted yet.
            slot_left.open = max(1, slot_left.open)
        case AddServer(slot, task_id, host, port, mode):
            books.slots[slot].servers[task_id] = Server(host, port, mode)
        case SetMode(slot, task_id, mode):
            server = books.slots[slot].servers[task_id]
            # Requests that it got before drain or maintenance may still be there; what was found before proves nothing of those after it was ready again.
            server.quiet = server.quiet if server.mode == DRAIN and mode == MAINT else 0
            server.mode = mode
        case RemoveServer(slot, task_id):
            del books.slots[slot].servers[task_id]
        case Settle():
            books.settled = True
        case _:
            assert_never(command)


def book_refusal(books: Books, command: Command) -> bool:
    """HAProxy has not. True if what it has must be read back to go on."""
    match command:
        case RemoveServer(slot, task_id):
            books.slots[slot].servers[task_id].quiet = 0
            return False
        case AddServer(slot, task_id):
            books.refused[slot, task_id] = None
            return True
        case _:
            return True


def book_all(books: Books, looked: Looked) -> None:
    """HAProxy has just this. A slot without a route had one whose name is lost; it is emptied. Where requests are left though neither route nor server is, the next count says."""
    kept = books.slots
    books.free += list(books.slots)
    books.slots, books.slot_of, books.settled = {}, {}, looked.settled
    for service, name, rules in looked.routes:
        if service != SETTLED:
            found(books, name).service = service
            books.slots[name].rules = rules
            books.slot_of[service] = name
    for row in looked.servers:
        slot = found(books, row.slot)
        was = kept[row.slot].servers.get(row.task_id) if row.slot in kept else None
        host = was.host if was is not None and was.port == row.port else ""
        slot.servers[row.task_id] = Server(host, row.port, row.mode)


def found(books: Books, name: str) -> Slot:
    """The slot of that name, nobody's if it was free."""
    slot = books.slots.get(name)
    if slot is None:
        slot = books.slots[name] = Slot("")
        if name in books.free:
            books.free.remove(name)
    return slot
