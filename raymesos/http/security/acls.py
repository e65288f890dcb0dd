"""Access control lists in the JSON of Mesos' `--acls`: which principals may do what to which roles, users, principals.

The rules of an action are read in order and the first that matches decides; if none does, `permissive` does. (Mesos: acls.proto, the local authorizer)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raymesos.errors import InvalidValue

ROLES, USERS, AGENTS, MACHINES = "roles", "users", "agents", "machines"

ACTIONS: dict[str, str] = {
    "register_frameworks": ROLES,
    "run_tasks": USERS,
    "teardown_frameworks": "framework_principals",
    "reserve_resources": ROLES,
    "unreserve_resources": "reserver_principals",
    "create_volumes": ROLES,
    "destroy_volumes": "creator_principals",
    "resize_volumes": ROLES,
    "get_quotas": ROLES,
    "update_quotas": ROLES,
    "update_weights": ROLES,
    "view_roles": ROLES,
    "view_frameworks": USERS,
    "view_tasks": USERS,
    "view_executors": USERS,
    "view_containers": USERS,
    "access_sandboxes": USERS,
    "get_endpoints": "paths",
    "view_flags": "flags",
    "access_mesos_logs": "logs",
    "set_log_level": "level",
    "register_agents": AGENTS,
    "drain_agents": AGENTS,
    "deactivate_agents": AGENTS,
    "reactivate_agents": AGENTS,
    "mark_agents_gone": AGENTS,
    "get_maintenance_schedules": MACHINES,
    "update_maintenance_schedules": MACHINES,
    "get_maintenance_statuses": MACHINES,
    "start_maintenances": MACHINES,
    "stop_maintenances": MACHINES,
}
"""What the rules of each action call its objects."""

# What views are narrowed by.
NARROWING = ("view_roles", "view_frameworks", "view_tasks", "view_executors", "get_quotas")
# Of these there are no single ones: a rule is about all of them, or none.
IMPLICIT = (AGENTS, MACHINES, "flags", "logs", "level")

# Mesos has these too; here there is nothing that they would be about. A file that has them is taken.
NOT_HERE = dict.fromkeys(
    (
        "create_block_disks",
        "destroy_block_disks",
        "create_mount_disks",
        "destroy_mount_disks",
        "create_raw_disks",
        "destroy_raw_disks",
        "launch_nested_containers_as_user",
        "launch_nested_containers_under_parent_with_user",
        "launch_nested_container_sessions_as_user",
        "launch_nested_container_sessions_under_parent_with_user",
        "attach_containers_input",
        "attach_containers_output",
        "kill_nested_containers",
        "wait_nested_containers",
        "remove_nested_containers",
        "launch_standalone_containers",
        "kill_standalone_containers",
        "wait_standalone_containers",
        "remove_standalone_containers",
        "view_standalone_containers",
        "modify_resource_provider_configs",
        "mark_resource_providers_gone",
        "view_resource_providers",
        "prune_images",
    )
)

# More rules than a person writes; each request may read all of one action.
MAX_RULES = 10_000


@dataclass(frozen=True, slots=True)
class Entity:
    """`kind`: ANY, NONE, or SOME of `values`."""

    kind: str
    values: Mapping[str, None] = field(default_factory=dict)
    below: tuple[str, ...] = ()
    """For roles: all that lie below these, each with its slash (`ads/%` as `ads/`)."""

    def matches(self, value: str | None) -> bool:
        """Whether a rule with this entity is about `value`; None stands for all. A rule with NONE is about everyone, to refuse."""
        if self.kind != "SOME":
            return True
        return value is not None and (value in self.values or value.startswith(self.below))


@dataclass(frozen=True, slots=True)
class Rule:
    principals: Entity
    objects: Entity


@dataclass(frozen=True, slots=True)
class Acls:
    """Rules by action. Without any rule, everyone may do everything."""

    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    permissive: bool = True

    def allows(self, action: str, principal: str, subject: str | None = None) -> bool:
        """Whether `principal` (empty: nobody in particular) may do `action` to `subject`: a role, a user, a principal, as ACTIONS says; None is all of them."""
        name = principal or None
        for rule in self.rules.get(action, ()):
            if rule.principals.matches(name) and rule.objects.matches(subject):
                return "NONE" not in (rule.principals.kind, rule.objects.kind)
        return self.permissive

    @property
    def hides(self) -> bool:
        """Whether there is anything that somebody may not see."""
        return not self.permissive or any(self.rules.get(action) for action in NARROWING)


def acls_from_json(document: Any) -> Acls:
    """Raises InvalidValue for what Mesos does not have: a misspelt action would protect nothing."""
    table = _object(document, "acls")
    permissive = table.get("permissive", True)
    if not isinstance(permissive, bool):
        raise InvalidValue("acls.permissive", permissive, "must be true or false")
    rules: dict[str, tuple[Rule, ...]] = {}
    for action, rows in table.items():
        if action == "permissive" or action in NOT_HERE:
            continue
        if action not in ACTIONS:
            raise InvalidValue(f"acls.{action}", action, "is no action of Mesos' ACLs")
        rules[action] = _rules(action, rows)
    return Acls(rules, permissive)


def _rules(action: str, rows: Any) -> tuple[Rule, ...]:
    where = f"acls.{action}"
    if not isinstance(rows, list) or len(rows) > MAX_RULES:
        raise InvalidValue(where, rows, f"must be a list of at most {MAX_RULES} rules")
    objects = ACTIONS[action]
    found = []
    for i, each in enumerate(rows):
        row = _object(each, f"{where}[{i}]")
        for name in row:
            if name not in ("principals", objects):
                raise InvalidValue(f"{where}[{i}].{name}", name, f"a rule has principals and {objects}")
        found.append(
            Rule(
                _entity(row, "principals", f"{where}[{i}]"),
                _entity(row, objects, f"{where}[{i}]", nests=objects == ROLES),
            )
        )
    return tuple(found)


def _entity(row: Mapping[str, Any], name: str, where: str, *, nests: bool = False) -> Entity:
    where = f"{where}.{name}"
    if name not in row:
        raise InvalidValue(where, None, "is missing: neither all nor none is meant by leaving it out")
    found = _object(row[name], where)
    kind, values = found.get("type", "SOME"), found.get("values", [])
    if kind not in ("ANY", "NONE", "SOME"):
        raise InvalidValue(f"{where}.type", kind, "must be ANY, NONE or SOME")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidValue(f"{where}.values", values, "must be a list of texts")
    for other in found:
        if other not in ("type", "values"):
            raise InvalidValue(f"{where}.{other}", other, "there are type and values")
    if kind != "SOME":
        return Entity(kind)
    if name in IMPLICIT:
        raise InvalidValue(f"{where}.type", kind, "must be ANY or NONE")
    below = tuple(value[:-1] for value in values if nests and value.endswith("/%"))
    return Entity(kind, {value: None for value in values if not (nests and value.endswith("/%"))}, below)


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue(where, value, "must be an object")
    return value
