"""What bare ASGI callables need: the headers and the body of a request, and answers that are known in whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

# An ACCEPT of thousands of tasks has a few MB.
MAX_BODY_BYTES = 32 * 2**20
# A client that takes longer for its body holds a connection and memory for nothing.
BODY_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is sent as plain text; an empty one has no type."""

    status: int
    text: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """By lower-case name; of one that comes twice the last counts."""
    return dict(scope["headers"])


async def read_body(receive: Receive) -> bytes | Answer | None:
    """The whole body; an answer if it is too long or too slow; None if the client has left."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read(receive)
    except TimeoutError:
        return Answer(408, f"The body did not come within {BODY_TIMEOUT_S:g} s")


async def _read(receive: Receive) -> bytes | Answer | None:
    message = await receive()
    body = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= MAX_BODY_BYTES:
        return bytes(body)
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return Answer(413, f"The body has more than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    return None


async def send_answer(send: Send, answer: Answer) -> None:
    body = answer.text.encode()
    kind = [(b"content-type", b"text/plain; charset=utf-8")] if body else []
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, *kind, length]})
    await send({"type": "http.response.body", "body": body})
