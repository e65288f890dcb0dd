"""The operator's hand in the harness: agents that are drained, deactivated or gone, and the maintenance of machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from raymesos.errors import Conflict, InvalidValue
from raymesos.machine import MASTER
from raymesos.sim.cluster import Cluster
from raymesos.sim.events import Calendar
from raymesos.sim.operator import Operator
from raymesos.sim.reading import milliseconds, rows
from raymesos.wire.messages import (
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

NS_PER_MS = 1_000_000


class Named(Protocol):
    """Anything with the name of an agent."""

    @property
    def name(self) -> str: ...


AgentName = str | Named
MachineName = AgentName | Mapping[str, Any]
"""An agent's name stands for its machine; else the v1 JSON: hostname, ip."""
Schedule = Mapping[str, Any] | AgentName | Iterable[Mapping[str, Any]] | Iterable[AgentName]
"""The v1 JSON, its windows, or machines by the names of their agents."""


class Maintaining:
    """A part of `Simulation`. Each call is answered when it returns; what the master refuses it raises. Agents are named by their name, or given by their handle."""

    _operator: Operator
    calendar: Calendar
    cluster: Cluster

    def drain(self, agent: AgentName, grace: float | None = None, mark_gone: bool = False) -> None:
        """Offer nothing more of the agent and kill its tasks, each with at most `grace` seconds. Raises Conflict if it is drained or draining, UnknownId."""
        grace_ms = None if grace is None else milliseconds("grace", grace)
        self._operator.call(DrainAgent(self._id(agent), grace_ms, mark_gone))

    def reactivate(self, agent: AgentName) -> None:
        """Offer the agent again. Raises Conflict while it is being drained, and if it is active; UnknownId."""
        self._operator.call(ReactivateAgent(self._id(agent)))

    def deactivate(self, agent: AgentName) -> None:
        """Offer nothing more of the agent; its tasks run on. Raises UnknownId."""
        self._operator.call(DeactivateAgent(self._id(agent)))

    def mark_gone(self, agent: AgentName) -> None:
        """The agent and its tasks are gone for ever. Raises Conflict if they were before, UnknownId."""
        self._operator.call(MarkAgentGone(self._id(agent)))

    def agent_state(self, agent: AgentName) -> str:
        """ACTIVE, DRAINING, DRAINED, DEACTIVATED as the operator said, else DISCONNECTED, UNREACHABLE, RECOVERING, GONE; empty before it has registered."""
        return str(self._master().agent_state(self._id(agent))).upper()

    def schedule_maintenance(
        self, windows: Schedule, *, start: float | None = None, duration: float | None = None
    ) -> None:
        """Replace the whole schedule; an empty list clears it.

        Either Mesos' JSON, whose times are nanoseconds since 1970, or its list of windows; or machines by name, with `start` in virtual seconds and `duration`.
        Raises InvalidValue.
        """
        self._operator.call(ScheduleMaintenance(tuple(self._windows(windows, start, duration))))

    def start_maintenance(self, machines: MachineName | Iterable[MachineName]) -> None:
        """The scheduled machines are down. Raises InvalidValue if one is not scheduled, or down."""
        self._operator.call(StartMaintenance(_machines(machines)))

    def stop_maintenance(self, machines: MachineName | Iterable[MachineName]) -> None:
        """The machines are up, and off the schedule. Raises InvalidValue if one is not down."""
        self._operator.call(StopMaintenance(_machines(machines)))

    def maintenance_status(self) -> dict[str, dict[str, Any]]:
        """By machine: `mode` (DRAINING: on the schedule; DOWN) and `answers`, the last to an inverse offer (ACCEPT, DECLINE) by framework name."""
        master = self._master()
        named = {id: info.name for id, info in master.state.known_frameworks.items()}
        return {
            machine.hostname or machine.ip: {
                "mode": "DOWN" if down else "DRAINING",
                "answers": {named.get(id, id): said for id, said in answers.items()},
            }
            for machine, down, answers in master.maintenance_status()
        }

    # ------------------------------------------------------------ inside

    def _id(self, agent: AgentName) -> str:
        return self.calendar.id_of(_name(agent))

    def _master(self) -> Any:
        master = self.cluster.kernel(MASTER)
        if master is None:
            raise Conflict("master is not running")
        return master

    def _windows(self, given: Schedule, start: float | None, duration: float | None) -> list[Window]:
        if isinstance(given, Mapping):
            given = rows("windows", given.get("windows", [given] if given else []))
        listed = [given] if isinstance(given, str) or hasattr(given, "name") else rows("windows", given)  # type: ignore[arg-type]
        if listed and all(isinstance(row, Mapping) and "hostname" not in row and "ip" not in row for row in listed):
            return [_window(row) for row in listed]  # type: ignore[arg-type]
        if not listed:
            return []
        if start is None:
            raise InvalidValue("start", start, "must be a number of virtual seconds")
        start_ms = self.calendar.start_ms + milliseconds("start", start)
        duration_ms = None if duration is None else milliseconds("duration", duration)
        return [Window(_machines(listed), Unavailability(start_ms, duration_ms))]  # type: ignore[arg-type]


def _window(row: Mapping[str, Any]) -> Window:
    when = row.get("unavailability")
    if not isinstance(when, Mapping) or "start" not in when:
        raise InvalidValue("unavailability", when, "must have a start")
    duration = _nanoseconds("duration", when["duration"]) if "duration" in when else None
    machines = rows("machine_ids", row.get("machine_ids", ()))
    return Window(_machines(machines), Unavailability(_nanoseconds("start", when["start"]), duration))


def _nanoseconds(field: str, given: Any) -> int:
    """In ms, rounded down: one nanosecond less than none is negative too."""
    value = given.get("nanoseconds") if isinstance(given, Mapping) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidValue(field, given, "must be nanoseconds, a whole number")
    return value // NS_PER_MS


def _machines(given: Any) -> tuple[MachineId, ...]:
    several = [given] if isinstance(given, str | Mapping) or hasattr(given, "name") else rows("machines", given)
    return tuple(_machine(each) for each in several)


def _machine(given: Any) -> MachineId:
    """Agents here have their name for a hostname."""
    if not isinstance(given, Mapping):
        return MachineId(_name(given))
    hostname, ip = given.get("hostname", ""), given.get("ip", "")
    if not isinstance(hostname, str) or not isinstance(ip, str):
        raise InvalidValue("machine", given, "must have a hostname or an ip, as text")
    return MachineId(hostname, ip)


def _name(agent: Any) -> str:
    name = agent if isinstance(agent, str) else getattr(agent, "name", None)
    if not isinstance(name, str):
        raise InvalidValue("agent", agent, "must be an agent or its name")
    return name
