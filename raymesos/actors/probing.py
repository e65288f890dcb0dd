"""One probe of a server on this machine: an HTTP status, or a connection that is taken. It asks no more than it needs to know, and takes no longer than it may."""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass
from functools import cache
from typing import cast

import httptools

from raymesos.wire.checks import Check

HOST = "127.0.0.1"
# Headers longer than this are no answer; of a body, which nobody wants, so much is read so that its server can end it in peace.
MOST_BYTES = 64 * 1024
WELL = range(200, 400)


@dataclass(frozen=True, slots=True)
class Found:
    """`value` as in `Checked`; `text` says what was seen if it is not well."""

    ok: bool
    text: str = ""
    value: int | None = None


async def probe_tcp(check: Check) -> Found:
    """Well if the connection is taken."""
    try:
        async with asyncio.timeout(check.timeout_ms / 1000):
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, HOST, check.port)
            transport.close()
    except TimeoutError:
        return Found(ok=False, text=silence(check), value=0)
    except OSError as error:
        return Found(ok=False, text=_words(error), value=0)
    return Found(ok=True, value=1)


async def probe_http(check: Check) -> Found:
    """Well if the status of the answer is one of those wanted, without following where it points to."""
    loop = asyncio.get_running_loop()
    status: asyncio.Future[int] = loop.create_future()
    context = _any_certificate() if check.scheme == "https" else None
    transport: asyncio.Transport | None = None
    try:
        async with asyncio.timeout(check.timeout_ms / 1000):
            transport, _ = await loop.create_connection(lambda: _Asking(check, status), HOST, check.port, ssl=context)
            code = await status
    except TimeoutError:
        return Found(ok=False, text=silence(check))
    except _NoAnswer as error:
        return Found(ok=False, text=str(error))
    except OSError as error:
        return Found(ok=False, text=_words(error))
    finally:
        if transport is not None and not status.done():
            transport.abort()
    ok = code in check.statuses if check.statuses else code in WELL
    return Found(ok, "" if ok else f"HTTP {code}", code)


def silence(check: Check) -> str:
    return f"no answer in {check.timeout_ms / 1000:g} s"


class _NoAnswer(Exception):
    """What came was none."""


class _Asking(asyncio.Protocol):
    """Says the request, and `status` of the answer as soon as its headers have come."""

    def __init__(self, check: Check, status: asyncio.Future[int]) -> None:
        self._check, self._status = check, status
        self._parser = httptools.HttpResponseParser(self)
        self._read = 0
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast("asyncio.Transport", transport)  # That of uvloop is none by its class.
        path = self._check.path if self._check.path.startswith("/") else f"/{self._check.path}"
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {HOST}:{self._check.port}",
            "User-Agent: raymesos-check",
            "Accept: */*",
            "Connection: close",
        )
        transport.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
        # What is still to come after the status is read no longer than the probe may take.
        self._end = asyncio.get_running_loop().call_later(self._check.timeout_ms / 1000, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"no HTTP answer: {error}")
        if self._read > MOST_BYTES:
            self._fail(f"more than {MOST_BYTES} bytes of headers")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._fail(_words(exc) if isinstance(exc, OSError) else "closed without an answer")

    def on_headers_complete(self) -> None:
        code = self._parser.get_status_code()
        if code >= 200 and not self._status.done():  # Below: the answer is still to come.
            self._status.set_result(code)

    def on_message_complete(self) -> None:
        if self._status.done() and self._transport is not None:
            self._transport.close()

    def _fail(self, text: str) -> None:
        """No answer can come any more; after one it changes nothing but the connection."""
        if not self._status.done():
            self._status.set_exception(_NoAnswer(text))
        if self._transport is not None:
            self._transport.abort()


@cache
def _any_certificate() -> ssl.SSLContext:
    """It is our own machine that is asked, by a name that no certificate has. (Mesos: curl -k)"""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _words(error: OSError) -> str:
    """`connection refused`"""
    if isinstance(error, ssl.SSLError):
        return f"no TLS answer: {error.reason or error}"
    return os.strerror(error.errno).lower() if error.errno else str(error)
