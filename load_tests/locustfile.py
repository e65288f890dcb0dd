"""What locust loads: the users, the shape, and what is written at the end. `make load-test` runs it with a cluster of its own; against one that runs already:

    .venv/bin/python -m load_tests.over_http.run --url http://127.0.0.1:5050
    .venv/bin/locust -f load_tests/locustfile.py --host http://127.0.0.1:5050      # with locust's own page

Nothing here, and nothing that it imports, may import Ray: locust runs its users as greenlets, for which it replaces sockets, locks and threads. Ray's client
waits in C++ and in threads of its own, and hangs in such a process. All goes over HTTP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from load_tests.over_http.outcome import Endpoint, Outcome
from load_tests.over_http.shapes import SHAPES, users_at
from load_tests.over_http.users.base import counts
from load_tests.over_http.users.framework import Framework
from load_tests.over_http.users.operator import Operator
from load_tests.over_http.users.prober import Prober
from load_tests.over_http.users.submitter import Submitter
from load_tests.over_http.users.watcher import Watcher

KINDS = (Prober, Submitter, Watcher, Operator, Framework)
# Everyone who comes, comes within a second or two: a burst is one.
SPAWNED_PER_S = 20.0


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--shape", choices=list(SHAPES), default="ramp", help="how many users there are when")
    parser.add_argument("--seconds", type=float, default=45.0, help="how long the test takes")
    parser.add_argument("--most", type=int, default=24, help="users at the most")
    parser.add_argument("--outcome", default="", help="file for what came out, as JSON")


class Shape(LoadTestShape):
    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        chosen = self.runner.environment.parsed_options
        users = users_at(chosen.shape, self.get_run_time(), chosen.seconds, most=chosen.most, least=len(KINDS))
        return None if users is None else (users, SPAWNED_PER_S)


@events.quitting.add_listener
def write(environment: Environment, **_: Any) -> None:
    if environment.parsed_options.outcome:
        _outcome(environment).write(Path(environment.parsed_options.outcome))


def _outcome(environment: Environment) -> Outcome:
    stats = environment.stats
    rows = [
        Endpoint(
            name=row.name,
            requests=row.num_requests,
            failures=row.num_failures,
            per_s=round(row.total_rps, 1),
            p50_ms=row.get_response_time_percentile(0.5),
            p99_ms=row.get_response_time_percentile(0.99),
        )
        for row in sorted(stats.entries.values(), key=lambda row: row.name)
    ]
    errors = [f"{error.name}: {error.error} ({error.occurrences}x)" for error in stats.errors.values()]
    return Outcome(tuple(rows), tuple(errors), dict(counts))
