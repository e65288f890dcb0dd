"""What bare ASGI callables need: the headers and the body of a request, and answers that are known in whole."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is sent as plain text; an empty one has no type."""

    status: int
    text: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """By lower-case name; of one that comes twice the last counts."""
    return dict(scope["headers"])


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client has left. How long it may be, and how slow, the gate and the connection see to."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
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
