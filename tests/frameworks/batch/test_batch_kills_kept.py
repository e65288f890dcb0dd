"""Why a task is being killed outlives the framework: whoever pays for another attempt does so whether or not the framework was there when the task ended."""

from __future__ import annotations

import pytest
from batch_rig import CLIENT, Rig, Task

from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import EndTask
from raymesos.wire.messages import Kill


def killing(rig: Rig, **fields: object) -> Task:
    """A task that runs and that its user has had killed."""
    rig.submit(alone=True, **fields)
    (task,) = rig.offer()
    rig.run(task)
    rig.tell(EndTask(task.id), CLIENT)
    return task


def begin_anew(rig: Rig, how: str) -> None:
    if how == "from a snapshot":
        rig.snapshot()
    rig.restart()
    if how == "twice":
        rig.restart()


HOW = pytest.mark.parametrize("how", ["from the journal", "from a snapshot", "twice"])


@HOW
def test_a_task_that_lives_on_is_asked_to_end_again_and_its_end_is_its_users(how: str) -> None:
    rig = Rig()
    task = killing(rig, retries=0)
    rig.take(Kill)
    begin_anew(rig, how)
    assert [m.task_id for m in rig.take(Kill)][-1:] == [task.id]
    rig.update(task, TaskState.KILLED)
    assert rig.outcomes() == {0: "!killed"} and rig.status()["state"] == "Finished"


@HOW
def test_a_task_that_ended_meanwhile_is_its_users_too(how: str) -> None:
    rig = Rig()
    task = killing(rig, retries=1)
    task.state = TaskState.KILLED
    begin_anew(rig, how)
    rig.now += 60_000
    rig.advance(0)
    (again,) = rig.offer()
    rig.restart()
    rig.finish(again, failed={0: "x"})
    assert rig.outcomes() == {0: "!x"}, "it had one retry, which the kill has cost"


def test_a_runtime_limit_that_was_reached_is_not_forgiven() -> None:
    rig = Rig()
    rig.submit(retries=3, runtime_limit_ms=1_000, alone=True)
    (task,) = rig.offer()
    rig.run(task)
    rig.advance(1_000)
    task.state = TaskState.KILLED
    rig.restart()
    assert rig.outcomes() == {0: "!runtime limit exceeded"}


def test_a_task_that_was_done_before_its_kill_reached_it_stays_done() -> None:
    rig = Rig()
    task = killing(rig, retries=0)
    rig.restart()
    rig.finish(task)
    assert rig.status()["succeeded"] == 1


def test_a_kill_that_nobody_confirmed_is_not_charged_later() -> None:
    rig = Rig()
    task = killing(rig, retries=0)
    for _ in range(3):
        rig.advance(rig.settings.kill_stuck_ms + rig.settings.cycle_ms)
    task.state = TaskState.KILLED
    rig.restart()
    (again,) = rig.offer()
    rig.finish(again)
    assert rig.status()["succeeded"] == 1
