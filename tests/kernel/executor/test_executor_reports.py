"""Reports go straight to the framework, and stay until it has taken them."""

from __future__ import annotations

from executor_rig import BATCH, SHIM, Rig, chunk, report, states, task, to

from raymesos.machine import LinkDown, LinkUp
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import ForgetWork, StartWork
from raymesos.wire.work import CommandsWork, WorkReportTaken


def test_reports_are_forwarded_at_once_and_before_the_end_of_their_task() -> None:
    rig = Rig()
    rig.run(chunk("t1"))
    assert rig.tell(report("t1", 0), SHIM) == [(BATCH, report("t1", 0))]
    assert rig.tell(report("t1", 1, last=True), SHIM) == [(BATCH, report("t1", 1, last=True))]
    sent = rig.end("t1")
    assert states(sent)[0][1] is TaskState.FINISHED
    assert to(SHIM, sent) == []


def test_the_shim_forgets_an_ended_task_when_all_its_reports_are_taken() -> None:
    rig = Rig()
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    rig.tell(report("t1", 1), SHIM)
    rig.acknowledge(rig.end("t1"))
    assert rig.tell(WorkReportTaken("t1", 1), BATCH) == []
    assert rig.tell(WorkReportTaken("t1", 1), BATCH) == []
    assert rig.tell(WorkReportTaken("t1", 0), BATCH) == [(SHIM, ForgetWork("t1"))]
    assert rig.executor.state.tasks == {}
    assert rig.executor.state.receivers == {}
    assert rig.tell(WorkReportTaken("t1", 0), BATCH) == []


def test_a_running_task_is_not_forgotten() -> None:
    rig = Rig()
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    assert rig.tell(WorkReportTaken("t1", 0), BATCH) == []
    assert rig.end("t1")[-1] == (SHIM, ForgetWork("t1"))


def test_commands_report_too() -> None:
    rig = Rig()
    rig.run(task("t1", work=CommandsWork("j", 0, 3, ("true",), reply_to=BATCH)))
    assert rig.tell(report("t1"), SHIM) == [(BATCH, report("t1"))]


def test_what_is_not_taken_is_sent_again_with_doubling_pauses() -> None:
    rig = Rig(report_retry_ms=100, report_retry_max_ms=400)
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    at = [rig.now_ms for _ in range(1_600) if rig.advance(1)]
    assert at == [100, 300, 700, 1_100, 1_500]
    rig.tell(WorkReportTaken("t1", 0), BATCH)
    assert rig.advance(10_000) == []


def test_only_what_is_old_enough_is_sent_again_and_not_too_much_at_once() -> None:
    rig = Rig(report_retry_ms=100, reports_per_resend=2)
    rig.run(chunk("t1"))
    for part in range(3):
        rig.tell(report("t1", part), SHIM)
    rig.advance(99)
    rig.tell(report("t1", 3), SHIM)
    assert [m.part for m in to(BATCH, rig.advance(1))] == [0, 1]
    assert [m.part for m in to(BATCH, rig.advance(200))] == [0, 1]


def test_a_framework_that_comes_back_gets_all_that_it_has_not_taken() -> None:
    rig = Rig(report_retry_ms=100)
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    assert rig.tell(LinkDown(BATCH)) == []
    assert rig.tell(report("t1", 1), SHIM) == []
    assert rig.tell(report("t1", 2), SHIM) == []
    assert [m.part for m in to(BATCH, rig.advance(100))] == [0]
    assert [m.part for m in to(BATCH, rig.tell(LinkUp(BATCH, restarted=True)))] == [0, 1, 2]
    assert rig.tell(report("t1", 3), SHIM) == [(BATCH, report("t1", 3))]
    assert rig.advance(99) == []
    assert [m.part for m in to(BATCH, rig.advance(1))] == [0, 1, 2, 3]


def test_the_link_of_a_framework_that_gets_no_reports_is_nothing_to_us() -> None:
    rig = Rig()
    assert rig.tell(LinkDown(BATCH)) == []
    assert rig.tell(LinkUp(BATCH, restarted=False)) == []


def test_a_report_that_is_kept_is_not_kept_twice() -> None:
    rig = Rig()
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    assert rig.tell(report("t1", 0), SHIM) == []


def test_with_too_much_untaken_new_work_waits_in_order_and_starts_when_there_is_room() -> None:
    rig = Rig(kept_report_bytes=2_000)
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0, b"x" * 1_400), SHIM)
    rig.tell(report("t1", 1, b"x" * 1_400), SHIM)
    assert rig.launch(chunk("t2"), chunk("t3")) == []
    assert rig.tell(WorkReportTaken("t1", 0), BATCH)[0][0] == SHIM
    started = [m.task_id for m in to(SHIM, rig.launch(chunk("t4"))) if isinstance(m, StartWork)]
    assert started == ["t4"]
    assert list(rig.executor.state.waiting) == []


def test_waiting_work_starts_first_come_first() -> None:
    rig = Rig(kept_report_bytes=1)
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    rig.launch(chunk("t3"), chunk("t2"))
    sent = rig.tell(WorkReportTaken("t1", 0), BATCH)
    assert [m.task_id for m in to(SHIM, sent)] == ["t3", "t2"]
    assert [s[1] for s in states(sent)] == [TaskState.STARTING] * 2
