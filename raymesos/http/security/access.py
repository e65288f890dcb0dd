"""What the parts of the API ask: who calls, and may they. The gate has put the caller into the scope.

access.require(caller_of(request), "update_quotas", role)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raymesos.errors import Unauthorized
from raymesos.http.security.acls import ACTIONS, ROLES, USERS, Acls
from raymesos.model.roles import is_within

# Whom a cluster has; the answers are forgotten together when there are more.
REMEMBERED = 10_000
CALLER = "raymesos.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the principal that it showed the token of; empty where nobody is asked."""

    principal: str = ""
    roles: tuple[str, ...] = ()
    """The token is good for these and what lies below them only; empty: for all."""
    reads_only: bool = False
    """The token changes nothing."""


NOBODY = Caller()


def caller_of(connection: Mapping[str, Any]) -> Caller:
    """Of a Starlette Request or WebSocket, or of a bare ASGI scope."""
    found = connection.get(CALLER, NOBODY)
    assert isinstance(found, Caller)
    return found


class Access:
    """The rules of one cluster."""

    def __init__(self, acls: Acls | None = None) -> None:
        self.acls = acls or Acls()
        self._known: dict[tuple[Caller, str, str | None], bool] = {}

    def allows(self, caller: Caller, action: str, subject: str | None = None) -> bool:
        """Whether `caller` may do `action` to `subject` (a role, a user, a principal: ACTIONS says which); None is all there are."""
        key = (caller, action, subject)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = _token_allows(caller, action, subject) and self.acls.allows(
                action, caller.principal, subject
            )
        return found

    def require(self, caller: Caller, action: str, *subjects: str) -> None:
        """Every one of `subjects`, or all there are if none is named. Raises Unauthorized."""
        for subject in subjects or (None,):
            if not self.allows(caller, action, subject):
                who = f"principal {caller.principal!r}" if caller.principal else "a caller without a principal"
                what = f" {subject!r}" if subject is not None else ""
                raise Unauthorized(f"{who} may not {action.replace('_', ' ')}{what}")

    def open_to(self, caller: Caller) -> bool:
        """Whether there is nothing that they may not do."""
        return not caller.roles and not caller.reads_only and self.acls == Acls()

    def sees_all(self, caller: Caller) -> bool:
        """Whether no view needs narrowing for them."""
        return not caller.roles and not self.acls.hides


def _token_allows(caller: Caller, action: str, subject: str | None) -> bool:
    """What the token leaves of the principal's rights."""
    if caller.reads_only and not action.startswith(("view_", "get_", "access_")):
        return False
    if not caller.roles:
        return True
    objects = ACTIONS[action]
    if objects == ROLES:
        return subject is not None and any(is_within(subject, role) for role in caller.roles)
    if objects == USERS or action.startswith(("view_", "get_")):
        return True
    # Frameworks, reservations and volumes: their own. What is the whole cluster's, its agents and machines, is not theirs.
    return subject is not None and subject == caller.principal
