"""`/api/logs`, `/api/me` and the files of the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from http_rig import NoDoor, call, site
from small_world import NOW_MS, agent, job, small_world, task
from starlette.requests import Request
from test_reading import told

from raymesos.errors import Conflict, UnknownId
from raymesos.http import logs as logs_module
from raymesos.http import page
from raymesos.http.app import make_app
from raymesos.http.jobs.rights import Rights
from raymesos.http.logs import Logs
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json
from raymesos.operating.logs import LogPlace
from raymesos.wire.notes import ExecutorNote
from raymesos.wire.values import ExecutorInfo


def test_who_looks_is_told_who_they_are() -> None:
    told_me = call(make_app(site()), "GET", "/api/me").json()
    assert (told_me["cluster"], told_me["principal"], told_me["reads_only"]) == ("test", "", False)


# ---------------------------------------------------------------- logs


def test_who_may_not_see_a_role_is_told_of_no_log() -> None:
    app = make_app(site(*small_world(), access=Access(acls_from_json({"permissive": False}))))
    assert call(app, "GET", "/api/logs?task=crawl-7").status_code == 404


class Agents(NoDoor):
    """Agents with logs by (agent, task, index, stream), and a batch framework that knows where inputs ran."""

    def __init__(self, **where: LogPlace) -> None:
        self.written: dict[tuple[str, str, int, str], bytes] = {}
        self.where = where

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 60.0) -> Any:
        if method == "where_ran":
            place = self.where.get(f"{arguments[0]}_{arguments[1]}")
            if place is None:
                raise UnknownId("attempt", str(arguments))
            return place.agent_id, place.task_id, place.index >= 0
        if method == "container_of":
            return f"container of {arguments[1]}"
        task_id, index, stream, *rest = arguments
        data = self.written.get((actor.removeprefix("agent/"), task_id, index, stream))
        if data is None:
            raise UnknownId("log", task_id)
        return len(data) if method == "log_size" else data[rest[0] :][: rest[1]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "LOOK_S", 0.001)
    monkeypatch.setattr(logs_module, "LOOK_MAX_S", 0.001)


def pieces(answer: Any) -> AsyncIterator[bytes]:
    return answer.body_iterator  # type: ignore[no-any-return]


ANYONE = Rights(site(), Request({"type": "http"}))


async def rest(stream: AsyncIterator[bytes]) -> list[tuple[str, Any]]:
    return [(e, d) for piece in [p async for p in stream] for e, d, _ in told(piece)]


async def following(stream: AsyncIterator[bytes]) -> tuple[str, Any]:
    ((event, data, _),) = told(await asyncio.wait_for(anext(stream), 10))
    return event, data


def text(events: list[tuple[str, Any]]) -> str:
    return "".join(d["text"] for e, d in events if e == "text")


def test_the_log_of_a_task_of_any_framework_grows_to_its_end() -> None:
    async def work() -> None:
        door = Agents()
        made = site(*small_world(), door=door)
        stream = pieces(Logs(made).of_task(ANYONE, "crawl-7", None, "stdout"))
        assert await following(stream) == ("waiting", {})
        door.written["agent2", "crawl-7", -1, "stdout"] = b"one\n"
        assert await following(stream) == ("begin", {"task": "crawl-7", "agent": "agent2", "skipped": 0})
        assert await following(stream) == ("text", {"text": "one\n"})
        door.written["agent2", "crawl-7", -1, "stdout"] = "one\nzwölf".encode()[:-4]
        assert await following(stream) == ("text", {"text": "zw"})
        door.written["agent2", "crawl-7", -1, "stdout"] = "one\nzwölf".encode()
        made.views.take([task("crawl-7", "search", "agent2", "TASK_FINISHED", framework_id="F2")])
        assert await rest(stream) == [("text", {"text": "ölf"}), ("end", {})]

    asyncio.run(work())


def test_the_log_of_an_input_begins_again_with_its_next_attempt() -> None:
    async def work() -> None:
        door = Agents(score_3=LogPlace("agent1-id", "score.1", 3))
        door.written["agent1", "score.1", 3, "stderr"] = b"first"
        door.written["agent2", "score.9", 3, "stderr"] = b"second"
        made = site(*small_world(), door=door)
        stream = pieces(Logs(made).of_input(ANYONE, "score", 3, "stderr"))
        assert await following(stream) == ("begin", {"task": "score.1", "agent": "agent1", "skipped": 0})
        assert await following(stream) == ("text", {"text": "first"})
        door.where["score_3"] = LogPlace("agent2-id", "score.9", 3)
        assert await following(stream) == ("begin", {"task": "score.9", "agent": "agent2", "skipped": 0})
        made.views.take([job("score", "ads", state="Finished", total=10)])
        assert await rest(stream) == [("text", {"text": "second"}), ("end", {})]

    asyncio.run(work())


def test_of_a_long_log_the_end_is_shown_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "TAIL_BYTES", 25)
    monkeypatch.setattr(logs_module, "PIECE_BYTES", 10)

    async def work() -> None:
        door = Agents()
        door.written["agent1", "old.1", -1, "stdout"] = bytes(range(65, 65 + 26)) * 2
        events = await rest(pieces(Logs(site(*small_world(), door=door)).of_task(ANYONE, "old.1", "F1", "stdout")))
        assert events[0] == ("begin", {"task": "old.1", "agent": "agent1", "skipped": 27})
        assert [len(d["text"]) for e, d in events if e == "text"] == [10, 10, 5]
        assert text(events) == "BCDEFGHIJKLMNOPQRSTUVWXYZ" and events[-1][0] == "end"

    asyncio.run(work())


def test_a_task_of_a_custom_executor_writes_where_that_does() -> None:
    async def work() -> None:
        door = Agents()
        door.written["agent1", "container of E1", -1, "stdout"] = b"hello"
        own = task("t1", "search", "agent1", "TASK_FINISHED", framework_id="F2", executor_id="E1")
        executor = ExecutorNote(NOW_MS, "F2", "agent1-id", ExecutorInfo("E1"), "active")
        events = await rest(
            pieces(Logs(site(*small_world(), executor, own, door=door)).of_task(ANYONE, "t1", "F2", "stdout"))
        )
        assert text(events) == "hello" and events[-1][0] == "end"

    asyncio.run(work())


def test_so_many_logs_are_followed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "FOLLOWED_AT_MOST", 1)

    async def work() -> None:
        logs = Logs(site(*small_world(), door=Agents()))
        stream = pieces(logs.of_task(ANYONE, "crawl-7", None, "stdout"))
        await following(stream)
        with pytest.raises(Conflict, match="1 logs are being followed"):
            logs.of_task(ANYONE, "crawl-7", None, "stdout")
        await stream.aclose()  # type: ignore[attr-defined]
        await following(pieces(logs.of_task(ANYONE, "crawl-7", None, "stdout")))

    asyncio.run(work())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("job=score&task=x", 400),
        ("job=nosuch", 404),
        ("task=nosuch", 404),
        ("task=crawl-7&framework=F1", 404),
        ("job=score&index=10", 400),
        ("job=score&index=-1", 400),
        ("task=crawl-7&stream=../../secret", 400),
    ],
)
def test_what_has_no_log_is_refused(query: str, status: int) -> None:
    assert call(make_app(site(*small_world())), "GET", f"/api/logs?{query}").status_code == status


# ---------------------------------------------------------------- files


def test_every_file_that_the_page_names_is_there_with_its_type_and_a_strict_policy() -> None:
    app = make_app(site(agent("a")))
    wanted, seen = ["/"], []
    while wanted:
        path = wanted.pop()
        answer = call(app, "GET", path)
        assert answer.status_code == 200, path
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}.get(
            path.rpartition(".")[2], "text/html"
        )
        assert answer.headers["content-type"].startswith(kind), path
        seen.append(path)
        if "/lib/" in path or not kind.startswith("text/"):
            continue
        named = re.findall(r"""(?:src|href)="(page/[^"]+)"|from '\./([^']+)'|import\('\./([^']+)'\)""", answer.text)
        found = [f"/{a}" if a else f"/page/{b or c}" for a, b, c in named]
        wanted += [each for each in dict.fromkeys(found) if each not in seen and each not in wanted]
    assert {"/page/main.js", "/page/lib/vue.js", "/page/lib/echarts/index.js", "/page/style.css"} <= set(seen)
    files = {f"/page/{path.name}" for path in page.FILES.iterdir()} - {"/page/index.html"}
    assert files <= set(seen), "a file that nothing names"


def test_a_browser_that_has_a_file_is_not_sent_it_again() -> None:
    app = make_app(site())
    first = call(app, "GET", "/page/style.css")
    again = call(app, "GET", "/page/style.css", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/page/../__init__.py", "/page/%2e%2e/__init__.py", "/page/lib/echarts/../echart.py", "/page/"]
)
def test_no_other_file_is_served(path: str) -> None:
    assert call(make_app(site()), "GET", path).status_code == 404


def test_the_page_does_not_import_the_library_whose_files_it_serves() -> None:
    import subprocess
    import sys

    code = "import sys, raymesos.http.app, raymesos.http.page as p; p.library(); sys.exit('nicegui' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
