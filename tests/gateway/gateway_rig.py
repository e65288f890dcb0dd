"""A gateway without Ray: its machine and a real HAProxy in one host, with a service framework that says what a test wants, and small ASGI servers as instances."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from raymesos.actors.haproxy import HaproxySide
from raymesos.actors.host import Host
from raymesos.actors.plan import GatewayPlan
from raymesos.gateway.config import slot_names
from raymesos.gateway.machine import GatewayMachine
from raymesos.gateway.orders import Run
from raymesos.http.listening import listen
from raymesos.machine import SERVICE, Outbox
from raymesos.model.settings import GatewaySettings
from raymesos.wire.routes import Drained, Endpoint, Route, RouteRules, Routes, RoutesSet, TrafficSeen, WatchRoutes

PATIENCE_S = 20.0
NAME = "gateway/test"
QUICK = replace(GatewaySettings(), slots=32, count_ms=50, drain_ms=20, waiting_ms=20, retry_ms=100)


def wait_for(done: Callable[[], Any], what: str = "") -> Any:
    """What `done` returns as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := done()):
        assert time.monotonic() < deadline, what or "it did not come"
        time.sleep(0.005)
    return found


class Framework:
    """Says what it is told to, and answers gateways that ask."""

    def __init__(self, routes: dict[str, Route], *, mute: bool) -> None:
        self.heard: list[Any] = []
        self.routes, self.version, self._mute = routes, 0, mute

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self.heard.append(message)
        if isinstance(message, WatchRoutes) and not self._mute:
            out.send(NAME, Routes(self.version, tuple(self.routes.values()), whole=True))

    def check(self) -> None:
        """It has no books."""

    def of(self, kind: type[Any]) -> list[Any]:
        return [m for m in list(self.heard) if isinstance(m, kind)]


class Watched:
    """The side, and which commands it got."""

    def __init__(self, side: HaproxySide) -> None:
        self._side = side
        self.commands: list[Any] = []

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, Run):
            self.commands.extend(message.commands)
        self._side.handle(now_ms, sender, message, out)

    def check(self) -> None:
        """It has no books."""


class NoCarrier:
    """To nowhere: all is in one host."""

    def carry(self, peer: str, from_epoch: int, batch: Any, done: Callable[[Any, bool], None]) -> None:
        done(None, True)


