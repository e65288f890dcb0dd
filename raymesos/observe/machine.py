"""The observer: folds notes, answers with views. Nothing in the cluster waits for it, and it may lose its memory at any time."""

from __future__ import annotations

from typing import Any

from raymesos.errors import InvariantBroken, UnknownId
from raymesos.machine import Outbox
from raymesos.observe.state import View, fold
from raymesos.observe.views import VIEWS


class ObserverMachine:
    def __init__(self) -> None:
        self.state = View()

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        fold(self.state, message)

    def view(self, now_ms: int, name: str, arguments: dict[str, Any]) -> Any:
        """The view called `name` as plain data. Raises UnknownId for a view or subject that is not there."""
        make = VIEWS.get(name)
        if make is None:
            raise UnknownId("view", name)
        return make(self.state, now_ms, **arguments)

    def check(self) -> None:
        both = [t for t in self.state.tasks if t in self.state.ended_tasks]
        if both:
            raise InvariantBroken("observer.tasks", f"{both[0]} is both live and ended")
