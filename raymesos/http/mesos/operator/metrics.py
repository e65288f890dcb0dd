"""`/metrics/snapshot`: what the machines count, by Mesos' names, and what the views know of each framework besides.

Left out is what would be about a part that is not here: an authenticator, a containerizer, a registrar of its own.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from raymesos.http.mesos.operator.about import system_stats
from raymesos.http.mesos.operator.tally import Tally
from raymesos.http.site import Site
from raymesos.model.tasks import TERMINAL
from raymesos.wire.notes import FrameworkNote, TaskNote

# Mesos has these from its start; here they stay 0, because nothing of the kind happens.
_NEVER = (
    "master/messages_authenticate",
    "master/messages_deactivate_framework",
    "master/messages_resource_request",
    "master/messages_update_slave",
    "master/slave_shutdowns_canceled",
    "master/slave_shutdowns_completed",
    "master/slave_shutdowns_scheduled",
    "master/slave_unreachable_canceled",
)
_CALLS = (
    "accept",
    "accept_inverse_offers",
    "acknowledge",
    "acknowledge_operation_status",
    "decline",
    "decline_inverse_offers",
    "kill",
    "message",
    "reconcile",
    "reconcile_operations",
    "request",
    "revive",
    "shutdown",
    "subscribe",
    "suppress",
    "teardown",
    "update_framework",
)
_EVENTS = (
    "error",
    "failure",
    "heartbeat",
    "inverse_offers",
    "message",
    "offers",
    "rescind",
    "rescind_inverse_offer",
    "subscribed",
    "update",
    "update_operation_status",
)
_OPERATIONS = (
    "create",
    "create_disk",
    "destroy",
    "destroy_disk",
    "grow_volume",
    "launch",
    "launch_group",
    "reserve",
    "shrink_volume",
    "unreserve",
)
_COUNTED = tuple(
    key
    for what, names in (("calls", _CALLS), ("events", _EVENTS), ("operations", _OPERATIONS))
    for key in (what, *[f"{what}/{name}" for name in names])
)
"""What the master counts of a framework. REQUEST, heartbeats and disks it never sees here: 0."""
_ACTIVE = ("task_staging", "task_starting", "task_running", "task_killing", "task_unreachable", "task_unknown")
_TERMINAL = tuple(str(state).lower() for state in TERMINAL)


def snapshot(site: Site, tally: Tally) -> dict[str, float]:
    """All values, names in order."""
    found = dict.fromkeys(_NEVER, 0.0) | tally.metrics | _system()
    found["master/operator_event_stream_subscribers"] = float(site.event_streams)
    for note in tally.frameworks.values():
        found |= _of_framework(tally, note)
    return dict(sorted(found.items()))


def _of_framework(tally: Tally, note: FrameworkNote) -> dict[str, float]:
    id = note.framework_id
    head = f"master/frameworks/{quote(note.name, safe='')}/{id}"
    values = {f"{head}/subscribed": float(note.state == "active")}
    offers = tally.offer_counts.get(id)
    if offers is not None:
        for fate in ("sent", "accepted", "declined", "rescinded"):
            values[f"{head}/offers/{fate}"] = float(getattr(offers, fate))
    counted = tally.call_counts.get(id, {})
    values |= {f"{head}/{name}": float(counted.get(name, 0)) for name in _COUNTED}
    values |= {f"{head}/roles/{role}/suppressed": float(role in note.suppressed_roles) for role in note.roles}
    live = _states(tally.tasks.get(id, []), tally.unreachable_tasks.get(id, []))
    ended = _states(tally.completed_tasks.get(id, []))
    values |= {f"{head}/tasks/active/{state}": float(live[state]) for state in _ACTIVE}
    return values | {f"{head}/tasks/terminal/{state}": float(ended[state]) for state in _TERMINAL}


def _states(*rows: list[TaskNote]) -> Counter[str]:
    return Counter(task.state.lower() for tasks in rows for task in tasks)


def _system() -> dict[str, float]:
    return {f"system/{name.removeprefix('avg_')}": float(value) for name, value in system_stats().items()}
