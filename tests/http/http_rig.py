"""A site without a cluster behind it, and calls to its apps in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from starlette.types import ASGIApp

from raymesos.http.desk import Desk
from raymesos.http.site import Site
from raymesos.http.views import Views
from raymesos.machine import Envelope
from raymesos.observe.relay import snapshot
from raymesos.observe.state import View, fold


class NoDoor:
    """A door behind which there is nobody: a call that reaches it fails the test. Subclasses answer what they are asked."""

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 60.0) -> Any:
        raise AssertionError(f"{actor}.{method}{arguments} was called")

    def ask(self, actor: str, message: Any, timeout_s: float = 60.0) -> Any:
        raise AssertionError(f"{actor} was asked {message}")

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        raise AssertionError(f"the master was told {message}")

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        raise AssertionError(f"view {name} was asked for")


class NoHost:
    """A host at which nobody sits: a client that reaches it fails the test."""

    def seat(self, address: str, machine: Any) -> None:
        raise AssertionError(f"{address} was seated")

    def unseat(self, address: str) -> None:
        raise AssertionError(f"{address} was unseated")

    def post_all(self, envelopes: list[Envelope]) -> None:
        raise AssertionError(f"{envelopes} were posted")


def views_of(*notes: Any) -> Views:
    """Views that have heard these notes."""
    view = View()
    for note in notes:
        fold(view, note)
    views = Views()
    views.take(snapshot(view, 0))
    return views


def site(*notes: Any, door: Any = None, **fields: Any) -> Site:
    fields.setdefault("master_is_up", lambda: True)
    return Site(
        name="test",
        cluster_id="c1",
        views=fields.pop("views", None) or views_of(*notes),
        door=door or NoDoor(),
        desk=fields.pop("desk", None) or Desk(NoHost(), "http"),
        port=fields.pop("port", 5050),
        **fields,
    )


def run(
    work: Callable[[httpx.AsyncClient], Awaitable[Any]], app: ASGIApp, base_url: str = "http://127.0.0.1:5050"
) -> Any:
    """The result of `work` with a client of the app, on an event loop of its own. What the app raises is an answer, as on a server."""

    async def inside() -> Any:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            return await work(client)

    return asyncio.run(inside())


def refused_handshake(app: ASGIApp) -> int:
    """The status with which a websocket's handshake is answered."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    scope["extensions"] = {"websocket.http.response": {}}
    asyncio.run(app(scope, send, send))  # type: ignore[arg-type]
    found: int = sent[0]["status"]
    return found


def call(app: ASGIApp, method: str, path: str, **fields: Any) -> httpx.Response:
    """One request and its whole answer."""
    answer: httpx.Response = run(lambda client: client.request(method, path, **fields), app)
    return answer
