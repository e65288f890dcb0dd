"""The cluster inside a world: master, allocator, agents with their launchers; each can crash and begin again from its journal.

`Makers` makes the machines, so that a test can put a broken one in place of ours. Every machine of the kernel is wrapped in `Watched`: the watcher sees each message
that it took together with what it sent in answer, in the order in which it happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from raymesos.errors import Conflict, UnknownId
from raymesos.kernel.agent.machine import AgentMachine
from raymesos.kernel.allocator.machine import AllocatorMachine
from raymesos.kernel.master.machine import MasterMachine
from raymesos.machine import ALLOCATOR, MASTER, Machine, Outbox
from raymesos.model.settings import AgentSettings, AllocatorSettings, MasterSettings, Settings
from raymesos.sim.launcher import SimulatedLauncher
from raymesos.sim.shim import Script
from raymesos.sim.world import World
from raymesos.wire.codec import decode
from raymesos.wire.messages import AgentInfo, ConfigureAgent, Estimated, UnregisterAgent

Watcher = Callable[[int, str, str, Any, list[tuple[str, Any]]], None]
"""(now, machine, sender, message that it took, what it sent)"""


class Watched:
    """The machine, seen."""

    __slots__ = ("_address", "_watcher", "inner")

    def __init__(self, address: str, inner: Machine, watcher: Watcher) -> None:
        self._address, self.inner, self._watcher = address, inner, watcher

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        try:
            self.inner.handle(now_ms, sender, message, out)
        finally:
            self._watcher(now_ms, self._address, sender, message, out.sends)

    def check(self) -> None:
        self.inner.check()


@dataclass(frozen=True, slots=True)
class Makers:
    """How the machines of the kernel are made. The master and agents are restored from their journals afterwards."""

    master: Callable[[MasterSettings, str], Any] = MasterMachine
    allocator: Callable[[AllocatorSettings, int], Any] = AllocatorMachine
    agent: Callable[[AgentSettings, AgentInfo, int], Any] = AgentMachine


OURS = Makers()


class Cluster:
    """Who lives in the world, by name. `watcher` sees the kernel at work; `script` decides what user work does."""

    def __init__(
        self,
        world: World,
        settings: Settings,
        seed: int,
        *,
        script: Script,
        watcher: Watcher,
        makers: Makers = OURS,
    ) -> None:
        self.world = world
        self.settings = settings
        self._seed = seed
        self._script = script
        self._watcher = watcher
        self._makers = makers
        self._agents: dict[str, AgentInfo] = {}
        self._launchers: dict[str, SimulatedLauncher] = {}
        self._others: dict[str, Callable[[], Any]] = {}
        self.start(MASTER)
        self.start(ALLOCATOR)

    # ------------------------------------------------------------ agents

    def add_agent(self, info: AgentInfo) -> None:
        """An agent and its host. Raises Conflict for a name that is taken."""
        name = info.name
        if name in self._agents:
            raise Conflict(f"there is an agent {name!r}")
        self._agents[name] = info
        launcher = self._launchers[name] = SimulatedLauncher(self.world, name, self.settings.executor, self._script)
        self.start(f"agent/{name}")
        self.world.add(f"launcher/{name}", launcher, f"agent/{name}")

    def update_agent(self, info: AgentInfo) -> None:
        """The agent of that name is so from now on, and in its later lives. Raises UnknownId."""
        before = self.info(info.name)
        self._agents[info.name] = info
        address, host = f"agent/{info.name}", f"launcher/{info.name}"
        if not self.world.alive(address):
            return
        if replace(before, revocable=info.revocable) != info:
            self.world.post(host, address, ConfigureAgent(info.resources, info.attributes, info.region, info.zone))
        if before.revocable != info.revocable:
            self.world.post(host, address, Estimated(info.revocable))

    def remove_agent(self, name: str) -> None:
        """The agent unregisters and its host is gone, with all that ran there. Raises UnknownId."""
        self.info(name)
        address = f"agent/{name}"
        agent_id = self.agent_id(name)
        if agent_id and self.world.alive(address):
            self.world.post(address, MASTER, UnregisterAgent(agent_id))
        self._launchers.pop(name).close_all(self.world.now_ms)
        self.world.drop_host(address)
        self.world.journals.pop(address, None)
        del self._agents[name]

    def info(self, name: str) -> AgentInfo:
        found = self._agents.get(name)
        if found is None:
            raise UnknownId("agent", name)
        return found

    def agent_names(self) -> list[str]:
        return list(self._agents)

    def agent_id(self, name: str) -> str:
        """The id that the agent registered under; empty before it did and while it is not running."""
        machine = self.kernel(f"agent/{name}")
        return str(machine.state.agent_id) if machine is not None else ""

    def launcher(self, name: str) -> SimulatedLauncher:
        self.info(name)
        return self._launchers[name]

    # ------------------------------------------------------------ any machine

    def kernel(self, address: str) -> Any:
        """The machine itself, without its watcher; None while it is not running."""
        machine = self.world.machine(address)
        return machine.inner if isinstance(machine, Watched) else machine

    def adopt(self, address: str, make: Callable[[], Any]) -> None:
        """Start a machine that is not of the kernel; `make` makes it, now and after each crash."""
        self._others[address] = make
        self.start(address)

    def start(self, address: str) -> None:
        """A new life of the machine at `address`, with what its journal holds. Raises Conflict if it is running; an agent that the master has shut down does not count as running."""
        if getattr(self.kernel(address), "was_shut_down", False):
            self.crash(address)
        journal = self.world.journal(address)
        machine = self._make(address, journal.epoch)
        records = [decode(record) for record in journal.replay()]
        if hasattr(machine, "restore"):
            machine.restore(records)
        self.world.add(address, Watched(address, machine, self._watcher))

    def crash(self, address: str) -> None:
        """The process is gone, with its memory; its journal stays."""
        self.world.remove(address)

    def crash_host(self, name: str) -> None:
        """The agent, its executors and their work are gone; the agent's journal stays. Raises UnknownId if the agent is not running."""
        self.launcher(name).close_all(self.world.now_ms)
        self.crash(f"agent/{name}")

    def check(self) -> None:
        """Every machine cross-checks its books. Raises InvariantBroken."""
        for _, machine in self.world.machines():
            machine.check()

    def _make(self, address: str, life: int) -> Any:
        settings = self.settings
        if address == MASTER:
            return self._makers.master(settings.master, "sim")
        if address == ALLOCATOR:
            return self._makers.allocator(settings.allocator, self._seed)
        make = self._others.get(address)
        if make is not None:
            return make()
        return self._makers.agent(settings.agent, self.info(address.removeprefix("agent/")), life)
