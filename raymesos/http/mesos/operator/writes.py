"""The v1 calls that change something, as messages to the master. (Mesos: master.proto, Call; http.cpp)

Each reads its part of a call that fits its message already (`schema`), and asks whether its caller may. Raises InvalidValue, Unauthorized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raymesos.errors import InvalidValue, ProtocolError
from raymesos.http.mesos.amounts import quantities_of, resources_of, scalar_of
from raymesos.http.mesos.needed import needed
from raymesos.http.mesos.operator.tally import Tally
from raymesos.http.mesos.values import Row, machine_of, unavailability_of
from raymesos.http.security.access import Access, Caller
from raymesos.model.conversions import popped
from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.model.units import milliseconds
from raymesos.observe.state import View
from raymesos.operating.asking import OperatorCall
from raymesos.operating.roles import weight_text
from raymesos.wire.maintenance import MachineId, Window
from raymesos.wire.operating import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    Operate,
    ReactivateAgent,
    ScheduleMaintenance,
    SetQuotas,
    SetWeights,
    StartMaintenance,
    StopMaintenance,
    TeardownFramework,
)
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, ResourceOperation, Shrink, Unreserve

NO_AGENT = "No agent found with specified ID"
NO_FRAMEWORK = "No framework found with specified ID"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, what they may, and what is there."""

    caller: Caller
    access: Access
    tally: Tally

    def must(self, action: str, *subjects: str) -> None:
        self.access.require(self.caller, action, *subjects)

    def must_do(self, operation: ResourceOperation) -> None:
        action, subjects = needed(operation)
        self.must(action, *subjects)


Build = Callable[[Row, Asking], list[OperatorCall]]
"""The messages, to be carried out one after another: most calls are one."""


@dataclass(frozen=True, slots=True)
class Write:
    """`done`: the status of success. `conflict`: that of what others hold. `unknown`: the text where the agent or framework is not known. `shown`: when what it
    changes was last told of."""

    build: Build
    shown: Callable[[View, Row], int]
    done: int = 200
    conflict: int = 400
    unknown: str = NO_AGENT
    unknown_status: int = 400


def by_master(view: View, row: Row) -> int:
    return view.master.at_ms if view.master is not None else 0


def by_agent(view: View, row: Row) -> int:
    note = view.agents.get(row["agent_id"]["value"])
    return note.at_ms if note is not None else 0


def by_schedule(view: View, row: Row) -> int:
    return view.maintenance.at_ms if view.maintenance is not None else 0


def by_framework(view: View, row: Row) -> int:
    note = view.frameworks.get(row["framework_id"]["value"])
    return note.at_ms if note is not None else 0


# ---------------------------------------------------------------- weights and quotas


def update_weights(row: Row, asking: Asking) -> list[OperatorCall]:
    pairs = [(each.get("role", "*"), each["weight"]) for each in row.get("weight_infos", [])]
    asking.must("update_weights", *[role for role, _ in pairs])
    return [SetWeights(tuple([(role, weight_text(role, weight)) for role, weight in pairs]))]


def update_quota(row: Row, asking: Asking) -> list[OperatorCall]:
    found = []
    for i, each in enumerate(row.get("quota_configs", [])):
        at = f"quota_configs[{i}]"
        guarantee, limit = (quantities_of(each.get(name), f"{at}.{name}") for name in ("guarantees", "limits"))
        found.append(Quota(each["role"], guarantee, limit))
    asking.must("update_quotas", *[quota.role for quota in found])
    return [SetQuotas(tuple(found), force=row.get("force", False))]


def set_quota(row: Row, asking: Asking) -> list[OperatorCall]:
    """The older form: a guarantee, of a role that has none."""
    row = row["quota_request"]
    role = row.get("role", "")
    asking.must("update_quotas", role)
    if role in _quotas(asking):
        raise ProtocolError(
            "Failed to validate set quota request: role already has quota; remove it first, or update it"
        )
    guarantee = _plain(resources_of(row.get("guarantee"), "guarantee"))
    return [SetQuotas((Quota(role, guarantee),), force=row.get("force", False), legacy=True)]


