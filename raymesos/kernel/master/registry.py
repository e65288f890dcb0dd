"""The registry: what of the master must outlive it. Records are appended as things happen; a snapshot says the same in fewer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raymesos.errors import InvariantBroken
from raymesos.kernel.master import quotas
from raymesos.kernel.master.state import State, note_agent_id, trim
from raymesos.kernel.master.windows import host_of, schedule
from raymesos.wire.messages import (
    AgentAdmitted,
    AgentGone,
    AgentMode,
    AgentModeKept,
    AgentReachable,
    AgentUnreachable,
    FrameworkIdBurnt,
    FrameworkIdGiven,
    MachinesDown,
    MaintenanceKept,
    MasterStarted,
    QuotasSet,
    WeightsSet,
)


def restore(state: State, records: Iterable[Any]) -> None:
    """Take back what former lives have recorded."""
    for record in records:
        _replay(state, record)
    state.recovering = {agent_id: None for agent_id in state.admitted if agent_id not in state.unreachable}


def snapshot(state: State) -> list[Any]:
    """Records that amount to all so far."""
    records: list[Any] = [MasterStarted(state.cluster_id, state.epoch)]
    records += [AgentAdmitted(agent_id, info) for agent_id, info in state.admitted.items()]
    records += [AgentUnreachable(agent_id, since) for agent_id, since in state.unreachable.items()]
    records += [AgentGone(agent_id, why) for agent_id, why in state.gone.items()]
    records += state.modes.values()
    if state.windows:
        records.append(MaintenanceKept(state.windows))
        records.append(MachinesDown(tuple([m.id for m in state.machines.values() if m.down])))
    records += [FrameworkIdGiven(info) for info in state.known_frameworks.values()]
    records += [FrameworkIdBurnt(framework_id) for framework_id in state.burnt]
    if state.weights:
        records.append(WeightsSet(tuple(state.weights.items())))
    if state.quotas:
        records.append(QuotasSet(tuple(state.quotas.values())))
    return records


def _replay(state: State, record: Any) -> None:
    match record:
        case MasterStarted(cluster_id, epoch):
            if cluster_id != state.cluster_id:
                raise InvariantBroken(
                    "registry.cluster", f"the registry is of cluster {cluster_id}, not {state.cluster_id}"
                )
            state.epoch = epoch
        case AgentAdmitted(agent_id, info):
            state.admitted[agent_id] = info
            note_agent_id(state, agent_id)
        case AgentUnreachable(agent_id, since_ms):
            state.unreachable[agent_id] = since_ms
        case AgentReachable(agent_id):
            state.unreachable.pop(agent_id, None)
        case AgentGone(agent_id, why):
            state.admitted.pop(agent_id, None)
            state.unreachable.pop(agent_id, None)
            state.modes.pop(agent_id, None)
            state.gone[agent_id] = why
            trim(state.gone, state.settings.gone_agents)
            note_agent_id(state, agent_id)
        case AgentModeKept(agent_id, mode):
            if mode is AgentMode.ACTIVE:
                state.modes.pop(agent_id, None)
            else:
                state.modes[agent_id] = record
        case MaintenanceKept(windows):
            schedule(state, windows)
        case MachinesDown(machines):
            for machine in machines:
                state.machines[host_of(machine)].down = True
        case FrameworkIdGiven(info):
            state.known_frameworks[info.id] = info
        case FrameworkIdBurnt(framework_id):
            state.known_frameworks.pop(framework_id, None)
            state.burnt[framework_id] = None
            trim(state.burnt, state.settings.burnt_framework_ids)
        case QuotasSet(set_quotas):
            quotas.restore(state, set_quotas)
        case WeightsSet(weights):
            state.weights.update(weights)
        case _:
            raise InvariantBroken("registry.record", f"{type(record).__name__} is no record of a master")
