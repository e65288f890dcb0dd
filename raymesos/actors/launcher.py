"""The agent's launcher: Executor actors on the agent's node, some of them started ahead so that no actor start lies on the way of a task, and custom executors (`programs`).

It is a machine of the agent's host, but not a pure one: it calls Ray. It never waits; what Ray's threads learn comes back to it as messages.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raymesos.actors import volumes
from raymesos.actors.host import Host
from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.programs import Fetched, ProgramEvent, Programs, ProgramsLost
from raymesos.machine import Outbox, Wake
from raymesos.store.whole import write_whole
from raymesos.wire.messages import AgentServed, ChangeVolumes, ExecutorLost, LimitExecutor, StartExecutor, StopExecutor
from raymesos.wire.notes import EventNote

log = logging.getLogger("raymesos.launcher")

RESTART_AFTER_FAILURE_MS = 2_000


@dataclass(frozen=True, slots=True)
class _SpareReady:
    host: str


@dataclass(frozen=True, slots=True)
class _Ended:
    host: str
    message: str


@dataclass(slots=True)
class _Running:
    framework_id: str
    executor_id: str
    handle: Any
    """None: its actor is gone, and its agent will hear so."""
    stopped: bool = False
    """Its end was asked for."""


class Launcher:
    """Keeps `AgentPlan.spares` Executor actors ready and hands one to each framework that comes.

    `ledger` on disk says which executor lives in which actor, so that a restarted agent finds them again.
    """

    def __init__(self, plan: ClusterPlan, agent: AgentPlan, host: Host, epoch: int) -> None:
        self._plan, self._agent, self._host, self._epoch = plan, agent, host, epoch
        self.address = f"launcher/{agent.name}"
        self._made = 0
        self._starting: dict[str, Any] = {}
        self._spares: dict[str, Any] = {}
        self._queue: list[StartExecutor] = []
        self._running: dict[str, _Running] = {}
        self.spare_ready = threading.Event()
        """Set once an executor can begin without an actor having to start."""
        self._programs = Programs(plan, agent, host, self.address)
        self._ledger = plan.directory(f"agents/{agent.name}") / "executors.json"

    def recover(self) -> list[tuple[str, str, str]]:
        """Find the executors of the agent's former life: (framework id, executor id, actor name). The agent hears of each that has ended meanwhile."""
        for name, framework_id, executor_id in _read(self._ledger):
            self._running[name] = _Running(framework_id, executor_id, None)
            try:
                self._running[name].handle = ray.get_actor(name, namespace=self._plan.namespace)
            except ValueError:
                self._tell(_Ended(name, "it ended unseen"))
            else:
                self._watch(name, self._running[name].handle)
        self._programs.recover()
        return [(r.framework_id, r.executor_id, name) for name, r in self._running.items()]

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case Wake():
                self._refill()
            case _SpareReady(host):
                if host in self._starting:
                    self._spares[host] = self._starting.pop(host)
                    self.spare_ready.set()
                self._serve()
            case _Ended():
                self._ended(message, out)
            case StartExecutor(info=info) if info is not None and info.is_custom:
                self._programs.start(now_ms, message, info, out)
            case StartExecutor():
                self._queue.append(message)
                self._serve()
                self._refill()
            case StopExecutor():
                self._stop(message, out)
            case LimitExecutor():
                self._programs.limit(message)
            case AgentServed(endpoint):
                self._programs.served(endpoint)
            case Fetched() | ProgramEvent() | ProgramsLost():
                self._programs.heard(message, out)
            case ChangeVolumes():
                self._change_volumes(now_ms, message, out)

    def check(self) -> None:
        return

    def stop_all(self) -> None:
        """End every executor actor of this agent."""
        running = [r.handle for r in self._running.values() if r.handle is not None]
        for handle in [*self._starting.values(), *self._spares.values(), *running]:
            ray.kill(handle, no_restart=True)

    def _change_volumes(self, now_ms: int, message: ChangeVolumes, out: Outbox) -> None:
        try:
            volumes.change(message, self._plan.directory(f"agents/{self._agent.name}"))
        except OSError as error:
            # A task that uses one that is not there cannot be launched, and says so.
            log.exception("the directories of volumes could not be changed: %s", message)
            out.note(EventNote(now_ms, "volumes failed", self._agent.name, str(error)))

    def _serve(self) -> None:
        while self._queue and self._spares:
            request = self._queue.pop(0)
            name, handle = next(iter(self._spares.items()))
            del self._spares[name]
            self._running[name] = _Running(request.framework_id, request.executor_id, handle)
            _write(self._ledger, self._running)
            described = request.framework_id if request.info is not None else ""
            handle.adopt.remote(request.framework_id, request.executor_id, described)
            self._refill()

    def _refill(self) -> None:
        while len(self._spares) + len(self._starting) < max(
            self._agent.spares - len(self._running), 1, len(self._queue)
        ):
            self._made += 1
            self._start(f"executor/{self._agent.name}/{self._epoch}.{self._made}")

    def _start(self, name: str) -> None:
        from raymesos.actors.hosts import Executor

        handle = Executor.options(  # type: ignore[attr-defined]
            name=name,
            namespace=self._plan.namespace,
            lifetime="detached",
            get_if_exists=True,
            scheduling_strategy=NodeAffinitySchedulingStrategy(self._agent.node_id, soft=False),
        ).remote(self._plan, self._agent, name)
        self._starting[name] = handle
        ready = handle.ready.remote()
        ready.future().add_done_callback(
            lambda f: self._tell(_SpareReady(name) if f.exception() is None else _Ended(name, _line(f.exception())))
        )
        self._watch(name, handle)

    def _watch(self, name: str, handle: Any) -> None:
        """`watch` never returns: its failure is the first sign that the actor's process ended."""
        handle.watch.remote().future().add_done_callback(lambda f: self._tell(_Ended(name, _line(f.exception()))))

    def _tell(self, message: Any) -> None:
        self._host.post(self.address, self.address, message)

    def _ended(self, ended: _Ended, out: Outbox) -> None:
        never_ran = self._starting.pop(ended.host, None) is not None
        self._spares.pop(ended.host, None)
        running = self._running.pop(ended.host, None)
        if running is not None:
            _write(self._ledger, self._running)
            status = 0 if running.stopped else None
            lost = ExecutorLost(running.framework_id, running.executor_id, ended.message, status)
            out.send(f"agent/{self._agent.name}", lost)
        # An actor that cannot even start would be started for ever, as fast as Ray can fail.
        out.wake("refill", RESTART_AFTER_FAILURE_MS if never_ran else 0)

    def _stop(self, message: StopExecutor, out: Outbox) -> None:
        """End the executor, of whatever kind. One that does not run is reported as lost at once: until it has word, its agent can start no other."""
        wanted = (message.framework_id, message.executor_id)
        if self._programs.stop(*wanted, out):
            return
        self._queue = [request for request in self._queue if (request.framework_id, request.executor_id) != wanted]
        found = [r for r in self._running.values() if (r.framework_id, r.executor_id) == wanted]
        for running in found:
            running.stopped = True
            if running.handle is not None:
                ray.kill(running.handle, no_restart=True)
        if not found:
            out.send(f"agent/{self._agent.name}", ExecutorLost(*wanted, "it was not running"))


def _line(error: BaseException | None) -> str:
    return str(error).strip().splitlines()[0][:300] if error is not None and str(error).strip() else repr(error)


def _read(ledger: Path) -> list[tuple[str, str, str]]:
    try:
        return [(row[0], row[1], row[2]) for row in json.loads(ledger.read_text())]
    except (FileNotFoundError, ValueError):
        return []


def _write(ledger: Path, running: dict[str, _Running]) -> None:
    write_whole(ledger, json.dumps([[n, r.framework_id, r.executor_id] for n, r in running.items()]))