def remove_quota(row: Row, asking: Asking) -> list[OperatorCall]:
    role = row["role"]
    asking.must("update_quotas", role)
    if role not in _quotas(asking):
        raise ProtocolError(f"Failed to remove quota: role '{role}' has no quota set")
    return [SetQuotas((Quota(role),))]


def _quotas(asking: Asking) -> dict[str, Quota]:
    master = asking.tally.master
    return {quota.role: quota for quota in master.quotas} if master is not None else {}


def _plain(resources: Resources) -> tuple[tuple[str, int], ...]:
    for key, quantity in resources:
        if key.reservations or key.disk is not None or key.revocable or not isinstance(quantity, int):
            raise ProtocolError(f"Invalid QuotaInfo: {key.name} must be a plain scalar")
    return tuple(sorted(resources.quantities().items()))


# ---------------------------------------------------------------- resources of an agent


def reserve(row: Row, asking: Asking) -> list[OperatorCall]:
    """What is reserved differently (`source`) is unreserved down to what the two have in common first."""
    wanted = _own(resources_of(row.get("resources"), "resources"), asking)
    asking.must_do(Reserve(wanted))
    before = resources_of(row.get("source"), "source")
    steps: list[Unreserve | Reserve] = []
    if before:
        asking.must_do(Unreserve(before))
        steps += [Unreserve(each) for each in _way_down(before, wanted)]
    else:
        before = popped(wanted)
    steps += [Reserve(each) for each in reversed(_way_down(wanted, before))]
    return [_operate(row, step, asking) for step in steps]


def unreserve(row: Row, asking: Asking) -> list[OperatorCall]:
    return _one(row, Unreserve(resources_of(row.get("resources"), "resources")), asking)


def create_volumes(row: Row, asking: Asking) -> list[OperatorCall]:
    return _one(row, Create(resources_of(row.get("volumes"), "volumes")), asking)


def destroy_volumes(row: Row, asking: Asking) -> list[OperatorCall]:
    return _one(row, Destroy(resources_of(row.get("volumes"), "volumes")), asking)


def grow_volume(row: Row, asking: Asking) -> list[OperatorCall]:
    volume = resources_of([row["volume"]], "volume")
    return _one(row, Grow(volume, resources_of([row["addition"]], "addition")), asking)


def shrink_volume(row: Row, asking: Asking) -> list[OperatorCall]:
    volume = resources_of([row["volume"]], "volume")
    return _one(row, Shrink(volume, scalar_of(row["subtract"], "subtract")), asking)


def _one(row: Row, operation: ResourceOperation, asking: Asking) -> list[OperatorCall]:
    asking.must_do(operation)
    return [_operate(row, operation, asking)]


def _operate(row: Row, operation: ResourceOperation, asking: Asking) -> Operate:
    return Operate(row["agent_id"]["value"], operation, asking.caller.principal)


def _own(resources: Resources, asking: Asking) -> Resources:
    """Reservations are made by who asks: one in another's name is refused. (Mesos: validation.cpp, reserve)"""
    principal = asking.caller.principal
    for key, _ in resources:
        if not key.reservations:
            raise InvalidValue("resources", key.name, "is not reserved: nothing says whom it shall be reserved to")
        if principal and key.reservations[-1].principal not in ("", principal):
            said = key.reservations[-1].principal
            text = f"A reserve operation was attempted by authenticated principal '{principal}', which does not match the reservation principal '{said}'"
            raise ProtocolError(text)
    return resources


def _way_down(resources: Resources, to: Resources) -> list[Resources]:
    """The stack of reservations taken off one by one, topmost first, until it is one of those of `to`."""
    below = [to]
    while any(key.reservations for key, _ in below[-1]):
        below.append(popped(below[-1]))
    steps = []
    while resources not in below and any(key.reservations for key, _ in resources):
        steps.append(resources)
        resources = popped(resources)
    return steps


# ---------------------------------------------------------------- agents, machines, frameworks


