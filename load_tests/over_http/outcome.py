"""What a load test saw: what locust's side writes when it ends, and the other side reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: a kind of request, or something that takes several (a job from its submit to its end)."""

    name: str
    requests: int
    failures: int
    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    endpoints: tuple[Endpoint, ...]
    errors: tuple[str, ...]
    """What went wrong, each kind once with its number."""
    counts: dict[str, int]
    """What the users began and saw end, by name."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def read_outcome(path: Path) -> Outcome:
    """Raises OSError or ValueError if locust did not get as far as to write it."""
    row = json.loads(path.read_text())
    return Outcome(tuple(Endpoint(**each) for each in row["endpoints"]), tuple(row["errors"]), row["counts"])
