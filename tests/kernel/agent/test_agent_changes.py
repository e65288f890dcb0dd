"""An agent that changes while it runs, and tasks whose revocable resources are wanted back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from agent_rig import AGENT, E1, EXECUTOR, F1, F2, INFO, Rig, task, to, updates

from raymesos.machine import MASTER, LinkDown, LinkUp, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.revocable import as_revocable, to_take_back
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentRefused,
    AgentRegistered,
    AgentUpdated,
    ConfigureAgent,
    Estimated,
    ExecutorLost,
    ExecutorSubscribed,
    KillLaunched,
    KillTask,
    RegisterAgent,
    ReregisterAgent,
    TaskInfo,
)
from raymesos.wire.work import CommandWork

SMALL = ConfigureAgent(Resources.parse("cpus:2;mem:1024"), Attributes.parse("rack:r2"), "eu", "eu-1")
PREEMPTED = Reason.CONTAINER_PREEMPTED


def lent(text: str) -> Resources:
    return as_revocable(Resources.parse(text))


def borrowing(task_id: str, text: str = "cpus:1", priority: int = 0) -> TaskInfo:
    return TaskInfo(task_id, task_id, lent(text), CommandWork(("true",)), role="role", priority=priority)


def estimate(rig: Rig, text: str) -> list[tuple[str, object]]:
    return rig.tell(Estimated(Resources.parse(text)), "launcher/A1")


def lending(text: str, *tasks: TaskInfo) -> Rig:
    """An agent that lends out this, with these tasks running."""
    rig = Rig()
    rig.register()
    estimate(rig, text)
    rig.running(*tasks)
    return rig


def killed(sent: list[tuple[str, object]]) -> list[tuple[str, int]]:
    return [(m.task_id, m.grace_ms) for m in to(EXECUTOR, sent) if isinstance(m, KillLaunched)]


# ---------------------------------------------------------------- what the master hears


def test_a_registered_agent_tells_the_master_what_it_has_become_and_its_executors_too() -> None:
    rig = Rig()
    rig.running(task())
    sent = rig.tell(SMALL, "launcher/A1")
    [message] = to(MASTER, sent)
    assert isinstance(message, AgentUpdated)
    assert message.agent_id == "c-S0"
    assert (message.info.name, message.info.resources, message.info.attributes) == (
        "A1",
        SMALL.resources,
        SMALL.attributes,
    )
    assert (message.info.region, message.info.zone) == ("eu", "eu-1")
    assert to(EXECUTOR, sent) == [ExecutorSubscribed("c-S0", message.info)]
    assert rig.agent.state.free == Resources.parse("cpus:1;mem:896")


def test_the_same_again_is_not_told() -> None:
    rig = Rig()
    rig.register()
    assert estimate(rig, "cpus:1") != []
    assert estimate(rig, "cpus:1") == []
    rig.tell(SMALL, "launcher/A1")
    assert rig.tell(SMALL, "launcher/A1") == []


def test_what_changes_before_the_first_answer_is_told_after_it() -> None:
    """To the master, a registration that says something else would be another agent, and ours would be gone."""
    rig = Rig()
    assert estimate(rig, "cpus:1") == []
    again = rig.advance(1_000)
    assert to(MASTER, again) == [RegisterAgent(INFO, 1)]
    [message] = to(MASTER, rig.register())
    assert isinstance(message, AgentUpdated)
    assert message.info.revocable == Resources.parse("cpus:1")


def test_what_changes_while_the_master_is_away_is_told_with_the_next_registration_alone() -> None:
    rig = Rig()
    rig.register()
    rig.tell(LinkDown(MASTER))
    assert estimate(rig, "cpus:1") == []
    [message] = to(MASTER, rig.tell(LinkUp(MASTER, restarted=False)))
    assert isinstance(message, ReregisterAgent)
    assert message.info.revocable == Resources.parse("cpus:1")
    assert to(MASTER, rig.register()) == []


def test_a_change_between_registration_and_answer_is_not_lost() -> None:
    rig = Rig()
    rig.register()
    rig.tell(LinkDown(MASTER))
    rig.tell(LinkUp(MASTER, restarted=False))
    estimate(rig, "cpus:1")
    [message] = to(MASTER, rig.tell(AgentRegistered("c-S0", "c", 75_000)))
    assert isinstance(message, AgentUpdated)
    assert message.info.revocable == Resources.parse("cpus:1")


# ---------------------------------------------------------------- a smaller total


def test_what_runs_goes_on_and_nothing_more_of_what_is_missing_is_given_out() -> None:
    rig = Rig()
    rig.running(task("big", "cpus:3;mem:128"))
    assert killed(rig.tell(SMALL, "launcher/A1")) == []
    assert rig.agent.state.free == Resources.parse("mem:896")
    assert updates(rig.run(task("more", "cpus:1"))) == [("more", TaskState.DROPPED, Reason.RESOURCES_UNKNOWN)]
    assert updates(rig.run(task("memory", "mem:896"))) == []
    rig.update("big", TaskState.FINISHED)
    assert rig.agent.state.free == Resources.parse("cpus:2;mem:128")


def test_an_agent_that_was_refused_does_not_change() -> None:
    rig = Rig()
    rig.register()
    rig.tell(AgentRefused("marked gone"))
    assert rig.tell(SMALL, "launcher/A1") == []
    assert estimate(rig, "cpus:1") == []
    assert rig.agent.state.info == INFO


# ---------------------------------------------------------------- the owner wants it back


def test_lowest_priority_goes_first_then_the_youngest_and_no_more_than_needed() -> None:
    rig = lending("cpus:4", borrowing("a"), borrowing("b"), borrowing("c", priority=1), borrowing("d"))
    assert killed(estimate(rig, "cpus:4")) == []
    assert killed(estimate(rig, "cpus:2")) == [("d", 0), ("b", 0)]
    assert rig.events().count("task preempted") == 2


def test_those_that_are_being_killed_already_count_as_gone() -> None:
    rig = lending("cpus:3", borrowing("a"), borrowing("b"), borrowing("c"))
    assert killed(estimate(rig, "cpus:2")) == [("c", 0)]
    assert killed(estimate(rig, "cpus:2")) == []
    assert killed(estimate(rig, "cpus:1")) == [("b", 0)]


def test_a_preempted_task_is_gone_with_mesos_reason_by_word_of_the_agent() -> None:
    rig = lending("cpus:1", borrowing("a"))
    estimate(rig, "")
    assert updates(rig.update("a", TaskState.KILLING)) == [("a", TaskState.KILLING, PREEMPTED)]
    rig.acknowledge("a", f"u{rig.made}")
    sent = rig.update("a", TaskState.KILLED)
    assert updates(sent) == [("a", TaskState.GONE, PREEMPTED)]
    [message] = to(MASTER, sent)
    assert message.status.source == "SOURCE_AGENT"
    assert message.status.message == "Container preempted: its agent lends out nothing now"
    assert rig.agent.state.free == INFO.resources


def test_one_that_ends_by_itself_before_it_is_killed_has_its_own_end() -> None:
    rig = lending("cpus:1", borrowing("a"))
    estimate(rig, "")
    assert updates(rig.update("a", TaskState.FINISHED)) == [("a", TaskState.FINISHED, Reason.NONE)]


def test_a_task_that_its_executor_does_not_have_yet_is_gone_at_once() -> None:
    rig = Rig()
    rig.register()
    estimate(rig, "cpus:1")
    rig.run(borrowing("a"))
    assert updates(estimate(rig, "")) == [("a", TaskState.GONE, PREEMPTED)]


def test_an_executor_that_is_lost_under_a_preempted_task_makes_no_difference() -> None:
    rig = lending("cpus:1", borrowing("a"))
    estimate(rig, "")
    assert updates(rig.tell(ExecutorLost(F1, E1, "crashed"))) == [("a", TaskState.GONE, PREEMPTED)]


@pytest.mark.parametrize("unestimated", [True, False])
def test_an_agent_that_began_again_asks_nothing_back_before_it_has_an_estimate(*, unestimated: bool) -> None:
    before = lending("cpus:2", borrowing("a"), borrowing("b"))
    rig = Rig(start=False, incarnation=2, unestimated=unestimated)
    rig.agent.restore(before.records)
    rig.tell(Wake("start"), AGENT)
    infos = (borrowing("a"), borrowing("b"))
    sent = rig.subscribe(tasks=infos, states=(TaskState.RUNNING,) * 2)
    assert killed(sent) == ([] if unestimated else [("b", 0), ("a", 0)])
    rig.register()
    assert killed(estimate(rig, "cpus:1")) == ([("b", 0)] if unestimated else [])


def test_a_kill_of_the_frameworks_is_still_a_kill() -> None:
    rig = lending("cpus:2", borrowing("a"), borrowing("b"))
    rig.tell(KillTask(F1, "a"))
    assert updates(rig.update("a", TaskState.KILLED)) == [("a", TaskState.KILLED, Reason.NONE)]


def test_a_group_is_one_because_it_ends_as_one() -> None:
    rig = lending("cpus:4")
    pod = [replace(borrowing(f"p{i}", "cpus:1.5"), group_id="g") for i in range(2)]
    rig.running(borrowing("a"), *pod)
    assert killed(estimate(rig, "cpus:1")) == [("p0", 0), ("p1", 0)]
    assert killed(estimate(rig, "cpus:0.5")) == [("a", 0)]


def test_regular_tasks_of_any_framework_are_never_taken() -> None:
    rig = lending("cpus:1", borrowing("a", priority=9))
    rig.run(task("own"), framework_id=F2)
    rig.subscribe(F2)
    assert killed(estimate(rig, "")) == [("a", 0)]
    assert rig.agent.state.frameworks[F2].tasks["own"].fate is None


def test_what_covers_the_need_is_chosen_without_anything_that_is_not_needed() -> None:
    def chosen(excess: dict[str, int], *holders: str) -> list[str]:
        return to_take_back([(text, Resources.parse(text)) for text in holders], excess)

    assert chosen({}, "cpus:1") == []
    assert chosen({"cpus": 1}, "mem:1", "cpus:1", "cpus:2") == ["cpus:1"]
    assert chosen({"cpus": 3000}, "cpus:1", "cpus:2", "cpus:3") == ["cpus:1", "cpus:2"]
    assert chosen({"cpus": 3000}, "cpus:1", "cpus:3", "cpus:2") == ["cpus:3"]
    assert chosen({"cpus": 9000}, "cpus:1", "cpus:3") == ["cpus:1", "cpus:3"]
    assert chosen({"cpus": 1000, "mem": 1000}, "cpus:1", "mem:1", "cpus:1;mem:1") == ["cpus:1", "mem:1"]
