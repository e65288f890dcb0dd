"""Generated runs: the same seed gives the same story under any hash seed, faults heal, and seeds that once failed stay here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raymesos.errors import InvalidValue
from raymesos.sim.run import Report, in_words, main, run

CORPUS = Path(__file__).with_name("corpus.json")


def clean(report: Report) -> None:
    assert report.violations == []
    assert report.done == report.tasks


def in_another_process(hash_seed: str, *arguments: str) -> dict[str, object]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "raymesos.sim", *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_same_seed_tells_the_same_story_under_any_hash_seed() -> None:
    arguments = ("--agents", "30", "--frameworks", "5", "--tasks", "400", "--seed", "7", "--faults")
    stories = [in_another_process(hash_seed, *arguments) for hash_seed in ("0", "1", "random")]
    assert len({story["digest"] for story in stories}) == 1
    assert len({json.dumps(story["ends"]) for story in stories}) == 1


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
    assert sum(report.faults.values()) >= 10


def test_every_kind_of_fault_happens_in_a_few_seeds() -> None:
    kinds = {kind for seed in range(10, 16) for kind in run(20, 4, 100, seed=seed, faults=True).faults}
    assert kinds == {
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
    clean(run(case["agents"], case["frameworks"], case["tasks"], case["seed"], faults=True))  # type: ignore[arg-type]


def test_progress_is_told_while_the_run_goes_on() -> None:
    seen: list[int] = []
    run(5, 2, 50, seed=1, progress=lambda report: seen.append(report.done))
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 50


def test_the_report_in_words_ends_with_the_digest() -> None:
    report = run(3, 1, 10, seed=1)
    assert in_words(report).splitlines()[-1] == f"digest: {report.digest}"


@pytest.mark.parametrize("field", ["agents", "frameworks", "tasks"])
def test_a_run_of_nothing_is_refused(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {"agents": 1, "frameworks": 1, "tasks": 1, field: 0}
    with pytest.raises(InvalidValue, match=field):
        run(**numbers)
    assert main([word for name, value in numbers.items() for word in (f"--{name}", str(value))]) == 2
    assert field in capsys.readouterr().err
