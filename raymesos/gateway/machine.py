"""The gateway's controller: takes routes from the service framework, and has HAProxy follow them.

One order is with HAProxy's side at a time. After every news the machine looks what is to be done next: read back what HAProxy has, count, bring it nearer to what is wanted, and,
when it has all that is wanted, say so. HAProxy serves by what it has been told while the machine is away; the next life of the machine reads it back.
"""

from __future__ import annotations

from typing import Any

from raymesos.errors import InvariantBroken
from raymesos.gateway import counting
from raymesos.gateway.orders import (
    READY,
    AddServer,
    Begin,
    Command,
    Count,
    Counted,
    Ended,
    Look,
    Looked,
    Order,
    Ran,
    Run,
    Unreached,
    Up,
)
from raymesos.gateway.plan import book, book_all, book_refusal, plan
from raymesos.gateway.speech import nameable
from raymesos.gateway.state import Books
from raymesos.machine import SERVICE, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import GatewaySettings
from raymesos.wire.notes import EventNote
from raymesos.wire.routes import Drained, Routes, RoutesSet, WatchRoutes

GatewayInbox = Wake | LinkUp | LinkDown | Routes | Up | Ended | Unreached | Looked | Ran | Counted


class GatewayMachine:
    """`side` is the address of who speaks to HAProxy; `slots` are HAProxy's backends."""

    def __init__(self, settings: GatewaySettings, side: str, slots: list[str], node_id: str = "") -> None:
        self._settings, self._side, self._node_id = settings, side, node_id
        self.books = Books(slots)
        self._life = 0
        self._address = ""
        """Empty while there is no HAProxy."""
        self._order: Order | None = None
        """What the side is at."""
        self._look = self._count = self._traffic = False
        """What is to be done before anything else."""
        self._paused = False
        """HAProxy has refused what it should not have; it is left alone for a while."""
        self._counted_ms = self._told_ms = 0
        self._wake_ms = -1

    @property
    def address(self) -> str:
        """host:port, once HAProxy has answered; empty before, and while it is being restarted."""
        return self._address

    @property
    def settled(self) -> bool:
        """Whether HAProxy has all that is wanted, as far as is known."""
        return bool(self._address) and self.books.known and self.books.told_version == self.books.version

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case Wake("start"):
                out.send(self._side, Begin())
            case Wake("watch"):
                if not self.books.known:
                    self._watch(out)
            case Wake("retry"):
                self._paused = False
                self.books.refused.clear()
            case Wake("count"):
                self._wake_ms = -1
                self._count = True
            case Wake():
                return
            case LinkUp(peer):
                if peer == SERVICE:
                    self._watch(out)
            case LinkDown():
                return
            case Routes():
                if sender == SERVICE:
                    self._learn(now_ms, message, out)
            case Up(life, address, fresh):
                self._up(life, address, out, fresh=fresh)
            case Ended(why):
                out.note(EventNote(now_ms, "gateway restarted", self._address, why))
                self._address, self._order = "", None
            case Unreached():
                self._order, self._look = None, True
                self._pause(out)
            case Looked():
                self._order, self._look = None, False
                book_all(self.books, message)
                self._count = self._traffic = True
            case Ran(failed):
                self._ran(now_ms, failed, out)
            case Counted():
                self._order = None
                self._book_counts(now_ms, message, out)
            case _:
                return
        self._go_on(now_ms, out)

    def check(self) -> None:
        self.books.check()
        if self._order is not None and not self._address:
            raise InvariantBroken("gateway.order", f"{self._order} is with a HAProxy that has ended")

    # ------------------------------------------------------------ news

    def _watch(self, out: Outbox) -> None:
        """Ask for all routes, again and again until they have come."""
        self.books.told_version = -1
        self.books.drained.clear()
        if self._address:
            out.send(SERVICE, WatchRoutes(self._node_id, self._address))
        if not self.books.known:
            out.wake("watch", self._settings.retry_ms)

    def _learn(self, now_ms: int, message: Routes, out: Outbox) -> None:
        books = self.books
        if not message.whole and (not books.known or message.version <= books.version):
            return
        if message.whole:
            books.wanted.clear()
        for route in message.routes:
            if nameable(route.service):
                books.wanted[route.service] = route
            else:
                out.note(EventNote(now_ms, "route refused", route.service, "no request could name this service"))
        for service in message.gone:
            books.wanted.pop(service, None)
            books.unplaced.pop(service, None)
        books.known, books.version = True, message.version

    def _up(self, life: int, address: str, out: Outbox, *, fresh: bool) -> None:
        moved, self._address = self._address != address, address
        self._life, self._order, self._paused = life, None, False
        if fresh:
            self.books.forget_all()
        self._look = not fresh
        if moved:
            self._watch(out)

    def _ran(self, now_ms: int, failed: tuple[tuple[int, str], ...], out: Outbox) -> None:
        run, self._order = self._order, None
        if not isinstance(run, Run):
            raise InvariantBroken("gateway.order", f"HAProxy's side has run commands, and was at {run}")
        why = dict(failed)
        for index, command in enumerate(run.commands):
            if index not in why:
                book(self.books, command)
            elif book_refusal(self.books, command):
                self._refused(now_ms, command, why[index], out)

    def _refused(self, now_ms: int, command: Command, why: str, out: Outbox) -> None:
        out.note(EventNote(now_ms, "gateway refused", type(command).__name__, f"{command}: {why}"))
        self._look = True
        if isinstance(command, AddServer):
            # An instance that HAProxy will not have, of a host whose name means nothing, say, holds up no other.
            out.wake("retry", self._settings.retry_ms)
        else:
            self._pause(out)

    def _pause(self, out: Outbox) -> None:
        self._paused = True
        out.wake("retry", self._settings.retry_ms)

    def _book_counts(self, now_ms: int, message: Counted, out: Outbox) -> None:
        self._counted_ms = now_ms
        if counting.book_sessions(self.books, message):
            self._count = self._traffic = True
        if message.traffic is not None:
            told = counting.book_traffic(self.books, message.traffic, now_ms - self._told_ms, first=self._told_ms == 0)
            self._told_ms = now_ms
            if told is not None:
                out.send(SERVICE, told)

    # ------------------------------------------------------------ what is next

    def _go_on(self, now_ms: int, out: Outbox) -> None:
        if not self._address or self._order is not None or self._paused:
            return
        self._order = self._next(now_ms, out)
        if self._order is not None:
            out.send(self._side, self._order)
        else:
            self._sleep(now_ms, out)

    def _next(self, now_ms: int, out: Outbox) -> Order | None:
        books = self.books
        if self._look:
            return Look(self._life)
        if self._count:
            traffic = self._traffic or now_ms - self._told_ms >= self._settings.count_ms
            self._count = self._traffic = False
            return Count(self._life, counting.slots_to_count(books), traffic)
        unplaced = len(books.unplaced)
        commands = plan(books)
        if len(books.unplaced) > unplaced:
            text = f"all {len(books.slots)} slots of the gateway are taken"
            out.note(EventNote(now_ms, "route refused", next(reversed(books.unplaced)), text))
        if commands:
            return Run(self._life, tuple(commands))
        self._say(out)
        return None

    def _say(self, out: Outbox) -> None:
        """All is as wanted: tell who wanted it."""
        books = self.books
        if books.known and books.told_version != books.version:
            books.told_version = books.version
            out.send(SERVICE, RoutesSet(books.version))
        drained = counting.newly_drained(books)
        if drained:
            out.send(SERVICE, Drained(drained))

    def _sleep(self, now_ms: int, out: Outbox) -> None:
        """Until the next count is due: soon where something ends or waits."""
        servers = [server for slot in self.books.slots.values() for server in slot.servers.values()]
        every_ms = self._settings.count_ms
        if any(server.mode != READY for server in servers):
            every_ms = self._settings.drain_ms
        elif any(not slot.servers for slot in self.books.slots.values()):
            every_ms = self._settings.waiting_ms
        due_ms = max(now_ms, self._counted_ms + every_ms)
        if self._wake_ms != due_ms:
            self._wake_ms = due_ms
            out.wake("count", due_ms - now_ms)
