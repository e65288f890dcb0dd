"""What `raymesos up` is asked for, and what it has to show: plain values that travel between the command and the keeper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raymesos.actors.plan import HttpPlan
from raymesos.model.rate_limits import parse_rate_limits
from raymesos.model.settings import Settings, on_ray

if TYPE_CHECKING:
    from raymesos.actors.cluster import Started


@dataclass(frozen=True, slots=True)
class Wish:
    """A cluster as it is asked for. With `address` it goes on that Ray cluster; with `block` it ends with the command."""

    name: str
    agents: int = 1
    cpus: float | None = None
    mem_mb: int | None = None
    work_dir: str | None = None
    address: str | None = None
    block: bool = False
    preemption: str = "guarantee"
    scoring: str = "shuffle"
    rate_limits: str = ""
    """Mesos' JSON, as text; empty for none."""
    http: dict[str, Any] | None = None
    """The fields of an HttpPlan; None for no HTTP."""

    def settings(self) -> Settings:
        """Raises InvalidValue."""
        limits = parse_rate_limits(self.rate_limits)
        return on_ray(preemption=self.preemption, scoring=self.scoring, rate_limits=limits)

    def http_plan(self) -> HttpPlan | None:
        return None if self.http is None else HttpPlan(**self.http)


def describe(started: Started) -> dict[str, Any]:
    """The ready cluster as plain data."""
    running = started.running
    return {
        "name": running.namespace,
        "address": running.address,
        "work_dir": running.work_dir,
        "url": running.url,
        "pid": running.pid,
        "agents": [{"name": a.name, "resources": a.resources} for a in started.agents],
    }
