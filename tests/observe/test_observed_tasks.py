"""Tasks, their statuses and offers, folded from notes."""

from __future__ import annotations

from dataclasses import replace

from observe_rig import NOW_MS, Observed, task

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.tasks import TaskState
from raymesos.observe.state import STATUSES_KEPT
from raymesos.wire.notes import MasterNote, OutstandingNote, TaskNote
from raymesos.wire.values import Offer, TaskStatus

KEY = ("F1", "t")


def told(state: TaskState, text: str = "", *, framework_id: str = "F1") -> TaskNote:
    note = task("t", "ads", "cpus:1", state=state)
    return replace(note, framework_id=framework_id, statuses=(TaskStatus("t", state, message=text),))


def test_statuses_of_a_task_are_kept_in_order_and_of_the_same_state_in_a_row_the_last() -> None:
    seen = Observed(
        task("t", "ads", "cpus:1", state="TASK_STAGING"),
        told(TaskState.RUNNING, "starts"),
        told(TaskState.RUNNING, "is healthy"),
        told(TaskState.FINISHED),
    )
    kept = seen.state.ended_tasks[KEY]
    assert [(s.state, s.message) for s in kept.statuses] == [("TASK_RUNNING", "is healthy"), ("TASK_FINISHED", "")]
    assert not seen.state.tasks


def test_a_task_that_is_lost_and_found_for_ever_keeps_its_last_statuses() -> None:
    seen = Observed(*[told(s, str(i)) for i in range(50) for s in (TaskState.UNREACHABLE, TaskState.RUNNING)])
    statuses = seen.state.tasks[KEY].statuses
    assert len(statuses) == STATUSES_KEPT and statuses[-1].message == "49"


def test_tasks_of_the_same_id_of_two_frameworks_are_two() -> None:
    seen = Observed(told(TaskState.RUNNING), told(TaskState.FAILED, framework_id="F2"))
    assert list(seen.state.tasks) == [KEY] and list(seen.state.ended_tasks) == [("F2", "t")]
    assert len(seen.state.tasks[KEY].statuses) == 1


def test_a_task_that_has_the_id_of_an_ended_one_has_none_of_its_statuses() -> None:
    seen = Observed(told(TaskState.FINISHED), told(TaskState.RUNNING))
    assert [s.state for s in seen.state.tasks[KEY].statuses] == ["TASK_RUNNING"]
    assert not seen.state.ended_tasks and seen.state.task_ends == {"TASK_FINISHED": 1}


def test_a_framework_without_offers_takes_no_place() -> None:
    offer = Offer("O1", "F1", "S1", "h", "ads", Resources.parse("cpus:1"), Attributes())
    seen = Observed(OutstandingNote(NOW_MS, "F1", (offer,)))
    assert seen.state.outstanding["F1"].offers == (offer,)
    seen.tell(OutstandingNote(NOW_MS, "F1", ()))
    assert not seen.state.outstanding


def test_the_master_that_told_of_itself_last_leads() -> None:
    seen = Observed(MasterNote(NOW_MS, "m-0001", NOW_MS), MasterNote(NOW_MS, "m-0002", NOW_MS, (("ads", "2"),)))
    assert seen.state.master == MasterNote(NOW_MS, "m-0002", NOW_MS, (("ads", "2"),))
