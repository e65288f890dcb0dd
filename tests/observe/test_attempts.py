"""Tasks of batch jobs as the observer keeps them."""

from __future__ import annotations

import pytest
from observe_rig import NOW_MS, attempt, job

from raymesos.observe import attempts as module
from raymesos.observe import state as views
from raymesos.observe.attempts import Attempts
from raymesos.observe.state import View, fold
from raymesos.wire.notes import AttemptNote


def ids(attempts: Attempts) -> list[str]:
    return [note.task_id for note in attempts]


def test_the_latest_word_of_a_task_counts_and_it_is_found_by_its_id() -> None:
    view = View()
    for note in (attempt("j.0-1.1-1", "TASK_STAGING"), attempt("j.0-1.1-1", "TASK_STAGING", "TASK_RUNNING")):
        fold(view, note)
    assert view.attempts.find("j.0-1.1-1") == note and view.attempts.count == 1
    assert view.attempts.find("j.1-2.1-1") is None and view.attempts.find("nonsense") is None


def test_a_task_whose_end_nobody_told_of_is_lost_once_its_job_is_over() -> None:
    view = View()
    ended = attempt("j.1-2.1-2", "TASK_FINISHED", reason="normal")
    for note in (attempt("j.0-1.1-1", "TASK_RUNNING"), ended, job("j", "ads", state="Finished", ended_ms=NOW_MS + 9)):
        fold(view, note)
    lost = view.attempts.find("j.0-1.1-1")
    assert lost is not None and lost.ended and lost.steps[-1] == ("TASK_LOST", NOW_MS + 9, "lost")
    assert view.attempts.find("j.1-2.1-2") == ended


def test_of_one_job_the_oldest_that_have_ended_leave_and_none_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OF_ONE_JOB", 2)
    monkeypatch.setattr(module, "SLACK", 1)
    attempts = Attempts()
    attempts.take(attempt("j.0-1.1-0", "TASK_RUNNING"))
    for number in range(1, 4):
        attempts.take(attempt(f"j.0-1.1-{number}", "TASK_FAILED", reason="failed"))
    assert ids(attempts) == ["j.0-1.1-0", "j.0-1.1-3"] and attempts.count == 2


def test_of_all_jobs_those_that_are_over_leave_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OF_ALL_JOBS", 2)
    attempts = Attempts()
    for note in (
        attempt("live.0-1.1-1", "TASK_RUNNING"),
        attempt("over.0-1.1-1", "TASK_FINISHED", reason="normal"),
        attempt("new.0-1.1-1", "TASK_STAGING"),
    ):
        attempts.take(note)
    assert ids(attempts) == ["live.0-1.1-1", "new.0-1.1-1"] and attempts.count == 2


def test_what_is_known_of_a_job_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ENDED_KEPT", 1)
    view = View()
    fold(view, attempt("old.0-1.1-1", "TASK_FINISHED", reason="normal"))
    fold(view, job("old", "ads", state="Finished"))
    fold(view, job("new", "ads", state="Finished"))
    assert list(view.jobs) == ["new"] and ids(view.attempts) == [] and view.attempts.count == 0


def test_notes_of_attempts_are_what_the_view_yields() -> None:
    attempts = Attempts()
    attempts.take(attempt("j.0-1.1-1", "TASK_RUNNING"))
    assert all(isinstance(note, AttemptNote) for note in attempts)
