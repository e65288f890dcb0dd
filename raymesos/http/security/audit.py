"""Who changed what over HTTP: a JSON line for each call that changes something, and how it was answered. Bodies and secrets are in none.

The gate writes it. It knows caller, address, path and outcome; what the call was and what about, a part of the API says once it has read it:

    note_call(request, "DRAIN_AGENT", agent_id)
"""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Scope

from raymesos.http.security.access import caller_of
from raymesos.http.security.rates import SECOND, Bucket, Rate

# 128 MB in all: some 500,000 calls.
FILE_BYTES = 16 * 2**20
FILES = 8
# What a caller may make it say: a line stays a line, and short.
TEXT_CHARS = 200
# Of what the gate refuses, so many lines a second, and bursts: else who may do nothing could push out the record of who did something.
REFUSALS = Rate(SECOND // 10, 100, 0)

CALL = "raymesos.call"
READS = "reads"


def note_call(connection: HTTPConnection | Scope, call: str, subject: str = "") -> None:
    """The request is this call, about this. `connection`: a Request or a bare scope."""
    _scope(connection)[CALL] = (call, subject)


def note_read(connection: HTTPConnection | Scope) -> None:
    """The request changes nothing, though its method could: no line is written."""
    _scope(connection)[CALL] = READS


def _scope(connection: Any) -> Any:
    return getattr(connection, "scope", connection)


class AuditLog:
    """Lines in a file that its owner alone reads; of full ones the last few are kept beside it, numbered."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _File(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, delay=True, encoding="utf-8")
        self._refusals = Bucket(time.monotonic_ns(), REFUSALS)
        self._left_out = 0

    def answered(self, scope: Mapping[str, Any], status: int) -> None:
        """The app has answered so."""
        said = scope.get(CALL)
        if said != READS:
            self._write(scope, status, *(said or ("", "")))

    def refused(self, scope: Mapping[str, Any], status: int) -> None:
        """The gate has, before anybody knew what the call was."""
        if self._refusals.take(time.monotonic_ns(), REFUSALS).taken:
            self._write(scope, status, "", "")
        else:
            self._left_out += 1

    def close(self) -> None:
        self._file.close()

    def _write(self, scope: Mapping[str, Any], status: int, call: str, subject: str) -> None:
        client = scope.get("client")
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "principal": caller_of(scope).principal,
            "remote": client[0] if client else "",
            "method": scope["method"],
            "path": _short(scope["path"]),
            "call": _short(call),
            "subject": _short(subject),
            "status": status,
        }
        if self._left_out:
            line["refusals_left_out"], self._left_out = self._left_out, 0
        self._file.emit(logging.makeLogRecord({"msg": orjson.dumps(line).decode()}))


class _File(RotatingFileHandler):
    """Made with mode 0600, each time anew."""

    def _open(self) -> io.TextIOWrapper:
        fd = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return io.TextIOWrapper(io.FileIO(fd, "a"), encoding=self.encoding, write_through=True)


def _short(text: str) -> str:
    """What JSON can hold, cut."""
    return text[:TEXT_CHARS].encode("utf-8", "replace").decode()
