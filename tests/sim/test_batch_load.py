"""Batch jobs in generated runs: whatever is crashed, cut, slow or doubled, each input is counted once; and the model sees it when that is not so."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from raymesos.frameworks.batch import attempts
from raymesos.frameworks.batch.machine import BatchMachine
from raymesos.sim import batch_load
from raymesos.sim.batch_load import plan_jobs
from raymesos.sim.run import Report, run


def with_jobs(seed: int, *, faults: bool = True) -> Report:
    return run(8, 2, 40, seed, jobs=20, faults=faults, longest_s=3_000)


@pytest.mark.parametrize("seed", range(8))
def test_each_input_of_each_job_is_counted_once_under_faults(seed: int) -> None:
    report = with_jobs(seed)
    assert report.violations == []
    assert report.inputs > 100


# Each once kept a role from its offers: a wish, or a role, that was new while a subscription was on its way.
@pytest.mark.parametrize("seed", [14, 18, 48, 58])
def test_a_seed_that_once_got_stuck_stays_well(seed: int) -> None:
    assert with_jobs(seed).violations == []


def test_without_faults_all_jobs_end_and_the_story_is_the_same_twice() -> None:
    first, second = with_jobs(3, faults=False), with_jobs(3, faults=False)
    assert first.violations == []
    assert first.digest == second.digest
    assert first.inputs == second.inputs > 100


def test_a_run_without_jobs_has_none() -> None:
    assert run(3, 1, 10, seed=1).inputs == 0


def test_the_jobs_of_a_plan_are_of_all_kinds() -> None:
    specs = plan_jobs(200, Random(1))
    assert {bool(s.argv) for s in specs} == {bool(s.inputs) for s in specs} == {s.gang for s in specs} == {True, False}
    assert any(s.after for s in specs)
    assert any(s.max_parallel for s in specs)
    assert any(s.runtime_limit_ms for s in specs)
    assert plan_jobs(200, Random(1)) == specs


class Forgetful(BatchMachine):
    """It loses the last things that it wrote down."""

    def restore(self, records: Any) -> None:
        super().restore([*records][:-30])


class Doubling(BatchMachine):
    """It tells a client of its last part of results twice."""

    def results_after(self, job_id: str, cursor: int) -> list[Any]:
        parts = super().results_after(job_id, cursor)
        return [*parts, *parts[-1:]] if self.state.jobs[job_id].state == "Finished" else parts


class Inventing(BatchMachine):
    """It gives results that nobody has computed."""

    def handle(self, now_ms: int, sender: str, message: Any, out: Any) -> None:
        if isinstance(message, attempts.WorkReport):
            message = replace(message, results=replace(message.results, inline=b"invented"))
        super().handle(now_ms, sender, message, out)


class Strict(BatchMachine):
    """It lets users pay twice."""

    def handle(self, now_ms: int, sender: str, message: Any, out: Any) -> None:
        before = {(j.id, i): c for j in self.state.open.values() for i, c in j.failures.items()}
        super().handle(now_ms, sender, message, out)
        for job in self.state.open.values():
            for index, (count, key) in job.failures.items():
                if (job.id, index) not in before:
                    job.failures[index] = (count + 1, key)


@pytest.mark.parametrize(
    ("broken", "violation"),
    [(Doubling, "batch.twice"), (Inventing, "batch.invented"), (Strict, "batch.payer"), (Forgetful, "batch.")],
)
def test_the_model_sees_a_broken_framework(
    broken: type[BatchMachine], violation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_load, "BatchMachine", broken)
    assert any(violation in v for seed in range(8) for v in with_jobs(seed).violations)
