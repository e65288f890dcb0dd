"""The simulated launcher of an agent: executors come and go at its word, on the agent's host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raymesos.errors import UnknownId
from raymesos.kernel.executor.machine import ExecutorMachine
from raymesos.kernel.names import executor_address
from raymesos.machine import Outbox
from raymesos.model.settings import ExecutorSettings
from raymesos.sim.shim import Script, SimulatedShim
from raymesos.wire.messages import ChangeVolumes, ExecutorLost, StartExecutor, StopExecutor

if TYPE_CHECKING:
    from raymesos.sim.world import World


@dataclass(frozen=True, slots=True)
class CrashExecutor:
    """To the launcher: the executor's process ends, and all that ran in it."""

    executor_id: str


class SimulatedLauncher:
    """Starts executors at `executor/<agent>/<id>` with their shims beside them."""

    def __init__(self, world: World, agent: str, settings: ExecutorSettings, script: Script) -> None:
        self._world, self._agent, self._settings, self._script = world, agent, settings, script
        self._running: dict[str, str] = {}
        self._started = 0
        self._directories = 0
        self.volumes: dict[tuple[str, str], int] = {}
        """The directories of volumes by role and id: each that is made new has another number."""

    @property
    def executors(self) -> list[str]:
        """The ids of those that run."""
        return list(self._running)

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case StartExecutor(framework_id, executor_id):
                self.start(framework_id, executor_id)
            case StopExecutor(framework_id, executor_id):
                self._stop(now_ms, framework_id, executor_id, "stopped", 0, out)
            case CrashExecutor(executor_id) if executor_id in self._running:
                self._stop(now_ms, self._running[executor_id], executor_id, "it crashed", None, out)
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

    def start(self, framework_id: str, executor_id: str) -> None:
        """An executor of the framework runs; one that runs already is left alone."""
        if executor_id in self._running:
            return
        self._running[executor_id] = framework_id
        self._started += 1
        home = f"agent/{self._agent}"
        address, shim = executor_address(self._agent, executor_id), f"shim/{self._agent}/{executor_id}"
        machine = ExecutorMachine(framework_id, executor_id, home, shim, self._started, self._settings)
        self._world.add(shim, SimulatedShim(shim, self._agent, address, self._script), home)
        self._world.add(address, machine, home)

    def _stop(
        self, now_ms: int, framework_id: str, executor_id: str, why: str, exit_status: int | None, out: Outbox
    ) -> None:
        """End the executor. One that is gone already is reported as lost all the same: the agent waits for the word."""
        if self._running.pop(executor_id, None) is not None:
            self.close(now_ms, executor_id)
        out.send(f"agent/{self._agent}", ExecutorLost(framework_id, executor_id, why, exit_status))

    def close(self, now_ms: int, executor_id: str) -> None:
        shim_address = f"shim/{self._agent}/{executor_id}"
        shim = self._world.machine(shim_address)
        if not isinstance(shim, SimulatedShim):
            raise UnknownId("executor", executor_id)
        shim.close(now_ms)
        self._world.remove(executor_address(self._agent, executor_id))
        self._world.remove(shim_address)

    def close_all(self, now_ms: int) -> None:
        """The host is gone: so are its executors and all that they ran."""
        for executor_id in list(self._running):
            del self._running[executor_id]
            self.close(now_ms, executor_id)
