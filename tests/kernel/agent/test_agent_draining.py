"""An agent that drains, and one that is refused for now because its machine is down."""

from __future__ import annotations

import pytest
from agent_rig import E1, EXECUTOR, F1, INFO, LAUNCHER, Rig, task, to, updates

from raymesos.machine import MASTER, LinkUp
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentIdKept,
    AgentRefused,
    Drain,
    DrainOver,
    KillLaunched,
    LaunchTasks,
    RegisterAgain,
    RegisterAgent,
    StopExecutor,
)


@pytest.mark.parametrize(
    ("own_ms", "drain_ms", "grace_ms"),
    [
        (10_000, 4_000, 4_000),
        (2_000, 4_000, 2_000),
        (None, 1_000, 1_000),
        (None, 60_000, 3_000),
        (10_000, None, 10_000),
    ],
)
def test_a_task_has_its_own_grace_but_no_more_than_the_drain_gives(
    own_ms: int | None, drain_ms: int | None, grace_ms: int
) -> None:
    rig = Rig()
    rig.running(task("t1", kill_grace_ms=own_ms))
    assert rig.tell(Drain(drain_ms)) == [(EXECUTOR, KillLaunched("t1", grace_ms))]


def test_a_drain_kills_what_waits_for_its_executor_at_once_and_leaves_what_has_ended_alone() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED)
    rig.run(task("t2", executor_id="x"))
    sent = rig.tell(Drain(0))
    assert updates(sent) == [("t2", TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH)]
    assert to(EXECUTOR, sent) == []


def test_a_draining_agent_drops_new_tasks_until_it_is_over() -> None:
    rig = Rig()
    rig.running()
    rig.tell(Drain())
    sent = rig.run(task("t1"))
    assert updates(sent) == [("t1", TaskState.DROPPED, Reason.AGENT_DRAINING)]
    assert to(EXECUTOR, sent) == []
    rig.tell(DrainOver())
    assert rig.run(task("t2")) == [(EXECUTOR, LaunchTasks((task("t2"),)))]


def test_a_master_that_registers_the_agent_without_a_drain_has_ended_it() -> None:
    rig = Rig()
    rig.running()
    rig.tell(Drain())
    rig.register()
    assert rig.run(task("t1")) == [(EXECUTOR, LaunchTasks((task("t1"),)))]


def test_a_kill_that_the_executor_could_not_hear_is_said_again_when_it_is_back() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkUp(EXECUTOR, restarted=False), EXECUTOR)
    rig.tell(Drain(500))
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert KillLaunched("t1", 500) in to(EXECUTOR, sent)


def test_an_agent_that_is_refused_for_now_gives_everything_up_and_asks_again_as_a_new_agent() -> None:
    rig = Rig()
    rig.running(task("t1"))
    sent = rig.tell(AgentRefused("down", for_now=True))
    assert to(LAUNCHER, sent) == [StopExecutor(F1, E1)]
    assert to(MASTER, sent) == [RegisterAgent(INFO, 1)]
    assert rig.records[-1] == AgentIdKept("")
    assert (rig.agent.stopped, rig.agent.snapshot()) == ("", [])
    assert rig.tell(AgentRefused("down", for_now=True)) == []
    assert rig.advance(999) == []
    assert rig.advance(1) == [(MASTER, RegisterAgent(INFO, 1))]
    assert rig.tell(RegisterAgain()) == [(MASTER, RegisterAgent(INFO, 1))]
    rig.register("c-S9")
    assert rig.agent.state.agent_id == "c-S9"
    rig.run(task("t2"))
    assert to(EXECUTOR, rig.subscribe())[1:] == [LaunchTasks((task("t2"),))]


def test_an_agent_that_is_registered_does_not_register_again_because_it_is_called() -> None:
    rig = Rig()
    rig.running()
    assert rig.tell(RegisterAgain()) == []


def test_an_agent_that_is_refused_for_good_never_asks_again() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(AgentRefused("Agent has been marked gone"))
    assert rig.agent.stopped == "refused: Agent has been marked gone"
    assert rig.tell(RegisterAgain()) + rig.tell(Drain()) + rig.advance(1_000_000) == []
