"""`GET /api/logs`: what a task prints, as it grows, as server-sent events: `begin` (a log begins, or another attempt's), `text`, `waiting` (nothing has been written yet), `end`.

Logs are read from the agents on threads of their own: a slow agent holds up other logs, and nothing else.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.errors import ClusterUnavailable, Conflict, InvalidValue, UnknownId
from raymesos.http.blocking import Blocking
from raymesos.http.jobs.rights import Rights
from raymesos.http.reading import whole_number
from raymesos.http.site import Site
from raymesos.http.streaming import sse_json, stream
from raymesos.observe.finding import find_job
from raymesos.operating.logs import LogPlace, place_of
from raymesos.wire.notes import TaskNote

# A log that is followed costs its agent two calls a look.
FOLLOWED_AT_MOST = 64
THREADS = 4
LOOK_S = 0.5
# One that has been silent is looked at less often, up to this.
LOOK_MAX_S = 2.0
CALL_S = 10.0
PIECE_BYTES = 128 * 1024
# What a reader is shown of a long log before it grows.
TAIL_BYTES = 256 * 1024
STREAMS = ("stdout", "stderr")

Find = Callable[[], LogPlace]


def routes(site: Site) -> list[BaseRoute]:
    logs = Logs(site)

    async def follow(request: Request) -> Response:
        query = request.query_params
        chosen = query.get("stream", STREAMS[0])
        if chosen not in STREAMS:
            raise InvalidValue("stream", chosen, f"must be {' or '.join(STREAMS)}")
        if ("job" in query) == ("task" in query):
            raise InvalidValue("job", query.get("job", ""), "give either a job with an index, or a task")
        rights = Rights(site, request)
        if "task" in query:
            return logs.of_task(rights, query["task"], query.get("framework"), chosen)
        return logs.of_input(rights, query["job"], whole_number("index", query.get("index", "0")), chosen)

    return [Route("/api/logs", follow)]


class Logs:
    """All logs that are followed through one server."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._on_thread = Blocking(THREADS, "logs")
        self._open = 0

    def of_input(self, rights: Rights, job: str, index: int, chosen: str) -> Response:
        """Of a job's input, over its attempts. Raises UnknownId, InvalidValue, Unauthorized, Conflict if too many are open."""
        note = find_job(self._site.views.state, job)
        if not rights.sees(note.role):
            raise UnknownId("job", job)
        rights.must_see_logs(note.role)
        if index >= note.total:
            raise InvalidValue("index", index, f"job {note.name} has the indexes 0 to {note.total - 1}")
        job_id, framework_id = note.job_id, note.framework_id

        def over(place: LogPlace | None) -> bool:
            now = self._site.views.state.jobs.get(job_id)
            if now is None or now.state == "Finished":
                return True
            task = self._ended(framework_id, place)
            return task is not None and task.state == "TASK_FINISHED"

        return self._answer(lambda: place_of(self._site.door, job_id, index), over, chosen)

    def of_task(self, rights: Rights, task_id: str, framework: str | None, chosen: str) -> Response:
        """Of a task of any framework. Raises UnknownId, Unauthorized, Conflict if too many are open."""
        note = self._task(task_id, framework)
        if not rights.sees(note.role):
            raise UnknownId("task", task_id)
        rights.must_see_logs(note.role)
        return self._answer(self._finder(note), lambda _: self._live(note) is None, chosen)

    def _finder(self, note: TaskNote) -> Find:
        """A task of a custom executor writes where that does: into the sandbox of its container."""
        key = note.framework_id, note.agent_id, note.executor_id
        if key not in self._site.views.state.executors:
            return lambda: LogPlace(note.agent_id, note.task_id)
        agent = self._agent(note.agent_id)
        return lambda: LogPlace(note.agent_id, self._ask(agent, "container_of", note.framework_id, note.executor_id))

    # ------------------------------------------------------------ following

    def _answer(self, find: Find, over: Callable[[LogPlace | None], bool], chosen: str) -> Response:
        if self._open >= FOLLOWED_AT_MOST:
            raise Conflict(f"{FOLLOWED_AT_MOST} logs are being followed already; close one of them")
        return stream(self.follow(find, over, chosen))

    async def follow(self, find: Find, over: Callable[[LogPlace | None], bool], chosen: str) -> AsyncIterator[bytes]:
        """Pieces of the log until `over` and read to its end."""
        self._open += 1
        reading = _Reading()
        wait_s, silent = LOOK_S, True
        try:
            while True:
                ended = over(reading.place)  # Asked before reading: nothing is written after it.
                piece = await self._look(find, chosen, reading)
                for event in piece:
                    yield event
                if not piece and ended:
                    break
                if not piece and silent and reading.place is None:
                    yield sse_json("waiting", {})
                    silent = False
                wait_s = LOOK_S if piece else min(LOOK_MAX_S, wait_s * 1.5)
                if not (piece and reading.more):
                    await asyncio.sleep(wait_s)
            yield sse_json("end", {})
        finally:
            self._open -= 1

    async def _look(self, find: Find, chosen: str, reading: _Reading) -> list[bytes]:
        """Events of what is new."""
        try:
            place = await self._on_thread(find)
            return await self._read(place, chosen, reading)
        except UnknownId:
            return []  # It has not begun, or was cleaned away.
        except ClusterUnavailable as error:
            return [sse_json("trouble", {"message": str(error)})]

    async def _read(self, place: LogPlace, chosen: str, reading: _Reading) -> list[bytes]:
        found: list[bytes] = []
        agent = self._agent(place.agent_id)
        if place != reading.place:
            size = await self._on_thread(self._ask, agent, "log_size", place.task_id, place.index, chosen)
            reading.begin(place, max(0, size - TAIL_BYTES))
            found.append(sse_json("begin", {"task": place.task_id, "agent": agent, "skipped": reading.offset}))
        arguments = place.task_id, place.index, chosen, reading.offset, PIECE_BYTES
        data = await self._on_thread(self._ask, agent, "read_log", *arguments)
        reading.more = len(data) == PIECE_BYTES
        text = reading.take(data)
        return [*found, sse_json("text", {"text": text})] if text else found

    def _ask(self, agent: str, method: str, *arguments: Any) -> Any:
        return self._site.door.call(f"agent/{agent}", method, *arguments, timeout_s=CALL_S)

    # ------------------------------------------------------------ looking

    def _agent(self, agent_id: str) -> str:
        note = self._site.views.state.agents.get(agent_id)
        if note is None:
            raise UnknownId("agent", agent_id)
        return note.name

    def _task(self, task_id: str, framework: str | None) -> TaskNote:
        state = self._site.views.state
        for tasks in (state.tasks, state.ended_tasks):
            for (framework_id, id), note in reversed(tasks.items()):
                if id == task_id and framework in (None, framework_id):
                    return note
        raise UnknownId("task", task_id)

    def _live(self, note: TaskNote) -> TaskNote | None:
        return self._site.views.state.tasks.get((note.framework_id, note.task_id))

    def _ended(self, framework_id: str, place: LogPlace | None) -> TaskNote | None:
        return None if place is None else self._site.views.state.ended_tasks.get((framework_id, place.task_id))


class _Reading:
    """How far a log has been read."""

    def __init__(self) -> None:
        self.place: LogPlace | None = None
        self.offset = 0
        self.more = False
        """More is there already."""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def begin(self, place: LogPlace, offset: int) -> None:
        self.place, self.offset = place, offset
        self._decoder.reset()

    def take(self, data: bytes) -> str:
        """As text; the bytes of half a character wait for the others."""
        self.offset += len(data)
        return self._decoder.decode(data)
