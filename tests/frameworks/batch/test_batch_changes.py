"""What may be changed of a job once it is taken, and what the observer hears of its tasks."""

from __future__ import annotations

from typing import Any

import pytest
from batch_rig import BATCH, CLIENT, Rig, Task, spec

from raymesos.machine import Outbox, Wake
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import ChangeAttributes, EndTask, JobChanged, SetBudget, Submit
from raymesos.wire.messages import Kill
from raymesos.wire.notes import AttemptNote, JobNote, JobSpecNote

S, R, K = "TASK_STAGING", "TASK_RUNNING", "TASK_KILLING"


def told(rig: Rig) -> list[Any]:
    """What the observer hears at the next notes."""
    out = Outbox()
    rig.machine.handle(rig.now, BATCH, Wake("notes"), out)
    return out.notes


def attempts(rig: Rig) -> list[AttemptNote]:
    return [note for note in told(rig) if isinstance(note, AttemptNote)]


def ask(rig: Rig, message: Any) -> JobChanged:
    (answer,) = [m for m in rig.tell(message, CLIENT) if isinstance(m, JobChanged)]
    return answer


def attributes(rig: Rig, job: str = "j") -> dict[str, str]:
    return dict(rig.machine.state.jobs[job].spec.attributes)


def submitted(rig: Rig, total: int = 1, **fields: Any) -> list[Task]:
    rig.submit(total=total, alone=True, **fields)
    return rig.offer()


# ---------------------------------------------------------------- attributes and budget


@pytest.mark.parametrize("after", ["at once", "a restart", "a snapshot"])
def test_attributes_and_budget_are_changed_for_good(after: str) -> None:
    rig = Rig()
    (task,) = submitted(rig, attributes=(("a", "1"), ("b", "2")))
    assert ask(rig, ChangeAttributes("j", put=(("c", "3"),), remove=("a", "nosuch"))) == JobChanged()
    assert ask(rig, ChangeAttributes("j", task.id, put=(("x", "y"),))) == JobChanged()
    assert ask(rig, SetBudget("j", '{"selfManaged": {}}')) == JobChanged()
    if after == "a snapshot":
        rig.snapshot()
    if after != "at once":
        rig.restart()
    job = rig.machine.state.jobs["j"]
    assert attributes(rig) == {"b": "2", "c": "3"} and job.spec.budget == '{"selfManaged": {}}'
    assert job.task_attributes == {task.id: (("x", "y"),)}


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (ChangeAttributes("nosuch"), JobChanged(unknown="job")),
        (ChangeAttributes("nosuch", "t"), JobChanged(unknown="task")),
        (ChangeAttributes("j", "j.0-1.9-9", put=(("a", "b"),)), JobChanged(unknown="task")),
        (SetBudget("nosuch", "{}"), JobChanged(unknown="job")),
        (EndTask("nosuch"), JobChanged(unknown="task")),
        (EndTask("j.0-1.9-9"), JobChanged(unknown="task")),
    ],
)
def test_what_is_not_there_cannot_be_changed_and_nothing_is_written(message: Any, answer: JobChanged) -> None:
    rig = Rig()
    submitted(rig)
    before = list(rig.journal)
    assert ask(rig, message) == answer
    assert rig.journal == before


def test_what_is_over_is_not_changed_any_more() -> None:
    rig = Rig()
    (task,) = submitted(rig, attributes=(("a", "1"),))
    rig.finish(task)
    for message in (ChangeAttributes("j", remove=("a",)), SetBudget("j", "{}"), EndTask(task.id)):
        assert ask(rig, message) == JobChanged(ended=True)
    assert attributes(rig) == {"a": "1"} and rig.machine.state.jobs["j"].spec.budget == ""


def test_tasks_that_were_given_attributes_first_lose_them_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raymesos.frameworks.batch.changes.TASKS_WITH_ATTRIBUTES", 2)
    rig = Rig()
    tasks = submitted(rig, total=3)
    for task in tasks:
        ask(rig, ChangeAttributes("j", task.id, put=(("a", "b"),)))
    assert list(rig.machine.state.jobs["j"].task_attributes) == [tasks[1].id, tasks[2].id]


# ---------------------------------------------------------------- the end of one task


@pytest.mark.parametrize(("retries", "counts"), [(0, (0, 0, 0, 1)), (1, (1, 0, 0, 0))])
def test_a_task_that_a_user_ends_is_at_the_users_cost(retries: int, counts: tuple[int, ...]) -> None:
    rig = Rig()
    (task,) = submitted(rig, retries=retries)
    rig.run(task)
    assert ask(rig, EndTask(task.id)) == JobChanged()
    assert [k.task_id for k in rig.take(Kill)] == [task.id]
    rig.update(task, TaskState.KILLED)
    assert rig.counts() == counts
    assert rig.outcomes() == ({0: "!killed"} if not retries else {})


