"""The app of the master's port, without a cluster."""

from __future__ import annotations

import pytest
from http_rig import call, site
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from raymesos.errors import (
    ClusterUnavailable,
    Conflict,
    InvalidJob,
    InvalidValue,
    InvariantBroken,
    QuotaRefused,
    RaymesosError,
    Unauthorized,
    UnknownId,
)
from raymesos.http import answers
from raymesos.http.app import make_app


@pytest.mark.parametrize("path", ["/health", "/master/health"])
def test_health_is_200_and_empty(path: str) -> None:
    answer = call(make_app(site()), "GET", path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_path_that_is_not_there_is_404() -> None:
    assert call(make_app(site()), "GET", "/nosuch").status_code == 404


def raising(error: Exception) -> Starlette:
    async def route(request: Request) -> Response:
        raise error

    handlers = {RaymesosError: answers.refused, Exception: answers.broken}
    return Starlette(routes=[Route("/", route)], exception_handlers=handlers)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidValue("cpus", -1, "must be positive"), 400),
        (InvalidJob("fn", "is missing"), 400),
        (UnknownId("job", "j1"), 404),
        (Conflict("taken"), 409),
        (QuotaRefused("too much"), 409),
        (Unauthorized("no"), 403),
        (ClusterUnavailable("away"), 503),
    ],
)
def test_an_error_of_ours_has_its_status_and_says_what_was_wrong(error: RaymesosError, status: int) -> None:
    answer = call(raising(error), "GET", "/")
    assert answer.status_code == status
    assert answer.json()["message"] == str(error) and answer.json()["error"] == type(error).__name__


def test_a_refused_value_is_named() -> None:
    said = call(raising(InvalidValue("cpus", -1, "must be positive")), "GET", "/").json()
    assert (said["field"], said["reason"]) == ("cpus", "must be positive")


@pytest.mark.parametrize("error", [RuntimeError("secret path /x"), InvariantBroken("books", "secret story")])
def test_our_own_bug_is_500_and_tells_nothing(error: Exception) -> None:
    answer = call(raising(error), "GET", "/")
    assert answer.status_code == 500 and "secret" not in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_an_error_that_quotes_what_json_writers_choke_on_is_told_all_the_same(value: object) -> None:
    answer = call(raising(InvalidValue("cpus", value, "must be positive")), "GET", "/")
    assert answer.status_code == 400 and answer.json()["field"] == "cpus"
