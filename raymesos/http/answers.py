"""Answers in JSON, and what an error becomes on its way out: the one place that maps errors to HTTP statuses."""

from __future__ import annotations

import json
import logging
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from raymesos.errors import (
    ClusterUnavailable,
    Conflict,
    InvalidJob,
    InvalidValue,
    ProtocolError,
    QuotaRefused,
    RaymesosError,
    Unauthorized,
    UnknownId,
)

log = logging.getLogger("raymesos.http")

INTERNAL_TEXT = "internal error; the server's log has the story"
INTERNAL = {"error": "Internal", "message": INTERNAL_TEXT}

_STATUS: tuple[tuple[type[RaymesosError], int], ...] = (
    (InvalidValue, 400),
    (InvalidJob, 400),
    (ProtocolError, 400),
    (Unauthorized, 403),
    (UnknownId, 404),
    (Conflict, 409),
    (QuotaRefused, 409),
    (ClusterUnavailable, 503),
)


class Json(Response):
    """`content` by orjson; bytes are JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        if isinstance(content, bytes):
            return content
        try:
            return orjson.dumps(content)
        except orjson.JSONEncodeError:
            # An error may quote what its caller sent: half a surrogate pair, or a number beyond 64 bits.
            return json.dumps(content).encode()


def status_of(error: RaymesosError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refused(request: Request, error: Exception) -> Response:
    """`{"error": kind, "message", "field", "value", "reason"}` with the error's status."""
    assert isinstance(error, RaymesosError)
    status = status_of(error)
    if status == 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
        return Json(INTERNAL, 500)
    return Json(said_of(error), status)


def said_of(error: RaymesosError) -> dict[str, str]:
    """The error in words that a program can take apart."""
    said = {"error": type(error).__name__, "message": str(error)}
    for name in ("field", "reason", "kind", "id"):
        if hasattr(error, name):
            said[name] = str(getattr(error, name))
    return said


def nowhere(request: Request, error: Exception) -> Response:
    """In the words of Mesos, whose paths most of them are."""
    return PlainTextResponse("404 Not Found.", 404)


def broken(request: Request, error: Exception) -> Response:
    """Our own bug: the story is for the log, never for the caller."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return Json(INTERNAL, 500)
