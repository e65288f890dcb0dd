"""The gate in front of an app: bare ASGI, because hot calls pass it too. What it refuses the app never hears of."""

from __future__ import annotations

import logging
from dataclasses import replace

from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.http.asgi import Answer, send_answer
from raymesos.http.security.guard import HostRule, foreign, wrong_type
from raymesos.http.security.head import Head

log = logging.getLogger("raymesos.http")

INTERNAL = Answer(500, "internal error; the server's log has the story")


class Gate:
    """`app` behind the rules of its listener. `loopback` says whether that is reached from this machine only."""

    def __init__(self, app: ASGIApp, *, loopback: bool) -> None:
        self._app = app
        self._hosts = HostRule(loopback=loopback)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            refused = foreign(Head(scope["headers"]), self._hosts, "GET")
            if refused is None:
                await self._app(scope, receive, send)
            else:
                await refuse_websocket(scope, send, refused)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, method = Head(scope["headers"]), scope["method"]
        refused = foreign(head, self._hosts, method) or wrong_type(head, method, scope["path"])
        if refused is not None:
            await refuse(send, refused)
            return
        await self._app(scope, receive, send)


async def refuse(send: Send, refused: Answer) -> None:
    """Answer, and close the connection: what else comes on it has not been looked at."""
    await send_answer(send, replace(refused, headers=(*refused.headers, (b"connection", b"close"))))


async def refuse_websocket(scope: Scope, send: Send, refused: Answer) -> None:
    """The handshake is answered as a request would be, where the server can; else with its own 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refused.text[:120]})
        return
    body = refused.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        *refused.headers,
    ]
    await send({"type": "websocket.http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
