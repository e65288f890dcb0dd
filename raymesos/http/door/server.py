"""The server's side of the door: each call by its own path, none by a name that the client chooses.

A body is msgpack under our own media type, which no page of another origin can send unasked. Calls that block take a thread each; polls beyond a few wait for the views'
news instead, so that a thousand waiting clients cost the batch framework nothing.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from raymesos import __version__
from raymesos.errors import InvalidValue, ProtocolError, UnknownId
from raymesos.http.blocking import Blocking
from raymesos.http.door.bodies import (
    Serve,
    bytes_of,
    key_of,
    list_of,
    number_of,
    query_number,
    seen_of,
    served,
    text_of,
)
from raymesos.http.door.names import ASKS, CALLS, CLUSTER, DATA, MAX_WAIT_S, OPERATE, PIECE_BYTES, PREFIX
from raymesos.http.door.names import READ_LOG as LOG
from raymesos.http.door.names import VIEWS as VIEWS_PATH
from raymesos.http.door.rules import OPERATOR_CALLS, check_spec, must_operate
from raymesos.http.door.uploads import Uploads
from raymesos.http.jobs.rights import SOON_S, Rights, Seen
from raymesos.http.security.access import caller_of
from raymesos.http.security.audit import note_call, note_read
from raymesos.http.security.loopback import is_loopback
from raymesos.http.site import Site
from raymesos.machine import BATCH
from raymesos.operating.asking import operate
from raymesos.wire.codec import decode, encode
from raymesos.wire.fits import check_fit
from raymesos.wire.jobs import CancelJob, ChangeAttributes, EndTask, ForgetJobs, PartsKept, SetBudget, Submit
from raymesos.wire.operating import Operate

# The batch framework has 64 threads for all its callers, of which these take at most half.
POLLS = 24
CALLS_AT_ONCE = 16
LOG_TIMEOUT_S = 10.0


def routes(site: Site) -> list[BaseRoute]:
    server = DoorServer(site)
    posts: dict[str, Serve] = {
        CALLS["find"]: _reading(server.find),
        CALLS["status"]: _reading(server.status),
        CALLS["tasks"]: _reading(server.tasks),
        CALLS["where_ran"]: _reading(server.where_ran),
        CALLS["poll"]: _reading(server.poll),
        LOG: _reading(server.read_log),
        OPERATE: server.operate,
        f"{VIEWS_PATH}/{{name}}": _reading(server.view),
        **{path: server.asker(kind) for kind, path in ASKS.items()},
    }
    data = f"{PREFIX}/{DATA}/{{job}}/{{file}}"
    return [
        Route(f"{PREFIX}/{CLUSTER}", served(server.cluster), methods=["GET"]),
        Route(data, served(server.get), methods=["GET"]),
        Route(data, served(_reading(server.put)), methods=["PUT"]),
        *(Route(f"{PREFIX}/{path}", served(serve), methods=["POST"]) for path, serve in posts.items()),
    ]


def _reading(serve: Serve) -> Serve:
    """It changes nothing that the audit log is about. (Data are nothing until a job is submitted with them.)"""

    async def noted(request: Request, body: Any) -> Any:
        note_read(request)
        return await serve(request, body)

    return noted


def _subject(message: Any) -> str:
    """Of an operator's or a job's call: what it names, for the audit log."""
    spec = getattr(message, "spec", message)
    named = [getattr(spec, name) for name in ("job_id", "task_id", "agent_id", "role") if hasattr(spec, name)]
    named += [quota.role for quota in getattr(message, "quotas", ())] + [r for r, _ in getattr(message, "weights", ())]
    return " ".join([*map(str, named), *getattr(message, "job_ids", ())])


class DoorServer:
    def __init__(self, site: Site) -> None:
        self._site, self._door = site, site.door
        self._seen = Seen(site)
        self._call = Blocking(CALLS_AT_ONCE, "door")
        self._wait = Blocking(POLLS, "poll")
        self._polling = 0
        self._uploads = Uploads(Path(site.work_dir or ".") / "http" / "uploads")

    async def cluster(self, request: Request, body: Any) -> Any:
        site = self._site
        return {"name": site.name, "cluster_id": site.cluster_id, "work_dir": site.work_dir, "version": __version__}

    # ------------------------------------------------------------ jobs

    def asker(self, kind: type) -> Serve:
        """Sends the batch framework a message of this class, and no other."""

        async def ask(request: Request, body: Any) -> Any:
            message = decode(bytes_of(body))
            if type(message) is not kind:
                raise ProtocolError(f"{type(message).__name__} is no {kind.__name__}")
            check_fit(message)
            note_call(request, kind.__name__, _subject(message))
            await self._check(request, message)
            answer = encode(await self._call(self._door.ask, BATCH, message))
            if isinstance(message, Submit):
                await self._seen.until(lambda view: message.spec.job_id in view.jobs, SOON_S)
            return answer

        return ask

    async def find(self, request: Request, body: Any) -> Any:
        found: str = await self._call(self._door.call, BATCH, "find", text_of(body, "job"))
        await self._must_see(request, found)
        return found

    async def status(self, request: Request, body: Any) -> Any:
        return await self._must_see(request, text_of(body, "job"))

    async def tasks(self, request: Request, body: Any) -> Any:
        job = text_of(body, "job")
        await self._must_see(request, job)
        return await self._call(self._door.call, BATCH, "tasks", job)

    async def where_ran(self, request: Request, body: Any) -> Any:
        job, index = text_of(body, "job"), number_of(body, "index")
        await self._must_see(request, job)
        return await self._call(self._door.call, BATCH, "where_ran", job, index)

    async def poll(self, request: Request, body: Any) -> Any:
        """[new parts, next cursor, status] of each job that has news, None of the others."""
        seen = [seen_of(row) for row in list_of(body, "seen")]
        wait_s = min(MAX_WAIT_S, max(0.0, float(number_of(body, "wait_ms")) / 1000))
        rights = Rights(self._site, request)
        if not rights.sees_all:
            for job, _, _ in seen:
                await self._must_see(request, job)
        news = await self._news(seen, wait_s)
        return [None if each is None else [encode(PartsKept("", tuple(each[0]))), *each[1:]] for each in news]

    async def read_log(self, request: Request, body: Any) -> Any:
        agent, task, stream = text_of(body, "agent"), text_of(body, "task"), text_of(body, "stream")
        if stream not in ("stdout", "stderr"):
            raise UnknownId("stream", stream)
        if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,200}", agent):
            raise UnknownId("agent", agent)
        rights = Rights(self._site, request)
        await self._must_see(request, task.rpartition(".")[0].rpartition(".")[0])
        rights.must_see_logs("")
        index, offset = number_of(body, "index", least=-1), number_of(body, "offset")

        def read() -> Any:
            asked = task, index, stream, offset, PIECE_BYTES
            return self._door.call(f"agent/{agent}", "read_log", *asked, timeout_s=LOG_TIMEOUT_S)

        return await self._call(read)

    # ------------------------------------------------------------ the cluster

    async def operate(self, request: Request, body: Any) -> Any:
        message = decode(bytes_of(body))
        if not isinstance(message, OPERATOR_CALLS):
            raise ProtocolError(f"{type(message).__name__} is no operator's call")
        check_fit(message)
        note_call(request, type(message).__name__, _subject(message))
        caller = caller_of(request)
        must_operate(self._site.access, caller, message)
        if isinstance(message, Operate) and caller.principal:
            message = replace(message, principal=caller.principal)
        await self._call(operate, self._door, message)
        return None

    async def view(self, request: Request, body: Any) -> Any:
        """From this server's views, as the caller may see them. What was just made may be on its way to them: it is waited for a moment."""
        name, given = request.path_params["name"], body
        if not isinstance(given, dict):
            raise InvalidValue("arguments", given, "must be a mapping")
        views = self._site.views_for(request)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SOON_S
        while True:
            try:
                return views.view(name, given)
            except UnknownId:
                if (left_s := deadline - loop.time()) <= 0:
                    raise
                await views.changed.wait(left_s)
            except (TypeError, ValueError, AttributeError) as error:
                raise InvalidValue("arguments", given, f"view {name} does not take them: {error}") from None

    # ------------------------------------------------------------ data

    async def put(self, request: Request, body: Any) -> Any:
        """One piece; with `last` the data are complete, and the answer names them."""
        key, offset = key_of(request), query_number(request, "offset")
        Rights(self._site, request).must_run_somewhere()
        data = bytes_of(body)
        path = await self._call(self._uploads.add, key, offset, data)
        if request.query_params.get("last") != "1":
            return None
        blob = await self._call(self._door.put_file, key, path)
        return {"path": blob.path, "node_id": blob.node_id, "size": blob.size, "key": blob.key}

    async def get(self, request: Request, body: Any) -> Any:
        """Up to PIECE_BYTES from `offset` on; fewer are the last."""
        key = key_of(request)
        await self._must_see(request, request.path_params["job"])
        return await self._call(self._door.read_piece, key, query_number(request, "offset"), PIECE_BYTES)

    # ------------------------------------------------------------ rights

    async def _must_see(self, request: Request, job: str) -> Any:
        """The job's status. Raises UnknownId also where the caller may not see its role."""
        status = await self._call(self._door.call, BATCH, "status", job)
        if not Rights(self._site, request).sees(status["role"]):
            raise UnknownId("job", job)
        return status

    async def _must_run(self, request: Request, job: str) -> None:
        """Who may everything, which is everybody where there are no rules, is not looked up."""
        access, caller = self._site.access, caller_of(request)
        if not access.open_to(caller):
            Rights(self._site, request).must_run((await self._must_see(request, job))["role"])

    async def _check(self, request: Request, message: Any) -> None:
        rights = Rights(self._site, request)
        match message:
            case Submit(spec):
                rights.must_run(spec.role)
                check_spec(spec, caller_of(request), loopback=is_loopback(self._site.host))
            case CancelJob(job_id) | ChangeAttributes(job_id) | SetBudget(job_id):
                await self._must_run(request, job_id)
            case EndTask(task_id):
                await self._must_run(request, task_id.rpartition(".")[0].rpartition(".")[0])
            case ForgetJobs(job_ids):
                for job_id in job_ids:
                    await self._must_run(request, job_id)

    # ------------------------------------------------------------ waiting

    async def _news(self, seen: list[tuple[str, int, int]], wait_s: float) -> list[Any]:
        if self._polling < POLLS:
            self._polling += 1
            try:
                found: list[Any] = await self._wait(self._door.call, BATCH, "poll", seen, wait_s)
            finally:
                self._polling -= 1
            return found
        notes = [self._site.views.state.jobs.get(job) for job, _, _ in seen]
        found = await self._call(self._door.call, BATCH, "poll", seen, 0.0)
        if any(
            each is not None and (each[0] or each[2]["version"] != s[2]) for each, s in zip(found, seen, strict=True)
        ):
            return found
        await self._seen.until(lambda view: notes != [view.jobs.get(job) for job, _, _ in seen], wait_s)
        after: list[Any] = await self._call(self._door.call, BATCH, "poll", seen, 0.0)
        return after
