"""What a load test is held to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from load_tests.over_http.outcome import Endpoint, Outcome, read_outcome
from load_tests.over_http.thresholds import ENDS, LEAST_MS, RATIOS, YARDSTICK, complaints


def good() -> Outcome:
    """Every row just at its bound, everything that was begun ended."""
    rows = tuple(Endpoint(name, 100, 0, 10.0, 5.0, 10.0 * (bound or 50)) for name, bound in RATIOS.items())
    return Outcome(rows, (), {what: 7 for pair in ENDS.items() for what in pair})


def changed(name: str, **fields: object) -> Outcome:
    outcome = good()
    rows = tuple(replace(row, **fields) if row.name == name else row for row in outcome.endpoints)  # type: ignore[arg-type]
    return replace(outcome, endpoints=rows)


def test_a_run_at_its_bounds_passes() -> None:
    assert complaints(good()) == []


@pytest.mark.parametrize("name", RATIOS)
def test_one_failed_request_fails_the_run_and_is_named(name: str) -> None:
    assert complaints(changed(name, failures=1)) == [f"{name}: 1 of 100 failed"]


def test_a_failure_of_a_row_without_a_bound_counts_too() -> None:
    outcome = good()
    outcome = replace(outcome, endpoints=(*outcome.endpoints, Endpoint("else", 3, 2, 1.0, 1.0, 1e6)))
    assert complaints(outcome) == ["else: 2 of 3 failed"]


@pytest.mark.parametrize(
    ("name", "bound"), [(name, bound) for name, bound in RATIOS.items() if bound and name != YARDSTICK]
)
def test_a_row_above_its_ratio_is_named_with_both(name: str, bound: float) -> None:
    (said,) = complaints(changed(name, p99_ms=10.0 * bound + 5))
    assert said.startswith(f"{name}: p99 is ")
    assert said.endswith(f"more than {bound:g}")


@pytest.mark.parametrize("name", RATIOS)
def test_what_nobody_asked_for_was_not_tested(name: str) -> None:
    outcome = good()
    rows = tuple(row for row in outcome.endpoints if row.name != name)
    assert complaints(replace(outcome, endpoints=rows)) == [f"{name}: was never asked"]


def test_a_yardstick_of_less_than_the_clock_shows_counts_as_that() -> None:
    rows = tuple(replace(row, p99_ms=LEAST_MS * (RATIOS[row.name] or 1)) for row in good().endpoints)
    rows = tuple(replace(row, p99_ms=1.0) if row.name == YARDSTICK else row for row in rows)
    assert complaints(replace(good(), endpoints=rows)) == []


def test_what_takes_as_long_as_its_tasks_has_no_ratio_and_must_be_there() -> None:
    whole = [name for name, bound in RATIOS.items() if bound is None]
    assert len(whole) == 3
    assert complaints(changed(whole[0], p99_ms=1e9)) == []


@pytest.mark.parametrize(("begun", "ended"), ENDS.items())
def test_what_was_begun_and_did_not_end_well_is_told(begun: str, ended: str) -> None:
    outcome = good()
    assert complaints(replace(outcome, counts=outcome.counts | {ended: 6})) == [f"{begun}: 7, {ended}: 6"]


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    outcome = replace(good(), errors=("a: b (1x)",))
    outcome.write(tmp_path / "outcome.json")
    assert read_outcome(tmp_path / "outcome.json") == outcome
