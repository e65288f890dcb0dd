"""Roles: slash-separated paths of who resources are for; `*` is the role of everybody."""

from __future__ import annotations

from raymesos.errors import InvalidValue

_SPACES = ("\t", "\n", "\x0b", "\x0c", "\r", " ", "\x08", "\x7f")


def validate_role(role: str, *, field: str = "role") -> str:
    """`role` itself if it is a role's name. Raises InvalidValue with the reason."""
    error = role_error(role)
    if error is not None:
        raise InvalidValue(field, role, error)
    return role


def role_error(role: str) -> str | None:
    """Why `role` is no role's name, in Mesos' words; None if it is one. (Mesos: roles.cpp, validate)"""
    if not isinstance(role, str):
        return "Role name must be text"
    if role == "*":
        return None
    if not role:
        return "Empty role name is invalid"
    if role.startswith("/"):
        return f"Role '{role}' cannot start with a slash"
    if role.endswith("/"):
        return f"Role '{role}' cannot end with a slash"
    for part in role.split("/"):
        if not part:
            return f"Role '{role}' cannot contain two adjacent slashes"
        if part in (".", "..", "*"):
            return f"Role '{role}' cannot include '{part}' as a component"
        if part.startswith("-"):
            return f"Role component '{part}' is invalid because it begins with a dash"
        if any(space in part for space in _SPACES):
            return f"Role component '{part}' is invalid because it contains backspace or whitespace"
    return None


def ancestors(role: str) -> list[str]:
    """The roles above `role`, nearest first: a/b/c has a/b and a."""
    parts = role.split("/")
    return ["/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def is_subrole(role: str, of: str) -> bool:
    """Whether `role` lies below `of` (and is not it)."""
    return role.startswith(of + "/")


def is_within(role: str, of: str) -> bool:
    """Whether `role` is `of` or lies below it."""
    return role == of or role.startswith(of + "/")


def parent_of(role: str) -> str | None:
    """The role above `role`; None for a top one."""
    return role.rpartition("/")[0] or None
