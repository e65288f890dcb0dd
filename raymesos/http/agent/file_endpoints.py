"""`/files/browse`, `/files/read`, `/files/download` and `/files/debug`, of whatever has files, and the rows that files are shown by. (Mesos: files/files.cpp)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from raymesos.errors import InvalidValue, UnknownId
from raymesos.http.agent.files import FileInfo, Files
from raymesos.http.mesos.operator.endpoint import Serve
from raymesos.http.mesos.operator.texts import json_answer, text
from raymesos.http.mesos.values import Row, bytes_json

NO_PATH = "Expecting 'path=value' in query.\n"
_CHUNK = 1 << 18


def file_endpoints(files: Files, may: Callable[[Request], None] = lambda request: None) -> dict[str, dict[str, Serve]]:
    """By path and method. `may` raises Unauthorized for whom they are not."""

    async def browse(request: Request) -> Response:
        return await _of_file(request, lambda path: [file_row(i) for i in files.list(path)])

    async def read(request: Request) -> Response:
        try:
            offset, length = _number(request, "offset", -1), _number(request, "length", None)
        except ValueError as error:
            return text(str(error), 400)
        assert offset is not None

        def part(path: str) -> Row:
            _, at, data = files.read(path, offset, length)
            return {"offset": at, "data": data.decode(errors="replace")}

        return await _of_file(request, part)

    async def download(request: Request) -> Response:
        path = request.query_params.get("path")
        if not path:
            return text(NO_PATH, 400)
        try:
            file = await asyncio.to_thread(files.opened, path, "download")
        except InvalidValue as error:
            return text(error.reason, 400)
        except (UnknownId, OSError):
            return text("", 404)
        name = quote(path.rstrip("/").rpartition("/")[2])
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(_chunks(file), media_type="application/octet-stream", headers=headers)

    async def debug(request: Request) -> Response:
        return json_answer(request, orjson.dumps(await asyncio.to_thread(files.names)))

    by_name: dict[str, Serve] = {"browse": browse, "read": read, "download": download, "debug": debug}
    return {f"/files/{name}": {"GET": _guarded(serve, may)} for name, serve in by_name.items()}


def _guarded(serve: Serve, may: Callable[[Request], None]) -> Serve:
    async def guarded(request: Request) -> Response:
        may(request)
        return await serve(request)

    return guarded


async def _of_file(request: Request, make: Callable[[str], Any]) -> Response:
    path = request.query_params.get("path")
    if not path:
        return text(NO_PATH, 400)
    try:
        return json_answer(request, orjson.dumps(await asyncio.to_thread(make, path)))
    except InvalidValue as error:
        return text(error.reason, 400)
    except (UnknownId, OSError):
        return text("", 404)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _number(request: Request, name: str, default: int | None) -> int | None:
    found = request.query_params.get(name)
    if found is None or found == "":
        return default
    try:
        return int(found)
    except ValueError:
        raise ValueError(f"Failed to parse {name}: Failed to convert '{found[:40]}' to number.\n") from None


def file_row(info: FileInfo) -> Row:
    return {
        "gid": info.group,
        "mode": info.mode_text,
        "mtime": info.mtime_s,
        "nlink": info.nlink,
        "path": info.path,
        "size": info.size,
        "uid": info.owner,
    }


def file_json(info: FileInfo) -> Row:
    return {
        "path": info.path,
        "nlink": info.nlink,
        "size": info.size,
        "mtime": {"nanoseconds": int(info.mtime_s * 1e9)},
        "mode": info.mode,
        "uid": info.owner,
        "gid": info.group,
    }


# ---------------------------------------------------------------- of the v1 API


def listed(files: Files, asked: Row) -> Row:
    """LIST_FILES."""
    return {"file_infos": [file_json(info) for info in files.list(asked["path"])]}


def part_of(files: Files, asked: Row) -> Row:
    """READ_FILE."""
    size, _, data = files.read(asked["path"], asked["offset"], asked.get("length"))
    return {"size": size, "data": bytes_json(data)}
