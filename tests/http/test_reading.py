"""`/api/views`, `/api/live` and `/api/events`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from http_rig import call, site, views_of
from small_world import NOW_MS, job, small_world

from raymesos.http import events as events_module
from raymesos.http import live as live_module
from raymesos.http.app import make_app
from raymesos.http.events import EventFeed
from raymesos.http.listening import listen
from raymesos.http.live import VIEWS_AT_MOST, Live, wanted
from raymesos.http.reading import Shown
from raymesos.http.serving import Serving
from raymesos.http.views import Views
from raymesos.model.resources import Resources
from raymesos.observe.views import VIEWS
from raymesos.wire.notes import EventNote, InstanceNote, NotesBegin, NotesComplete, ServiceNote


def event(n: int, at_ms: int = NOW_MS) -> EventNote:
    return EventNote(at_ms, "kind", f"subject {n}")


def told(piece: bytes) -> list[tuple[str, Any, str]]:
    """(event, data, id) of each event in the piece."""
    found = []
    for block in piece.decode().split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((lines["event"], json.loads(lines["data"]), lines.get("id", "")))
    return found


async def next_of(stream: AsyncIterator[bytes]) -> list[tuple[str, Any, str]]:
    return told(await asyncio.wait_for(anext(stream), 10))


async def until_live(stream: AsyncIterator[bytes]) -> list[tuple[str, Any, str]]:
    """All that is told up to `live`, that not included."""
    found: list[tuple[str, Any, str]] = []
    while not found or found[-1][0] != "live":
        found += await next_of(stream)
    return found[:-1]


# ---------------------------------------------------------------- views


NEEDS = {
    "agent": {"agent": "agent1"},
    "job": {"job": "score"},
    "service": {"service": "web"},
    "instances": {"service": "web"},
    "explain": {"subject": "score"},
}
SHOWN = [
    ServiceNote(NOW_MS, "web-1", "web", "ads", "F1", "Accepted", 1, 1, 2, 1, 1, 0, 1, True, Resources.parse("cpus:1")),
    InstanceNote(
        NOW_MS, "web-1", "web-1.0.0-1", 0, 1, 1, "web-1.0.0-1", "", 0, 0, 0, "agent1-id", "h", (31000,), "",
        (("TASK_RUNNING", NOW_MS, ""),), False, ready=True, serving=True,
    ),
]  # fmt: skip


@pytest.mark.parametrize("name", list(VIEWS))
def test_every_view_is_there_as_json(name: str) -> None:
    made = site(*small_world(), *SHOWN)
    given = NEEDS.get(name, {})
    answer = call(make_app(made), "GET", f"/api/views/{name}", params=given)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(made.views.view(name, given)))


def test_arguments_come_from_the_query() -> None:
    app = make_app(site(*small_world()))
    assert [j["id"] for j in call(app, "GET", "/api/views/jobs?role=ads&everything=false").json()] == ["score"]
    assert len(call(app, "GET", "/api/views/tasks?limit=2").json()) == 2


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("nosuch", 404, None),
        ("job?job=nosuch", 404, None),
        ("jobs?rolle=ads", 400, "rolle"),
        ("tasks?limit=-1", 400, "limit"),
        ("tasks?limit=1e9", 400, "limit"),
        ("tasks?limit=9999999999999999", 400, "limit"),
        ("tasks?limit=1&limit=2", 400, "limit"),
        ("jobs?everything=maybe", 400, "everything"),
        ("job", 400, "job"),
        ("explain?subject=score&kind=x", 400, "kind"),
        ("status?view=x", 400, "view"),
        ("status?now_ms=1", 400, "now_ms"),
    ],
)
def test_what_a_view_does_not_take_is_refused_by_name(path: str, status: int, field: str | None) -> None:
    answer = call(make_app(site(*small_world())), "GET", f"/api/views/{path}")
    assert (answer.status_code, answer.json().get("field")) == (status, field)


def test_the_list_of_views_names_their_arguments() -> None:
    listed = call(make_app(site()), "GET", "/api/views").json()
    assert list(listed) == list(VIEWS)
    assert listed["tasks"]["limit"] == "int"


def test_a_view_is_put_into_text_once_a_revision() -> None:
    views = views_of(*small_world())
    shown = Shown(views)
    first = shown.text("jobs", {"role": "ads"})
    assert shown.text("jobs", {"role": "ads"}) is first
    views.take([job("new", "ads")])
    assert b'"new"' in shown.text("jobs", {"role": "ads"})


# ---------------------------------------------------------------- events


def inside(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())


def test_events_begin_with_the_last_ones_and_go_on() -> None:
    async def work() -> None:
        views = views_of(*[event(n) for n in range(1, 6)])
        stream = EventFeed(views).read(2, "")
        assert [(e, d.get("n")) for e, d, _ in await until_live(stream)] == [("event", 4), ("event", 5)]
        waiting = asyncio.ensure_future(next_of(stream))
        await asyncio.sleep(0)
        views.take([event(6), event(7)])
        assert [d["n"] for _, d, _ in await waiting] == [6, 7]

    inside(work)


def test_a_reader_that_comes_back_goes_on_after_what_it_saw() -> None:
    async def work() -> None:
        views = views_of(*[event(n) for n in range(1, 6)])
        first = await until_live(EventFeed(views).read(50, ""))
        again = await until_live(EventFeed(views).read(50, first[2][2]))
        assert [d["n"] for _, d, _ in again] == [4, 5]

    inside(work)


@pytest.mark.parametrize("id", [f"3.{NOW_MS + 1}", f"9.{NOW_MS}", "x", "3"])
def test_a_reader_whose_last_event_is_not_known_is_told_to_begin_again(id: str) -> None:
    async def work() -> None:
        views = views_of(*[event(n) for n in range(1, 6)])
        assert [e for e, _, _ in await until_live(EventFeed(views).read(2, id))] == ["reset", "event", "event"]

    inside(work)


def test_a_reader_of_an_observer_that_began_anew_is_told_so_and_hears_all_that_it_knows() -> None:
    async def work() -> None:
        views = views_of(*[event(n) for n in range(1, 4)])
        stream = EventFeed(views).read(0, "")
        assert await until_live(stream) == []
        views.take([NotesBegin(), event(1, NOW_MS + 5), event(2, NOW_MS + 6), NotesComplete()])
        assert [e for e, _, _ in await next_of(stream)] == ["reset"]
        assert [d["n"] for _, d, _ in await next_of(stream)] == [1, 2]

    inside(work)


def test_events_that_come_while_the_past_is_told_are_not_lost() -> None:
    async def work() -> None:
        views = views_of(event(1))
        stream = EventFeed(views).read(5, "")
        assert [d["n"] for _, d, _ in await next_of(stream)] == [1]
        views.take([event(2)])
        assert [e for e, _, _ in await next_of(stream)] == ["live"]
        assert [d["n"] for _, d, _ in await next_of(stream)] == [2]

    inside(work)


def test_a_silent_stream_is_kept_open_by_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "PING_S", 0.01)

    async def work() -> None:
        stream = EventFeed(views_of()).read(5, "")
        await until_live(stream)
        assert await anext(stream) == b": ping\n\n"

    inside(work)


@pytest.mark.parametrize("last", ["-1", "x", "2001", ""])
def test_how_many_past_events_is_checked(last: str) -> None:
    answer = call(make_app(site()), "GET", f"/api/events?last={last}")
    assert (answer.status_code, answer.json()["field"]) == (400, "last")


def test_many_watchers_of_events_over_a_socket_hear_each_event_and_leave_nothing_behind() -> None:
    """Also that a server with streams open ends."""
    views = views_of(event(1))
    serving = Serving()
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/events?last=1"
    serving.serve(make_app(site(views=views)), listening)

    async def work() -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            streams = [client.build_request("GET", url) for _ in range(20)]
            answers = [await client.send(request, stream=True) for request in streams]
            assert {a.headers["content-type"] for a in answers} == {"text/event-stream; charset=utf-8"}
            serving.tell(views.take, [event(2)])
            for answer in answers:
                async for line in answer.aiter_lines():
                    if '"subject 2"' in line:
                        break

    try:
        inside(work)
    finally:
        serving.stop()


# ---------------------------------------------------------------- live


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "EVERY_S", 0.0)


def live(views: Views) -> Live:
    return Live(Shown(views))


def test_views_are_told_as_they_are_and_again_when_they_change_and_only_those(quick: None) -> None:
    async def work() -> None:
        views = views_of(*small_world())
        stream = live(views).read(wanted(["jobs?role=ads", "agents"]))
        assert [(e, len(d)) for e, d, _ in await next_of(stream)] == [("jobs?role=ads", 2), ("agents", 2)]
        waiting = asyncio.ensure_future(next_of(stream))
        await asyncio.sleep(0)
        views.take([event(9)])
        views.take([job("new", "ads")])
        assert [(e, len(d)) for e, d, _ in await waiting] == [("jobs?role=ads", 3)]

    inside(work)


def test_all_who_look_at_a_view_are_told_the_same_bytes_and_the_work_ends_with_the_last(quick: None) -> None:
    async def work() -> None:
        views = views_of(*small_world())
        looked = live(views)
        first, second = (looked.read(wanted(["agents"])) for _ in range(2))
        assert await anext(first) == await anext(second)
        assert list(looked._looks) == ["agents"]
        await first.aclose()  # type: ignore[attr-defined]
        assert list(looked._looks) == ["agents"]
        await second.aclose()  # type: ignore[attr-defined]
        assert not looked._looks and looked._follower._task is None

    inside(work)


def test_a_change_while_the_follower_rests_is_told_after_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "EVERY_S", 0.05)

    async def work() -> None:
        views = views_of(*small_world())
        stream = live(views).read(wanted(["jobs?role=ads"]))
        await next_of(stream)
        for n in range(3):
            waiting = asyncio.ensure_future(next_of(stream))
            await asyncio.sleep(0)
            views.take([job(f"new{n}", "ads")])
            assert [len(d) for _, d, _ in await waiting] == [3 + n]

    inside(work)


def test_what_is_not_there_is_told_as_unknown_and_the_rest_goes_on() -> None:
    async def work() -> None:
        stream = live(views_of(*small_world())).read(wanted(["job?job=nosuch", "agents"]))
        found = await next_of(stream)
        assert [e for e, _, _ in found] == ["unknown", "agents"]
        assert found[0][1]["view"] == "job?job=nosuch" and "nosuch" in found[0][1]["message"]

    inside(work)


@pytest.mark.parametrize("query", ["", "view=nosuch", "view=jobs?x=1", "&".join(["view=jobs"] * (VIEWS_AT_MOST + 1))])
def test_what_cannot_be_looked_at_is_refused(query: str) -> None:
    assert call(make_app(site()), "GET", f"/api/live?{query}").status_code in (400, 404)
