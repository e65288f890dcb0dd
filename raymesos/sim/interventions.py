"""What operators do to a cluster in the middle of faults: agents drained, deactivated, marked gone, machines taken down. Drawn from a seed of its own.

A call may be lost with the master, so each intervention looks again every second at what has become of it. In the end every agent is active again, or another has come in
its place.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from raymesos.machine import MASTER, Outbox
from raymesos.sim.faults import Faults, Tools
from raymesos.wire.messages import (
    AgentMode,
    DeactivateAgent,
    DrainAgent,
    MachineId,
    MarkAgentGone,
    ReactivateAgent,
    ScheduleMaintenance,
    StartMaintenance,
    StopMaintenance,
    Unavailability,
    Window,
)

ADDRESS = "client/interventions"
LOOK_MS = 1_000
LASTS_MS = (500, 30_000)
GRACES_MS = (None, 0, 500)
# A drained agent, one that is gone or one whose machine is down stands for so many agents of a cluster that goes on without them.
AGENTS_PER_INTERVENTION = 40
FEWEST = 4


class _Deaf:
    """Nobody waits for the answers."""

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        return

    def check(self) -> None:
        return


class Interventions:
    """Begin between `from_ms` and `to_ms`, among the `faults`, which count them and are over only when these are."""

    def __init__(self, faults: Faults, tools: Tools, rng: Random, *, from_ms: int, to_ms: int) -> None:
        self._faults, self._tools, self._rng = faults, tools, rng
        self._world = tools.cluster.world
        self._world.add(ADDRESS, _Deaf())
        kinds = (self._drain, self._drain, self._deactivate, self._mark_gone, self._drain_away, self._maintain)
        for _ in range(max(FEWEST, len(tools.cluster.agent_names()) // AGENTS_PER_INTERVENTION)):
            faults.at(rng.randrange(from_ms, to_ms), rng.choice(kinds))

    # ------------------------------------------------------------ kinds

    def _drain(self) -> None:
        """Later it is to be active again, as soon as it is drained."""
        name = self._struck("agent drained")
        if name is not None:
            self._call(DrainAgent(name, self._rng.choice(GRACES_MS)))
            self._after(lambda: self._reactivate(name))

    def _deactivate(self) -> None:
        name = self._struck("agent deactivated")
        if name is not None:
            self._call(DeactivateAgent(name))
            self._after(lambda: self._reactivate(name))

    def _mark_gone(self) -> None:
        name = self._struck("agent marked gone")
        if name is not None:
            self._call(MarkAgentGone(name))
            self._after(lambda: self._replace(name))

    def _drain_away(self) -> None:
        """Drained, to be gone: it may take as long as its frameworks need to acknowledge."""
        name = self._struck("agent drained to be gone")
        if name is not None:
            self._call(DrainAgent(name, 0, mark_gone=True))
            self._after(lambda: self._replace(name))

    def _maintain(self) -> None:
        """A machine is scheduled, goes down and comes up. One at a time: a schedule replaces the one before."""
        name = self._rng.choice(self._tools.cluster.agent_names())
        if self._faults.strike("maintenance", "machine maintained"):
            self._after(lambda: self._take_down(name))

    # ------------------------------------------------------------ how they go on

    def _reactivate(self, name: str) -> None:
        if self._mode_of(name) is AgentMode.ACTIVE:
            self._faults.over(_operated(name))
            return
        self._call(ReactivateAgent(name))
        self._again(lambda: self._reactivate(name))

    def _replace(self, name: str) -> None:
        """Another agent joins under the name of the one that is gone, or that nobody heard should be."""
        address = f"agent/{name}"
        busy = any(
            self._faults.is_struck(t)
            for t in (address, *(f"{w} {address}" for w in ("link of", "master to", "size of")))
        )
        if busy or self._mode_of(name) is not AgentMode.ACTIVE:
            self._again(lambda: self._replace(name))
            return
        info = self._tools.cluster.info(name)
        self._tools.cluster.remove_agent(name)
        self._tools.audit.agent_removed(name)
        self._tools.cluster.add_agent(info)
        self._tools.audit.agent_added(info)
        self._faults.over(_operated(name))

    def _take_down(self, name: str) -> None:
        machine = MachineId(name)
        rows = self._status()
        if rows and rows[0][1]:
            self._after(lambda: self._bring_up(name))
            return
        if rows:
            self._call(StartMaintenance((machine,)))
        elif rows is not None:
            self._call(ScheduleMaintenance((Window((machine,), Unavailability(self._world.now_ms)),)))
        self._again(lambda: self._take_down(name))

    def _bring_up(self, name: str) -> None:
        if self._status() == []:
            self._faults.over("maintenance")
            return
        self._call(StopMaintenance((MachineId(name),)))
        self._again(lambda: self._bring_up(name))

    # ------------------------------------------------------------ inside

    def _struck(self, kind: str) -> str | None:
        """The name of an agent that is from now on in the hands of an operator; None if the one drawn is already."""
        name = self._rng.choice(self._tools.cluster.agent_names())
        return name if self._faults.strike(_operated(name), kind) else None

    def _mode_of(self, name: str) -> AgentMode | None:
        """What the master has made of the agent of this name: ACTIVE if it is gone as well; None while the master is not running."""
        master = self._tools.cluster.kernel(MASTER)
        if master is None:
            return None
        state = master.state
        kept = [mode for agent_id, mode in state.modes.items() if state.admitted[agent_id].name == name]
        return kept[0].mode if kept else AgentMode.ACTIVE

    def _status(self) -> list[Any] | None:
        """What is on the schedule; None while the master is not running."""
        master = self._tools.cluster.kernel(MASTER)
        return list(master.maintenance_status()) if master is not None else None

    def _call(self, message: Any) -> None:
        self._world.post(ADDRESS, MASTER, message)

    def _after(self, act: Callable[[], None]) -> None:
        self._faults.at(self._world.now_ms + self._rng.randrange(*LASTS_MS), act)

    def _again(self, act: Callable[[], None]) -> None:
        self._faults.at(self._world.now_ms + LOOK_MS, act)


def _operated(name: str) -> str:
    return f"operator of agent/{name}"
