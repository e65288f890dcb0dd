"""What of a view a caller may see. (Mesos: the object approvers of its readonly handlers)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.http.security.access import Access, Caller
from raymesos.observe.state import View
from raymesos.wire.notes import FrameworkNote


class Sight:
    """Frameworks are seen by their user and by one of their roles, tasks by their framework's user and their own role. Agents are everybody's."""

    def __init__(self, view: View, access: Access, caller: Caller) -> None:
        self._view, self._access, self._caller = view, access, caller

    def role(self, role: str) -> bool:
        return self._access.allows(self._caller, "view_roles", role)

    def framework(self, note: FrameworkNote) -> bool:
        allowed = self._access.allows(self._caller, "view_frameworks", _user(note))
        return allowed and any(self.role(role) for role in note.roles)

    def task(self, framework_id: str, role: str) -> bool:
        note = self._view.frameworks.get(framework_id)
        if note is None or not self.framework(note) or not self.role(role):
            return False
        return self._access.allows(self._caller, "view_tasks", _user(note))


def narrowed(view: View, access: Access, caller: Caller) -> View:
    """The view without the frameworks, tasks and roles that `caller` may not see."""
    sight = Sight(view, access, caller)
    frameworks = {id: note for id, note in view.frameworks.items() if sight.framework(note)}
    return replace(
        view,
        frameworks=frameworks,
        tasks={key: note for key, note in view.tasks.items() if sight.task(key[0], note.role)},
        ended_tasks={key: note for key, note in view.ended_tasks.items() if sight.task(key[0], note.role)},
        executors={k: note for k, note in view.executors.items() if sight.task(note.framework_id, note.info.role)},
        offers={id: note for id, note in view.offers.items() if id in frameworks},
        outstanding={
            id: replace(note, offers=tuple([offer for offer in note.offers if sight.role(offer.role)]))
            for id, note in view.outstanding.items()
            if id in frameworks
        },
        roles={role: note for role, note in view.roles.items() if sight.role(role)},
    )


def _user(note: FrameworkNote) -> str:
    return note.info.user if note.info is not None else ""
