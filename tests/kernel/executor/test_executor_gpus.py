"""What a task sees of its agent's GPUs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from executor_rig import AGENT, INFO, SHIM, Rig, chunk, task, to

from raymesos.model.resources import Resources
from raymesos.wire.messages import ExecutorReconnect, ExecutorSubscribe, ExecutorSubscribed, StartWork, TaskInfo
from raymesos.wire.work import ChunkWork

GPUS = replace(INFO, resources=Resources.parse("cpus:4;mem:4096;gpus:4"))
NAME = "CUDA_VISIBLE_DEVICES"


def started(rig: Rig, info: TaskInfo) -> StartWork:
    [work] = to(SHIM, rig.launch(info))
    assert isinstance(work, StartWork)
    return work


def on_gpus() -> Rig:
    rig = Rig()
    rig.tell(ExecutorSubscribed("c-S0", GPUS))
    return rig


@pytest.mark.parametrize(("ids", "text"), [((2,), "2"), ((0, 3), "0,3"), ((), "")])
def test_a_task_on_an_agent_with_gpus_sees_its_own_and_no_others(ids: tuple[int, ...], text: str) -> None:
    resources = f"cpus:1;gpus:{len(ids)}" if ids else "cpus:1"
    assert dict(started(on_gpus(), task(resources=resources, gpu_ids=ids)).env)[NAME] == text


def test_where_there_are_no_gpus_nothing_is_said_of_them() -> None:
    assert NAME not in dict(started(Rig(), task()).env)


def test_a_task_with_gpus_has_a_process_of_its_own() -> None:
    """A warm worker keeps the GPUs that it first saw."""
    with_gpus, without = chunk("a", gpu_ids=(1,)), chunk("b")
    rig = on_gpus()
    for info, alone in ((with_gpus, True), (without, False)):
        work = started(rig, info).work
        assert isinstance(work, ChunkWork)
        assert work.isolated is alone
        assert replace(work, isolated=False) == info.work


def test_the_ids_are_given_back_to_an_agent_that_began_again() -> None:
    rig = on_gpus()
    rig.run(task(resources="cpus:1;gpus:1", gpu_ids=(2,)))
    [message] = to(AGENT, rig.tell(ExecutorReconnect()))
    assert isinstance(message, ExecutorSubscribe)
    assert [t.gpu_ids for t in message.tasks] == [(2,)]
