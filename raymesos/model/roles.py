"""Roles: slash-separated paths of who resources are for; `*` is the role of everybody."""

from __future__ import annotations

from raymesos.errors import InvalidValue

_SPACES = ("\t", "\n", "\x0b", "\x0c", "\r", " ", "\x08", "\x7f")


def validate_role(role: str, *, field: str = "role") -> str:
    """`role` itself if it is a role's name. Raises InvalidValue with the reason. (Mesos: roles.cpp, validate)"""
    if not isinstance(role, str):
        raise InvalidValue(field, role, "must be text")
    if role == "*":
        return role
    if not role:
        raise InvalidValue(field, role, "must not be empty")
    if role.startswith("/") or role.endswith("/"):
        raise InvalidValue(field, role, "must not begin or end with a slash")
    for part in role.split("/"):
        if not part:
            raise InvalidValue(field, role, "must not contain two slashes in a row")
        if part in (".", ".."):
            raise InvalidValue(field, role, f"must not have {part!r} as a component")
        if part == "*":
            raise InvalidValue(field, role, "must not have '*' as a component")
        if part.startswith("-"):
            raise InvalidValue(field, role, "must not have a component that begins with '-'")
        if any(space in part for space in _SPACES):
            raise InvalidValue(field, role, "must not contain whitespace or backspace")
    return role


def ancestors(role: str) -> list[str]:
    """The roles above `role`, nearest first: a/b/c has a/b and a."""
    parts = role.split("/")
    return ["/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def is_subrole(role: str, of: str) -> bool:
    """Whether `role` lies below `of` (and is not it)."""
    return role.startswith(of + "/")
