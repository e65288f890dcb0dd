"""uvicorn on a thread of its own: one event loop, and as many listening sockets as there are apps."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

from raymesos.http.listening import BACKLOG
from raymesos.http.security.connections import Connections
from raymesos.model.settings import HttpSettings

log = logging.getLogger("raymesos.http")

START_TIMEOUT_S = 30.0
# Streams that never end by themselves are cut after so long.
STOP_TIMEOUT_S = 2
KEEP_ALIVE_S = 75
# What the process opens besides its clients' connections.
OTHER_DESCRIPTORS = 1_024


class Serving:
    """An event loop on a thread, and the servers that run on it."""

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self.loop = uvloop.new_event_loop()
        self._settings = settings or HttpSettings()
        _allow_descriptors(self._settings.connections + OTHER_DESCRIPTORS)
        self._servers: list[tuple[uvicorn.Server, Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def tell(self, run: Callable[..., Any], *arguments: Any) -> None:
        """Have the loop call `run`, from any thread, in order. After the end it does nothing."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(run, *arguments)

    def serve(self, app: ASGIApp, listening: socket.socket, **options: Any) -> None:
        """Serve `app` on the socket; it answers when this returns."""
        config = uvicorn.Config(
            app,
            loop="none",
            http=Connections(self.loop, self._settings).protocol(),
            ws="websockets-sansio",
            lifespan="auto",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            backlog=BACKLOG,
            **options,
        )
        server = _Server(config)
        done = asyncio.run_coroutine_threadsafe(server.serve(sockets=[listening]), self.loop)
        self._servers.append((server, done))
        server.is_up.wait(START_TIMEOUT_S)

    def stop(self) -> None:
        """End the servers and the loop. Idempotent."""
        for server, _ in self._servers:
            server.should_exit = True
        for _, done in self._servers:
            try:
                done.result(STOP_TIMEOUT_S + 3)
            except Exception:
                log.exception("a server did not end well")
        self._servers.clear()
        self.tell(self.loop.stop)
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.close()


def _allow_descriptors(wanted: int) -> None:
    """As far as the machine lets us, this process may open so many: many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()
