"""The custom executors of an agent: each is its framework's own program, run by the agent's shim as a command in a session and a sandbox of its own.

They outlive the agent's process: the shim keeps them until its next life has come back, and the file of containers says which they are.
"""

from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raymesos.actors.fetch_cache import FetchCache
from raymesos.actors.fetching import FetchFailed, fetch_all
from raymesos.actors.host import Host
from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.shim_link import ShimLink
from raymesos.actors.volumes import path_of
from raymesos.http.agent.containers import Container, read_containers, sandbox_of, write_containers
from raymesos.http.agent.executor_tokens import VARIABLE, Claims, make_key, make_token
from raymesos.kernel.volumes import volumes_of
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason
from raymesos.wire.messages import ExecutorInfo, ExecutorLost, LimitExecutor, StartExecutor
from raymesos.wire.work import CommandWork

log = logging.getLogger("raymesos.programs")

# An agent that Ray restarts is back in 1.3 to 6 s.
SHIM_GRACE_S = 30.0
# Told to shut down and still there after its own grace, a program has so long between SIGTERM and SIGKILL.
TERM_GRACE_MS = 1_000
RECOVERY_TIMEOUT = "15mins"
SUBSCRIPTION_BACKOFF_MAX = "2secs"
NO_HTTP = "this cluster serves no HTTP, over which a custom executor speaks"
# What the agent is told of an end; everything else is the program's own doing.
_TOLD = (Reason.CONTAINER_LIMITATION_MEMORY, Reason.CONTAINER_LAUNCH_FAILED)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files of the container are in its sandbox; or why they are not."""

    container_id: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class ProgramEvent:
    """An event of the shim: started, ended."""

    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProgramsLost:
    """The shim is gone, and all that it ran."""


ProgramNews = Fetched | ProgramEvent | ProgramsLost


class Programs:
    """All calls but `recover` come on the host's thread. `address` is the launcher's: what other threads learn comes to it as a message."""

    def __init__(self, plan: ClusterPlan, agent: AgentPlan, host: Host, address: str) -> None:
        self._plan, self._agent, self._host, self._address = plan, agent, host, address
        self._home = plan.directory(f"agents/{agent.name}")
        self._running: dict[str, Container] = {}
        """By container id."""
        self._asked: dict[str, StartExecutor] = {}
        """Those that have no process yet, by container id."""
        self._endpoint = ""
        self._key = make_key(self._home) if plan.http is not None and plan.http.asks else ""
        self._fetchers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="fetch")
        self._link = ShimLink(
            self._home / "shim",
            "programs",
            heard=lambda kind, fields: self._tell(ProgramEvent(kind, fields)),
            down=lambda: self._tell(ProgramsLost()),
            up=lambda restarted: None,
            adopts=lambda container_id: container_id in self._running,
            grace_s=SHIM_GRACE_S,
        )

    def recover(self) -> None:
        """Find those of the agent's former life. The agent hears of each that has ended meanwhile."""
        self._running = {each.container_id: each for each in read_containers(self._home)}
        self._link.begin()
        for container_id in [c for c in self._running if c not in self._link.found]:
            ended = {"id": container_id, "exit": None, "signal": None, "reason": "", "message": "it ended unseen"}
            self._tell(ProgramEvent("ended", ended))

    # ------------------------------------------------------------ orders

    def start(self, now_ms: int, message: StartExecutor, info: ExecutorInfo, out: Outbox) -> None:
        """Begin it as soon as the agent has an address that it can speak to."""
        if self._plan.http is None:
            out.send(f"agent/{self._agent.name}", _never(message, NO_HTTP))
            return
        container = Container(
            message.framework_id,
            message.executor_id,
            str(uuid.uuid4()),
            info.name,
            info.source,
            info.resources.scalar("cpus"),
            info.resources.scalar("mem") * 1024 // 1000,
            now_ms,
        )
        self._running[container.container_id] = container
        self._asked[container.container_id] = message
        self._write()
        if self._endpoint:
            self._prepare(container)

    def served(self, endpoint: str) -> None:
        """The agent is reached at `endpoint`, which its programs are told."""
        was, self._endpoint = self._endpoint, endpoint
        for container in list(self._running.values()):
            if not was and container.container_id in self._asked:
                self._prepare(container)

    def limit(self, message: LimitExecutor) -> None:
        container = self._of(message.framework_id, message.executor_id)
        if container is not None:
            mem_kb = message.mem_milli * 1024 // 1000
            self._running[container.container_id] = replace(container, mem_kb=mem_kb)
            self._link.limit(container.container_id, mem_kb)

    def stop(self, framework_id: str, executor_id: str, out: Outbox) -> bool:
        """End it. False if it is none of ours."""
        container = self._of(framework_id, executor_id)
        if container is None:
            return False
        if self._asked.pop(container.container_id, None) is not None and not container.pid:
            self._forget(container)
            out.send(f"agent/{self._agent.name}", ExecutorLost(framework_id, executor_id, "it was not started yet"))
        else:
            self._link.stop(container.container_id, TERM_GRACE_MS)
        return True

    # ------------------------------------------------------------ news

    def heard(self, news: ProgramNews, out: Outbox) -> None:
        match news:
            case Fetched(container_id, error):
                self._fetched(container_id, error, out)
            case ProgramEvent("started", fields):
                self._started(fields["id"], fields["pid"])
            case ProgramEvent("ended", fields):
                self._ended(fields, out)
            case ProgramsLost():
                for container in list(self._running.values()):
                    if container.container_id not in self._asked:
                        self._lost(container, "the shim that ran it was lost", None, Reason.NONE, out)

    def _fetched(self, container_id: str, error: str, out: Outbox) -> None:
        container, message = self._running.get(container_id), self._asked.pop(container_id, None)
        if container is None or message is None or message.info is None or message.info.command is None:
            return  # Stopped meanwhile.
        if error:
            self._lost(container, error, None, Reason.CONTAINER_LAUNCH_FAILED, out)
        else:
            self._link.run(container_id, "run_command", self._request(container, message, message.info))

    def _started(self, container_id: str, pid: int) -> None:
        container = self._running.get(container_id)
        if container is not None:
            self._running[container_id] = replace(container, pid=pid)
            self._write()

    def _ended(self, fields: dict[str, Any], out: Outbox) -> None:
        container = self._running.get(fields["id"])
        if container is None:
            return
        code, number = fields["exit"], fields["signal"]
        status = number if number is not None else None if code is None else code << 8
        reason = Reason(fields["reason"])
        text = fields["message"] or (f"exit {code}" if code is not None else "it ended")
        self._lost(container, text, status, reason if reason in _TOLD else Reason.NONE, out)

    def _lost(self, container: Container, text: str, status: int | None, reason: Reason, out: Outbox) -> None:
        self._forget(container)
        out.send(f"agent/{self._agent.name}", ExecutorLost(*container.key, text, status, reason))

    # ------------------------------------------------------------ inside

    def _prepare(self, container: Container) -> None:
        """Have its files fetched, off the host's thread; without any it goes on at once."""
        info = self._asked[container.container_id].info
        command = info.command if info is not None else None
        if command is None or not command.uris:
            self._tell(Fetched(container.container_id))
        else:
            self._fetchers.submit(self._fetch, container.container_id, command)

    def _fetch(self, container_id: str, command: CommandWork) -> None:
        try:
            fetch_all(command.uris, sandbox_of(self._home, container_id), FetchCache(self._home / "fetched"))
        except FetchFailed as error:
            self._tell(Fetched(container_id, str(error)))
        except Exception:
            log.exception("the files of %s could not be fetched", container_id)
            self._tell(Fetched(container_id, "its files could not be fetched"))
        else:
            self._tell(Fetched(container_id))

    def _request(self, container: Container, message: StartExecutor, info: ExecutorInfo) -> dict[str, Any]:
        command = info.command or CommandWork(())
        home = self._home.absolute()
        return {
            "argv": list(command.argv),
            "program": command.program,
            "env": dict(command.env) | self._environment(container, message, info) | self._token(container),
            "dir": command.working_dir,
            "mem_kb": container.mem_kb,
            "volumes": [[v.container_path, str(path_of(v, home))] for v in volumes_of(info.resources)],
        }

    def _environment(self, container: Container, message: StartExecutor, info: ExecutorInfo) -> dict[str, str]:
        """What an executor finds in its environment. (Mesos: slave.cpp, executorEnvironment)"""
        sandbox = str(sandbox_of(self._home, container.container_id))
        grace_ms = info.shutdown_grace_ms
        grace_ms = self._plan.settings.agent.executor_shutdown_ms if grace_ms is None else grace_ms
        return {
            "MESOS_FRAMEWORK_ID": message.framework_id,
            "MESOS_EXECUTOR_ID": message.executor_id,
            "MESOS_SLAVE_ID": message.agent_id,
            "MESOS_AGENT_ID": message.agent_id,
            "MESOS_SLAVE_PID": f"slave(1)@{self._endpoint}",
            "MESOS_AGENT_ENDPOINT": self._endpoint,
            "MESOS_DIRECTORY": sandbox,
            "MESOS_SANDBOX": sandbox,
            # Agents keep the executors of every framework over their restarts.
            "MESOS_CHECKPOINT": "1",
            "MESOS_RECOVERY_TIMEOUT": RECOVERY_TIMEOUT,
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": SUBSCRIPTION_BACKOFF_MAX,
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": _duration(grace_ms),
            "MESOS_HTTP_COMMAND_EXECUTOR": "0",
            "LIBPROCESS_IP": self._endpoint.rpartition(":")[0],
            "LIBPROCESS_PORT": "0",
            "RAYMESOS_ROLE": info.role,
            "RAYMESOS_AGENT": self._agent.name,
        }

    def _token(self, container: Container) -> dict[str, str]:
        """What it shows its agent, where it is asked."""
        if not self._key:
            return {}
        return {VARIABLE: make_token(self._key, Claims(*container.key, container.container_id))}

    def _of(self, framework_id: str, executor_id: str) -> Container | None:
        return next((c for c in self._running.values() if c.key == (framework_id, executor_id)), None)

    def _forget(self, container: Container) -> None:
        self._running.pop(container.container_id, None)
        self._asked.pop(container.container_id, None)
        self._write()

    def _write(self) -> None:
        write_containers(Path(self._home), list(self._running.values()))

    def _tell(self, news: ProgramNews) -> None:
        self._host.post(self._address, self._address, news)


def _never(message: StartExecutor, why: str) -> ExecutorLost:
    return ExecutorLost(message.framework_id, message.executor_id, why, reason=Reason.CONTAINER_LAUNCH_FAILED)


def _duration(ms: int) -> str:
    """As Mesos writes it: `5secs`, `700ms`."""
    return f"{ms // 1000}secs" if ms % 1000 == 0 else f"{ms}ms"
