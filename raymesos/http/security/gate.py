"""The gate in front of an app: bare ASGI, because hot calls pass it too. What it refuses the app never hears of."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raymesos.http.answers import INTERNAL_TEXT
from raymesos.http.asgi import Answer, send_answer
from raymesos.http.security.access import CALLER
from raymesos.http.security.audit import AuditLog
from raymesos.http.security.guard import (
    EXECUTOR_PATHS,
    SAFE_METHODS,
    V1_PATHS,
    HostRule,
    body_bound,
    foreign,
    too_long,
    wrong_type,
)
from raymesos.http.security.head import Head
from raymesos.http.security.headers import secured
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.lasting import Lasting
from raymesos.http.security.rates import SECOND, Buckets, rate_of
from raymesos.model.settings import HttpSettings

log = logging.getLogger("raymesos.http")

# Mesos tells everybody whether it lives: load balancers have no secrets.
OPEN_PATHS = ("/health", "/master/health")
_REALM = b'realm="raymesos", charset="UTF-8"'
UNKNOWN = Answer(
    401,
    "This server asks for a token: as `Authorization: Bearer TOKEN`, or by basic authentication with the principal and the token",
    ((b"www-authenticate", b"Bearer " + _REALM), (b"www-authenticate", b"Basic " + _REALM)),
)
INTERNAL = Answer(500, INTERNAL_TEXT)


class Gate:
    """`app` behind the rules of its listener. `loopback`: it is reached from this machine only. With a keyring, every caller shows a token of it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        loopback: bool,
        keyring: Keyring | None = None,
        settings: HttpSettings | None = None,
        audit: AuditLog | None = None,
    ) -> None:
        self._app, self._keyring, self._audit = app, keyring, audit
        self._lasting = Lasting(keyring) if keyring is not None else None
        self._settings = settings or HttpSettings()
        self._hosts = HostRule(loopback=loopback)
        self._open: dict[str, int] = {}
        """Requests and websockets of each caller that are not answered yet."""
        rate = rate_of(self._settings)
        self._rates = Buckets(rate, self._settings.callers_known) if rate is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, method, path = Head(scope["headers"]), scope["method"], scope["path"]
        refused = foreign(head, self._hosts, method)
        if refused is None and self._keyring is not None:
            refused = self._known(scope, head, self._keyring)
        refused = refused or wrong_type(head, method, path)
        bound = body_bound(path, self._settings)
        if refused is None and _length(head) > bound:
            refused = too_long(bound)
        who = _who(scope)
        if refused is None:
            refused = self._crowded(who) or await self._turn(who)
        # What executors report of their tasks is nobody's doing: the call that launched them is written down.
        audit = None if method in SAFE_METHODS or path in EXECUTOR_PATHS else self._audit
        if refused is not None:
            if audit is not None:
                audit.refused(scope, refused.status)
            await refuse(send, refused)
            return
        exchange = Exchange(receive, send, bound, plain=path in V1_PATHS)
        if audit is not None:
            exchange.tell = partial(audit.answered, scope)
        with self._counted(who):
            if self._lasting is None or CALLER not in scope:
                await exchange.run(self._app, scope)
            elif not await self._lasting.run(head.authorization, exchange, exchange.run(self._app, scope)):
                await exchange.end()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head(scope["headers"])
        refused = foreign(head, self._hosts, "GET")
        if refused is None and self._keyring is not None:
            refused = self._known(scope, head, self._keyring)
        who = _who(scope)
        refused = refused or self._crowded(who)
        if refused is not None:
            await refuse_websocket(scope, send, refused)
            return
        with self._counted(who):
            await self._app(scope, receive, send)

    def _known(self, scope: Scope, head: Head, keyring: Keyring) -> Answer | None:
        """Puts the caller into the scope, or says that we know none."""
        caller = keyring.caller(head.authorization, int(time.time() * 1000))
        if caller is not None:
            scope[CALLER] = caller
        elif scope["path"] not in OPEN_PATHS:
            return UNKNOWN
        return None

    def _crowded(self, who: str) -> Answer | None:
        bound = self._settings.requests_per_caller
        if self._open.get(who, 0) < bound:
            return None
        return Answer(429, f"{bound} requests and streams of this caller are open already", ((b"retry-after", b"1"),))

    async def _turn(self, who: str) -> Answer | None:
        """Wait for the caller's turn, if it is not far."""
        if self._rates is None:
            return None
        turn = self._rates.take(who, time.monotonic_ns())
        if not turn.taken:
            seconds = -(-turn.wait_ns // SECOND)
            text = f"more than {self._settings.rate} requests a second: try again in {seconds} s"
            return Answer(429, text, ((b"retry-after", b"%d" % seconds),))
        if turn.wait_ns:
            await asyncio.sleep(turn.wait_ns / SECOND)
        return None

    def _counted(self, who: str) -> _Counted:
        return _Counted(self._open, who)


class _Counted:
    """One more while it is entered. (A context manager made by a generator costs a hot call a microsecond more.)"""

    __slots__ = ("_counts", "_key")

    def __init__(self, counts: dict[str, int], key: str) -> None:
        self._counts, self._key = counts, key

    def __enter__(self) -> None:
        self._counts[self._key] = self._counts.get(self._key, 0) + 1

    def __exit__(self, *_: Any) -> None:
        left = self._counts.pop(self._key) - 1
        if left:
            self._counts[self._key] = left


class Exchange:
    """One request on its way to the app and its answer on the way back: at most `bound` bytes in, headers for browsers out (unless `plain`), and no story of an error."""

    __slots__ = ("_begun", "_bound", "_came", "_done", "_plain", "_receive", "_refused", "_send", "tell")

    def __init__(self, receive: Receive, send: Send, bound: int, *, plain: bool) -> None:
        self._receive, self._send = receive, send
        self._bound, self._plain = bound, plain
        self._came = 0
        self.tell: Callable[[int], None] | None = None
        """Hears the status once it is known: of a stream, when it begins."""
        self._begun = self._done = self._refused = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            # Once it has been refused, or answered in whole (Starlette answers and raises again), the error is no news.
            if self._refused or self._done:
                return
            if self._begun:
                raise
            log.exception("%s %s", scope["method"], scope["path"])
            await self._refuse(INTERNAL)

    @property
    def lasts(self) -> bool:
        return self._begun and not self._done

    async def end(self) -> None:
        """The answer is complete with what has been sent of it."""
        await self.send({"type": "http.response.body", "body": b""})

    async def receive(self) -> Message:
        if self._refused:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            if self._came > self._bound:
                # Answered here, not by the app: each kind of app would make something else of an exception.
                self._refused = True
                if not self._begun:
                    await self._refuse(too_long(self._bound))
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._begun = True
            if self.tell is not None:
                self.tell(message["status"])
            if not self._plain:
                message = {**message, "headers": secured(message.get("headers", ()))}
        elif not message.get("more_body"):
            self._done = True
        await self._send(message)

    async def _refuse(self, refused: Answer) -> None:
        if self.tell is not None:
            self.tell(refused.status)
        await refuse(self._send, refused)


async def refuse(send: Send, refused: Answer) -> None:
    """The connection stays open: closed now, with a body still coming, it would be reset before the client has read why."""
    await send_answer(send, replace(refused, headers=(*refused.headers, (b"x-content-type-options", b"nosniff"))))


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


def _length(head: Head) -> int:
    """What the request says its body has. Where it says nothing of use, what comes is counted."""
    found = head.content_length
    return int(found) if found is not None and found.isdigit() and len(found) < 20 else 0


def _who(scope: Scope) -> str:
    """Whose requests are counted together: those of a principal, else those of an address."""
    caller = scope.get(CALLER)
    if caller is not None:
        return f"principal {caller.principal}"
    client = scope.get("client")
    return client[0] if client else ""
