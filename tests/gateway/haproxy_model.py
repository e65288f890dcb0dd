"""HAProxy as far as the gateway's machine can tell: strict about what it is told, and with requests that come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raymesos.gateway.config import slot_names
from raymesos.gateway.machine import GatewayMachine
from raymesos.gateway.orders import (
    MAINT,
    READY,
    AddServer,
    Begin,
    Command,
    Count,
    Counted,
    DropRoute,
    Ended,
    Look,
    Looked,
    Ran,
    RemoveServer,
    Run,
    ServerRow,
    SetMode,
    SetRoute,
    Settle,
    SlotCount,
    Up,
)
from raymesos.gateway.traffic import BUCKETS
from raymesos.machine import SERVICE, LinkUp, Outbox, Pump, Wake
from raymesos.model.settings import GatewaySettings
from raymesos.wire.routes import Route, Routes, WatchRoutes

NAME, SIDE = "gateway/model", "haproxy@gateway/model"
SLOTS = 3


class Refused(Exception):
    """HAProxy's words."""


@dataclass
class ModelServer:
    port: int
    mode: str
    open: int = 0


@dataclass
class ModelHaproxy:
    """The side and HAProxy in one."""

    unresolvable: str = "nowhere"
    life: int = 0
    running: bool = False
    routes: dict[str, tuple[str, str]] = field(default_factory=dict)
    settled: bool = False
    servers: dict[tuple[str, str], ModelServer] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    held: dict[str, list[str]] = field(default_factory=dict)
    """By slot, the services that held requests are for."""
    commands: list[Command] = field(default_factory=list)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case Begin():
                fresh, self.running = not self.running, True
                self.life += 1
                out.send(NAME, Up(self.life, "127.0.0.1:8080", fresh=fresh))
            case Look(life) if life == self.life:
                rows = tuple(ServerRow(s, t, server.port, server.mode) for (s, t), server in self.servers.items())
                routes = tuple((service, slot, rules) for service, (slot, rules) in self.routes.items())
                out.send(NAME, Looked(rows, routes, self.settled))
            case Count(life, slots, traffic) if life == self.life:
                out.send(NAME, self._counted(slots, traffic=traffic))
            case Run(life, commands) if life == self.life:
                out.send(NAME, Ran(tuple(self._run(commands))))

    def check(self) -> None:
        """No books of ours."""

    def _run(self, commands: tuple[Command, ...]) -> Any:
        for index, command in enumerate(commands):
            self.commands.append(command)
            try:
                self._carry_out(command)
            except Refused as error:
                yield index, str(error)

    def _carry_out(self, command: Command) -> None:
        match command:
            case SetRoute(service, slot, rules, known):
                if known != (service in self.routes):
                    raise Refused("no such entry" if known else "entry twice")
                # Whoever is held in the slot, or has a server there, belongs to this service.
                assert all(name == service for name in self.held.get(slot, [])), "a slot was given away with requests"
                self.routes[service] = slot, rules
            case DropRoute(service):
                if self.routes.pop(service, None) is None:
                    raise Refused("no such entry")
            case AddServer(slot, task_id, host, port, mode):
                if (slot, task_id) in self.servers or host == self.unresolvable:
                    raise Refused("cannot be added")
                self.servers[slot, task_id] = ModelServer(port, mode)
            case SetMode(slot, task_id, mode):
                self._server(slot, task_id).mode = mode
            case RemoveServer(slot, task_id):
                server = self._server(slot, task_id)
                if server.mode != MAINT:
                    raise Refused("only servers in maintenance")
                assert server.open == 0, "a server with open requests was removed"
                del self.servers[slot, task_id]
            case Settle():
                self.settled = True

    def _server(self, slot: str, task_id: str) -> ModelServer:
        if (slot, task_id) not in self.servers:
            raise Refused("no such server")
        return self.servers[slot, task_id]

    def _counted(self, slots: tuple[str, ...], *, traffic: bool) -> Counted:
        waiting = tuple((slot, len(held)) for slot, held in self.held.items() if held)
        sessions = tuple((s, t, server.open) for (s, t), server in self.servers.items() if s in slots)
        rows = []
        for slot, number in self.requests.items():
            there = sum(server.open for (s, _), server in self.servers.items() if s == slot)
            times = (0, number) + (0,) * (BUCKETS - 2)
            rows.append(SlotCount(slot, number, there + len(self.held.get(slot, [])), 0, times))
        return Counted(waiting, sessions, tuple(rows) if traffic else None)

    # ------------------------------------------------------------ what clients do

    def request(self, service: str) -> str:
        """The task id that has it; empty if it is held, or the service is unknown."""
        if service not in self.routes:
            return ""
        slot = self.routes[service][0]
        self.requests[slot] = self.requests.get(slot, 0) + 1
        ready = [(s.open, t, s) for (its, t), s in self.servers.items() if its == slot and s.mode == READY]
        if not ready:
            self.held.setdefault(slot, []).append(service)
            return ""
        _, task_id, server = min(ready, key=lambda each: each[:2])
        server.open += 1
        return task_id

    def finish(self) -> None:
        """All requests end."""
        for server in self.servers.values():
            server.open = 0
        self.held.clear()

    def die(self) -> None:
        self.running, self.settled = False, False
        self.routes, self.servers, self.requests, self.held = {}, {}, {}, {}


class ModelFramework:
    """Answers who asks with all routes."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.version = 0
        self.heard: list[Any] = []

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self.heard.append(message)
        if isinstance(message, WatchRoutes):
            out.send(NAME, Routes(self.version, tuple(self.routes.values()), whole=True))

    def check(self) -> None:
        """It has no books."""


class World:
    """The three, and a clock."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.haproxy, self.framework = ModelHaproxy(), ModelFramework()
        self.pump = Pump()
        self.pump.add(SIDE, self.haproxy)
        self.pump.add(SERVICE, self.framework)
        self.restart_controller()

    def restart_controller(self) -> None:
        self.pump.remove(NAME)
        self.machine = GatewayMachine(GatewaySettings(), SIDE, slot_names(SLOTS))
        self.pump.add(NAME, self.machine)
        self.post(NAME, Wake("start"))

    def restart_haproxy(self) -> None:
        self.haproxy.die()
        self.post(SIDE, Ended("killed"))
        self.post(NAME, Begin(), to=SIDE)

    def post(self, sender: str, message: Any, to: str = NAME) -> None:
        self.pump.deliver(self.now_ms, [(to, sender, message)])
        self.machine.check()

    def set(self, *routes: Route, gone: tuple[str, ...] = ()) -> None:
        framework = self.framework
        framework.version += 1
        framework.routes |= {route.service: route for route in routes}
        for service in gone:
            framework.routes.pop(service, None)
        self.post(SERVICE, Routes(framework.version, routes, gone))

    def restart_framework(self) -> None:
        self.framework.version = 0
        self.post(NAME, LinkUp(SERVICE, restarted=True))

    def pass_ms(self, ms: int) -> None:
        until = self.now_ms + ms
        while (due := self.pump.next_wake_ms()) is not None and due <= until:
            self.now_ms = max(self.now_ms, due)
            self.pump.fire(self.now_ms)
            self.machine.check()
        self.now_ms = until

    def of(self, kind: type[Any]) -> list[Any]:
        return [m for m in self.framework.heard if isinstance(m, kind)]
