"""Answers in Mesos' form: JSON, perhaps wrapped for `?jsonp=`, and refusals in plain text."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from raymesos.errors import ClusterUnavailable, Conflict, QuotaRefused, RaymesosError, Unauthorized
from raymesos.http.mesos.requests import method_text

# What a callback may be called: anything else would be a program of the caller's choice in our answer.
JSONP = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]{0,99}")
PLAIN = "text/plain; charset=utf-8"


def json_answer(request: Request, body: bytes) -> Response:
    """`body` is JSON. With `?jsonp=f` it is the script `f(...)`, as Mesos makes it."""
    callback = request.query_params.get("jsonp")
    if callback is None:
        return Response(body, media_type="application/json")
    if not JSONP.fullmatch(callback):
        return text(f"Failed to parse jsonp '{callback[:100]}': must be the name of a function", 400)
    script = b"%s(%s)" % (callback.encode(), body)
    return Response(script, headers={"content-type": "text/javascript"})


def text(said: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Of an empty text there is no type."""
    typed = {"content-type": PLAIN} if said else {}
    return Response(said.encode() if said else b"", status, headers={**typed, **(headers or {})})


def refusal(error: RaymesosError, *, conflict: int = 409) -> Response:
    """What Mesos answers to a call that cannot be carried out: `conflict` for what others hold, 400 for the rest."""
    if isinstance(error, Conflict | QuotaRefused):
        return text(str(error), conflict)
    status = 403 if isinstance(error, Unauthorized) else 503 if isinstance(error, ClusterUnavailable) else 400
    return text(str(error), status)


def wrong_method(method: str, *allowed: str) -> Response:
    """`allowed`: those that are, in Mesos' order."""
    return text(method_text(method, *allowed), 405, {"allow": ", ".join(allowed)})
