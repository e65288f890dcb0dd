"""The custom executors that an agent runs, as they stand on its disk: written by the agent's process, read by whoever serves its address."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from raymesos.store.whole import write_whole

FILE = "programs.json"


@dataclass(frozen=True, slots=True)
class Container:
    """One run of an executor. Its id names its sandbox. `pid` is 0 until it has a process; times in ms since 1970, memory in KB."""

    framework_id: str
    executor_id: str
    container_id: str
    name: str = ""
    source: str = ""
    cpus_milli: int = 0
    mem_kb: int = 0
    started_ms: int = 0
    pid: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.framework_id, self.executor_id


def read_containers(agent_directory: Path) -> list[Container]:
    """Those that run, in the order in which they began; none if nothing was ever written."""
    try:
        return [Container(**row) for row in json.loads((agent_directory / FILE).read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return []


def write_containers(agent_directory: Path, containers: list[Container]) -> None:
    write_whole(agent_directory / FILE, json.dumps([asdict(each) for each in containers]))


def sandbox_of(agent_directory: Path, container_id: str) -> Path:
    """Where the run's stdout, stderr and files are. Absolute."""
    return (agent_directory / "shim" / "tasks" / container_id).absolute()
