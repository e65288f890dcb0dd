"""The observer of a simulation: it folds the same notes, and answers with the same views, as that of a cluster."""

from __future__ import annotations

from typing import Any

from raymesos.errors import UnknownId
from raymesos.observe.state import View, fold
from raymesos.observe.views import VIEWS
from raymesos.sim.jobs import SubmittedJob
from raymesos.sim.scripted import Framework
from raymesos.sim.services import SubmittedService
from raymesos.sim.world import World


class Observing:
    """Hears every note of the world from now on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._view = View()
        world.on_note = self._heard

    def view(self, name: str, **arguments: Any) -> Any:
        """A view as plain data. Raises UnknownId."""
        make = VIEWS.get(name)
        if make is None:
            raise UnknownId("view", name)
        return make(self._view, self._world.now_ms, **arguments)

    def explain(self, subject: Framework | SubmittedJob | SubmittedService | str) -> dict[str, Any]:
        """Why it has no offer now. A text is the name or id of a framework, else a role, else a job. Raises UnknownId."""
        if isinstance(subject, Framework):
            return self._explained(subject.id or subject.name, "framework")
        if isinstance(subject, SubmittedJob):
            return self._explained(subject.id, "job")
        if isinstance(subject, SubmittedService):
            return self._explained(subject.id, "service")
        for kind in ("framework", "role", "job", "service"):
            try:
                return self._explained(subject, kind)
            except UnknownId:
                continue
        raise UnknownId("framework, role or job", subject)

    def _explained(self, subject: str, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.view("explain", subject=subject, kind=kind)
        return found

    def _heard(self, note: Any) -> None:
        fold(self._view, note)
