"""No web page reaches a server on loopback through its reader's browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_rig import call, site
from starlette.types import Receive, Scope, Send

from raymesos.http.app import make_app
from raymesos.http.security.gate import Gate
from raymesos.http.security.guard import OLDER_PATHS, V1_PATHS, WRONG_V1_TYPE
from raymesos.http.security.loopback import is_loopback


class App:
    """Answers 200 to whatever reaches it, and counts."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def status(method: str, path: str, headers: dict[str, str], *, body: bytes = b"", loopback: bool = True) -> int:
    """What the gate or the app behind it answers; a refusal must not have reached the app, nor an answer missed it."""
    app = App()
    answer = call(Gate(app, loopback=loopback), method, path, headers=headers, content=body)
    assert app.reached == (answer.status_code == 200), answer.text
    return answer.status_code


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5050", "LOCALHOST:5050", "127.0.0.1:5050", "127.8.9.1", "[::1]:5050", "[::1]"]
)
def test_loopback_names_are_answered_whatever_the_port(host: str) -> None:
    assert status("GET", "/", {"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:5050",  # DNS rebinding: the name is the page's, the address ours.
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@localhost",
        "127.0.0.1:5050@evil.example",
        "localhost:5050:evil",
        "0.0.0.0:5050",
        "[::]:5050",
        "[::1",
        "[::1]evil",
        "::1",
        "",
        "10.0.0.7:5050",
        "löcalhost",
    ],
)
def test_dns_rebinding_any_other_host_is_refused_by_name(host: str) -> None:
    assert status("GET", "/", {"host": host.encode()}) == 403  # type: ignore[dict-item]


def test_a_refusal_says_what_is_wrong() -> None:
    answer = call(make_app(site()), "GET", "/health", headers={"host": "evil.example"})
    assert answer.status_code == 403 and answer.headers["x-content-type-options"] == "nosniff"
    assert "'evil.example' is no loopback name" in answer.text


def test_a_public_listener_answers_to_every_host() -> None:
    assert status("GET", "/", {"host": "raymesos.example"}, loopback=False) == 200


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost:3000", "http://127.0.0.1:5051", "file://localhost:5050"],
)
def test_a_foreign_origin_is_refused_on_every_listener(origin: str, loopback: bool) -> None:
    headers = {"host": "127.0.0.1:5050", "origin": origin}
    assert status("GET", "/", headers, loopback=loopback) == 403
    assert status("POST", "/", headers, loopback=loopback) == 403


def test_our_own_page_may_call() -> None:
    headers = {"origin": "http://127.0.0.1:5050", "sec-fetch-site": "same-origin", "content-type": "application/json"}
    assert status("POST", "/", headers, body=b"{}") == 200


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "what"])
def test_a_foreign_page_without_origin_is_known_by_what_its_browser_says(fetch_site: str) -> None:
    """Images, scripts and forms of other pages; another port of localhost is `same-site`."""
    assert status("GET", "/", {"sec-fetch-site": fetch_site, "sec-fetch-mode": "no-cors"}) == 403
    assert status("POST", "/", {"sec-fetch-site": fetch_site, "sec-fetch-mode": "navigate"}) == 403


def test_a_link_to_the_page_can_be_followed_but_not_framed() -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert status("GET", "/", link) == 200
    assert status("POST", "/", link) == 403
    assert status("GET", "/", link | {"sec-fetch-dest": "iframe"}) == 403


def test_an_address_that_was_typed_is_answered() -> None:
    assert status("GET", "/", {"sec-fetch-site": "none"}) == 200


JSON_TYPES = ["application/json", "application/JSON; charset=utf-8", "application/vnd.raymesos+msgpack"]
MESOS_TYPES = ["application/x-protobuf", "application/recordio"]
FORMS = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "Text/Plain;charset=UTF-8",
]


@pytest.mark.parametrize("kind", [*JSON_TYPES, *MESOS_TYPES])
def test_calls_come_in_these_types(kind: str) -> None:
    assert status("POST", "/api/v3/jobs", {"content-type": kind}, body=b"{}") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", [*FORMS, "application/xml", "application/json-seq"])
