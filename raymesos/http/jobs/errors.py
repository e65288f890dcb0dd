"""Errors of the jobs API: Titus' statuses and texts, and beside them the field and the reason in our words.

`{"statusCode": 400, "message": …, "error": kind, "field": …, "reason": …}`
"""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from raymesos.errors import QuotaRefused, RaymesosError
from raymesos.http.answers import Json, broken, said_of, status_of


class Refused(Exception):
    """What Titus refuses with a code of its own (JobManagerException)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


def not_service(job_id: str) -> Refused:
    return Refused(400, "NotServiceJob", f"Operation restricted to service jobs, and {job_id} is not a service job")


def terminating(kind: str, id: str) -> Refused:
    """The job or task is over: nothing of it is changed any more."""
    return Refused(412, f"{kind}Terminating", f"{kind} {id} is terminated")


def refused(request: Request, error: Exception) -> Response:
    """An error of ours, with its status; a bound on jobs is 429 here, as Titus'."""
    assert isinstance(error, RaymesosError)
    status = 429 if isinstance(error, QuotaRefused) else status_of(error)
    if status == 500:
        return broken(request, error)
    return Json({"statusCode": status, **said_of(error)}, status)


def refused_by_titus(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return Json({"statusCode": error.status, "message": str(error), "error": error.code}, error.status)


def invalid(request: Request, error: Exception) -> Response:
    """400: the first field that does not fit, by its path."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "titus", "native", "[key]")]
    field = ".".join(path) if first["type"] != "json_invalid" else "body"
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return _problem(400, "InvalidValue", f"{field or 'body'}: {reason}", field=field or "body", reason=reason)


def not_served(request: Request, error: Exception) -> Response:
    """404 and 405 of paths that there are not; 400 of a body that cannot be read."""
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        return _problem(400, "InvalidValue", f"body: {error.detail}", field="body", reason=str(error.detail))
    return _problem(error.status_code, "NotServed", str(error.detail))


def _problem(status: int, kind: str, message: str, **fields: Any) -> Response:
    return Json({"statusCode": status, "message": message, "error": kind, **fields}, status)
