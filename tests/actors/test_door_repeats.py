"""What a client makes of the master's answer to an operator's call, also when an earlier answer was lost."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.actors.door import Door
from raymesos.errors import Conflict, InvalidValue, QuotaRefused, UnknownId
from raymesos.model.resources import EMPTY
from raymesos.operating.asking import operate
from raymesos.wire.codec import decode, encode
from raymesos.wire.messages import OperatorAnswer, SetQuotas
from raymesos.wire.operating import DrainAgent, Operate, StartMaintenance
from raymesos.wire.operations import Reserve


class Answered(Door):
    """A door behind which the master gives `answer`, at the second call if `repeated`."""

    def __init__(self, answer: OperatorAnswer, *, repeated: bool = False) -> None:
        super().__init__("answered")
        self.answer, self.repeated = answer, repeated
        self.asked: list[Any] = []
        self.repeats: list[bool] = []

    def _call(self, actor: str, method: str, arguments: Any, timeout_s: float, *, repeats: bool) -> tuple[Any, bool]:
        if method == "ready":
            return "master", False
        assert (actor, method, arguments[0]) == ("master", "call", "master")
        self.asked.append(decode(arguments[2]))
        self.repeats.append(repeats)
        return encode(self.answer), self.repeated


REFUSED = OperatorAnswer("", "agent A1 is draining already", "conflict", "agent", "A1")


def test_each_call_has_a_request_id_of_its_own() -> None:
    door = Answered(OperatorAnswer(""))
    operate(door, DrainAgent("A1"))
    operate(door, DrainAgent("A1"))
    first, second = door.asked
    assert first.agent == "A1" and first.request_id and first.request_id != second.request_id


@pytest.mark.parametrize(
    ("kind", "error"),
    [("conflict", Conflict), ("unknown", UnknownId), ("quota", QuotaRefused), ("invalid", InvalidValue)],
)
def test_a_refusal_is_raised_as_the_error_that_it_is(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        operate(Answered(OperatorAnswer("", "because of 3 things", kind, "agent", "A1")), DrainAgent("A1"))


def test_a_drain_that_had_to_be_repeated_is_done_if_the_agent_drains_already() -> None:
    operate(Answered(REFUSED, repeated=True), DrainAgent("A1"))
    with pytest.raises(Conflict, match="draining already"):
        operate(Answered(REFUSED), DrainAgent("A1"))


def test_other_refusals_of_a_repeated_call_are_raised() -> None:
    unknown = OperatorAnswer("", "no agent 'A1'", "unknown", "agent", "A1")
    with pytest.raises(UnknownId):
        operate(Answered(unknown, repeated=True), DrainAgent("A1"))
    with pytest.raises(QuotaRefused):
        operate(Answered(OperatorAnswer("", "too much", "quota"), repeated=True), SetQuotas(()))


def test_what_changes_by_an_amount_or_cannot_be_told_from_a_mistake_is_not_repeated() -> None:
    door = Answered(OperatorAnswer(""))
    for message in (Operate("A1", Reserve(resources=EMPTY)), StartMaintenance(()), DrainAgent("A1"), SetQuotas(())):
        operate(door, message)
    assert door.repeats == [False, False, True, True]
