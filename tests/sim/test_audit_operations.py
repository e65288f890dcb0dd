"""Bugs with operations, planted; the auditor finds each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from test_audit import names, once, with_bug

from raymesos.wire.messages import ApplyOperation, ChangeVolumes, Convert, OperationReport, OperationUpdate

Sends = list[tuple[str, Any]]


def never(kind: type) -> Any:
    def drop(sends: Sends) -> Sends:
        return [(to, message) for to, message in sends if not isinstance(message, kind)]

    return drop


def test_a_master_that_does_not_tell_the_allocator_of_an_operation_is_found() -> None:
    assert names(with_bug("master", never(Convert)))


def test_a_master_that_converts_what_is_in_use_is_found() -> None:
    def greedy(to: str, message: Any) -> Sends | None:
        if not isinstance(message, ApplyOperation):
            return None
        more = message.before + message.before.unreserved() + message.before.unreserved()
        return [(to, replace(message, before=more))]

    assert "offer.converted" in names(with_bug("master", once(greedy)))


def test_a_master_that_keeps_an_outcome_to_itself_is_found() -> None:
    assert "operation.unanswered" in names(with_bug("master", never(OperationUpdate)))


def test_an_agent_that_does_not_say_what_became_of_an_operation_is_found() -> None:
    assert "operation.unanswered" in names(with_bug("agent", never(OperationReport)))


def test_an_agent_that_hears_of_no_operation_is_found() -> None:
    found = names(with_bug("agent", lambda sends: sends, lambda message: isinstance(message, ApplyOperation)))
    assert found


def test_an_agent_that_makes_no_directories_is_found() -> None:
    assert "volume.directories" in names(with_bug("agent", never(ChangeVolumes)))
