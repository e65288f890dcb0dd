"""Counters and gauges by the names of Mesos' /metrics/snapshot."""

from __future__ import annotations

from raymesos.kernel.master import limits
from raymesos.kernel.master.state import State
from raymesos.model.resources import Resources
from raymesos.model.tasks import TaskState

_LIVE = {
    TaskState.STAGING: "tasks_staging",
    TaskState.STARTING: "tasks_starting",
    TaskState.RUNNING: "tasks_running",
    TaskState.KILLING: "tasks_killing",
}
_ENDED = ("finished", "failed", "killed", "error", "lost", "dropped", "gone", "gone_by_operator")
_COUNTERS = (
    "dropped_messages",
    "invalid_executor_to_framework_messages",
    "invalid_framework_to_executor_messages",
    "invalid_operation_status_update_acknowledgements",
    "invalid_operation_status_updates",
    "invalid_status_update_acknowledgements",
    "invalid_status_updates",
    "messages_accept",
    "messages_accept_inverse_offers",
    "messages_decline_inverse_offers",
    "messages_decline_offers",
    "messages_executor_to_framework",
    "messages_exited_executor",
    "messages_framework_to_executor",
    "messages_kill_task",
    "messages_launch_tasks",
    "messages_operation_status_update",
    "messages_operation_status_update_acknowledgement",
    "messages_reconcile_operations",
    "messages_reconcile_tasks",
    "messages_register_framework",
    "messages_register_slave",
    "messages_reregister_framework",
    "messages_reregister_slave",
    "messages_resource_offers",
    "messages_revive_offers",
    "messages_status_update",
    "messages_status_update_acknowledgement",
    "messages_suppress_offers",
    "messages_unregister_framework",
    "messages_unregister_slave",
    "recovery_slave_removals",
    "slave_registrations",
    "slave_removals",
    "slave_removals/reason_registered",
    "slave_removals/reason_unhealthy",
    "slave_removals/reason_unregistered",
    "slave_reregistrations",
    "slave_unreachable_completed",
    "slave_unreachable_scheduled",
    "valid_executor_to_framework_messages",
    "valid_framework_to_executor_messages",
    "valid_operation_status_update_acknowledgements",
    "valid_operation_status_updates",
    "valid_status_update_acknowledgements",
    "valid_status_updates",
)
"""They begin at 0: who draws a graph or compares two moments finds them from the start."""


def metrics(state: State, now_ms: int) -> dict[str, float]:
    values: dict[str, float] = dict.fromkeys((*_COUNTERS, *[f"tasks_{name}" for name in _ENDED]), 0)
    values |= state.counts
    frameworks = [f for f in state.frameworks.values() if not f.removed]
    values |= {name: state.live.get(task_state, 0) for task_state, name in _LIVE.items()}
    values["tasks_unreachable"] = sum(len(f.unreachable) for f in frameworks)
    connected = sum(1 for a in state.agents.values() if a.connected)
    active = sum(1 for a in state.agents.values() if a.offerable)
    values |= {
        "elected": 1,
        "uptime_secs": (now_ms - state.started_ms) / 1000,
        "slaves_connected": connected,
        "slaves_disconnected": len(state.agents) - connected,
        "slaves_active": active,
        "slaves_inactive": len(state.agents) - active,
        "slaves_unreachable": len(state.unreachable),
        "frameworks_connected": sum(1 for f in frameworks if f.address is not None),
        "frameworks_disconnected": sum(1 for f in frameworks if f.address is None),
        "frameworks_active": sum(1 for f in frameworks if f.address is not None),
        "frameworks_inactive": sum(1 for f in frameworks if f.address is None),
        "outstanding_offers": len(state.offers),
    }
    values |= _resources(state)
    found = {f"master/{name}": float(value) for name, value in sorted(values.items())}
    return limits.counters(state) | found


def _resources(state: State) -> dict[str, float]:
    """What there is and what tasks hold: of the regular, and by itself of the revocable."""
    total = {(name, kind): 0 for name in ("cpus", "gpus", "mem", "disk") for kind in ("", "_revocable")}
    used = dict(total)
    for agent in state.agents.values():
        _add(total, agent.whole)
        _add(used, agent.used)
    values: dict[str, float] = {}
    for (name, kind), whole in total.items():
        values[f"{name}{kind}_total"] = whole / 1000
        values[f"{name}{kind}_used"] = used[name, kind] / 1000
        values[f"{name}{kind}_percent"] = used[name, kind] / whole if whole else 0
    return values


def _add(sums: dict[tuple[str, str], int], resources: Resources) -> None:
    parts = (
        [("", resources)]
        if resources.is_plain
        else [("", resources.non_revocable()), ("_revocable", resources.revocable())]
    )
    for kind, part in parts:
        for name, value in part.quantities().items():
            if (name, kind) in sums:
                sums[name, kind] += value
