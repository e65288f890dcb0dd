"""The shop's HTTP API, an ASGI app: `uvicorn workloads.shop.api:app`, or `rm.ServiceJob("shop", app="workloads.shop.api:app", ports=1)`.

`SHOP_DB` names the file (default `shop.db` in the working directory); `SHOP_VERSION`, `SHOP_START_S` (it takes so long to begin) and `SHOP_BROKEN=health|start` are for who tries updates.

- `GET /health`, `GET /ready`; `GET /items`, `GET /items/{id}`, `POST /items`, `POST /orders` (with an `Idempotency-Key` the same order is made once)
- `GET /who`: which instance and version answers; `GET /metrics`: its figures as Prometheus text
- `GET /slow?ms=500` and `GET /fail?status=500` do as they say; `POST /size` counts the bytes of its body; `GET /ticks?n=5&ms=100` sends events; `/echo` is a WebSocket
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from workloads.shop.store import NoSuchItem, SoldOut, Store

LONGEST_MS = 60_000
MOST_EVENTS = 10_000

_registry = CollectorRegistry()
_requests = Counter("shop_requests", "Requests that were answered, by status", ["status"], registry=_registry)
_open = Gauge("shop_open_requests", "Requests that are being answered", registry=_registry)


class Counted:
    """Counts requests and their statuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                _requests.labels(message["status"]).inc()
            await send(message)

        with _open.track_inprogress():
            await self._app(scope, receive, sent)


async def health(request: Request) -> Response:
    """200 while the file can be read."""
    well = os.environ.get("SHOP_BROKEN") != "health" and await run_in_threadpool(_store(request).is_well)
    return PlainTextResponse("well" if well else "not well", 200 if well else 503)


async def ready(request: Request) -> Response:
    left_s = float(os.environ.get("SHOP_START_S", "0")) - (time.monotonic() - request.app.state.began)
    return PlainTextResponse("ready") if left_s <= 0 else PlainTextResponse(f"in {left_s:.1f} s", 503)


async def items(request: Request) -> Response:
    return JSONResponse([asdict(item) for item in await run_in_threadpool(_store(request).items)])


async def item(request: Request) -> Response:
    try:
        found = await run_in_threadpool(_store(request).item, request.path_params["id"])
    except NoSuchItem as error:
        raise HTTPException(404, f"there is no item {error}") from None
    return JSONResponse(asdict(found))


async def add_item(request: Request) -> Response:
    body = await _body(request)
    name, price, stock = body.get("name"), _whole(body, "price_cents"), _whole(body, "stock")
    if not isinstance(name, str) or not name:
        raise HTTPException(400, "name: must be text")
    try:
        made = await run_in_threadpool(_store(request).add, name, price, stock)
    except sqlite3.IntegrityError:
        raise HTTPException(409, f"name: {name!r} is taken") from None
    return JSONResponse(asdict(made), 201)


async def order(request: Request) -> Response:
    body = await _body(request)
    key = request.headers.get("idempotency-key") or uuid.uuid4().hex
    item_id, count = _whole(body, "item_id"), _whole(body, "count")
    if count < 1:
        raise HTTPException(400, "count: must be at least 1")
    try:
        made, new = await run_in_threadpool(_store(request).order, key, item_id, count)
    except NoSuchItem:
        raise HTTPException(404, f"there is no item {item_id}") from None
    except SoldOut as error:
        raise HTTPException(409, str(error)) from None
    return JSONResponse(asdict(made), 201 if new else 200)


async def who(request: Request) -> Response:
    """Which process this is."""
    names = ("RAYMESOS_TASK_ID", "RAYMESOS_INDEX", "RAYMESOS_AGENT", "PORT0", "SHOP_VERSION")
    return JSONResponse({"pid": os.getpid()} | {name.lower(): os.environ.get(name, "") for name in names})


async def metrics(request: Request) -> Response:
    return Response(generate_latest(_registry), media_type="text/plain; version=0.0.4")


async def slow(request: Request) -> Response:
    ms = _query(request, "ms", 500, LONGEST_MS)
    await asyncio.sleep(ms / 1000)
    return PlainTextResponse(f"after {ms} ms")


async def fail(request: Request) -> Response:
    status = _query(request, "status", 500, 599)
    return PlainTextResponse("as asked", max(status, 400))


async def size(request: Request) -> Response:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
    return JSONResponse({"bytes": total})


async def ticks(request: Request) -> Response:
    count, ms = _query(request, "n", 5, MOST_EVENTS), _query(request, "ms", 100, LONGEST_MS)

    async def events() -> AsyncIterator[str]:
        for number in range(count):
            yield f"id: {number}\ndata: tick {number}\n\n"
            await asyncio.sleep(ms / 1000)

    return StreamingResponse(events(), media_type="text/event-stream")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    if os.environ.get("SHOP_BROKEN") == "start":
        raise RuntimeError("SHOP_BROKEN=start: it was asked not to begin")
    app.state.began = time.monotonic()
    app.state.store = await run_in_threadpool(Store, Path(os.environ.get("SHOP_DB", "shop.db")))
    yield


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise HTTPException(400, "the body must be JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body


def _whole(body: dict[str, Any], field: str) -> int:
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise HTTPException(400, f"{field}: {value!r}: must be a whole number from 0")
    return value


def _query(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise HTTPException(400, f"{name}: {text!r}: must be a whole number from 0 to {most}")
    return int(text)


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/ready", ready),
        Route("/items", items),
        Route("/items", add_item, methods=["POST"]),
        Route("/items/{id:int}", item),
        Route("/orders", order, methods=["POST"]),
        Route("/who", who),
        Route("/metrics", metrics),
        Route("/slow", slow),
        Route("/fail", fail, methods=["GET", "POST"]),
        Route("/size", size, methods=["POST", "PUT"]),
        Route("/ticks", ticks),
        WebSocketRoute("/echo", echo),
    ],
    lifespan=_lifespan,
    exception_handlers={HTTPException: _refused},
)
app.add_middleware(Counted)
