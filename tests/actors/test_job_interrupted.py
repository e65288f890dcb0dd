"""Ctrl-C while one waits for a job."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.job import Job
from raymesos.wire.jobs import CancelJob


class InterruptedDoor:
    """Ctrl-C comes with the first wait; the job is in `state` by then."""

    def __init__(self, state: str) -> None:
        self.state, self.asked = state, list[Any]()

    def call(self, actor: str, method: str, *arguments: Any) -> Any:
        if method == "poll":
            raise KeyboardInterrupt
        counts = dict.fromkeys(("waiting", "running", "succeeded", "failed", "retried"), 0)
        return {"id": "j-1", "name": "j", "role": "ads", "state": self.state, "why": "all", "total": 2, **counts}

    def ask(self, actor: str, message: Any) -> None:
        self.asked.append(message)


def interrupted(state: str, *, detached: bool = False) -> list[Any]:
    door = InterruptedDoor(state)
    job = Job(door, "j-1", 2, name="j", detached=detached)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        job.wait()
    job._forget_exit()
    return door.asked


def test_ctrl_c_cancels_a_job_under_way_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert interrupted("Accepted") == [CancelJob("j-1")]
    assert "job j is cancelled" in capsys.readouterr().err


def test_ctrl_c_after_the_end_of_a_job_cancels_nothing_and_says_that(capsys: pytest.CaptureFixture[str]) -> None:
    assert interrupted("Finished") == []
    assert capsys.readouterr().err == "raymesos: interrupted; job j had ended: all\n"


def test_ctrl_c_leaves_a_detached_job_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert interrupted("Accepted", detached=True) == []
    assert capsys.readouterr().err == ""