def drain_agent(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("drain_agents")
    grace = row.get("max_grace_period")
    grace_ms = None if grace is None else milliseconds(grace, "max_grace_period")
    return [DrainAgent(row["agent_id"]["value"], grace_ms, row.get("mark_gone", False))]


def deactivate_agent(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("deactivate_agents")
    return [DeactivateAgent(row["agent_id"]["value"])]


def reactivate_agent(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("reactivate_agents")
    return [ReactivateAgent(row["agent_id"]["value"])]


def mark_agent_gone(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("mark_agents_gone")
    return [MarkAgentGone(row["agent_id"]["value"])]


def update_schedule(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("update_maintenance_schedules")
    windows = [
        Window(
            tuple([machine_of(machine, "machine_ids") for machine in window.get("machine_ids", [])]),
            unavailability_of(window["unavailability"], "unavailability"),
        )
        for window in row["schedule"].get("windows", [])
    ]
    return [ScheduleMaintenance(tuple(windows))]


def start_maintenance(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("start_maintenances")
    return [StartMaintenance(_machines(row.get("machines", [])))]


def stop_maintenance(row: Row, asking: Asking) -> list[OperatorCall]:
    asking.must("stop_maintenances")
    return [StopMaintenance(_machines(row.get("machines", [])))]


def _machines(rows: Iterable[Row]) -> tuple[MachineId, ...]:
    return tuple([machine_of(row, "machines") for row in rows])


def teardown(row: Row, asking: Asking) -> list[OperatorCall]:
    id = row["framework_id"]["value"]
    note = asking.tally.frameworks.get(id)
    asking.must("teardown_frameworks", *([note.principal] if note is not None else []))
    return [TeardownFramework(id)]


WRITES: dict[str, Write] = {
    "UPDATE_WEIGHTS": Write(update_weights, by_master),
    "UPDATE_QUOTA": Write(update_quota, by_master),
    "SET_QUOTA": Write(set_quota, by_master, conflict=409),
    "REMOVE_QUOTA": Write(remove_quota, by_master),
    "RESERVE_RESOURCES": Write(reserve, by_agent, done=202, conflict=409),
    "UNRESERVE_RESOURCES": Write(unreserve, by_agent, done=202, conflict=409),
    "CREATE_VOLUMES": Write(create_volumes, by_agent, done=202, conflict=409),
    "DESTROY_VOLUMES": Write(destroy_volumes, by_agent, done=202, conflict=409),
    "GROW_VOLUME": Write(grow_volume, by_agent, done=202, conflict=409),
    "SHRINK_VOLUME": Write(shrink_volume, by_agent, done=202, conflict=409),
    "UPDATE_MAINTENANCE_SCHEDULE": Write(update_schedule, by_schedule),
    "START_MAINTENANCE": Write(start_maintenance, by_schedule),
    "STOP_MAINTENANCE": Write(stop_maintenance, by_schedule),
    "DRAIN_AGENT": Write(drain_agent, by_agent),
    "DEACTIVATE_AGENT": Write(deactivate_agent, by_agent),
    "REACTIVATE_AGENT": Write(reactivate_agent, by_agent),
    "MARK_AGENT_GONE": Write(mark_agent_gone, by_agent, unknown="", unknown_status=404),
    "TEARDOWN": Write(teardown, by_framework, unknown=NO_FRAMEWORK),
}
"""By the type of the call."""


def subject_of(row: Row) -> str:
    """What a call is about, for the audit log: ids, roles or hostnames, with blanks between them."""
    named = [row[name]["value"] for name in ("agent_id", "framework_id") if name in row]
    roles = [row, row.get("quota_request", {}), *row.get("weight_infos", ()), *row.get("quota_configs", ())]
    named += [each["role"] for each in roles if "role" in each]
    windows = row.get("schedule", {}).get("windows", ())
    machines = [*row.get("machines", ()), *[m for window in windows for m in window.get("machine_ids", ())]]
    return " ".join([*named, *[machine.get("hostname", machine.get("ip", "")) for machine in machines]])
