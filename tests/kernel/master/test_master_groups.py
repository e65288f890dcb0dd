"""Task groups at the master: launched whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from master_rig import A1, F1, NOT_PARTITION_AWARE, Rig, Sent, of, statuses, task, to, updates

from raymesos.machine import ALLOCATOR
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import Accept, Launch, LaunchGroup, Offer, Recover, RunTasks, TaskInfo


def accept(rig: Rig, framework_id: str, offers: Iterable[Offer], *operations: Launch | LaunchGroup) -> Sent:
    return rig.tell(F1, Accept(framework_id, tuple(o.id for o in offers), operations, 0))


def group(*tasks: TaskInfo, executor_id: str = "") -> LaunchGroup:
    return LaunchGroup(tasks, executor_id)


def started() -> tuple[Rig, str, Offer]:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    return rig, framework_id, rig.offer(framework_id, agent_id)


def run_tasks(sent: Sent) -> list[tuple[TaskInfo, ...]]:
    return [m.tasks for _, m in of(RunTasks, sent)]


def test_a_group_is_sent_as_one_message_with_one_group_id_and_its_executor() -> None:
    rig, framework_id, offer = started()
    sent = accept(rig, framework_id, [offer], group(task("t1"), task("t2"), executor_id="pod"))
    [(one, two)] = run_tasks(sent)
    assert (one.task_id, one.role, one.executor_id) == ("t1", "dev", "pod")
    assert (two.task_id, two.role, two.executor_id) == ("t2", "dev", "pod")
    assert one.group_id == two.group_id != ""
    assert to(F1, sent) == []
    [(_, back)] = of(Recover, sent)
    assert back.resources == Resources.parse("cpus:2;mem:3840")


def test_two_groups_have_two_ids_and_so_have_groups_of_the_masters_next_life() -> None:
    rig, framework_id, offer = started()
    sent = accept(rig, framework_id, [offer], group(task("t1")), group(task("t2")))
    ids = [tasks[0].group_id for tasks in run_tasks(sent)]
    rig = rig.restart()
    rig.back()
    rig.framework(id=framework_id)
    offer = rig.offer(framework_id, rig.agent_ids[A1])
    ids += [tasks[0].group_id for tasks in run_tasks(accept(rig, framework_id, [offer], group(task("t3"))))]
    assert len(dict.fromkeys(ids)) == 3


INVALID = [
    pytest.param((task("t1"), task("a/b")), "Task 'a/b' is invalid: 'a/b' contains invalid characters", id="bad id"),
    pytest.param((task("t1"), task("t1")), "Task 't1' is invalid: Task group has duplicate task ID: t1", id="same id"),
    pytest.param((task("t1"), task("t2", "")), "Task 't2' is invalid: Task uses no resources", id="no resources"),
    pytest.param(
        (task("t1"), task("old")), "Task 'old' is invalid: Task has duplicate ID: old", id="an id that is in use"
    ),
    pytest.param(
        (task("t1", "cpus:2"), task("t2", "cpus:2.5")),
        "Task 't2' is invalid: Total resources cpus:2.5 required by task and its executor is more than available cpus:1;mem:3968",
        id="together more than was offered",
    ),
    pytest.param(
        (task("t1"), task("t2", executor_id="other")),
        "Task 't2' is invalid: Task names executor 'other', its group names 'pod'",
        id="another executor",
    ),
]


@pytest.mark.parametrize(("tasks", "text"), INVALID)
def test_one_invalid_task_makes_the_whole_group_invalid_and_nothing_is_used(
    tasks: tuple[TaskInfo, ...], text: str
) -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    rig.run(framework_id, agent_id, task("old"))
    offer = rig.offer(framework_id, agent_id, "cpus:3;mem:3968")
    sent = accept(rig, framework_id, [offer], LaunchGroup(tasks, "pod"))
    assert updates(F1, sent) == [(t.task_id, TaskState.ERROR, Reason.TASK_GROUP_INVALID) for t in tasks]
    assert [(s.message, s.uuid, s.agent_id) for s in statuses(F1, sent)] == [(text, "", agent_id)] * len(tasks)
    assert run_tasks(sent) == []
    [back] = to(ALLOCATOR, sent)
    assert back.resources == offer.resources


def test_a_groups_executor_needs_a_valid_id() -> None:
    rig, framework_id, offer = started()
    sent = accept(rig, framework_id, [offer], group(task("t1"), executor_id="../x"))
    [status] = statuses(F1, sent)
    assert (status.reason, status.message) == (
        Reason.TASK_GROUP_INVALID,
        "Executor of the task group is invalid: '../x' contains invalid characters",
    )
    assert run_tasks(sent) == []


def test_a_group_without_tasks_starts_nothing() -> None:
    rig, framework_id, offer = started()
    sent = accept(rig, framework_id, [offer], group())
    assert run_tasks(sent) == to(F1, sent) == []


def test_an_invalid_group_leaves_what_it_asked_for_to_the_operations_after_it() -> None:
    rig, framework_id, offer = started()
    bad, good = group(task("t1", "cpus:3"), task("t2", "cpus:3")), group(task("t3", "cpus:2"), task("t4", "cpus:2"))
    sent = accept(rig, framework_id, [offer], bad, good, Launch((task("t5", "cpus:1"),)))
    assert [[t.task_id for t in tasks] for tasks in run_tasks(sent)] == [["t3", "t4"]]
    assert updates(F1, sent) == [
        ("t1", TaskState.ERROR, Reason.TASK_GROUP_INVALID),
        ("t2", TaskState.ERROR, Reason.TASK_GROUP_INVALID),
        ("t5", TaskState.ERROR, Reason.TASK_INVALID),
    ]


@pytest.mark.parametrize(("aware", "told"), [(True, TaskState.DROPPED), (False, TaskState.LOST)])
def test_a_group_on_invalid_offers_is_dropped_whole(aware: bool, told: TaskState) -> None:
    rig = Rig()
    more = {} if aware else {"capabilities": NOT_PARTITION_AWARE}
    agent_id, framework_id = rig.agent(), rig.framework(**more)
    offer = rig.offer(framework_id, agent_id)
    sent = accept(rig, framework_id, [offer, offer], group(task("t1"), task("t2")))
    assert updates(F1, sent) == [("t1", told, Reason.INVALID_OFFERS), ("t2", told, Reason.INVALID_OFFERS)]
    assert run_tasks(sent) == []


def test_a_task_that_is_launched_alone_is_of_no_group_whatever_it_says() -> None:
    rig, framework_id, offer = started()
    [[info]] = run_tasks(accept(rig, framework_id, [offer], Launch((task("t1", group_id="c-0001-G1"),))))
    assert info.group_id == ""
