"""What one caller may take of the server, and what leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from http_rig import call, refused_handshake, run, site
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.http.app import make_app
from raymesos.http.security.gate import Gate
from raymesos.http.security.headers import NOTHING, PAGE
from raymesos.model.settings import HttpSettings

JSON = {"content-type": "application/json"}


async def echo(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


def gated(app: ASGIApp | None = None, **settings: int) -> Gate:
    app = app or Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    return Gate(app, loopback=True, settings=HttpSettings(**settings))


async def nothing() -> Any:
    return {"type": "http.request"}


async def driven(gate: Gate, receive: Receive, headers: Sequence[tuple[bytes, bytes]] = ()) -> list[Any]:
    """The messages that the server is given for one POST."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers]
    await gate({"type": "http", "method": "POST", "path": "/", "headers": given}, receive, send)
    return sent


# ---------------------------------------------------------------- bodies

SMALL = {"body_bytes": 10, "call_body_bytes": 20, "job_body_bytes": 30}
BOUNDS = [("/weights", 10), ("/api/v1", 10), ("/api/v1/scheduler", 20), ("/api/v1/executor", 20), ("/api/v3/jobs", 30)]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "bound"), BOUNDS)
def test_a_body_has_a_bound_by_the_kind_of_its_path(path: str, bound: int, chunked: bool) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    for size in (bound, bound + 1):
        content: Any = pieces(size) if chunked else b"x" * size
        answer = call(gated(**SMALL), "POST", path, headers=JSON, content=content)
        if size == bound:
            assert (answer.status_code, answer.json()) == (200, {"bytes": bound})
        else:
            assert answer.status_code == 413 and f"more than {bound} bytes" in answer.text


def test_a_length_that_is_only_claimed_is_refused_before_anything_is_read() -> None:
    async def receive() -> Any:
        raise AssertionError("read")

    sent = asyncio.run(driven(gated(), receive, [(b"content-length", b"9" * 15)]))
    assert sent[0]["status"] == 413


def test_an_app_that_swallows_the_end_of_a_body_cannot_answer_over_the_refusal() -> None:
    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "http.request":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async def endless() -> Any:
        return {"type": "http.request", "body": b"x" * 8, "more_body": True}

    sent = asyncio.run(driven(gated(stubborn, **SMALL), endless))
    assert [m.get("status", m.get("body", b"")[:8]) for m in sent] == [413, b"The body"]


# ---------------------------------------------------------------- how many, how often


def test_more_open_requests_of_one_caller_than_the_bound_are_429_until_one_ends() -> None:
    gate_open: list[asyncio.Event] = []

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await gate_open[0].wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    gate = gated(stream, requests_per_caller=2)

    async def inside(client: httpx.AsyncClient) -> None:
        gate_open.append(asyncio.Event())
        held = [asyncio.ensure_future(client.get("/")) for _ in range(2)]
        while sum(gate._open.values()) < 2:
            await asyncio.sleep(0)
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        gate_open[0].set()
        assert [(await each).status_code for each in held] == [200, 200]
        assert (await client.get("/")).status_code == 200

    run(inside, gate)
    assert gate._open == {}


def test_websockets_count_too() -> None:
    gate = gated(requests_per_caller=0)
    assert refused_handshake(gate) == 429


def test_a_caller_above_its_rate_is_429_and_told_when_to_come_again() -> None:
    gate = gated(rate=1, rate_burst_ms=2_000, rate_queue_ms=0)
    answers = [call(gate, "GET", "/") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"


def test_a_caller_a_little_above_its_rate_waits_its_turn() -> None:
    gate = gated(rate=100, rate_burst_ms=10, rate_queue_ms=60_000)
    assert [call(gate, "GET", "/").status_code for _ in range(5)] == [200] * 5


# ---------------------------------------------------------------- what leaves


class Broken:
    """A bare app that fails before or in the midst of its answer."""

    def __init__(self, after: int) -> None:
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._after:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("secret story")


def test_no_story_leaves_a_bare_app(caplog: pytest.LogCaptureFixture) -> None:
    answer = call(gated(Broken(0)), "GET", "/")
    assert answer.status_code == 500 and "secret" not in answer.text and "Traceback" not in answer.text
    assert "secret story" in caplog.text


def test_an_app_that_fails_in_the_midst_of_its_answer_is_left_to_the_server() -> None:
    with pytest.raises(RuntimeError):
        asyncio.run(driven(gated(Broken(1)), nothing))


def test_answers_tell_browsers_to_guess_frame_and_keep_nothing_and_name_no_server() -> None:
    answer = call(make_app(site()), "GET", "/health")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].encode() == NOTHING
    assert answer.headers["x-frame-options"] == "DENY" and answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store" and "server" not in answer.headers


def answer_of(response: Response) -> httpx.Response:
    async def route(request: Request) -> Response:
        return response

    return call(gated(Starlette(routes=[Route("/", route)])), "GET", "/")


def test_a_page_loads_from_here_only_and_is_framed_nowhere() -> None:
    policy = answer_of(HTMLResponse("<p>")).headers["content-security-policy"]
    assert policy.encode() == PAGE
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy and "http:" not in policy


def test_a_route_that_says_itself_what_browsers_may_do_is_left_alone() -> None:
    own = {"content-security-policy": "default-src 'self'", "cache-control": "max-age=60"}
    answer = answer_of(HTMLResponse("<p>", headers=own))
    assert {name: answer.headers.get_list(name) for name in own} == {name: [value] for name, value in own.items()}


def test_the_v1_api_answers_with_mesos_headers_alone() -> None:
    answer = call(gated(), "POST", "/api/v1/scheduler", headers=JSON, content=b"{}")
    assert sorted(answer.headers) == ["content-length", "content-type"]
