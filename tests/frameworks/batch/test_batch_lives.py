"""Jobs from submit to end, what is refused, cancel, jobs after jobs; restarts; and that a large job, or many, stay small."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest
from batch_rig import BIG, CLIENT, Client, Rig, spec

from raymesos.errors import InvariantBroken, UnknownId
from raymesos.frameworks.batch.machine import BatchMachine
from raymesos.machine import MASTER, OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.codec import decode, encode
from raymesos.wire.jobs import CancelAnswered, ForgetJobs, InputSegment, JobAccepted, JobRefused, JobsForgotten, Submit
from raymesos.wire.messages import FrameworkError, Kill, Reconcile, Revive, Subscribe, Subscribed, UpdateFramework
from raymesos.wire.notes import AttemptNote, JobNote, JobSpecNote
from raymesos.wire.work import Blob

# ---------------------------------------------------------------- the door


def test_the_same_submit_again_is_the_same_job_even_when_it_has_finished() -> None:
    rig = Rig()
    assert rig.submit() == JobAccepted("j")
    assert rig.submit() == JobAccepted("j")
    rig.finish(*rig.offer())
    assert rig.submit() == JobAccepted("j")
    assert rig.status()["state"] == "Finished"
    assert len(rig.tasks) == 1


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({"job": "j", "digest": "another"}, "Conflict", "job_id"),
        ({"job": "k", "name": "j"}, "Conflict", "name"),
        ({"job": "k", "after": ("nobody",)}, "UnknownId", "after"),
        ({"job": "k", "after": ("k",)}, "UnknownId", "after"),
        ({"job": "k", "after": ("bad",)}, "InvalidJob", "after"),
        ({"job": "k", "role": "-x"}, "InvalidJob", "role"),
        ({"job": "k", "role": "a//b"}, "InvalidJob", "role"),
        ({"job": "k/l"}, "InvalidJob", "job_id"),
        ({"job": "..", "name": "k"}, "InvalidJob", "job_id"),
        ({"job": "k", "name": ""}, "InvalidJob", "name"),
        ({"job": "k", "total": -1}, "InvalidJob", "inputs"),
        ({"job": "k", "total": 10**12}, "InvalidJob", "inputs"),
        ({"job": "k", "total": 5, "inputs": (InputSegment(0, 4, Blob()),)}, "InvalidJob", "inputs"),
        ({"job": "k", "total": 5, "inputs": (InputSegment(1, 4, Blob()),)}, "InvalidJob", "inputs"),
        ({"job": "k", "resources": ""}, "InvalidJob", "resources"),
        ({"job": "k", "retry": RetryPolicy(-1)}, "InvalidJob", "retries"),
        ({"job": "k", "retry": RetryPolicy(1, -5)}, "InvalidJob", "retries"),
        ({"job": "k", "runtime_limit_ms": 0}, "InvalidJob", "runtime_limit"),
        ({"job": "k", "max_parallel": 0}, "InvalidJob", "max_parallel"),
        ({"job": "k", "total": 3, "gang": True, "max_parallel": 2}, "InvalidJob", "max_parallel"),
        ({"job": "k", "ports": -1}, "InvalidJob", "ports"),
    ],
)
def test_what_is_no_job_is_refused_with_its_field_and_leaves_everything_as_it_was(
    fields: dict[str, object], kind: str, field: str
) -> None:
    rig = Rig()
    rig.submit("bad")
    rig.finish(*rig.offer(), failed={0: "no"})
    rig.submit("j")
    size, roles = len(rig.journal), rig.machine.state.subscription.info.roles
    answer = rig.submit(**fields)  # type: ignore[arg-type]
    assert isinstance(answer, JobRefused)
    assert (answer.kind, answer.field) == (kind, field)
    assert answer.reason
    assert (len(rig.journal), rig.machine.state.subscription.info.roles) == (size, roles)
    assert list(rig.machine.state.jobs) == ["bad", "j"]


def test_a_name_is_free_again_when_its_job_has_finished() -> None:
    rig = Rig()
    rig.submit("j1", name="n")
    rig.finish(*rig.offer())
    assert rig.submit("j2", name="n") == JobAccepted("j2")
    rig.snapshot()
    rig.restart()
    assert isinstance(rig.submit("j3", name="n"), JobRefused)
    assert rig.machine.find("n") == "j2"


def test_more_open_jobs_than_the_bound_are_refused() -> None:
    rig = Rig(BatchSettings(jobs_open=2))
    rig.submit("a")
    rig.submit("b")
    refused = rig.submit("c")
    assert (refused.kind, refused.field) == ("QuotaRefused", "job")
    rig.finish(*rig.offer())
    assert rig.submit("c") == JobAccepted("c")


def test_a_job_of_nothing_is_done_at_once() -> None:
    rig = Rig()
    rig.submit(total=0)
    assert (rig.status()["state"], rig.status()["why"]) == ("Finished", "all inputs succeeded")


def test_an_unknown_job_is_said_to_be_unknown() -> None:
    rig = Rig()
    for ask in (rig.machine.progress, rig.machine.status, rig.machine.tasks, rig.machine.find):
        with pytest.raises(UnknownId, match="nobody"):
            ask("nobody")
    with pytest.raises(UnknownId, match="nobody"):
        rig.machine.results_after("nobody", 0)
    rig.submit()
    with pytest.raises(UnknownId, match="j 0"):
        rig.machine.where_ran("j", 0)
    assert CancelAnswered("nobody", known=False) in rig.cancel("nobody")


def test_where_an_input_ran_last_is_known() -> None:
    rig = Rig()
    rig.submit(total=2, retries=1)
    first, second = rig.offer(BIG, "A1")
    rig.finish(second, failed={1: "no"})
    assert rig.machine.where_ran("j", 1) == ("A1", second.id, False)
    (again,) = rig.offer(BIG, "A2")
    assert rig.machine.where_ran("j", 1) == ("A2", again.id, False)
    assert rig.machine.where_ran("j", 0) == ("A1", first.id, False)


def test_an_end_by_the_master_is_our_own_bug() -> None:
    with pytest.raises(InvariantBroken, match="role"):
        Rig().tell(FrameworkError("bad role"))


# ---------------------------------------------------------------- cancel


def test_cancel_starts_nothing_more_kills_what_runs_so_many_at_a_time_and_keeps_what_is_done() -> None:
    rig = Rig(BatchSettings(kills_per_cycle=2))
    rig.submit(total=6)
    tasks = rig.offer()
    rig.run(*tasks)
    rig.finish(tasks[0])
    rig.cancel()
    assert (rig.status()["state"], rig.status()["waiting"]) == ("KillInitiated", 0)
    assert [t.killed for t in tasks] == [False, True, True, False]
    rig.advance(1_000)
    assert tasks[3].killed
    assert rig.offer() == []
    for task in tasks[1:]:
        rig.update(task, TaskState.KILLED)
    status = rig.status()
    assert (status["state"], status["why"], status["succeeded"], status["failed"]) == ("Finished", "cancelled", 1, 0)
    assert rig.outcomes() == {0: tasks[0].id}


def test_cancel_said_again_or_too_late_changes_nothing() -> None:
    rig = Rig()
    rig.submit()
    rig.finish(*rig.offer())
    size = len(rig.journal)
    assert CancelAnswered("j", known=True) in rig.cancel()
    assert (rig.status()["why"], len(rig.journal)) == ("all inputs succeeded", size)


def test_a_job_that_was_cancelled_before_a_crash_ends_only_when_what_it_left_running_is_gone() -> None:
    rig = Rig()
    rig.submit(total=2)
    tasks = rig.offer()
    rig.run(*tasks)
    rig.cancel()
    rig.restart()
    assert rig.status()["state"] == "KillInitiated"
    assert all(t.killed for t in tasks)
    for task in tasks:
        rig.update(task, TaskState.KILLED)
    assert rig.status()["state"] == "Finished"


# ---------------------------------------------------------------- one after another


def test_a_job_after_others_waits_until_all_of_them_have_succeeded() -> None:
    rig = Rig()
    rig.submit("a", role="ads")
    rig.submit("b", role="ads")
    rig.submit("c", role="web", after=("a", "b"))
    assert list(rig.awake) == ["ads"]
    first, second = rig.offer(role="ads")
    rig.finish(first)
    assert rig.offer(role="web") == []
    rig.finish(second)
    assert list(rig.awake) == ["web"]
    assert [t.work.job_id for t in rig.offer(role="web")] == ["c"]


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
def test_when_the_job_before_does_not_succeed_those_after_it_end_unstarted_and_say_so(how: str) -> None:
    rig = Rig()
    rig.submit("a")
    rig.submit("b", after=("a",))
    rig.submit("c", after=("b",))
    if how == "fails":
        rig.finish(*rig.offer(), failed={0: "no"})
    else:
        rig.cancel("a")
    why = "1 of 1 failed" if how == "fails" else "cancelled"
    assert rig.status("b")["state"] == rig.status("c")["state"] == "Finished"
    assert rig.status("b")["why"] == f"job a, which it comes after, did not succeed: {why}"
    assert rig.machine.tasks("b") == []
    rig.restart()
    assert rig.status("c")["state"] == "Finished"


def test_followers_end_after_a_crash_that_lost_their_own_records() -> None:
    rig = Rig()
    rig.submit("a")
    rig.submit("b", after=("a",))
    rig.finish(*rig.offer(), failed={0: "no"})
    rig.journal.pop()
    rig.restart()
    assert rig.status("b")["state"] == "Finished"
    assert rig.tasks.keys() == {"a.0-1.1-1"}


# ---------------------------------------------------------------- lives


def test_ids_of_tasks_are_never_used_twice_over_lives() -> None:
    rig = Rig()
    rig.submit(total=1)
    ids = []
    for _ in range(4):
        (task,) = rig.offer()
        ids.append(task.id)
        rig.update(task, TaskState.DROPPED)
        rig.restart()
        rig.snapshot()
        rig.restart()
    assert len(set(ids)) == 4


def test_what_ran_before_a_crash_runs_after_it_and_is_not_started_again() -> None:
    rig = Rig()
    rig.submit(total=3)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.run(task)
    rig.restart()
    assert rig.counts() == (2, 1, 0, 0)
    assert sorted(t.span for t in rig.offer()) == [(1, 2), (2, 3)]
    rig.finish(task)
    assert rig.outcomes() == {0: task.id}


def test_two_tasks_for_one_input_are_found_after_a_crash_and_one_of_them_is_killed() -> None:
    rig = Rig()
    rig.submit(total=1)
    (first,) = rig.offer()
    rig.update(first, TaskState.UNREACHABLE)
    (second,) = rig.offer()
    first.state = second.state = TaskState.RUNNING
    rig.restart()
    assert [t.killed for t in (first, second)].count(True) == 1
    assert rig.counts() == (0, 1, 0, 0)


def test_a_task_of_which_another_has_a_part_is_not_taken_back_after_a_crash() -> None:
    rig = Rig()
    rig.submit(total=6)
    rig.finish(*rig.offer("cpus:1;mem:128"), elapsed_us=10)
    (whole,) = rig.offer("cpus:1;mem:128")
    rig.update(whole, TaskState.UNREACHABLE)
    rig.machine.state.jobs["j"].wave = 2
    (part,) = rig.offer("cpus:1;mem:128")
    assert (whole.span, part.span) == ((1, 6), (1, 3))
    whole.state = part.state = TaskState.RUNNING
    rig.tasks[whole.id] = rig.tasks.pop(whole.id)
    rig.restart()
    assert (whole.killed, part.killed) == (True, False)
    assert rig.counts() == (3, 2, 1, 0)


def test_a_master_that_fails_over_does_not_keep_a_settled_framework_from_launching() -> None:
    rig = Rig()
    rig.submit(total=5)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.run(task)
    rig.drop = True
    rig.take(Subscribe)
    rig.fail_over()
    assert [m.suppressed_roles for m in rig.take(Subscribe)] == [("*",)]
    rig.tell(Subscribed("fw", "m2"))
    rig.drop = False
    assert len(rig.offer("cpus:2;mem:512")) == 2


def test_until_the_master_has_answered_it_is_asked_again_for_every_task_ever_more_seldom() -> None:
    rig = Rig()
    rig.submit(total=2)
    tasks = rig.offer()
    rig.run(*tasks)
    rig.drop = True
    rig.fail_over()
    rig.tell(Subscribed("fw", "m2"))
    at = []
    for _ in range(130):
        asked = [{r.task_id for r in m.tasks} for m in rig.take(Reconcile)]
        if {t.id for t in tasks} in asked:
            at.append(rig.now)
        rig.advance(1_000)
    assert [b - a for a, b in pairwise(at)] == [
        1_000,
        2_000,
        4_000,
        8_000,
        16_000,
        30_000,
        30_000,
        30_000,
    ]
    rig.drop = False
    tasks[0].state = TaskState.GONE
    rig.advance(30_000)
    assert rig.counts() == (1, 1, 0, 0)


@pytest.mark.parametrize("cut", [False, True])
def test_a_clients_cursor_stays_good_over_crashes_and_snapshots(cut: bool) -> None:
    rig = Rig()
    rig.submit(total=6, retries=0)
    client = Client("j")
    for index, failed in enumerate([{0: "no"}, {}, {2: "no"}, {}]):
        (task,) = rig.offer("cpus:1;mem:128")
        rig.report(task, done=0 if index == 0 else None, culprit=0 if index == 0 else None, failed=failed)
        rig.update(task, TaskState.FAILED if index == 0 else TaskState.FINISHED, message="exit 1")
        client.read(rig.machine)
        version = rig.machine.progress("j")[0]
        if cut:
            rig.snapshot()
        rig.restart()
        client.read(rig.machine)
        assert rig.machine.progress("j")[0] > version
    assert [p.lo for p in client.parts] == [0, 1, 2, 3]
    assert client.outcomes == {0: "!it died", 1: "j.1-2.2-1", 2: "!no", 3: "j.3-4.4-1"}
    assert rig.counts() == (2, 0, 2, 2)


def test_a_snapshot_says_the_same_as_all_records() -> None:
    rig = Rig()
    rig.submit("a", 9, retry=RetryPolicy(1, 5_000))
    rig.submit("b", 2)
    rig.submit("c", 1, after=("b",))
    tasks = rig.offer()
    rig.finish(tasks[0], failed={0: "no"})
    rig.finish(tasks[1])
    rig.finish(*rig.offer("cpus:8;mem:8192")[-2:])
    rig.cancel("c")
    whole, short = BatchMachine(rig.settings), BatchMachine(rig.settings)
    whole.restore([decode(r) for r in rig.journal])
    short.restore([decode(encode(r)) for r in rig.machine.snapshot()])
    for ours, theirs in zip(whole.state.jobs.values(), short.state.jobs.values(), strict=True):
        for field in ("spec", "state", "why", "inputs", "parts", "failures", "succeeded", "failed", "retried", "queue"):
            assert getattr(ours, field) == getattr(theirs, field), field
    assert (whole.state.ended, whole.state.of_name, whole.state.life) == (
        short.state.ended,
        short.state.of_name,
        short.state.life,
    )


def test_the_observer_hears_once_of_each_change_and_a_quiet_framework_rests() -> None:
    rig = Rig()
    rig.submit()
    rig.finish(*rig.offer())
    rig.advance(5_000)
    assert rig.wakes == {}


def test_a_job_is_told_to_the_observer_as_it_is() -> None:
    rig = Rig()
    rig.submit(total=3, max_parallel=1)
    rig.run(*rig.offer())
    out = Outbox()
    rig.machine.handle(rig.now, "framework/batch", Wake("notes"), out)
    (note,) = [n for n in out.notes if isinstance(n, JobNote)]
    assert (note.waiting, note.running, note.succeeded, note.why) == (2, 1, 0, "max_parallel is 1")


def test_an_observer_that_lost_its_memory_is_told_of_each_job_again() -> None:
    rig = Rig()
    rig.submit()
    rig.offer()

    def told(message: object) -> list[type]:
        out = Outbox()
        rig.machine.handle(rig.now, "framework/batch", message, out)
        rig.machine.handle(rig.now, "framework/batch", Wake("notes"), out)
        return [type(note) for note in out.notes]

    assert told(Wake("notes")) == [AttemptNote, JobNote]
    assert told(LinkUp(OBSERVER, restarted=False)) == []
    assert told(LinkUp(OBSERVER, restarted=True)) == [AttemptNote, JobSpecNote, JobNote]


# ---------------------------------------------------------------- bounds


def test_finished_jobs_leave_in_the_order_in_which_they_ended() -> None:
    rig = Rig(BatchSettings(jobs_kept=2))
    rig.submit("0long")
    (long,) = rig.offer()
    for name in ("a", "b", "c"):
        rig.submit(name)
        rig.finish(*rig.offer())
    rig.finish(long)
    assert list(rig.machine.state.jobs) == ["0long", "c"]
    assert rig.machine.state.dropped == ["a", "b"]
    assert rig.outcomes("0long") == {0: long.id}
    rig.snapshot()
    rig.restart()
    rig.submit("d")
    rig.finish(*rig.offer())
    assert sorted(rig.machine.state.jobs) == ["0long", "d"]


def test_parts_and_rows_of_finished_jobs_are_bounded_together() -> None:
    rig = Rig(BatchSettings(ended_parts_kept=5, ended_rows_kept=4))
    for name in ("a", "b", "c"):
        rig.submit(name, 3)
        rig.finish(*rig.offer())
    assert list(rig.machine.state.jobs) == ["c"]
    assert len(rig.machine.tasks("c")) == 3


def test_rows_of_a_long_job_are_bounded_and_running_tasks_keep_theirs() -> None:
    rig = Rig(BatchSettings(rows_kept=50))
    rig.submit(total=2_047, max_parallel=10)
    (first,) = rig.offer("cpus:1;mem:128")
    for _ in range(2_040):
        (task,) = rig.offer("cpus:1;mem:128")
        rig.report(task)
        rig.machine.state.jobs["j"].input_us = None
        rig.update(task, TaskState.FINISHED)
    rows = rig.machine.tasks("j")
    assert len(rows) <= 50 + 2_000
    assert rows[0].id == first.id
    assert len(rig.machine.state.jobs["j"].lineage) == 0


def test_repeated_reports_and_updates_leave_nothing_behind() -> None:
    rig = Rig()
    rig.submit(total=2)
    (task,) = rig.offer("cpus:1;mem:128")
    size = len(rig.journal)
    for _ in range(50):
        rig.report(task)
        rig.update(task, TaskState.RUNNING)
    assert (len(rig.machine.results_after("j", 0)), len(rig.journal)) == (1, size + 1)


def test_a_million_inputs_take_about_a_byte_each() -> None:
    job = spec("j", 1_000_000)
    rig = Rig()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    rig.machine.handle(rig.now, CLIENT, Submit(job), Outbox())
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_100_000
    kept = rig.machine.state.jobs["j"]
    assert sys.getsizeof(kept.inputs) < 1_000_100
    assert len(kept.queue.ready) == 1


def test_a_million_inputs_are_booked_without_looking_at_each() -> None:
    """Counted in what is left behind, not in time: a handful of parts, ranges and records."""
    rig = Rig()
    rig.submit(total=1_000_000)
    rig.machine.state.jobs["j"].input_us, rig.machine.state.jobs["j"].wave = 1, 100_000
    while tasks := rig.offer("cpus:1;mem:128"):
        rig.finish(*tasks)
    assert rig.status()["succeeded"] == 1_000_000
    assert len(rig.machine.results_after("j", 0)) == len(rig.tasks) < 30
    assert len(rig.journal) < 40


def test_a_finished_job_lets_go_of_what_only_open_jobs_need() -> None:
    rig = Rig()
    rig.submit(total=3, retries=1)
    rig.finish(*rig.offer(), failed={0: "no"})
    rig.finish(*rig.offer())
    job = rig.machine.state.jobs["j"]
    assert (len(job.inputs), job.failures, job.lineage, job.chunks) == (0, {}, {}, {})


def test_a_resource_shape_survives_the_journal() -> None:
    rig = Rig()
    rig.submit(resources="cpus:0.001;mem:1;gpus:1")
    rig.restart()
    assert rig.machine.state.jobs["j"].spec == replace(spec("j"), resources=Resources.parse("cpus:0.001;mem:1;gpus:1"))


# ---------------------------------------------------------------- forgetting


def test_a_client_that_has_all_it_wants_lets_finished_jobs_be_forgotten_for_good() -> None:
    rig = Rig()
    rig.submit("done")
    rig.finish(*rig.offer())
    rig.submit("open")
    assert rig.tell(ForgetJobs(("done", "open", "nobody", "done")), CLIENT) == [JobsForgotten(("done",))]
    for _ in range(2):
        with pytest.raises(UnknownId):
            rig.status("done")
        assert rig.status("open")["state"] == "Accepted"
        assert rig.machine.state.dropped == ["done"]
        rig.restart()
    assert rig.tell(ForgetJobs(("done",)), CLIENT) == [JobsForgotten(())]


def test_what_becomes_hungry_while_a_subscription_is_on_its_way_is_asked_for_when_it_is_there() -> None:
    rig = Rig()
    rig.submit(retries=1, role="ads")
    (task,) = rig.offer(role="ads")
    rig.drop = True
    rig.fail_over()
    rig.report(task, failed={0: "no"})
    rig.tell(Subscribed("fw", "m2"))
    rig.drop = False
    rig.take(Revive)
    rig.fail_over()
    assert [r.roles for r in rig.take(Revive)] == [("ads",)]
    rig.tell(LinkDown(MASTER))
    rig.submit("k", role="web")
    rig.tell(LinkUp(MASTER, restarted=False))
    assert list(rig.awake) == ["ads", "web"]


def test_a_role_that_is_new_while_a_subscription_is_on_its_way_is_told_before_it_is_asked_for() -> None:
    rig = Rig()
    rig.drop = True
    rig.fail_over()
    rig.submit(role="web")
    rig.sent.clear()
    rig.tell(Subscribed("fw", "m2"))
    told = [m for _, m in rig.sent if isinstance(m, UpdateFramework | Revive)]
    assert [type(m) for m in told] == [UpdateFramework, Revive]
    assert isinstance(told[0], UpdateFramework)
    assert told[0].info.roles == ("*", "web")
    assert told[0].suppressed_roles == ("*", "web")


def test_once_all_is_known_a_task_that_nobody_expects_is_killed_not_adopted() -> None:
    rig = Rig()
    rig.submit()
    (task,) = rig.offer()
    rig.update(task, TaskState.UNREACHABLE)
    rig.run(task)
    assert task.killed
    assert rig.counts() == (1, 0, 0, 0)


def test_a_cancelled_job_does_not_end_before_the_new_life_knows_what_is_left_of_it() -> None:
    rig = Rig()
    rig.submit(total=2)
    first, second = rig.offer()
    rig.run(first, second)
    rig.cancel()
    rig.restart(answer=False)
    rig.report(first)
    rig.cancel()
    assert rig.status()["state"] == "KillInitiated"
    rig.drop = False
    rig.advance(2_000)
    assert rig.status()["state"] == "KillInitiated"
    assert second.killed


def test_a_kill_that_a_master_away_could_not_hear_is_told_again_and_its_clock_restarts() -> None:
    rig = Rig(BatchSettings(kill_stuck_ms=3_000))
    rig.submit()
    (task,) = rig.offer()
    rig.run(task)
    rig.drop = True
    rig.tell(LinkDown(MASTER))
    rig.cancel()
    rig.advance(60_000)
    assert rig.status()["state"] == "KillInitiated"
    assert not task.killed
    rig.drop = False
    rig.take(Kill)
    rig.tell(LinkUp(MASTER, restarted=False))
    assert [k.task_id for k in rig.take(Kill)] == [task.id]
    rig.advance(2_900)
    assert rig.take(Kill) == []
    rig.advance(5_000)
    assert rig.status()["state"] == "Finished"


def test_a_task_that_could_not_tell_of_its_start_while_the_master_was_away_is_not_stuck() -> None:
    rig = Rig(BatchSettings(launch_stuck_ms=3_000))
    rig.submit()
    (task,) = rig.offer()
    rig.drop = True
    rig.tell(LinkDown(MASTER))
    rig.advance(60_000)
    rig.drop = False
    rig.tell(LinkUp(MASTER, restarted=False))
    rig.advance(2_000)
    assert not task.killed
    rig.advance(2_500)
    assert task.killed