class Rig:
    """One life of a gateway's controller; another one on the same directory goes on with its HAProxy."""

    def __init__(self, directory: Path, *, known: tuple[Route, ...] = (), mute: bool = False) -> None:
        """`known`: what the framework answers when it is first asked; `mute`: it answers nothing."""
        self.framework = Framework({route.service: route for route in known}, mute=mute)
        self.host = Host(NAME, time.time_ns() // 1000, NoCarrier(), {})
        self.side = HaproxySide(directory, self.host, GatewayPlan(port=0), QUICK)
        self.machine = GatewayMachine(QUICK, self.side.address, slot_names(QUICK.slots))
        watched = Watched(self.side)
        self.commands = watched.commands
        for address, machine in ((NAME, self.machine), (self.side.address, watched), (SERVICE, self.framework)):
            self.host.add(address, machine)
        self.side.begin()
        self.host.start()
        try:
            wait_for(lambda: self.machine.address, "HAProxy is up")
        except BaseException:
            self.close()
            raise
        self.url = f"http://{self.machine.address}"

    def set(self, *routes: Route, gone: tuple[str, ...] = ()) -> None:
        """These routes are so, and HAProxy has them."""
        self.tell(*routes, gone=gone)
        self.followed()

    def tell(self, *routes: Route, gone: tuple[str, ...] = ()) -> None:
        framework = self.framework
        framework.version += 1
        framework.routes |= {route.service: route for route in routes}
        for service in gone:
            del framework.routes[service]
        self.host.post(NAME, SERVICE, Routes(framework.version, routes, gone))

    def followed(self) -> None:
        version = self.framework.version
        wait_for(lambda: any(m.version == version for m in self.framework.of(RoutesSet)), "the routes are followed")

    def drained(self, task_id: str) -> bool:
        return any(task_id in m.task_ids for m in self.framework.of(Drained))

    def traffic(self, service: str) -> list[Any]:
        return [t for m in self.framework.of(TrafficSeen) for t in m.services if t.service == service]

    def haproxy_pid(self) -> int:
        return self.side.pid

    def close(self) -> None:
        self.host.stop()
        self.side.close()


def route(service: str, *instances: Any, **rules: Any) -> Route:
    """`instances`: those below, or endpoints."""
    endpoints = (each if isinstance(each, Endpoint) else each.endpoint for each in instances)
    return Route(service, tuple(endpoints), RouteRules(**rules))


def draining(instance: Any) -> Endpoint:
    return replace(instance.endpoint, draining=True)


class Servers:
    """An event loop on a thread, with uvicorn for each app."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._servers: list[uvicorn.Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def serve(self, app: Any, listening: socket.socket) -> None:
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, lifespan="off", interface="asgi3", ws="websockets-sansio"
            )
        )
        self._servers.append(server)
        asyncio.run_coroutine_threadsafe(server.serve([listening]), self.loop)
        wait_for(lambda: server.started)

    def stop(self) -> None:
        async def end() -> None:
            for server in self._servers:
                server.force_exit = server.should_exit = True
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.wait(tasks, timeout=2)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(PATIENCE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        self.loop.close()


class Instance:
    """An ASGI app on a port of its own, on the event loop that all share."""

    def __init__(self, serving: Servers, name: str) -> None:
        self.name, self.requests, self.open = name, 0, 0
        self.go = asyncio.Event()
        self._serving = serving
        listening = listen("127.0.0.1", 0)
        self.endpoint = Endpoint(name, "127.0.0.1", listening.getsockname()[1])
        serving.serve(self._app, listening)

    def release(self) -> None:
        """Slow requests go on."""
        self._serving.loop.call_soon_threadsafe(self.go.set)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await _echo(receive, send)
            return
        self.requests += 1
        self.open += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self.open -= 1

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        path, status, body = scope["path"], 200, b""
        match path.split("/")[1:]:
            case ["slow"]:
                await self.go.wait()
                body = b"done"
            case ["upload"]:
                body = str(await _size(receive)).encode()
            case ["events"]:
                await self._events(send)
                return
            case ["download", size]:
                await _download(send, int(size))
                return
            case ["status", code]:
                status = int(code)
            case ["echo"]:
                got = {"path": path, "query": scope["query_string"].decode()}
                heads = "\n".join(f"{k.decode()}: {v.decode()}" for k, v in scope["headers"])
                body = "\n".join([*(f"{k}: {v}" for k, v in got.items()), heads]).encode()
            case _:
                body = self.name.encode()
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-instance", self.name.encode())]})
        await send({"type": "http.response.body", "body": body})

    async def _events(self, send: Any) -> None:
        """One event now, the next when the test says so."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"data: second\n\n"})


async def _size(receive: Any) -> int:
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return size


async def _download(send: Any, size: int) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    piece = bytes(1 << 20)
    for _ in range(size >> 20):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})


_PROGRAM = """
import socket, sys, time
listening = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listening.getsockname()[1], flush=True)
while True:
    client, _ = listening.accept()
    head = client.recv(65536)
    print(head.split()[0].decode(), flush=True)
"""


@dataclass
class Mute:
    """A process that takes requests and never answers; `kill` is kill -9."""

    endpoint: Endpoint
    process: Any

    @classmethod
    @contextlib.contextmanager
    def running(cls, task_id: str) -> Iterator[Mute]:
        process = subprocess.Popen([sys.executable, "-S", "-c", _PROGRAM], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield cls(Endpoint(task_id, "127.0.0.1", port), process)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def next_request(self) -> str:
        """The method of the next one, waiting for it."""
        found: str = self.process.stdout.readline().strip()
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Background:
    """Runs `call` on a thread; `result` waits for it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._found: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._found.append(call()), daemon=True)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(PATIENCE_S)
        assert self._found, "it has not ended"
        return self._found[0]


def resident_kb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def client() -> httpx.Client:
    return httpx.Client(timeout=PATIENCE_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
