"""Keys of Mesos' /metrics/snapshot as metrics with labels."""

from __future__ import annotations

from raymesos.http.prometheus import families as f
from raymesos.http.prometheus.families import Family

Sample = tuple[Family, tuple[str, ...]]

_PLAIN: dict[str, Sample] = {
    "master/uptime_secs": (f.MASTER_UPTIME, ()),
    "master/dropped_messages": (f.MASTER_DROPPED, ()),
    "master/valid_status_updates": (f.UPDATES, ("valid",)),
    "master/invalid_status_updates": (f.UPDATES, ("invalid",)),
    "master/valid_status_update_acknowledgements": (f.ACKNOWLEDGEMENTS, ("valid",)),
    "master/invalid_status_update_acknowledgements": (f.ACKNOWLEDGEMENTS, ("invalid",)),
    "master/valid_framework_to_executor_messages": (f.TO_EXECUTOR, ("valid",)),
    "master/invalid_framework_to_executor_messages": (f.TO_EXECUTOR, ("invalid",)),
    "master/slave_registrations": (f.REGISTRATIONS, ()),
    "master/slave_reregistrations": (f.REREGISTRATIONS, ()),
    "master/slave_removals": (f.REMOVALS, ()),
    "master/slave_removals/reason_registered": (f.REMOVAL_REASONS, ("registered",)),
    "master/slave_removals/reason_unhealthy": (f.REMOVAL_REASONS, ("unhealthy",)),
    "master/slave_removals/reason_unregistered": (f.REMOVAL_REASONS, ("unregistered",)),
    "master/outstanding_offers": (f.OUTSTANDING, ()),
    "allocator/mesos/allocation_runs": (f.PASSES, ()),
    **{f"master/tasks_{s}": (f.TASKS, (s,)) for s in ("staging", "starting", "running", "killing", "unreachable")},
    **{
        f"master/tasks_{state}": (f.TASKS_ENDED, (state,))
        for state in ("finished", "failed", "killed", "error", "lost", "dropped", "gone", "gone_by_operator")
    },
    **{
        f"master/{resource}{suffix}_{part}": (family, (resource, revocable))
        for resource in ("cpus", "gpus", "mem", "disk")
        for suffix, revocable in (("", "false"), ("_revocable", "true"))
        for part, family in (("total", f.CAPACITY), ("used", f.USED))
    },
}
_PASS = "allocator/mesos/allocation_run_ms"
_POOL = "allocator/mesos/resources/"
_OF_POOL = {"total": f.ALLOCATABLE, "offered_or_allocated": f.ALLOCATED}
# Told better by others: parts of two that are exposed, states that the views know by name, and what has the role as a label.
_ELSEWHERE = (
    "master/slaves_",
    "master/frameworks_",
    "allocator/mesos/roles/",
    "allocator/mesos/offer_filters/",
    "allocator/mesos/quota/",
    "allocator/mesos/allocation_run_ms/count",
)


def translated(key: str) -> Sample | None:
    """The family and its labels' values; None for what another metric says already. A key that nobody knows is `mesos_metric`."""
    found = _PLAIN.get(key)
    if found is not None:
        return found
    if key.startswith(_ELSEWHERE) or key.endswith("_percent"):
        return None
    if key.startswith(_PASS):
        return f.PASS_SECONDS, (key.removeprefix(_PASS).removeprefix("/") or "last",)
    if key.startswith("master/messages_"):
        return f.MASTER_MESSAGES, (key.removeprefix("master/messages_"),)
    return _reason(key) or _of_pool(key) or (f.OTHER, (key,))


def _reason(key: str) -> Sample | None:
    """Of `master/task_failed/source_executor/reason_x`."""
    parts = key.removeprefix("master/task_").split("/")
    if not key.startswith("master/task_") or len(parts) != 3:
        return None
    return f.TASK_REASONS, (parts[0], parts[1].removeprefix("source_"), parts[2].removeprefix("reason_"))


def _of_pool(key: str) -> Sample | None:
    name, _, part = key.removeprefix(_POOL).rpartition("/")
    if not key.startswith(_POOL) or part not in _OF_POOL:
        return None
    return _OF_POOL[part], (name,)
