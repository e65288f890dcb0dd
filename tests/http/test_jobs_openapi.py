"""Requests that the OpenAPI document allows, and some that it does not: none is our own fault, none hangs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from jobs_rig import JobsWorld
from schemathesis.checks import not_a_server_error

from raymesos.http.jobs import rights

world = JobsWorld()
world.submit(batch__size=2)
schema = schemathesis.openapi.from_asgi("/api/v3/openapi.json", world.app, headers={"host": "127.0.0.1:5050"})


@pytest.fixture(autouse=True, scope="module")
def _impatient() -> Iterator[None]:
    """Whoever asks for what is not there would otherwise wait for its note each time."""
    patch = pytest.MonkeyPatch()
    patch.setattr(rights, "SOON_S", 0.001)
    yield
    patch.undo()


@schema.exclude(path_regex="stream$").parametrize()
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_is_answered_with_an_error_of_ours(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=[not_a_server_error], headers={"host": "127.0.0.1:5050"})
