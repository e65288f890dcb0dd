"""A real HAProxy, driven by the gateway's machine, with real instances behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import websockets
from gateway_rig import Background, Instance, Mute, Rig, client, draining, resident_kb, route, wait_for

MB = 1 << 20
Make = Callable[[str], Instance]


def test_a_service_is_reached_by_path_and_by_host_and_another_is_not(rig: Rig, instance: Make) -> None:
    rig.set(route("web", instance("w1")), route("api", instance("a1")))
    with client() as http:
        assert http.get(f"{rig.url}/web/x").text == "w1"
        assert http.get(f"{rig.url}/api").text == "a1"
        assert http.get(f"{rig.url}/api/x", headers={"Host": "web.example.org:80"}).text == "w1"
        assert http.get(f"{rig.url}/api/x", headers={"Host": "other.example.org"}).text == "a1"
        missing = http.get(f"{rig.url}/nothing%22/x")
    assert missing.status_code == 404
    assert missing.json() == {"error": "UnknownId", "message": "no such service", "service": "nothing%22"}


def test_an_instance_sees_its_own_path_and_who_asked(rig: Rig, instance: Make) -> None:
    rig.set(route("seen", instance("s1")))
    with client() as http:
        named = http.get(f"{rig.url}/seen/echo?a=1&b=%20", headers={"X-Request-Id": "mine"})
        hosted = http.get(f"{rig.url}/echo", headers={"Host": "seen.local", "X-Forwarded-Prefix": "/forged"})
    got = dict(line.split(": ", 1) for line in named.text.splitlines())
    assert (got["path"], got["query"]) == ("/echo", "a=1&b=%20")
    assert (got["x-forwarded-prefix"], got["x-forwarded-proto"], got["x-forwarded-for"]) == (
        "/seen",
        "http",
        "127.0.0.1",
    )
    assert got["x-forwarded-host"] == got["host"] == rig.url.removeprefix("http://")
    assert got["x-request-id"] == named.headers["x-request-id"] == "mine"
    assert "x-forwarded-prefix" not in hosted.text
    assert len(hosted.headers["x-request-id"]) == 36


def test_requests_go_where_fewest_are_open(rig: Rig, instance: Make) -> None:
    busy, idle = instance("busy"), instance("idle")
    rig.set(route("least", busy))
    with client() as http:
        slow = [Background(lambda: http.get(f"{rig.url}/least/slow").text) for _ in range(4)]
        wait_for(lambda: busy.open == 4)
        rig.set(route("least", busy, idle))
        assert [http.get(f"{rig.url}/least/x").text for _ in range(4)] == ["idle"] * 4
        busy.release()
        assert [each.result() for each in slow] == ["done"] * 4


def test_no_request_fails_while_instances_are_exchanged_under_load(rig: Rig, instance: Make) -> None:
    old = [instance(f"old{i}") for i in range(2)]
    new = [instance(f"new{i}") for i in range(2)]
    rig.set(route("roll", *old))
    over: list[bool] = []
    answers: list[tuple[int, str]] = []

    def load() -> int:
        with client() as http:
            while not over:
                got = http.post(f"{rig.url}/roll/x", content=b"order")
                answers.append((got.status_code, got.text))
        return 0

    users = [Background(load) for _ in range(3)]
    for left, came in zip(old, new, strict=True):
        others = [*old[old.index(left) + 1 :], *new[: new.index(came) + 1]]
        rig.set(route("roll", draining(left), *others))
        wait_for(lambda left=left: rig.drained(left.name))
        assert left.open == 0
        rig.set(route("roll", *others))
    seen = len(answers)
    wait_for(lambda: len(answers) > seen + 20)
    over.append(True)
    assert [user.result() for user in users] == [0, 0, 0]
    assert {status for status, _ in answers} == {200}
    assert {name for _, name in answers[-10:]} <= {"new0", "new1"}


def test_a_draining_instance_ends_what_it_has_and_is_said_to_be_drained_only_then(rig: Rig, instance: Make) -> None:
    leaving, staying = instance("leaving"), instance("staying")
    rig.set(route("drain", leaving))
    with client() as http:
        slow = Background(lambda: http.get(f"{rig.url}/drain/slow").text)
        wait_for(lambda: leaving.open)
        rig.set(route("drain", draining(leaving), staying))
        assert {http.get(f"{rig.url}/drain/x").text for _ in range(5)} == {"staying"}
        # Looked at several times meanwhile.
        rig.set(route("drain", draining(leaving), staying, retries=2))
        assert not rig.drained("leaving")
        leaving.release()
        assert slow.result() == "done"
    wait_for(lambda: rig.drained("leaving"))
    assert len([m for m in rig.framework.heard if "leaving" in getattr(m, "task_ids", ())]) == 1
    rig.set(route("drain", staying))
    wait_for(lambda: "leaving" not in rig.side._admin.ask("show servers state"))


def test_of_an_instance_that_is_killed_only_its_unrepeatable_requests_fail(rig: Rig, instance: Make) -> None:
    with Mute.running("mute") as mute, client() as http:
        rig.set(route("kill", mute))
        posted = Background(lambda: http.post(f"{rig.url}/kill/x", content=b"order"))
        assert mute.next_request() == "POST"
        got = Background(lambda: http.get(f"{rig.url}/kill/x"))
        rig.set(route("kill", mute, instance("alive")))
        mute.kill()
        failed = posted.result()
        assert (failed.status_code, failed.json()["error"], failed.json()["service"]) == (502, "BadGateway", "kill")
        assert got.result().text == "alive"
        # Nobody has said yet that it is gone.
        assert {http.post(f"{rig.url}/kill/x").text for _ in range(10)} == {"alive"}


def test_a_request_waits_for_the_first_instance_with_its_body(rig: Rig, instance: Make) -> None:
    rig.set(route("zero", max_waiting=2))
    body = bytes(3 * MB)
    with client() as http:
        uploads = [Background(lambda: http.post(f"{rig.url}/zero/upload", content=body).text) for _ in range(2)]
        wait_for(lambda: any(t.waiting == 2 for t in rig.traffic("zero")))
        refused = http.get(f"{rig.url}/zero/x")
        assert (refused.status_code, refused.json()["error"]) == (503, "TooManyWaiting")
        rig.set(route("zero", instance("first")))
        assert [upload.result() for upload in uploads] == [str(len(body))] * 2


def test_a_request_that_waits_in_vain_is_told_so(rig: Rig) -> None:
    rig.set(route("vain", hold_ms=50), route("goes", hold_ms=500))
    with client() as http:
        got = http.get(f"{rig.url}/vain/x")
        assert (got.status_code, got.json()["error"], got.headers["retry-after"]) == (503, "NoInstance", "1")
        waits = Background(lambda: http.get(f"{rig.url}/goes/x"))
        wait_for(lambda: any(t.waiting for t in rig.traffic("goes")))
        rig.tell(gone=("vain", "goes"))
        rig.followed()
        assert http.get(f"{rig.url}/vain/x").status_code == 404
        assert (waits.result().status_code, waits.result().json()["message"]) == (404, "the service is gone")


def test_a_websocket_passes(rig: Rig, instance: Make) -> None:
    rig.set(route("socket", instance("ws")))

    async def talk() -> list[Any]:
        url = rig.url.replace("http", "ws")
        async with websockets.connect(f"{url}/socket/any", proxy=None) as ws:
            await ws.send("one")
            first = await ws.recv()
            await ws.send("two")
            return [first, await ws.recv()]

    assert asyncio.run(talk()) == ["ONE", "TWO"]


def test_an_event_arrives_before_the_next_one_is_made(rig: Rig, instance: Make) -> None:
    made = instance("events")
    rig.set(route("events", made))
    with client() as http, http.stream("GET", f"{rig.url}/events/events") as got:
        pieces = got.iter_raw()
        assert next(pieces) == b"data: first\n\n"
        made.release()
        assert next(pieces) == b"data: second\n\n"


def test_large_bodies_pass_both_ways_without_being_kept(rig: Rig, instance: Make) -> None:
    rig.set(route("large", instance("l1")))
    pid = rig.haproxy_pid()
    before = resident_kb(pid)
    most = before
    with client() as http:
        up = http.post(f"{rig.url}/large/upload", content=(bytes(MB) for _ in range(50)))
        most = max(most, resident_kb(pid))
        size = 0
        with http.stream("GET", f"{rig.url}/large/download/{50 * MB}") as got:
            for piece in got.iter_raw(MB):
                size += len(piece)
                most = max(most, resident_kb(pid))
    assert (up.text, size) == (str(50 * MB), 50 * MB)
    assert most - before < 8 * 1024


def test_what_came_is_told_with_errors_and_times(rig: Rig, instance: Make) -> None:
    rig.set(route("told", instance("t1")))
    with client() as http:
        for status in (200, 200, 404, 500):
            http.get(f"{rig.url}/told/status/{status}")
    seen = wait_for(lambda: sum(t.requests for t in rig.traffic("told")) == 4 and rig.traffic("told"))
    assert sum(t.errors for t in seen) == 1
    assert all(t.p99_ms >= t.p50_ms >= 1 for t in seen if t.requests)
    assert not any(t.waiting for t in seen)
