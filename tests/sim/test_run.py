"""Generated runs: another seed is another story, faults heal, and seeds that once failed stay here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raymesos.errors import InvalidValue
from raymesos.model.tasks import Reason, TaskState
from raymesos.sim.report import Report
from raymesos.sim.run import run
from raymesos.wire.messages import Update

CORPUS = Path(__file__).with_name("corpus.json")
"""Cases without `operators` are older than they are: a seed means what it meant."""
OPERATORS = {
    "agent deactivated",
    "agent drained",
    "agent drained to be gone",
    "agent marked gone",
    "machine maintained",
}


def clean(report: Report) -> None:
    assert report.violations == []
    assert report.done == report.tasks


def test_another_seed_tells_another_story() -> None:
    assert run(5, 2, 50, seed=1).digest != run(5, 2, 50, seed=2).digest


def test_a_run_without_faults_launches_each_task_once_and_loses_none() -> None:
    report = run(20, 4, 500, seed=5)
    clean(report)
    assert (report.launched, report.relaunched, sum(report.ends.values())) == (500, 0, 500)
    assert 0 < report.utilisation <= 1


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_once_faults_have_healed(seed: int) -> None:
    report = run(12, 4, 250, seed=seed, faults=True)
    clean(report)
    assert sum(report.faults.values()) >= 13


@pytest.mark.parametrize("seed", range(10, 16))
def test_operators_may_do_what_they_want_and_everything_is_run(seed: int) -> None:
    report = run(12, 4, 250, seed=seed, operators=True)
    clean(report)
    assert 1 <= len(report.faults.keys() & OPERATORS) <= 4


def test_tasks_of_custom_executors_are_run_each_once_and_what_those_hold_is_given_back() -> None:
    report = run(20, 4, 500, seed=5, programs=True)
    clean(report)
    assert (report.launched, report.relaunched) == (500, 0)
    assert report.digest != run(20, 4, 500, seed=5).digest


@pytest.mark.parametrize("seed", range(20, 28))
def test_custom_executors_live_through_faults_and_operators(seed: int) -> None:
    clean(run(12, 4, 250, seed=seed, faults=True, programs=True))


@pytest.mark.parametrize("seed", range(30, 36))
def test_tasks_that_fail_their_checks_end_and_the_others_are_run_through_faults(seed: int) -> None:
    ended: list[Reason] = []

    def watch(now_ms: int, address: str, sender: str, message: object, sends: object) -> None:
        if isinstance(message, Update) and message.status.state is TaskState.FAILED:
            ended.append(message.status.reason)

    clean(run(12, 4, 250, seed=seed, faults=True, checks=True, watch=watch))
    assert Reason.TASK_HEALTH_CHECK_STATUS_UPDATED in ended


def test_what_operators_do_leaves_the_faults_of_a_seed_as_they_are() -> None:
    with_them, without = (run(12, 4, 50, seed=5, faults=True, operators=each) for each in (True, False))
    assert with_them.faults.keys() & OPERATORS
    assert not without.faults.keys() & OPERATORS
    assert run(12, 4, 50, seed=5, faults=True).digest == with_them.digest != without.digest


def test_every_kind_of_fault_happens_in_a_few_seeds() -> None:
    kinds = {kind for seed in range(10, 16) for kind in run(20, 4, 100, seed=seed, faults=True).faults}
    assert kinds == OPERATORS | {
        "agent changed",
        "agent replaced",
        "crash of a host",
        "link flaps",
        "crash of a framework",
        "crash of an agent",
        "crash of an executor",
        "crash of master or allocator",
        "host cut off",
        "link of the master cut",
        "messages slow",
        "updates doubled",
    }


@pytest.mark.parametrize("case", json.loads(CORPUS.read_text()), ids=lambda case: case["why"])
def test_a_seed_that_once_failed_stays_well(case: dict[str, object]) -> None:
    numbers = (case["agents"], case["frameworks"], case["tasks"], case["seed"])
    clean(run(*numbers, faults=True, operators=case.get("operators", False)))  # type: ignore[arg-type]


def test_progress_is_told_while_the_run_goes_on() -> None:
    seen: list[int] = []
    run(5, 2, 50, seed=1, progress=lambda report: seen.append(report.done))
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 50


@pytest.mark.parametrize(
    ("field", "numbers"),
    [("agents", (0, 1, 1, 0)), ("frameworks", (1, 0, 1, 0)), ("tasks", (1, 1, 0, 0)), ("jobs", (1, 1, 1, -1))],
)
def test_a_run_of_nothing_is_refused(field: str, numbers: tuple[int, int, int, int]) -> None:
    agents, frameworks, tasks, jobs = numbers
    with pytest.raises(InvalidValue, match=field):
        run(agents, frameworks, tasks, jobs=jobs)
