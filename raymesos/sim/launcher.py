"""The simulated launcher of an agent: executors come and go at its word, on the agent's host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raymesos.errors import UnknownId
from raymesos.kernel.executor.machine import ExecutorMachine
from raymesos.kernel.names import executor_address, launcher_address, prober_address
from raymesos.machine import Outbox
from raymesos.model.settings import ExecutorSettings
from raymesos.sim.prober import SimulatedProber
from raymesos.sim.programs import SimulatedProgram
from raymesos.sim.shim import Script, SimulatedShim
from raymesos.wire.messages import (
    ChangeVolumes,
    ExecutorInfo,
    ExecutorLost,
    ExecutorMessage,
    StartExecutor,
    StopExecutor,
)

if TYPE_CHECKING:
    from raymesos.sim.world import World


@dataclass(frozen=True, slots=True)
class CrashExecutor:
    """To the launcher: the executor's process ends, and all that ran in it. `exit_status` is as wait(2) has it; None: nobody knows it."""

    executor_id: str
    framework_id: str = ""
    """Empty: whosever it is."""
    exit_status: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    framework_id: str
    executor_id: str
    info: ExecutorInfo | None


class SimulatedLauncher:
    """Starts executors at `executor/<agent>/<id>` with their shims beside them."""

    def __init__(self, world: World, agent: str, settings: ExecutorSettings, script: Script) -> None:
        self._world, self._agent, self._settings, self._script = world, agent, settings, script
        self._running: dict[str, Running] = {}
        """By address."""
        self._started = 0
        self._directories = 0
        self.volumes: dict[tuple[str, str], int] = {}
        """The directories of volumes by role and id: each that is made new has another number."""

    @property
    def executors(self) -> list[tuple[str, str]]:
        """(framework id, executor id) of those that run."""
        return [(r.framework_id, r.executor_id) for r in self._running.values()]

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case StartExecutor(framework_id, executor_id, _, info):
                self.start(framework_id, executor_id, info)
            case StopExecutor(framework_id, executor_id):
                self._stop(now_ms, framework_id, executor_id, "stopped", 0, out)
            case CrashExecutor():
                self._crash(now_ms, message, out)
            case ChangeVolumes():
                self._change_volumes(message)
            case _:
                return

    def check(self) -> None:
        return

    def _change_volumes(self, message: ChangeVolumes) -> None:
        for volume in message.remove:
            del self.volumes[volume.role, volume.id]
        for volume in message.make:
            self.volumes[volume.role, volume.id] = self._directories = self._directories + 1
        for volume in message.keep:
            if (volume.role, volume.id) not in self.volumes:
                self.volumes[volume.role, volume.id] = self._directories = self._directories + 1

    def start(self, framework_id: str, executor_id: str, info: ExecutorInfo | None = None) -> None:
        """An executor of the framework runs; one that runs already is left alone."""
        address = executor_address(self._agent, executor_id, framework_id if info is not None else "")
        if address in self._running:
            return
        self._running[address] = Running(framework_id, executor_id, info)
        self._started += 1
        home, shim = f"agent/{self._agent}", _shim_of(address)
        machine = ExecutorMachine(framework_id, executor_id, home, shim, self._started, self._settings)
        if info is not None and info.is_custom:
            machine = SimulatedProgram(
                self._agent, framework_id, executor_id, home, shim, self._started, self._settings
            )
        if info is not None:
            self._script.executor_began(self._agent, info)
        self._world.add(shim, SimulatedShim(shim, self._agent, address, self._script), home)
        self._world.add(prober_address(shim), SimulatedProber(self._agent, address, self._script), home)
        self._world.add(address, machine, home)

    def _crash(self, now_ms: int, message: CrashExecutor, out: Outbox) -> None:
        for running in list(self._running.values()):
            if running.executor_id == message.executor_id and message.framework_id in ("", running.framework_id):
                self._stop(now_ms, running.framework_id, running.executor_id, "it crashed", message.exit_status, out)

    def _stop(
        self, now_ms: int, framework_id: str, executor_id: str, why: str, exit_status: int | None, out: Outbox
    ) -> None:
        """End the executor. One that is gone already is reported as lost all the same: the agent waits for the word."""
        for address, running in list(self._running.items()):
            if (running.framework_id, running.executor_id) == (framework_id, executor_id):
                self._close(now_ms, address)
        out.send(f"agent/{self._agent}", ExecutorLost(framework_id, executor_id, why, exit_status))

    def _close(self, now_ms: int, address: str) -> None:
        running = self._running.pop(address)
        shim = self._world.machine(_shim_of(address))
        if not isinstance(shim, SimulatedShim):
            raise UnknownId("executor", running.executor_id)
        shim.close(now_ms)
        if running.info is not None:
            self._script.executor_ended(self._agent, running.info)
        self._world.remove(address)
        self._world.remove(prober_address(_shim_of(address)))
        self._world.remove(_shim_of(address))

    def close_all(self, now_ms: int) -> None:
        """The host is gone: so are its executors and all that they ran."""
        for address in list(self._running):
            self._close(now_ms, address)


def _shim_of(address: str) -> str:
    return f"shim/{address.removeprefix('executor/')}"


class Program:
    """The handle of a custom executor that runs on an agent."""

    def __init__(self, world: World, agent: str, framework_id: str, executor_id: str) -> None:
        self._world, self._agent = world, agent
        self._ids = (framework_id, executor_id)
        self.address = executor_address(agent, executor_id, framework_id)

    @property
    def received(self) -> list[bytes]:
        """What its framework sent to it, oldest first. Empty if it does not run."""
        machine = self._world.machine(self.address)
        return list(machine.heard) if isinstance(machine, SimulatedProgram) else []

    def send(self, data: bytes) -> None:
        """A message to its framework, best effort."""
        self._world.post(self.address, f"agent/{self._agent}", ExecutorMessage(*self._ids, data, down=False))

    def exit(self, exit_status: int | None = 0) -> None:
        """Its process ends: with 256 times an exit code, or the number of a signal."""
        launcher = launcher_address(self._agent)
        self._world.post(launcher, launcher, CrashExecutor(self._ids[1], self._ids[0], exit_status))