def test_other_tasks_of_the_job_go_on_and_it_is_killed_once() -> None:
    rig = Rig()
    first, second = submitted(rig, total=2)
    rig.run(first, second)
    ask(rig, EndTask(first.id))
    ask(rig, EndTask(first.id))
    assert [k.task_id for k in rig.take(Kill)] == [first.id]
    rig.update(first, TaskState.KILLED)
    assert rig.counts() == (0, 1, 0, 1)


def test_a_task_that_nobody_of_ours_killed_is_at_the_systems_cost() -> None:
    rig = Rig()
    (task,) = submitted(rig)
    rig.run(task)
    rig.update(task, TaskState.KILLED)
    assert rig.counts() == (1, 0, 0, 0)


# ---------------------------------------------------------------- one task for each input


def test_a_job_whose_inputs_are_alone_is_never_packed() -> None:
    rig = Rig()
    rig.submit(total=5_000, alone=True)
    first = rig.offer()
    assert [t.span for t in first] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    for task in first:
        rig.report(task, elapsed_us=1)
        rig.update(task, TaskState.FINISHED)
    assert [t.span for t in rig.offer()] == [(4, 5), (5, 6), (6, 7), (7, 8)]


# ---------------------------------------------------------------- what the observer hears


def test_a_job_is_told_as_it_is_taken_with_its_spec_and_without_its_data() -> None:
    rig = Rig()
    out = Outbox()
    rig.machine.handle(rig.now, CLIENT, Submit(spec("j", 2, attributes=(("a", "b"),))), out)
    told_spec, job = out.notes[-2:]
    assert isinstance(told_spec, JobSpecNote) and told_spec.spec.inputs == ()
    assert told_spec.spec.attributes == (("a", "b"),)
    assert isinstance(job, JobNote) and (job.state, job.total, job.waiting) == ("Accepted", 2, 2)


def test_a_task_is_told_with_each_state_it_was_in_and_why_it_ended_before_its_job() -> None:
    rig = Rig()
    (task,) = submitted(rig)
    launched = rig.now
    rig.now += 10
    rig.run(task)
    (note,) = attempts(rig)
    assert note.steps == ((S, launched, ""), (R, launched + 10, "")) and not note.ended
    rig.now += 10
    rig.finish(task)
    *before, last = told(rig)
    (note,) = before
    assert note.steps[-1] == ("TASK_FINISHED", launched + 20, "normal") and note.ended
    assert isinstance(last, JobNote) and last.state == "Finished"
    assert told(rig) == []


def test_a_retry_names_the_attempt_before_it() -> None:
    rig = Rig()
    (first,) = submitted(rig, retries=1)
    rig.finish(first, failed={0: "x"})
    (second,) = rig.offer()
    notes = {note.task_id: note for note in attempts(rig)}
    again = notes[second.id]
    assert (again.original_id, again.resubmit_of, again.resubmit_number) == (first.id, first.id, 1)
    assert (again.system_resubmit_number, again.lo, again.hi) == (0, 0, 1)


def test_a_kill_is_a_step_of_its_own_and_says_why() -> None:
    rig = Rig()
    (task,) = submitted(rig)
    rig.run(task)
    ask(rig, EndTask(task.id))
    rig.update(task, TaskState.KILLED)
    (note,) = attempts(rig)
    assert [(state, reason) for state, _, reason in note.steps] == [
        (S, ""),
        (R, ""),
        (K, "killed"),
        ("TASK_KILLED", "killed"),
    ]


def test_attributes_of_a_task_are_told_with_it_and_those_of_a_job_with_its_spec() -> None:
    rig = Rig()
    (task,) = submitted(rig)
    told(rig)
    ask(rig, ChangeAttributes("j", task.id, put=(("x", "y"),)))
    ask(rig, ChangeAttributes("j", put=(("a", "b"),)))
    attempt, told_spec, job = told(rig)
    assert attempt.attributes == (("x", "y"),) and told_spec.spec.attributes == (("a", "b"),)
    assert isinstance(job, JobNote)


def test_when_a_job_began_to_be_killed_is_told_and_outlives_a_restart() -> None:
    rig = Rig()
    (task,) = submitted(rig)
    rig.run(task)
    rig.now += 7
    at = rig.now
    rig.cancel()
    rig.restart()
    rig.now += 100
    notes = [note for note in told(rig) if isinstance(note, JobNote)]
    assert [(note.state, note.cancelled_ms) for note in notes] == [("KillInitiated", at)]


def test_a_task_whose_only_input_failed_has_failed_whatever_became_of_its_worker() -> None:
    rig = Rig()
    first, second = submitted(rig, total=2)
    rig.finish(first, failed={0: "exit 3"})
    rig.finish(second)
    notes = {note.lo: note for note in attempts(rig)}
    assert (notes[0].steps[-1][2], notes[0].message) == ("failed", "exit 3")
    assert (notes[1].steps[-1][2], notes[1].message) == ("normal", "")
