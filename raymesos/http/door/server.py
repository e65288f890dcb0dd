"""The server's side of the door: each call by its own path, none by a name that the client chooses.

A body is msgpack under our own media type, which no page of another origin can send unasked. Calls that block take a thread each; polls beyond a few wait for the views'
news instead, so that a thousand waiting clients cost the batch framework nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgpack
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos import __version__
from raymesos.errors import InvalidValue, ProtocolError, RaymesosError, UnknownId
from raymesos.http import answers
from raymesos.http.blocking import Blocking
from raymesos.http.door.errors import packed_error
from raymesos.http.door.names import ASKS, CALLS, CLUSTER, DATA, MAX_WAIT_S, MEDIA_TYPE, OPERATE, PIECE_BYTES, PREFIX
from raymesos.http.door.names import READ_LOG as LOG
from raymesos.http.door.names import VIEWS as VIEWS_PATH
from raymesos.http.door.rules import OPERATOR_CALLS, check_spec, must_operate
from raymesos.http.door.uploads import Uploads
from raymesos.http.jobs.rights import SOON_S, Rights, Seen
from raymesos.http.security.access import caller_of
from raymesos.http.security.loopback import is_loopback
from raymesos.http.site import Site
from raymesos.machine import BATCH
from raymesos.operating.asking import operate
from raymesos.wire.codec import decode, encode
from raymesos.wire.fits import check_fit
from raymesos.wire.jobs import CancelJob, ChangeAttributes, EndTask, ForgetJobs, PartsKept, SetBudget, Submit

# The batch framework has 64 threads for all its callers, of which these take at most half.
POLLS = 24
CALLS_AT_ONCE = 16
JOBS_A_POLL = 10_000
LOG_TIMEOUT_S = 10.0
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_.-]{1,200}")

Serve = Callable[[Request, Any], Awaitable[Any]]


def routes(site: Site) -> list[BaseRoute]:
    server = DoorServer(site)
    posts: dict[str, Serve] = {
        CALLS["find"]: server.find,
        CALLS["status"]: server.status,
        CALLS["tasks"]: server.tasks,
        CALLS["where_ran"]: server.where_ran,
        CALLS["poll"]: server.poll,
        LOG: server.read_log,
        OPERATE: server.operate,
        f"{VIEWS_PATH}/{{name}}": server.view,
        **{path: server.asker(kind) for kind, path in ASKS.items()},
    }
    data = f"{PREFIX}/{DATA}/{{job}}/{{file}}"
    return [
        Route(f"{PREFIX}/{CLUSTER}", _served(server.cluster), methods=["GET"]),
        Route(data, _served(server.get), methods=["GET"]),
        Route(data, _served(server.put), methods=["PUT"]),
        *(Route(f"{PREFIX}/{path}", _served(serve), methods=["POST"]) for path, serve in posts.items()),
    ]


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
            message = decode(_bytes(body))
            if type(message) is not kind:
                raise ProtocolError(f"{type(message).__name__} is no {kind.__name__}")
            check_fit(message)
            await self._check(request, message)
            answer = encode(await self._call(self._door.ask, BATCH, message))
            if isinstance(message, Submit):
                await self._seen.until(lambda view: message.spec.job_id in view.jobs, SOON_S)
            return answer

        return ask

    async def find(self, request: Request, body: Any) -> Any:
        found: str = await self._call(self._door.call, BATCH, "find", _text(body, "job"))
        await self._must_see(request, found)
        return found

    async def status(self, request: Request, body: Any) -> Any:
        return await self._must_see(request, _text(body, "job"))

    async def tasks(self, request: Request, body: Any) -> Any:
        job = _text(body, "job")
        await self._must_see(request, job)
        return await self._call(self._door.call, BATCH, "tasks", job)

    async def where_ran(self, request: Request, body: Any) -> Any:
        job, index = _text(body, "job"), _number(body, "index")
        await self._must_see(request, job)
        return await self._call(self._door.call, BATCH, "where_ran", job, index)

    async def poll(self, request: Request, body: Any) -> Any:
        """[new parts, next cursor, status] of each job that has news, None of the others."""
        seen = [_job_seen(row) for row in _list(body, "seen")]
        wait_s = min(MAX_WAIT_S, max(0.0, float(_number(body, "wait_ms")) / 1000))
        rights = Rights(self._site, request)
        if not rights.sees_all:
            for job, _, _ in seen:
                await self._must_see(request, job)
        news = await self._news(seen, wait_s)
        return [None if each is None else [encode(PartsKept("", tuple(each[0]))), *each[1:]] for each in news]

    async def read_log(self, request: Request, body: Any) -> Any:
        agent, task, stream = _text(body, "agent"), _text(body, "task"), _text(body, "stream")
        if stream not in ("stdout", "stderr"):
            raise UnknownId("stream", stream)
        if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,200}", agent):
            raise UnknownId("agent", agent)
        rights = Rights(self._site, request)
        await self._must_see(request, task.rpartition(".")[0].rpartition(".")[0])
        rights.must_see_logs("")
        index, offset = _number(body, "index", least=-1), _number(body, "offset")

        def read() -> Any:
            asked = task, index, stream, offset, PIECE_BYTES
            return self._door.call(f"agent/{agent}", "read_log", *asked, timeout_s=LOG_TIMEOUT_S)

        return await self._call(read)

    # ------------------------------------------------------------ the cluster

    async def operate(self, request: Request, body: Any) -> Any:
        message = decode(_bytes(body))
        if not isinstance(message, OPERATOR_CALLS):
            raise ProtocolError(f"{type(message).__name__} is no operator's call")
        check_fit(message)
        must_operate(self._site.access, caller_of(request), message)
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
        key, offset = _key(request), _query_number(request, "offset")
        Rights(self._site, request).must_run_somewhere()
        data = _bytes(body)
        path = await self._call(self._uploads.add, key, offset, data)
        if request.query_params.get("last") != "1":
            return None
        blob = await self._call(self._door.put_file, key, path)
        return {"path": blob.path, "node_id": blob.node_id, "size": blob.size, "key": blob.key}

    async def get(self, request: Request, body: Any) -> Any:
        """Up to PIECE_BYTES from `offset` on; fewer are the last."""
        key = _key(request)
        await self._must_see(request, request.path_params["job"])
        return await self._call(self._door.read_piece, key, _query_number(request, "offset"), PIECE_BYTES)

    # ------------------------------------------------------------ rights

    async def _must_see(self, request: Request, job: str) -> Any:
        """The job's status. Raises UnknownId also where the caller may not see its role."""
        status = await self._call(self._door.call, BATCH, "status", job)
        if not Rights(self._site, request).sees(status["role"]):
            raise UnknownId("job", job)
        return status

    async def _check(self, request: Request, message: Any) -> None:
        rights = Rights(self._site, request)
        match message:
            case Submit(spec):
                rights.must_run(spec.role)
                check_spec(spec, caller_of(request), loopback=is_loopback(self._site.host))
            case CancelJob(job_id) | ChangeAttributes(job_id) | SetBudget(job_id):
                if not rights.sees_all:
                    rights.must_run((await self._must_see(request, job_id))["role"])
            case EndTask(task_id):
                if not rights.sees_all:
                    job_id = task_id.rpartition(".")[0].rpartition(".")[0]
                    rights.must_run((await self._must_see(request, job_id))["role"])
            case ForgetJobs(job_ids):
                if not rights.sees_all:
                    for job_id in job_ids:
                        rights.must_run((await self._must_see(request, job_id))["role"])

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


