"""Whether what a framework says of itself can be subscribed, and what of it may change later, in Mesos' words. (Mesos: validation.cpp, framework)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.errors import InvalidValue
from raymesos.model.offer_constraints import parse_offer_constraints
from raymesos.model.roles import role_error
from raymesos.model.tasks import Capability
from raymesos.wire.messages import FrameworkInfo


def info_error(info: FrameworkInfo, suppressed: tuple[str, ...], constraints: str) -> str | None:
    """Why this cannot be subscribed; None if it can. One without roles can: it is offered nothing."""
    error = _roles_error(info)
    if error is not None:
        return error
    if info.failover_timeout_ms < 0:
        return "'FrameworkInfo.failover_timeout' must not be negative"
    for role in suppressed:
        if role not in info.roles:
            return f"Suppressed role '{role}' is not contained in the list of roles"
    for role, _ in info.offer_filters:
        if role not in info.roles:
            return f"'FrameworkInfo.offer_filters' contains a role that it is not subscribed to: {role}"
    try:
        parse_offer_constraints(constraints, info.roles)
    except InvalidValue as error:
        return f"Offer constraints are not valid: {error}"
    return None


def principal_error(before: FrameworkInfo, now: FrameworkInfo) -> str | None:
    """A framework keeps its principal for ever. What it was is nobody else's business."""
    return "Changing framework's principal is not allowed." if before.principal != now.principal else None


def update_error(before: FrameworkInfo, now: FrameworkInfo) -> str | None:
    """What a framework may not change while it is subscribed."""
    error = principal_error(before, now)
    if error is not None:
        return error
    if before.user != now.user:
        return _unsupported("user", before.user, now.user)
    if before.checkpoint != now.checkpoint:
        return _unsupported("checkpoint", str(before.checkpoint).lower(), str(now.checkpoint).lower())
    return None


def unchangeable(before: FrameworkInfo, now: FrameworkInfo) -> FrameworkInfo:
    """What a framework that subscribes again is taken for: with what may not change as it was. (Mesos: preserveImmutableFields)"""
    return replace(now, user=before.user, checkpoint=before.checkpoint)


def _roles_error(info: FrameworkInfo) -> str | None:
    repeated = [role for i, role in enumerate(info.roles) if role in info.roles[:i]]
    if repeated:
        return f"'FrameworkInfo.roles' contains duplicate items: {{ {', '.join(dict.fromkeys(repeated))} }}"
    for role in info.roles:
        error = role_error(role)
        if error is not None and Capability.MULTI_ROLE in info.capabilities:
            return f"'FrameworkInfo.roles' contains invalid role: {error}"
        if error is not None:
            return f"'FrameworkInfo.role' is not a valid role: {error}"
    return None


def _unsupported(field: str, before: str, now: str) -> str:
    return f"Updating 'FrameworkInfo.{field}' is unsupported; attempted to update from '{before}' to '{now}'"
