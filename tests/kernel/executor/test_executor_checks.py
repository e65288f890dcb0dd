"""Health and readiness of running tasks: when probes are asked for, what their answers count for, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_rig import AGENT, INFO, SHIM, Rig, statuses, task, to

from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    Check,
    Checked,
    Condition,
    ExecutorReconnect,
    ExecutorSubscribe,
    ExecutorSubscribed,
    KillLaunched,
    Probe,
    Probed,
    StopWork,
    TaskStatus,
    WorkStarted,
)

PROBER = SHIM.replace("shim/", "prober/")
HEALTH, READY = Reason.TASK_HEALTH_CHECK_STATUS_UPDATED, Reason.TASK_CHECK_STATUS_UPDATED
CHECK = Check("http", 8080, delay_ms=1_000, interval_ms=500, timeout_ms=2_000, grace_ms=0, failures=3)
READINESS = replace(CHECK, delay_ms=0, interval_ms=100)

Sent = list[tuple[str, Any]]


class Probing(Rig):
    """A rig whose probes are answered by hand."""

    def __init__(self, **settings: Any) -> None:
        self.asked: list[Probe] = []
        super().__init__(**settings)

    def answer(self, *, ok: bool, text: str = "", value: int | None = None) -> Sent:
        """The oldest probe that is not answered."""
        probe = self.asked.pop(0)
        return self.tell(Probed(probe.task_id, probe.number, ok, text, value), PROBER)

    def _take(self, departure: Any) -> Sent:
        sent = super()._take(departure)
        self.asked += to(PROBER, sent)
        return sent


def told(sent: Sent) -> list[tuple[TaskState, Reason, str, bool | None, bool | None]]:
    return [(s.state, s.reason, s.message, s.healthy, s.ready) for s in statuses(sent)]


def healthy(value: bool | None, text: str = "", ready: bool | None = None) -> tuple[Any, ...]:
    return (TaskState.RUNNING, HEALTH, text, value, ready)


def ready(value: bool | None, text: str = "", well: bool | None = None) -> tuple[Any, ...]:
    return (TaskState.RUNNING, READY, text, well, value)


# ---------------------------------------------------------------- when


def test_a_probe_is_asked_for_after_the_delay_and_again_an_interval_after_each_answer() -> None:
    rig = Probing()
    rig.run(task(health=CHECK))
    assert not to(PROBER, rig.advance(999))
    assert to(PROBER, rig.advance(1)) == [Probe("t1", 1, CHECK, "health")]
    assert not to(PROBER, rig.advance(600))  # One is under way.
    rig.answer(ok=True)
    assert not to(PROBER, rig.advance(499))
    assert [p.number for p in to(PROBER, rig.advance(1))] == [2]


def test_a_check_without_a_port_is_of_the_first_port_of_the_task() -> None:
    rig = Probing()
    rig.run(task(resources="cpus:1;ports:[31005-31006,31000-31000]", health=replace(CHECK, port=0, delay_ms=0)))
    rig.advance(0)
    assert [p.check.port for p in rig.asked] == [31000]


def test_a_task_without_checks_is_asked_nothing_and_tells_nothing_of_them() -> None:
    rig = Probing()
    rig.run(task())
    assert rig.advance(100_000) == []


def test_a_prober_that_does_not_answer_has_failed_and_its_late_answer_changes_nothing() -> None:
    rig = Probing(probe_slack_ms=5_000)
    rig.run(task(health=CHECK))
    rig.advance(1_000)
    assert told(rig.advance(6_999)) == []
    assert told(rig.advance(1)) == [healthy(False, "the prober did not answer")]
    assert rig.answer(ok=True) == []
    assert [p.number for p in to(PROBER, rig.advance(500))] == [2]


# ---------------------------------------------------------------- health


def test_health_is_told_when_it_changes_and_each_time_that_it_is_bad() -> None:
    rig = Probing()
    rig.run(task(health=CHECK))
    rig.advance(1_000)
    assert told(rig.answer(ok=True)) == [healthy(True)]
    rig.advance(500)
    assert told(rig.answer(ok=True)) == []
    for text in ("HTTP 503", "connection refused"):
        rig.advance(500)
        assert told(rig.answer(ok=False, text=text)) == [healthy(False, text)]
    rig.advance(500)
    assert told(rig.answer(ok=True)) == [healthy(True)]


def test_who_fails_too_often_in_a_row_is_stopped_with_its_grace_and_has_failed() -> None:
    rig = Probing()
    rig.run(task(health=CHECK, kill_grace_ms=7_000))
    rig.advance(1_000)
    rig.answer(ok=False, text="HTTP 500")
    rig.advance(500)
    rig.answer(ok=True)
    for _ in range(2):
        rig.advance(500)
        rig.answer(ok=False, text="HTTP 500")
    rig.advance(500)
    sent = rig.answer(ok=False, text="HTTP 503")
    why = "failed its health check 3 times in a row: HTTP 503"
    assert to(SHIM, sent) == [StopWork("t1", 7_000)]
    assert told(sent) == [(TaskState.KILLING, HEALTH, why, False, None)]
    assert not to(PROBER, rig.advance(60_000))
    assert told(rig.end("t1", None, signal=15)) == [(TaskState.FAILED, HEALTH, why, False, None)]


def test_a_task_that_ends_of_itself_while_it_is_unhealthy_ends_as_it_did() -> None:
    rig = Probing()
    rig.run(task(health=CHECK))
    rig.advance(1_000)
    rig.answer(ok=False, text="HTTP 503")
    assert told(rig.end("t1", 3)) == [(TaskState.FAILED, Reason.NONE, "exit 3", None, None)]
    assert rig.advance(60_000) == []


def test_failures_within_the_grace_before_the_first_success_do_not_count() -> None:
    rig = Probing()
    rig.run(task(health=replace(CHECK, grace_ms=2_000, failures=1)))
    for _ in range(3):  # At 1,000, 1,500 and 2,000 ms.
        rig.advance(1_000 if rig.now_ms == 0 else 500)
        assert told(rig.answer(ok=False, text="connection refused")) == []
    rig.advance(500)
    assert told(rig.answer(ok=False, text="connection refused"))[0][2] == "failed its health check: connection refused"


def test_the_grace_is_over_with_the_first_success() -> None:
    rig = Probing()
    rig.run(task(health=replace(CHECK, grace_ms=60_000)))
    rig.advance(1_000)
    rig.answer(ok=True)
    rig.advance(500)
    assert told(rig.answer(ok=False, text="HTTP 503")) == [healthy(False, "HTTP 503")]


def test_a_task_that_is_killed_is_probed_no_more_and_late_answers_are_ignored() -> None:
    rig = Probing()
    rig.run(task(health=replace(CHECK, failures=1), readiness=READINESS))
    rig.advance(1_000)
    rig.tell(KillLaunched("t1", 5_000))
    assert rig.answer(ok=False, text="HTTP 503") == [] and rig.answer(ok=True) == []
    assert rig.advance(60_000) == []
    assert told(rig.end("t1", 0)) == [(TaskState.KILLED, Reason.NONE, "exit 0", None, None)]


def test_a_memory_limit_says_more_than_the_health_check_that_was_quicker() -> None:
    rig = Probing()
    rig.run(task(health=replace(CHECK, failures=1)))
    rig.advance(1_000)
    rig.answer(ok=False, text="HTTP 503")
    sent = rig.end("t1", None, signal=9, reason=Reason.CONTAINER_LIMITATION_MEMORY, message="over")
    assert told(sent) == [(TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY, "over", None, None)]


def test_a_task_of_a_group_that_fails_its_health_check_ends_its_group() -> None:
    rig = Probing()
    rig.run(task("t1", group_id="g", health=replace(CHECK, failures=1)), task("t2", group_id="g"))
    rig.advance(1_000)
    rig.answer(ok=False, text="HTTP 503")
    assert [m.task_id for m in to(SHIM, rig.end("t1", None, signal=15)) if isinstance(m, StopWork)] == ["t2"]


# ---------------------------------------------------------------- readiness


def test_readiness_is_polled_until_ready_and_then_less_often() -> None:
    rig = Probing(ready_interval_ms=1_000)
    rig.run(task(readiness=READINESS))
    rig.advance(0)
    assert told(rig.answer(ok=False, text="connection refused")) == [ready(False, "connection refused")]
    rig.advance(100)
    assert told(rig.answer(ok=False, text="HTTP 503")) == []
    rig.advance(100)
    assert told(rig.answer(ok=True)) == [ready(True)]
    assert not to(PROBER, rig.advance(999))
    rig.advance(1)
    assert told(rig.answer(ok=False, text="HTTP 503")) == [ready(False, "HTTP 503")]
    rig.advance(100)
    assert told(rig.answer(ok=True)) == [ready(True)]


def test_nobody_is_ended_for_not_being_ready() -> None:
    rig = Probing()
    rig.run(task(readiness=READINESS))
    for _ in range(50):
        rig.advance(100)
        assert not to(SHIM, rig.answer(ok=False, text="HTTP 503"))


def test_who_is_not_ready_within_the_deadline_is_stopped_and_has_failed() -> None:
    rig = Probing()
    rig.run(task(readiness=replace(READINESS, deadline_ms=1_500, timeout_ms=60_000)))
    rig.advance(0)
    rig.answer(ok=False, text="HTTP 503")
    sent = rig.advance(1_500)
    why = "not ready within 1.5 s: HTTP 503"
    assert to(SHIM, sent) == [StopWork("t1", 3_000)]
    assert told(sent) == [(TaskState.KILLING, READY, why, None, False)]
    assert told(rig.end("t1", None, signal=9)) == [(TaskState.FAILED, READY, why, None, None)]


def test_who_was_ready_once_has_kept_the_deadline() -> None:
    rig = Probing()
    rig.run(task(readiness=replace(READINESS, deadline_ms=1_500)))
    rig.advance(0)
    rig.answer(ok=True)
    rig.advance(1_000)
    rig.answer(ok=False, text="HTTP 503")
    assert not to(SHIM, rig.advance(60_000))


def test_a_change_of_what_was_seen_is_told_if_that_is_wanted() -> None:
    rig = Probing()
    check = replace(READINESS, tells_values=True)
    rig.run(task(readiness=check))
    seen = []
    for value, ok in ((200, True), (200, True), (204, True), (None, False), (500, False), (503, False)):
        rig.advance(check.interval_ms)
        seen += [(s.checked, s.ready) for s in statuses(rig.answer(ok=ok, value=value))]
    values = [(200, True), (204, True), (None, False), (500, False), (503, False)]
    assert seen == [(Checked("http", value), ok) for value, ok in values]


# ---------------------------------------------------------------- kept right


def test_every_status_of_a_running_task_carries_both_conditions() -> None:
    rig = Probing()
    rig.launch(task(health=CHECK, readiness=READINESS))
    sent = rig.tell(WorkStarted("t1"), SHIM)
    assert told(sent) == [(TaskState.RUNNING, Reason.NONE, "", None, None)]
    assert statuses(sent)[0].checked == Checked("http")
    rig.advance(0)
    rig.answer(ok=True)
    rig.advance(1_000)
    rig.asked = [p for p in rig.asked if p.purpose == "health"]
    assert told(rig.answer(ok=True)) == [healthy(True, ready=True)]
    assert told(rig.tell(KillLaunched("t1", 0))) == [(TaskState.KILLING, Reason.NONE, "", True, True)]


def test_an_executor_that_subscribes_again_tells_what_its_checks_say() -> None:
    rig = Probing()
    rig.run(task(health=CHECK), task("t2"))
    rig.advance(1_000)
    rig.acknowledge(rig.answer(ok=True))
    (again,) = to(AGENT, rig.tell(ExecutorReconnect()))
    assert isinstance(again, ExecutorSubscribe)
    assert again.updates == () and again.conditions == (Condition(healthy=True), Condition())
    rig.advance(500)
    assert told(rig.answer(ok=False, text="HTTP 503")) == []  # It waits for the agent.
    assert told(rig.tell(ExecutorSubscribed("c-S0", INFO))) == [healthy(False, "HTTP 503")]


@pytest.mark.parametrize("answer", [Probed("t1", 7, ok=True), Probed("t9", 1, ok=False)])
def test_an_answer_that_nobody_waits_for_changes_nothing(answer: Probed) -> None:
    rig = Probing()
    rig.run(task(health=replace(CHECK, failures=1)))
    rig.advance(1_000)
    assert rig.tell(answer, PROBER) == []
    assert told(rig.answer(ok=True)) == [healthy(True)]


def test_a_status_without_checks_has_no_condition_of_its_own() -> None:
    assert TaskStatus("t1", TaskState.RUNNING).condition is TaskStatus("t2", TaskState.RUNNING).condition