def test_any_other_type_is_refused_a_forms_above_all(kind: str, method: str) -> None:
    assert status(method, "/api/v3/jobs", {"content-type": kind}, body=b"{}") == 415


def test_a_body_without_type_is_refused_and_no_body_needs_none() -> None:
    """A script's Blob has no type, and is sent without asking."""
    assert status("POST", "/api/v3/jobs", {}, body=b"{}") == 415
    assert status("POST", "/api/v3/jobs/j1/kill", {}) == 200
    assert status("DELETE", "/api/v3/jobs/j1", {}) == 200


@pytest.mark.parametrize("path", V1_PATHS)
@pytest.mark.parametrize("kind", FORMS)
def test_the_v1_api_refuses_forms_in_mesos_words(path: str, kind: str) -> None:
    answer = call(Gate(App(), loopback=True), "POST", path, headers={"content-type": kind}, content=b"{}")
    assert (answer.status_code, answer.text) == (415, WRONG_V1_TYPE)


@pytest.mark.parametrize("kind", ["", "text/xml"])
def test_what_no_browser_sends_unasked_the_v1_api_answers_itself(kind: str) -> None:
    assert status("POST", "/api/v1", {"content-type": kind} if kind else {}, body=b"{}") == 200


@pytest.mark.parametrize("path", OLDER_PATHS)
def test_mesos_older_endpoints_take_forms_from_tools_and_not_from_browsers(path: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert status("POST", path, form | {"user-agent": "curl/8.5"}, body=b"a=b") == 200
    assert status("POST", path, form | {"origin": "http://127.0.0.1:5050"}, body=b"a=b") == 200
    for of_browsers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert status("POST", path, form | of_browsers, body=b"a=b") == 403
    for of_old_browsers in ({"user-agent": "Mozilla/5.0 (X11)"}, {"referer": "https://evil.example/"}):
        assert status("POST", path, form | of_old_browsers, body=b"a=b") == 415


@pytest.mark.parametrize("name", ["host", "origin", "content-type", "content-length", "authorization"])
def test_a_header_that_comes_twice_is_refused(name: str) -> None:
    scope = scope_of("http", [(b"host", b"localhost"), *[(name.encode(), b"localhost")] * 2])
    assert sent_for(scope)[0]["status"] == 400


def test_a_request_without_host_is_refused() -> None:
    assert sent_for(scope_of("http", []))[0]["status"] == 403


def scope_of(kind: str, headers: list[tuple[bytes, bytes]], **fields: Any) -> Scope:
    return {"type": kind, "method": "GET", "path": "/", "headers": headers, **fields}


def sent_for(scope: Scope, app: Any = None) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is to be read")

    asyncio.run(Gate(app or App(), loopback=True)(scope, receive, send))
    return sent


def handshake(host: bytes, origin: bytes | None, **fields: Any) -> list[Any]:
    headers = [(b"host", host)] + ([] if origin is None else [(b"origin", origin)])
    return sent_for(scope_of("websocket", headers, **fields))


def test_a_websocket_of_our_own_page_or_of_a_tool_is_accepted() -> None:
    assert handshake(b"127.0.0.1:5050", b"http://127.0.0.1:5050")[0]["type"] == "websocket.accept"
    assert handshake(b"127.0.0.1:5050", None)[0]["type"] == "websocket.accept"


@pytest.mark.parametrize(("host", "origin"), [(b"127.0.0.1:5050", b"https://evil.example"), (b"evil.example", None)])
def test_a_websocket_of_a_foreign_page_is_refused_before_it_is_one(host: bytes, origin: bytes | None) -> None:
    assert [m["type"] for m in handshake(host, origin)] == ["websocket.close"]
    answered = handshake(host, origin, extensions={"websocket.http.response": {}})
    assert [m["type"] for m in answered] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert answered[0]["status"] == 403


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("a.b", False),
    ],
)
def test_what_listens_on_loopback_only(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_the_memory_of_hosts_is_bounded() -> None:
    gate = Gate(App(), loopback=True)
    for n in range(1_000):
        assert gate._hosts.allows(b"h%d.example" % n) is False
    assert len(gate._hosts._known) <= 64
