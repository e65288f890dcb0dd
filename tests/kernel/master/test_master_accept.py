"""The one verifier: what may be launched on which offers, and what every mistake is answered with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from master_rig import A1, F1, NOT_PARTITION_AWARE, WHOLE, Rig, of, statuses, task, to, updates

from raymesos.machine import ALLOCATOR
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import Accept, Kill, Launch, Recover, RunTasks, TaskInfo, Update

DROPPED, ERROR = TaskState.DROPPED, TaskState.ERROR
HALF = "cpus:2;mem:2048"


def recovered(sent: list[tuple[str, Any]]) -> list[tuple[str, int | None]]:
    return [(str(m.resources), m.refuse_ms) for m in to(ALLOCATOR, sent) if isinstance(m, Recover)]


def launched(sent: list[tuple[str, Any]]) -> list[str]:
    return [info.task_id for _, m in of(RunTasks, sent) for info in m.tasks]


# ---------------------------------------------------------------- what is right


def test_a_launch_goes_to_the_agent_and_the_rest_goes_back_with_the_filter() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    sent = rig.accept(f1, [rig.offer(f1, a1)], task("t1"), task("t2"), refuse_ms=9_000)
    info = rig.master.state.frameworks[f1].info
    assert to(A1, sent) == [RunTasks(info, (task("t1", role="dev"), task("t2", role="dev")))]
    assert recovered(sent) == [("cpus:2;mem:3840", 9_000)]
    assert to(F1, sent) == []
    assert rig.metric("tasks_staging") == 2


def test_offers_of_one_agent_and_role_are_used_together() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offers = [rig.offer(f1, a1, HALF), rig.offer(f1, a1, HALF)]
    sent = rig.accept(f1, offers, task(resources=WHOLE))
    assert launched(sent) == ["t1"]
    assert recovered(sent) == []


def test_operations_are_carried_out_in_order_each_on_what_is_left() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    big, small = task("big", "cpus:3;mem:64"), task("small", "cpus:1;mem:64")
    operations = (Launch((big, replace(big, task_id="other"))), Launch((small,)))
    sent = rig.tell(F1, Accept(f1, (offer.id,), operations, 0))
    assert launched(sent) == ["big", "small"]
    assert updates(F1, sent) == [("other", ERROR, Reason.TASK_INVALID)]
    assert recovered(sent) == [("mem:3968", 0)]


def test_an_id_may_be_used_again_once_its_task_is_forgotten() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.report(f1, a1, "t1", TaskState.FINISHED, uuid="end")
    assert updates(F1, rig.accept(f1, [rig.offer(f1, a1)], task())) == [("t1", ERROR, Reason.TASK_INVALID)]
    rig.acknowledge(f1, a1, "t1", "end")
    assert launched(rig.accept(f1, [rig.offer(f1, a1, HALF)], task())) == ["t1"]


def test_two_frameworks_may_use_the_same_task_id() -> None:
    rig = Rig()
    f1, f2, a1 = rig.framework("F1"), rig.framework("F2"), rig.agent()
    assert launched(rig.accept(f1, [rig.offer(f1, a1, HALF)], task())) == ["t1"]
    assert launched(rig.accept(f2, [rig.offer(f2, a1, HALF)], task())) == ["t1"]


# ---------------------------------------------------------------- offers that do not go together

BAD_OFFERS = {
    "none": ([], "No offers specified"),
    "unknown": (["nope-O1"], "Offer nope-O1 is no longer valid"),
    "known and unknown": (["mine", "nope-O1"], "Offer nope-O1 is no longer valid"),
    "twice the same": (["mine", "mine"], "Duplicate offer {mine} in offer list"),
    "another's": (["mine", "theirs"], "Offer {theirs} has invalid framework {f2} while framework {f1} is expected"),
    "two agents": (
        ["mine", "far"],
        "Aggregated offers must belong to one single agent. Offer {far} uses agent {a2} and agent {a1}",
    ),
    "two roles": (
        ["mine", "ops"],
        "Aggregated offers must be allocated to the same role. Offer {ops} uses role 'ops' but another is being used with role 'dev'",
    ),
}


@pytest.mark.parametrize("aware", [True, False])
@pytest.mark.parametrize("case", list(BAD_OFFERS))
def test_offers_that_do_not_go_together_drop_every_launch_and_return(case: str, aware: bool) -> None:
    rig = Rig()
    more = {} if aware else {"capabilities": NOT_PARTITION_AWARE}
    f1, f2 = rig.framework("F1", ("dev", "ops"), **more), rig.framework("F2")
    a1, a2 = rig.agent("A1"), rig.agent("A2")
    ids = {
        "mine": rig.offer(f1, a1, "cpus:1;mem:64").id,
        "ops": rig.offer(f1, a1, "cpus:1;mem:64", role="ops").id,
        "theirs": rig.offer(f2, a1, "cpus:1;mem:64").id,
        "far": rig.offer(f1, a2, "cpus:1;mem:64").id,
    }
    names, text = BAD_OFFERS[case]
    sent = rig.accept(f1, [ids.get(name, name) for name in names], task("t1"), task("t2"), refuse_ms=9_000)
    state = DROPPED if aware else TaskState.LOST
    told = statuses(F1, sent)
    assert [(s.task_id, s.state, s.reason, s.source, s.uuid) for s in told] == [
        (t, state, Reason.INVALID_OFFERS, Source.MASTER, "") for t in ("t1", "t2")
    ]
    expected = "Task launched with invalid offers: " + text.format(**ids, f1=f1, f2=f2, a1=a1, a2=a2)
    assert {s.message for s in told} == {expected}
    valid = [name for name in dict.fromkeys(names) if name in ("mine", "far", "ops")]
    assert recovered(sent) == [("cpus:1;mem:64", None)] * len(valid)
    assert to(A1, sent) == []
    assert sorted(rig.master.state.offers) == sorted(ids[n] for n in ids if n not in valid)
    kind = "dropped" if aware else "lost"
    assert rig.metric(f"tasks_{kind}") == rig.metric(f"task_{kind}/source_master/reason_invalid_offers") == 2


def test_an_accept_of_somebody_else_uses_nothing() -> None:
    rig = Rig()
    f1, a1 = rig.framework("F1"), rig.agent()
    f2 = rig.framework("F2")
    offer = rig.offer(f1, a1)
    assert rig.tell("framework/F2", Accept(f1, (offer.id,), (Launch((task(),)),))) == []
    assert updates("framework/F2", rig.accept(f2, [offer], task())) == [("t1", DROPPED, Reason.INVALID_OFFERS)]
    assert launched(rig.accept(f1, [offer], task())) == ["t1"]


# ---------------------------------------------------------------- tasks that may not run

BAD_TASKS: dict[str, tuple[TaskInfo, str]] = {
    "no id": (task(""), "ID must not be empty"),
    "long id": (task("x" * 256), "ID must not be greater than 255 characters"),
    "slash": (task("r/slash"), "'r/slash' contains invalid characters"),
    "backslash": (task("r\\slash"), "'r\\slash' contains invalid characters"),
    "control character": (task("a\nb"), "'a\nb' contains invalid characters"),
    "dot": (task("."), "'.' contains invalid characters"),
    "dots": (task(".."), "'..' contains invalid characters"),
    "duplicate": (task("held"), "Task has duplicate ID: held"),
    "unreachable": (task("away"), "Task reuses the ID of an unreachable task: away"),
    "negative grace": (task(kill_grace_ms=-1), "Task's 'kill_policy.grace_period' must be non-negative"),
    "negative limit": (task(max_completion_ms=-1), "Task's `max_completion_time` must be non-negative"),
    "no resources": (task(resources=""), "Task uses no resources"),
    "gpu in parts": (
        task(resources="cpus:1;gpus:0.5"),
        "Task uses invalid resources: The 'gpus' resource must be an unsigned integer",
    ),
    "too much": (
        task(resources="cpus:1000;mem:64"),
        "Total resources cpus:1000;mem:64 required by task and its executor is more than available cpus:2;mem:512",
    ),
    "not offered": (
        task(resources="cpus:1;disk:1"),
        "Total resources cpus:1;disk:1 required by task and its executor is more than available cpus:2;mem:512",
    ),
    "reserved to another": (
        task(resources="cpus(ops):1"),
        "Total resources cpus(ops):1 required by task and its executor is more than available cpus:2;mem:512",
    ),
}


@pytest.mark.parametrize("capabilities", [{}, {"capabilities": NOT_PARTITION_AWARE}])
@pytest.mark.parametrize("case", list(BAD_TASKS))
def test_a_task_that_may_not_run_is_an_error_and_the_others_run(case: str, capabilities: dict[str, Any]) -> None:
    rig = Rig()
    f1, a1, a2 = rig.framework(**capabilities), rig.agent("A1"), rig.agent("A2")
    rig.run(f1, a2, task("away"))
    rig.lose("A2")
    rig.run(f1, a1, task("held", "cpus:1;mem:64"))
    bad, text = BAD_TASKS[case]
    good = task("good", "cpus:1;mem:256")
    sent = rig.accept(f1, [rig.offer(f1, a1, "cpus:2;mem:512")], bad, good, refuse_ms=0)
    [status] = statuses(F1, sent)
    assert (status.task_id, status.state, status.reason, status.source) == (
        bad.task_id,
        ERROR,
        Reason.TASK_INVALID,
        Source.MASTER,
    )
    assert (status.message, status.uuid, status.agent_id) == (text, "", a1)
    assert launched(sent) == ["good"]
    assert recovered(sent) == [("cpus:1;mem:256", 0)]
    assert rig.metric("tasks_error") == rig.metric("task_error/source_master/reason_task_invalid") == 1
    assert list(rig.master.state.frameworks[f1].tasks) == ["held", "good"]


def test_revocable_and_regular_of_one_name_do_not_mix() -> None:
    rig = Rig()
    regular = Resources.parse("cpus:1;mem:64")
    revocable = Resources.from_json([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "revocable": {}}])
    f1 = rig.framework()
    a1 = rig.agent()
    offer = rig.offer(f1, a1)
    mixed = replace(task(), resources=regular + revocable)
    [status] = statuses(F1, rig.accept(f1, [offer], mixed))
    assert status.message == "Task mixes revocable and non-revocable resources of the same name"


def test_the_same_id_twice_in_one_accept_runs_once() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    sent = rig.accept(f1, [rig.offer(f1, a1)], task(), task())
    assert launched(sent) == ["t1"]
    [status] = statuses(F1, sent)
    assert status.message == "Task has duplicate ID: t1"


def test_a_task_that_was_refused_is_unknown_afterwards() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1)], task(resources="cpus:1000"))
    assert updates(F1, rig.tell(F1, Kill(f1, "t1", a1))) == [("t1", TaskState.GONE, Reason.RECONCILIATION)]


def test_the_longest_id_is_taken() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    assert launched(rig.accept(f1, [rig.offer(f1, a1)], task("x" * 255))) == ["x" * 255]


def test_a_whole_gpu_is_taken() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent(resources="cpus:2;mem:64;gpus:2")
    offer = rig.offer(f1, a1, "cpus:2;mem:64;gpus:2")
    assert launched(rig.accept(f1, [offer], task(resources="cpus:1;gpus:1"))) == ["t1"]


def test_ports_are_handed_out_once() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent(resources="cpus:2;mem:64;ports:[31000-31001]")
    offer = rig.offer(f1, a1, "cpus:2;mem:64;ports:[31000-31001]")
    one = task("t1", "cpus:1;ports:[31000-31000]")
    sent = rig.accept(f1, [offer], one, replace(one, task_id="t2"))
    assert launched(sent) == ["t1"]
    assert updates(F1, sent) == [("t2", ERROR, Reason.TASK_INVALID)]


def test_a_task_runs_on_no_other_agent_than_its_framework_says() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    sent = rig.accept(f1, [rig.offer(f1, a1, "cpus:2;mem:256")], task("t1", agent_id="other"), task("t2", agent_id=a1))
    [status] = [m.status for to_, m in sent if to_ == F1 and isinstance(m, Update)]
    assert (status.task_id, status.message) == ("t1", f"Task uses invalid agent other while agent {a1} is expected")
    assert list(rig.master.state.frameworks[f1].tasks) == ["t2"]


def test_where_a_task_of_invalid_offers_was_to_run_is_told_as_it_was_said() -> None:
    rig = Rig()
    f1 = rig.framework()
    sent = rig.tell(F1, Accept(f1, ("nope",), (Launch((task("t1", agent_id="S7"),)),)))
    [status] = [m.status for to_, m in sent if to_ == F1 and isinstance(m, Update)]
    assert (status.state, status.agent_id) == (TaskState.DROPPED, "S7")
