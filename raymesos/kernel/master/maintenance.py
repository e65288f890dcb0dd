"""Maintenance: the schedule of machines that will be unavailable, and the machines that are down. Errors in Mesos' words. (Mesos: master/maintenance.cpp, http.cpp)

A machine is up, on the schedule (Mesos calls that draining), or down. An agent's machine is the one with its hostname, in any case; of a machine without hostname the ip
is taken for it. Machines on the schedule need not have an agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from raymesos.kernel.master import inverse, notes, offers, removal
from raymesos.kernel.master.operator import Refused, answer
from raymesos.kernel.master.state import Agent, Machine, State, trim
from raymesos.kernel.master.windows import host_of, schedule
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.wire.messages import (
    AcceptInverse,
    AgentInfo,
    AgentRefused,
    AgentUnavailability,
    DeclineInverse,
    Gone,
    MachineId,
    MachinesDown,
    MaintenanceKept,
    RegisterAgain,
    ScheduleMaintenance,
    StartMaintenance,
    StopMaintenance,
    Unavailability,
    Window,
)
from raymesos.wire.notes import MaintenanceNote

IS_DOWN = "Machine is down for maintenance"


def replace_schedule(state: State, sender: str, message: ScheduleMaintenance, out: Outbox, now_ms: int) -> None:
    """The schedule is this. What is offered of agents for which that is news is taken back, to be offered with it."""
    error = _schedule_error(state, message.windows)
    if error is None:
        _replace(state, message.windows, out, now_ms)
        notes.event(out, now_ms, "maintenance scheduled", "", f"{len(state.machines)} machines")
    answer(out, sender, message.request_id, error)


def start(state: State, sender: str, message: StartMaintenance, out: Outbox, now_ms: int) -> None:
    """The machines are down: their agents are shut down and removed, their tasks lost; they may register when the machines are up."""
    error = _machines_error(message.machines) or _mode_error(state, message.machines, down=False)
    if error is None:
        out.persist(MachinesDown(message.machines))
        for machine in message.machines:
            state.machines[host_of(machine)].down = True
            notes.event(out, now_ms, "machine down", machine.hostname or machine.ip)
        for agent in [a for a in state.agents.values() if is_down(state, a.info)]:
            _shut_down(state, agent, out, now_ms)
        note(state, out, now_ms)
    answer(out, sender, message.request_id, error)


def stop(state: State, sender: str, message: StopMaintenance, out: Outbox, now_ms: int) -> None:
    """The machines are up, and off the schedule; agents that were turned away are called back."""
    error = _machines_error(message.machines) or _mode_error(state, message.machines, down=True)
    if error is None:
        up = {host_of(machine): None for machine in message.machines}
        _replace(state, _without(state.windows, up), out, now_ms)
        for address in [a for a, host in state.turned_away.items() if host in up]:
            del state.turned_away[address]
            out.send(address, RegisterAgain())
        for machine in message.machines:
            notes.event(out, now_ms, "machine up", machine.hostname or machine.ip)
    answer(out, sender, message.request_id, error)


def turned_away(state: State, sender: str, info: AgentInfo, out: Outbox) -> bool:
    """Whether the agent may not register because its machine is down; then it has been told."""
    if not is_down(state, info):
        return False
    out.send(sender, AgentRefused(IS_DOWN, for_now=True))
    state.turned_away[sender] = info.hostname.lower()
    trim(state.turned_away, state.settings.gone_agents)
    return True


def is_down(state: State, info: AgentInfo) -> bool:
    machine = state.machines.get(info.hostname.lower())
    return machine is not None and machine.down


def status(state: State) -> list[tuple[MachineId, bool, dict[str, str]]]:
    """(machine, whether it is down, last answers to inverse offers by framework id) of each machine on the schedule."""
    answers: dict[str, dict[str, str]] = {host: {} for host in state.machines}
    for agent in state.agents.values():
        answers.get(agent.info.hostname.lower(), {}).update(agent.inverse_answers)
    return [(m.id, m.down, answers[host]) for host, m in state.machines.items()]


def note(state: State, out: Outbox, now_ms: int) -> None:
    """Tell the observer the schedule as it is."""
    down = tuple([m.id for m in state.machines.values() if m.down])
    answers = [(a.info.hostname, *said) for a in state.agents.values() for said in a.inverse_answers.items()]
    out.note(MaintenanceNote(now_ms, state.windows, down, tuple(answers)))


def answered(state: State, sender: str, message: AcceptInverse | DeclineInverse, out: Outbox, now_ms: int) -> None:
    """Take a framework's answer to inverse offers; the observer is told if it is another than before."""
    if inverse.answered(state, sender, message, out):
        note(state, out, now_ms)


