"""Bodies and answers of the door's calls: msgpack under our own media type, looked at field by field."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
from starlette.requests import Request
from starlette.responses import Response

from raymesos.errors import InvalidValue, ProtocolError, RaymesosError
from raymesos.http import answers
from raymesos.http.door.errors import packed_error
from raymesos.http.door.names import MEDIA_TYPE

JOBS_A_POLL = 10_000
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_.-]{1,200}")

Serve = Callable[[Request, Any], Awaitable[Any]]
"""A call: what its body is worth, and what it answers."""


def served(serve: Serve) -> Callable[[Request], Awaitable[Response]]:
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


def bytes_of(body: Any) -> bytes:
    if not isinstance(body, bytes):
        raise ProtocolError("the body must be a message's bytes")
    return body


def _field(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise InvalidValue(name, None, "is required")
    return body[name]


def text_of(body: Any, name: str) -> str:
    value = _field(body, name)
    if not isinstance(value, str):
        raise InvalidValue(name, value, "must be text")
    return value


def number_of(body: Any, name: str, *, least: int = 0) -> int:
    value = _field(body, name)
    if type(value) is not int or not least <= value < 2**62:
        raise InvalidValue(name, value, f"must be a whole number, {least} or more")
    return value


def list_of(body: Any, name: str) -> list[Any]:
    value = _field(body, name)
    if not isinstance(value, list) or len(value) > JOBS_A_POLL:
        raise InvalidValue(name, value, f"must be a list of at most {JOBS_A_POLL}")
    return value


def seen_of(row: Any) -> tuple[str, int, int]:
    """(job id, number of parts had, version seen; -1: none)"""
    match row:
        case [str(job), int(cursor), int(version)] if 0 <= cursor < 2**62 and -1 <= version < 2**63:
            return job, cursor, version
    raise InvalidValue("seen", row, "must be [job id, parts, version]")


def key_of(request: Request) -> str:
    key = f"{request.path_params['job']}/{request.path_params['file']}"
    if not _KEY.fullmatch(key) or ".." in key:
        raise InvalidValue("key", key, "must be <job id>/<file>, of letters, digits, _ . and -")
    return key


def query_number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise InvalidValue(name, text, "must be a whole number, 0 or more")
    return int(text)
