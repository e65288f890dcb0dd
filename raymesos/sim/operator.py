"""The client's side of the harness: calls to the master and to the batch framework, whose refusals are raised."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from raymesos.errors import InvalidValue
from raymesos.machine import MASTER, Outbox
from raymesos.sim.jobs import refusal_of
from raymesos.sim.world import World
from raymesos.wire.jobs import JobRefused
from raymesos.wire.messages import OperatorAnswer, SetWeights

ADDRESS = "client/operator"


class Operator:
    """A client of the master and of the batch framework. What they refuse is raised as soon as the answer comes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0
        world.add(ADDRESS, self)

    def set_weights(self, weights: Iterable[tuple[str, float | str]]) -> None:
        """Raises InvalidValue for what is no weight."""
        rows = tuple((role, weight_text(weight)) for role, weight in weights)
        self._calls += 1
        self._world.post(ADDRESS, MASTER, SetWeights(rows, f"operator-{self._calls}"))

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case OperatorAnswer(request_id, error) if error:
                raise InvalidValue("weights", request_id, error)
            case JobRefused():
                raise refusal_of(message)
            case _:
                return

    def check(self) -> None:
        return


def weight_text(weight: float | str) -> str:
    """The decimal text of a weight. Raises InvalidValue unless it is a finite number above 0."""
    try:
        value = Decimal(str(weight))
    except InvalidOperation:
        raise InvalidValue("weight", weight, "must be a number") from None
    if not value.is_finite() or value <= 0:
        raise InvalidValue("weight", weight, "must be a finite number above 0")
    return str(weight)
