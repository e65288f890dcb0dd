"""What a load test must come up to. Times are given as ratios to what `/health` takes in the same run: absolute times say more of the machine than of the server.

`/health` waits for the same event loop, the same sockets and the same cores as the others, and does nothing. So a busy machine raises both, and an endpoint that has
become slower raises one. Each bound is at least twice the most that was measured (docs/load-tests.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from load_tests.over_http.outcome import Endpoint, Outcome

YARDSTICK = "/health"
# Of less than this a ratio would be one of two noises; some answers also wait for the next notes, which takes so long on any machine.
LEAST_MS = 10.0

READ, CALL, OPENED, CHANGED = 6.0, 6.0, 12.0, 30.0
"""A read is made once for all who ask between two changes. A scheduler's call is handed on, not waited for. A stream begins with what its reader missed, and there are few of
them, so that one bad moment is their 99th percentile. A change is answered when the journal has it and the views show it: two hops, a sync and the next notes."""

_SCHEDULER = "/api/v1/scheduler"
RATIOS: dict[str, float | None] = {
    YARDSTICK: 1.0,
    **dict.fromkeys(("/state", "/state-summary", "/roles", "/metrics/snapshot", "/metrics", "/api/views/status"), READ),
    "/api/v3/jobs": CHANGED,
    "/api/v3/jobs/{id}": READ,
    "job: submit to Finished": None,
    "/api/events": OPENED,
    "/api/events: until live": READ,
    "/api/v3/jobs/stream": OPENED,
    "/api/v3/jobs/stream: until snapshotEnd": READ,
    f"{_SCHEDULER} SUBSCRIBE": OPENED,
    **dict.fromkeys(
        (f"{_SCHEDULER} {call}" for call in ("REVIVE", "ACCEPT", "ACKNOWLEDGE", "SUPPRESS", "TEARDOWN")), CALL
    ),
    "scheduler: REVIVE to offers for all": None,
    "scheduler: ACCEPT to all FINISHED": None,
}
"""The 99th percentile of each row, in those of YARDSTICK. Every row that is named here must have been asked for. None: it starts processes and waits for its share,
which `/health` says nothing of; that it ends, and in time, is what the users look at."""

ENDS = {"tasks launched": "tasks TASK_FINISHED", "jobs submitted": "jobs that succeeded"}
"""What was begun, and the one way in which it may have ended."""


def ratio(endpoint: Endpoint, outcome: Outcome) -> float | None:
    """None if nobody asked for the yardstick."""
    measure = _find(outcome, YARDSTICK)
    return None if measure is None else endpoint.p99_ms / max(measure.p99_ms, LEAST_MS)


def complaints(outcome: Outcome) -> list[str]:
    """In words, everything that the run did not come up to; empty if it passed."""
    return [*_failures(outcome), *_never_asked(outcome), *_slow(outcome), *_ends(outcome)]


def _failures(outcome: Outcome) -> Iterator[str]:
    for each in outcome.endpoints:
        if each.failures:
            yield f"{each.name}: {each.failures} of {each.requests} failed"


def _never_asked(outcome: Outcome) -> Iterator[str]:
    asked = {each.name for each in outcome.endpoints if each.requests}
    yield from (f"{name}: was never asked" for name in RATIOS if name not in asked)


def _slow(outcome: Outcome) -> Iterator[str]:
    for each in outcome.endpoints:
        bound, found = RATIOS.get(each.name), ratio(each, outcome)
        if bound is not None and found is not None and found > bound:
            yield f"{each.name}: p99 is {found:.1f} times that of {YARDSTICK}, more than {bound:g}"


def _ends(outcome: Outcome) -> Iterator[str]:
    for begun, ended in ENDS.items():
        if (begun_count := outcome.counts.get(begun, 0)) != (ended_count := outcome.counts.get(ended, 0)):
            yield f"{begun}: {begun_count}, {ended}: {ended_count}"


def _find(outcome: Outcome, name: str) -> Endpoint | None:
    return next((each for each in outcome.endpoints if each.name == name), None)
