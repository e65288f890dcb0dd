"""Executors as the observer knows them: those that live."""

from __future__ import annotations

from raymesos.observe.state import View, fold
from raymesos.wire.messages import ExecutorInfo
from raymesos.wire.notes import ExecutorNote


def test_an_executor_is_seen_until_it_has_ended_and_another_of_its_id_stays() -> None:
    view = View()
    notes = [ExecutorNote(1, framework_id, "S1", ExecutorInfo("e"), "active") for framework_id in ("F1", "F2")]
    for note in notes:
        fold(view, note)
    fold(view, ExecutorNote(2, "F1", "S1", ExecutorInfo("e"), "ended"))
    assert list(view.executors.values()) == [notes[1]]
