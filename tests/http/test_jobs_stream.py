"""Jobs and tasks as they change: exact sequences of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from http_rig import call
from jobs_rig import JobsWorld

from raymesos.http.jobs import log as module
from raymesos.http.jobs.finding import Criteria, Wanted
from raymesos.http.jobs.log import JobLog
from raymesos.http.jobs.watching import Watch
from raymesos.wire.notes import NotesBegin, NotesComplete

Event = tuple[str, str, Any]
"""(id, event, data)"""


def parsed(text: bytes) -> list[Event]:
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields.get("id", ""), fields["event"], orjson.loads(fields["data"])))
    return found


def told(events: list[Event]) -> list[str]:
    """Each as `job Accepted`, `task Started`, or the name of the marker."""
    found = []
    for _, event, data in events:
        if event in ("jobUpdate", "taskUpdate"):
            kind = event.removesuffix("Update")
            found.append(f"{kind} {data[event][kind]['status']['state']}")
        else:
            found.append(event)
    return found


class Reader:
    """One stream of a world. `next` gives what has come; each wait for more is a keep-alive at once."""

    def __init__(self, world: JobsWorld, log: JobLog, seen: str = "", only: str = "", **criteria: str) -> None:
        wanted = Wanted(Criteria(jobIds=only, **criteria))
        self.watch = Watch(world.views, log, wanted, lambda role: role != "hidden", only)
        self._events = self.watch.read(seen, every_s=0.001)
        self.last = seen
        self.over = False

    async def next(self) -> list[str]:
        """Until there is nothing more for now (or ever)."""
        events: list[Event] = []
        async for piece in self._events:
            new = parsed(piece)
            self.last = next((id for id, _, _ in reversed(new) if id), self.last)
            if told(new) == ["keepAlive"]:
                return told(events)
            events += new
        self.over = True
        return told(events)


def play(script: Callable[[JobsWorld, JobLog], Awaitable[None]]) -> None:
    async def inside() -> None:
        world = JobsWorld()
        await script(world, JobLog(world.views))

    # The world's own calls run their loops on other threads: this one is taken.
    asyncio.run(inside())


async def submit(world: JobsWorld, **fields: Any) -> str:
    return await asyncio.to_thread(world.submit, **fields)


def test_the_snapshot_comes_first_then_its_end_then_each_change() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        await submit(world, batch__size=1)
        (task,) = world.offer()
        reader = Reader(world, log)
        assert await reader.next() == ["job Accepted", "task Launched", "snapshotEnd"]
        world.run(task)
        assert await reader.next() == ["task Started", "job Accepted"]
        world.finish(task)
        assert await reader.next() == ["task Finished", "job Finished"]
        assert await reader.next() == [] and not reader.over

    play(script)


def test_who_comes_back_hears_what_it_missed_and_nothing_twice() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        await submit(world, batch__size=1)
        reader = Reader(world, log)
        assert await reader.next() == ["job Accepted", "snapshotEnd"]
        (task,) = world.offer()
        again = Reader(world, log, reader.last)
        assert await again.next() == ["task Launched", "job Accepted"]
        world.finish(task)
        for seen, wish in (
            (again.last, ["task Finished", "job Finished"]),
            (reader.last, ["task Launched", "job Accepted", "task Finished", "job Finished"]),
        ):
            assert await Reader(world, log, seen).next() == wish

    play(script)


@pytest.mark.parametrize("why", ["too long ago", "nonsense", "another life", "the future"])
def test_who_missed_too_much_is_told_all_anew(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)

    async def script(world: JobsWorld, log: JobLog) -> None:
        reader = Reader(world, log)
        assert await reader.next() == ["snapshotEnd"]
        for _ in range(3):
            await submit(world)
        seen = {
            "too long ago": reader.last,
            "nonsense": "x",
            "another life": f"former.{log.last}",
            "the future": log.id_of(99),
        }[why]
        assert await Reader(world, log, seen).next() == ["job Accepted"] * 3 + ["snapshotEnd"]

    play(script)


def test_a_reader_that_falls_behind_what_is_kept_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)

    async def script(world: JobsWorld, log: JobLog) -> None:
        reader = Reader(world, log)
        assert await reader.next() == ["snapshotEnd"]
        for _ in range(3):
            await submit(world)
        assert await reader.next() == [] and reader.over

    play(script)


def test_a_stream_ends_when_the_views_begin_anew_and_its_reader_is_told_all_again() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        await submit(world)
        reader = Reader(world, log)
        await reader.next()
        notes = [*world.views.state.jobs.values()]
        world.views.take([NotesBegin(), *notes])
        world.views.take([NotesComplete()])
        assert await reader.next() == [] and reader.over
        assert await Reader(world, log, reader.last).next() == ["job Accepted", "snapshotEnd"]

    play(script)


def test_the_stream_of_one_job_is_complete_when_the_job_ends_and_says_nothing_of_others() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        job = await submit(world, batch__size=1)
        await submit(world, batch__size=1, capacityGroup="other")
        (task,) = world.offer()
        reader = Reader(world, log, only=job)
        assert await reader.next() == ["job Accepted", "task Launched", "snapshotEnd"]
        world.offer(role="other")
        assert await reader.next() == []
        world.finish(task)
        assert await reader.next() == ["task Finished", "job Finished"] and reader.over
        assert reader.watch.is_over(reader.last) and not reader.watch.is_over("")
        late = Reader(world, log, only=job)
        assert await late.next() == ["job Finished", "task Finished", "snapshotEnd"] and late.over

    play(script)


def test_who_saw_the_end_of_its_job_and_comes_back_gets_204() -> None:
    world = JobsWorld()
    job = world.submit(batch__size=1)
    world.finish(*world.offer())
    first = call(world.app, "GET", f"/api/v3/jobs/{job}/stream")
    assert first.headers["content-type"].startswith("text/event-stream")
    events = parsed(first.content)
    assert told(events) == ["job Finished", "task Finished", "snapshotEnd"]
    again = call(world.app, "GET", f"/api/v3/jobs/{job}/stream", headers={"Last-Event-ID": events[-1][0]})
    assert (again.status_code, again.content) == (204, b"")


def test_only_what_the_criteria_say_is_told() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        reader = Reader(world, log, capacityGroup="web", taskStates="Started,Finished")
        assert await reader.next() == ["snapshotEnd"]
        await submit(world, batch__size=1)
        await submit(world, batch__size=1, capacityGroup="web")
        world.offer()
        (task,) = world.offer(role="web")
        world.run(task)
        assert await reader.next() == ["job Accepted", "job Accepted", "task Started", "job Accepted"]

    play(script)


def test_jobs_that_the_reader_may_not_see_are_not_told() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        await submit(world, capacityGroup="hidden")
        reader = Reader(world, log)
        assert await reader.next() == ["snapshotEnd"]
        world.offer(role="hidden")
        assert await reader.next() == []

    play(script)


def test_a_keep_alive_has_the_newest_id_so_that_a_quiet_stream_does_not_fall_behind() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        reader = Reader(world, log, applicationName="none")
        await reader.next()
        before = reader.last
        await submit(world)
        assert await reader.next() == []
        assert reader.last == log.id_of(log.last) != before

    play(script)


def test_a_client_rebuilds_all_from_the_stream_alone() -> None:
    async def script(world: JobsWorld, log: JobLog) -> None:
        await submit(world, batch__size=2)
        watch = Watch(world.views, log, Wanted(Criteria()), lambda role: True).read("", every_s=0.001)
        (first, second) = world.offer()
        world.run(first, second)
        world.finish(first)
        jobs, tasks = {}, {}
        async for piece in watch:
            for _, event, data in parsed(piece):
                if event == "jobUpdate":
                    jobs[data[event]["job"]["id"]] = data[event]["job"]
                elif event == "taskUpdate":
                    tasks[data[event]["task"]["id"]] = data[event]["task"]
            if event == "keepAlive":
                break
            if second is not None:
                world.finish(second)
                second = None
        found = await asyncio.to_thread(lambda: (world.get("/jobs")["items"], world.get("/tasks")["items"]))
        assert (list(jobs.values()), list(tasks.values())) == found

    play(script)
