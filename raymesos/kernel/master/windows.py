"""The maintenance schedule on the master's books: which machines are on it, and when they will be away."""

from __future__ import annotations

from raymesos.kernel.master.state import Machine, State
from raymesos.wire.messages import AgentInfo, MachineId, Unavailability, Window


def host_of(machine: MachineId) -> str:
    """What agents on the machine have for a hostname, in lower case."""
    return machine.hostname.lower() or machine.ip


def schedule(state: State, windows: tuple[Window, ...]) -> None:
    """The schedule is this; machines that stay on it and are down stay down."""
    before = state.machines
    state.windows = windows
    state.machines = {}
    for window in windows:
        for machine in window.machines:
            host = host_of(machine)
            was_down = host in before and before[host].down
            state.machines[host] = Machine(machine, window.unavailability, was_down)


def unavailability_of(state: State, info: AgentInfo) -> Unavailability | None:
    """When the agent's machine is scheduled to be unavailable."""
    machine = state.machines.get(info.hostname.lower()) if state.machines else None
    return machine.unavailability if machine is not None else None