def _served(serve: Serve) -> Callable[[Request], Awaitable[Response]]:
    """The call as a route: its answer as msgpack, bytes as they are; an error of ours as itself."""

    async def route(request: Request) -> Response:
        try:
            return _packed(await serve(request, await _body(request)))
        except RaymesosError as error:
            status = answers.status_of(error)
            if status == 500:
                return answers.broken(request, error)
            return Response(packed_error(error), status, media_type=MEDIA_TYPE)

    return route


def _packed(answer: Any) -> Response:
    if isinstance(answer, bytes):
        return Response(answer, media_type="application/octet-stream")
    return Response(msgpack.packb(answer, use_bin_type=True), media_type=MEDIA_TYPE)


async def _body(request: Request) -> Any:
    """Raises ProtocolError for another type, and for what is no msgpack."""
    if request.method == "GET":
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != MEDIA_TYPE:
        raise ProtocolError(f"Content-Type is {kind or 'missing'}: calls are taken as {MEDIA_TYPE} only")
    data = await request.body()
    if request.method == "PUT":
        return data
    try:
        return msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolError(f"the body is no msgpack: {error}") from None


def _bytes(body: Any) -> bytes:
    if not isinstance(body, bytes):
        raise ProtocolError("the body must be a message's bytes")
    return body


def _field(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise InvalidValue(name, None, "is required")
    return body[name]


def _text(body: Any, name: str) -> str:
    value = _field(body, name)
    if not isinstance(value, str):
        raise InvalidValue(name, value, "must be text")
    return value


def _number(body: Any, name: str, *, least: int = 0) -> int:
    value = _field(body, name)
    if type(value) is not int or not least <= value < 2**62:
        raise InvalidValue(name, value, f"must be a whole number, {least} or more")
    return value


def _list(body: Any, name: str) -> list[Any]:
    value = _field(body, name)
    if not isinstance(value, list) or len(value) > JOBS_A_POLL:
        raise InvalidValue(name, value, f"must be a list of at most {JOBS_A_POLL}")
    return value


def _job_seen(row: Any) -> tuple[str, int, int]:
    """(job id, number of parts had, version seen; -1: none)"""
    match row:
        case [str(job), int(cursor), int(version)] if 0 <= cursor < 2**62 and -1 <= version < 2**63:
            return job, cursor, version
    raise InvalidValue("seen", row, "must be [job id, parts, version]")


def _key(request: Request) -> str:
    key = f"{request.path_params['job']}/{request.path_params['file']}"
    if not _KEY.fullmatch(key) or ".." in key:
        raise InvalidValue("key", key, "must be <job id>/<file>, of letters, digits, _ . and -")
    return key


def _query_number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise InvalidValue(name, text, "must be a whole number, 0 or more")
    return int(text)