def _replace(state: State, windows: tuple[Window, ...], out: Outbox, now_ms: int) -> None:
    before = state.machines
    schedule(state, windows)
    out.persist(MaintenanceKept(windows))
    for agent in state.agents.values():
        host = agent.info.hostname.lower()
        now = _when(state.machines.get(host))
        if now != _when(before.get(host)):
            offers.rescind_of_agent(state, agent, out, now_ms)
            inverse.rescind_of_agent(state, agent, out)
            agent.inverse_answers.clear()
            out.send(ALLOCATOR, AgentUnavailability(agent.id, now))
    note(state, out, now_ms)


def _when(machine: Machine | None) -> Unavailability | None:
    return machine.unavailability if machine is not None else None


def _shut_down(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    if agent.connected:
        out.send(agent.address, AgentRefused(IS_DOWN, for_now=True))
    removal.remove(state, agent, out, now_ms, "Operator initiated 'Machine DOWN'", Gone.DOWN)


def _without(windows: tuple[Window, ...], up: dict[str, None]) -> tuple[Window, ...]:
    left = [(tuple([m for m in w.machines if host_of(m) not in up]), w.unavailability) for w in windows]
    return tuple([Window(machines, unavailability) for machines, unavailability in left if machines])


# ---------------------------------------------------------------- what is refused


def _schedule_error(state: State, windows: tuple[Window, ...]) -> Refused | None:
    for window in windows:
        if not window.machines:
            return _invalid("List of machines in the maintenance window is empty", "")
        when = window.unavailability
        if when.start_ms < 0:
            return _invalid(f"Unavailability 'start' is negative: {when.start_ms} ms", str(when.start_ms))
        if when.duration_ms is not None and when.duration_ms < 0:
            return _invalid(f"Unavailability 'duration' is negative: {when.duration_ms} ms", str(when.duration_ms))
    machines = [machine for window in windows for machine in window.machines]
    error = _machines_error(machines) if machines else None
    if error is not None:
        return error
    listed = {host_of(machine): None for machine in machines}
    for host, machine in state.machines.items():
        if machine.down and host not in listed:
            return _of_machine(machine.id, "is deactivated and cannot be removed from the schedule")
    return None


def _machines_error(machines: Iterable[MachineId]) -> Refused | None:
    seen: dict[str, None] = {}
    for machine in machines:
        if not machine.hostname and not machine.ip:
            return _invalid("Both 'hostname' and 'ip' for a machine are empty", "")
        if machine.ip and not _is_ip(machine.ip):
            return _of_machine(machine, f"has the ip {machine.ip!r}, which is none")
        if host_of(machine) in seen:
            return _of_machine(machine, "appears more than once in the schedule")
        seen[host_of(machine)] = None
    return None if seen else _invalid("List of machines is empty", "")


def _mode_error(state: State, machines: tuple[MachineId, ...], *, down: bool) -> Refused | None:
    """Why the machines cannot all leave the mode that `down` says."""
    for machine in machines:
        found = state.machines.get(host_of(machine))
        if found is None:
            return _of_machine(machine, "is not part of a maintenance schedule")
        if found.down != down:
            mode, way = ("DOWN", "up") if down else ("DRAINING", "down")
            return _of_machine(machine, f"is not in {mode} mode and cannot be brought {way}")
    return None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _of_machine(machine: MachineId, text: str) -> Refused:
    named = ", ".join(part for part in (machine.hostname, machine.ip) if part)
    return _invalid(f"Machine '{named}' {text}", named)


def _invalid(text: str, value: str) -> Refused:
    return Refused("invalid", text, "machines", value)
