"""A client of ours and the real app, with the real batch framework behind it: requests go through the app without a socket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from http_rig import run
from jobs_rig import BatchDoor, JobsWorld

from raymesos.errors import UnknownId
from raymesos.http.app import make_app
from raymesos.http.door.client import HttpDoor
from raymesos.machine import BATCH
from raymesos.wire.work import Blob


class AppTransport(httpx.BaseTransport):
    """Each request is answered by the app, on an event loop of its own. `before` may raise instead, or after the app has done it."""

    def __init__(self, app: Any, host: str = "127.0.0.1:5050") -> None:
        self._app, self._host = app, host
        self.requests: list[str] = []
        self.before: Callable[[httpx.Request], None] = lambda request: None
        self.after: Callable[[httpx.Request], None] = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.raw_path.decode()}")
        self.before(request)
        body = request.read()

        async def inside(client: httpx.AsyncClient) -> httpx.Response:
            return await client.request(request.method, str(request.url), content=body, headers=request.headers)

        answer = run(inside, self._app)
        self.after(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class ServerDoor(BatchDoor):
    """The server's own door: the batch framework of the rig, and files in a directory."""

    def __init__(self, world: JobsWorld, directory: Path) -> None:
        super().__init__(world)
        self.directory = directory
        self.operated: list[Any] = []
        self.refuses: Exception | None = None
        self._lock = threading.Lock()

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 60.0) -> Any:
        if actor != BATCH:
            return super().call(actor, method, *arguments)
        machine = self._world.rig.machine
        if method == "poll":
            seen, _ = arguments
            news = []
            for job, cursor, version in seen:
                parts = machine.results_after(job, cursor)
                status = machine.status(job)
                changed = parts or status["version"] != version
                news.append((parts, cursor + len(parts), status) if changed else None)
            return news if any(news) else [([], s[1], machine.status(s[0])) for s in seen]
        found = getattr(machine, method)(*arguments)
        return [asdict(row) for row in found] if method == "tasks" else found

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.operated.append(message)

    def put_file(self, key: str, path: Path) -> Blob:
        target = self.directory / key
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        return Blob(path=str(target), node_id="n", size=target.stat().st_size, key=key)

    def read_piece(self, key: str, offset: int, length: int) -> bytes:
        try:
            return (self.directory / key).read_bytes()[offset:][:length]
        except FileNotFoundError:
            raise UnknownId("data", key) from None


class DoorWorld(JobsWorld):
    """`client` is the client's door; `server` the server's own."""

    def __init__(self, directory: Path, **fields: Any) -> None:
        super().__init__(work_dir=str(directory / "work"), **fields)
        self.server = ServerDoor(self, directory / "data")
        self.site.door = self.server
        self.app = make_app(self.site)
        self.transport = AppTransport(self.app)
        self.client = HttpDoor("http://127.0.0.1:5050", token="", transport=self.transport, away_s=0.5)
