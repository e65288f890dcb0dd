"""The executor and its agent: nothing is lost between them and nothing overtakes."""

from __future__ import annotations

import pytest
from executor_rig import AGENT, E1, EXECUTOR, F1, INFO, SHIM, Rig, chunk, report, states, statuses, task, to

from raymesos.errors import InvariantBroken
from raymesos.machine import LinkDown, LinkUp, Wake
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import (
    ExecutorAcknowledged,
    ExecutorReconnect,
    ExecutorSubscribe,
    ExecutorSubscribed,
    WorkStarted,
)


def test_a_new_executor_subscribes_until_the_agent_answers() -> None:
    rig = Rig(subscribed=False, subscribe_retry_ms=10, subscribe_retry_max_ms=25)
    hello = (AGENT, ExecutorSubscribe(F1, E1))
    assert rig.tell(Wake("start"), EXECUTOR) == [hello]
    assert [rig.now_ms for _ in range(100) if rig.advance(1)] == [10, 30, 55, 80]
    assert rig.tell(ExecutorSubscribed("c-S0", INFO)) == []
    assert rig.advance(1_000) == []


def test_updates_wait_for_the_agents_answer_and_follow_in_order() -> None:
    rig = Rig()
    rig.launch(task("t1"))
    sent = rig.tell(ExecutorReconnect())
    [again] = to(AGENT, sent)
    assert again.tasks == (task("t1"),)
    assert [u.state for u in again.updates] == [TaskState.STARTING]
    assert rig.tell(WorkStarted("t1"), SHIM) == []
    assert states(rig.end("t1")) == []
    sent = rig.tell(ExecutorSubscribed("c-S0", INFO))
    assert [s[1] for s in states(sent)] == [TaskState.RUNNING, TaskState.FINISHED]
    assert rig.tell(ExecutorSubscribed("c-S0", INFO)) == []


def test_a_second_subscription_carries_what_came_up_since_the_first() -> None:
    rig = Rig(subscribe_retry_ms=10)
    rig.tell(LinkDown(AGENT))
    assert states(rig.launch(task("t1"))) == []
    [(_, hello)] = rig.advance(10)
    assert [u.state for u in hello.updates] == [TaskState.STARTING]
    assert hello.states == (TaskState.STARTING,)
    assert rig.tell(ExecutorSubscribed("c-S0", INFO)) == []


def test_a_new_agent_is_told_everything_that_is_held() -> None:
    rig = Rig()
    rig.run(task("t1"), task("t2"))
    [t2_end] = statuses(rig.end("t2"))
    [(_, hello)] = rig.tell(LinkUp(AGENT, restarted=True))
    assert hello == ExecutorSubscribe(
        F1, E1, (task("t1"), task("t2")), (t2_end,), (TaskState.RUNNING, TaskState.FINISHED)
    )


def test_a_task_of_which_only_reports_are_left_is_not_the_agents_business() -> None:
    rig = Rig()
    rig.run(chunk("t1"))
    rig.tell(report("t1"), SHIM)
    rig.acknowledge(rig.end("t1"))
    assert rig.tell(ExecutorReconnect()) == [(AGENT, ExecutorSubscribe(F1, E1))]


def test_an_acknowledged_update_is_dropped_and_with_the_last_one_the_task() -> None:
    rig = Rig()
    rig.launch(task("t1"))
    sent = rig.end("t1")
    rig.acknowledge(sent)
    [(_, hello)] = rig.tell(ExecutorReconnect())
    assert [u.state for u in hello.updates] == [TaskState.STARTING]
    rig.tell(ExecutorAcknowledged("t1", hello.updates[0].uuid))
    assert rig.executor.state.tasks == {}
    assert rig.tell(ExecutorAcknowledged("t1", hello.updates[0].uuid)) == []


def test_while_the_agent_is_away_it_is_asked_again() -> None:
    rig = Rig(subscribe_retry_ms=10, subscribe_retry_max_ms=40)
    assert rig.tell(LinkDown(AGENT)) == []
    assert rig.advance(9) == []
    assert rig.advance(1) == [(AGENT, ExecutorSubscribe(F1, E1))]


def test_an_unknown_wake_is_our_own_mistake() -> None:
    with pytest.raises(InvariantBroken, match=r"executor\.wake"):
        Rig().tell(Wake("what"), EXECUTOR)
