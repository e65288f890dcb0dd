"""The client's side of the harness: calls to the master and to the batch framework, whose refusals are raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from raymesos.errors import InvalidValue, refusal
from raymesos.machine import MASTER, Outbox
from raymesos.operating.jobs import refusal_of
from raymesos.sim.world import World
from raymesos.wire.jobs import JobRefused
from raymesos.wire.messages import OperatorAnswer, SetWeights

ADDRESS = "client/operator"


class Operator:
    """A client of the master and of the batch framework. A refusal of the master is raised by the call; if the master is out of reach, as soon as it answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0
        self._waiting: dict[str, OperatorAnswer | None] = {}
        world.add(ADDRESS, self)

    def set_weights(self, weights: Iterable[tuple[str, float | str]]) -> None:
        """Raises InvalidValue for what is no weight."""
        self.call(SetWeights(tuple((role, weight_text(weight)) for role, weight in weights)))

    def call(self, message: Any) -> None:
        """Send one of the messages of `wire.operating` and deliver what is on its way until it is answered. Raises what the master refused it with."""
        self._calls += 1
        request_id = f"operator-{self._calls}"
        self._waiting[request_id] = None
        self._world.post(ADDRESS, MASTER, replace(message, request_id=request_id))
        self._world.settle_until(lambda: self._waiting[request_id] is not None)
        answer = self._waiting.pop(request_id)
        if answer is not None and answer.error:
            raise refusal(answer.kind, answer.error, answer.field, answer.value)

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case OperatorAnswer(request_id) if request_id in self._waiting:
                self._waiting[request_id] = message
            case OperatorAnswer(error=error) if error:
                raise refusal(message.kind, error, message.field, message.value)
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
