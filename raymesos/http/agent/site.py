"""What the app of one agent's address stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from raymesos.http.agent.containers import Container, read_containers
from raymesos.http.desk import Desk
from raymesos.http.views import Views
from raymesos.model.settings import AgentSettings
from raymesos.wire.notes import AgentNote


@dataclass(frozen=True, slots=True)
class AgentSite:
    """One per agent that this process serves. `directory` is the agent's, on this node's disk; `started_ms` is when its address began to be served."""

    name: str
    endpoint: str
    directory: Path
    views: Views
    desk: Desk
    started_ms: int
    settings: AgentSettings = field(default_factory=AgentSettings)
    asks: bool = False
    """Executors show the token of their run."""

    def containers(self) -> list[Container]:
        """The custom executors that run there now."""
        return read_containers(self.directory)

    def container_of(self, framework_id: str, executor_id: str) -> str:
        """The id of the run; empty if there is none."""
        key = (framework_id, executor_id)
        return next((c.container_id for c in self.containers() if c.key == key), "")

    def unknown(self, framework_id: str, executor_id: str) -> str | None:
        """Which of the two is not there, in Mesos' words; None if both are."""
        found = self.containers()
        if any(c.key == (framework_id, executor_id) for c in found):
            return None
        there = any(c.framework_id == framework_id for c in found)
        return "Executor cannot be found" if there else "Framework cannot be found"

    def note(self) -> AgentNote | None:
        """The agent as the views have it: the one that is there, else the last of that name. None before the first note."""
        notes = [n for n in self.views.state.agents.values() if n.name == self.name]
        return next((n for n in reversed(notes) if n.state != "gone"), notes[-1] if notes else None)
