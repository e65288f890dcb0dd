"""`POST /api/v1`: the operator's calls. (Mesos: Master::Http::api)"""

from __future__ import annotations

import asyncio
import logging

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from raymesos.errors import InvalidValue, ProtocolError, RaymesosError, UnknownId
from raymesos.http.agent.file_endpoints import listed, part_of
from raymesos.http.asgi import Answer, headers_of, read_body, send_answer
from raymesos.http.mesos.body import part_error, read_call
from raymesos.http.mesos.operator.asking import Writer
from raymesos.http.mesos.operator.events import EventStreams
from raymesos.http.mesos.operator.files import MasterFiles
from raymesos.http.mesos.operator.gallery import Gallery
from raymesos.http.mesos.operator.reads import READS, answer
from raymesos.http.mesos.operator.texts import refusal, text
from raymesos.http.mesos.operator.writes import WRITES, subject_of
from raymesos.http.mesos.requests import accept_refusal, content_refusal, method_refusal
from raymesos.http.mesos.values import Row
from raymesos.http.security.access import Caller, caller_of
from raymesos.http.security.audit import note_call, note_read
from raymesos.http.site import Site

# What each of these needs of ACLs beside what its answer is narrowed to.
ACTIONS = {
    "GET_FLAGS": "view_flags",
    "GET_MAINTENANCE_STATUS": "get_maintenance_statuses",
    "GET_MAINTENANCE_SCHEDULE": "get_maintenance_schedules",
    "LIST_FILES": "access_mesos_logs",
    "READ_FILE": "access_mesos_logs",
    "SET_LOGGING_LEVEL": "set_log_level",
}
NEEDS_NOTHING = ("SUBSCRIBE", "GET_LOGGING_LEVEL", *[kind for kind in READS if kind != "GET_METRICS"])
# What glog's `v` may be.
MAX_LEVEL = 255

log = logging.getLogger("raymesos")


class OperatorApi:
    """A bare ASGI callable."""

    def __init__(self, site: Site, gallery: Gallery, writer: Writer) -> None:
        self._site, self._gallery, self._writer = site, gallery, writer
        self._streams = EventStreams(site, gallery)
        self._files = MasterFiles(site)
        self._level = 0
        self._revert: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        refused = method_refusal(scope["method"]) or content_refusal(headers)
        if refused is not None:
            await send_answer(send, refused)
            return
        body = await read_body(receive)
        if body is None:
            return
        call = _read(body, headers)
        if isinstance(call, Answer):
            await send_answer(send, call)
            return
        _note(scope, call)
        if call["type"] == "SUBSCRIBE":
            await self._streams.serve(caller_of(scope), receive, send)
            return
        found = await self._answer(call, caller_of(scope))
        await found(scope, receive, send)

    async def _answer(self, call: Row, caller: Caller) -> Response:
        kind = call["type"]
        try:
            if kind in ACTIONS:
                self._site.access.require(caller, ACTIONS[kind])
            if kind in WRITES:
                return await self._writer.carry_out(WRITES[kind], call[kind.lower()], caller)
            if kind in READS:
                body = await self._gallery.answer(kind, lambda picture: answer(self._site, picture, kind), caller)
                return _json(body)
            if kind in ("LIST_FILES", "READ_FILE"):
                return await self._of_files(kind, call[kind.lower()])
            return self._of_server(kind, call)
        except RaymesosError as error:
            return refusal(error)

    async def _of_files(self, kind: str, asked: Row) -> Response:
        try:
            body = await asyncio.to_thread(listed if kind == "LIST_FILES" else part_of, self._files, asked)
        except InvalidValue as error:
            return text(error.reason, 400)
        except (UnknownId, OSError):
            return Response(b"", 404, headers={"content-type": "text/plain; charset=utf-8"})
        return _json(orjson.dumps({"type": kind, kind.lower(): body}))

    def _of_server(self, kind: str, call: Row) -> Response:
        match kind:
            case "GET_LOGGING_LEVEL":
                return _json(orjson.dumps({"type": kind, "get_logging_level": {"level": self._level}}))
            case "SET_LOGGING_LEVEL":
                return self._set_level(call["set_logging_level"])
            case _:
                return Response(b"", 501)

    def _set_level(self, asked: Row) -> Response:
        """This server logs so much for so long. 0 is what it logs otherwise."""
        level, seconds = asked["level"], asked["duration"]["nanoseconds"] / 1e9
        if not self._level <= level <= MAX_LEVEL and level != 0:
            return Response(f"Invalid level '{level}': must be {self._level} to {MAX_LEVEL}".encode(), 400)
        if self._revert is not None:
            self._revert.cancel()
        self._be_at(level)
        self._revert = asyncio.get_running_loop().call_later(max(0.0, seconds), self._be_at, 0)
        return Response(b"", 200)

    def _be_at(self, level: int) -> None:
        self._level = level
        log.setLevel(logging.DEBUG if level else logging.NOTSET)


def _read(body: bytes, headers: dict[bytes, bytes]) -> Row | Answer:
    """The call, or why it is none."""
    try:
        call = read_call(body, "master.Call")
    except ProtocolError as error:
        return Answer(400, str(error))
    wrong = part_error(call, lambda kind: kind not in NEEDS_NOTHING)
    if wrong:
        return Answer(400, f"Failed to validate master::Call: {wrong}")
    return accept_refusal(headers) or call


def _note(scope: Scope, call: Row) -> None:
    """For the audit log."""
    if call["type"] in WRITES or call["type"] == "SET_LOGGING_LEVEL":
        note_call(scope, call["type"], subject_of(call.get(call["type"].lower(), {})))
    else:
        note_read(scope)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
