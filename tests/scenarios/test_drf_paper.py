"""The experiment of the DRF paper (NSDI 2011, section 6.1) as a run of the simulator: two jobs on 48 machines, whose demands change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from load_tests.figures import drf


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return drf.run()


def test_dominant_shares_are_equal_in_each_period_whatever_the_demands(rows: list[dict[str, Any]]) -> None:
    for period in range(3):
        means = drf.mean_shares(rows, period)
        one, other = (drf.dominant(means[name]) for name in drf.DEMANDS)
        assert one == pytest.approx(other, abs=0.02), period


def test_each_job_has_most_of_what_its_tasks_need_most(rows: list[dict[str, Any]]) -> None:
    first, second, third = (drf.mean_shares(rows, period) for period in range(3))
    # <1, 10> and <1, 1>: memory for one, CPUs for the other, and hardly a CPU idle.
    assert first["job 1"]["mem"] > 0.65 > first["job 1"]["cpus"]
    assert first["job 2"]["cpus"] > 0.65 > first["job 2"]["mem"]
    assert first["job 1"]["cpus"] + first["job 2"]["cpus"] > 0.9
    # <2, 4> and <1, 3>: CPUs for both. <1, 7> and <1, 4>: memory for both.
    assert (second["job 1"]["cpus"], second["job 2"]["cpus"]) == pytest.approx((0.5, 0.5), abs=0.02)
    assert (third["job 1"]["mem"], third["job 2"]["mem"]) == pytest.approx((0.43, 0.43), abs=0.02)


def test_when_demands_change_shares_are_equal_again_within_two_lengths_of_a_task(rows: list[dict[str, Any]]) -> None:
    for period in (1, 2):
        after = [r for r in rows if period * drf.PERIOD_S + 20 <= r["t"] < (period + 1) * drf.PERIOD_S]
        apart = [abs(drf.dominant(row["job 1"]) - drf.dominant(row["job 2"])) for row in after]
        assert max(apart) < 0.05


def test_the_figure_shows_such_a_run(rows: list[dict[str, Any]]) -> None:
    shown = json.loads((drf.FIGURES / "drf.json").read_text())
    assert [row["t"] for row in shown["rows"]] == [row["t"] for row in rows]
    for period, told in enumerate(shown["means"].values()):
        drawn, again = drf.mean_shares(shown["rows"], period), drf.mean_shares(rows, period)
        for name in drf.DEMANDS:
            assert drawn[name] == pytest.approx(told[name], abs=0.001)
            assert drawn[name] == pytest.approx(again[name], abs=0.02)
    assert (drf.FIGURES / "drf.svg").read_text().startswith("<?xml")
