"""Offers to tasks: what is launched, what is given back and how, when roles sleep and wake; chunk sizes, gangs, ports."""

from __future__ import annotations

from typing import Any

import pytest
from batch_rig import BIG, Rig, Task

from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import InputSegment
from raymesos.wire.messages import Accept, Decline, Demand, Failure, Rescind, Revive, Subscribed, Suppress
from raymesos.wire.work import Blob, ChunkWork, CommandsWork

ONE = Resources.parse("cpus:1;mem:128")


def spans(tasks: list[Task]) -> list[tuple[int, int]]:
    return [t.span for t in tasks]


def measured(rig: Rig, each_us: int, total: int = 1_000_000, **fields: Any) -> None:
    """A job of which the first task was measured."""
    rig.submit(total=total, **fields)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.run(task)
    rig.finish(task, elapsed_us=each_us * (task.span[1] - task.span[0]))


# ---------------------------------------------------------------- demand, sleep and wake


def test_a_submit_wakes_its_role_and_says_what_it_wants() -> None:
    rig = Rig()
    rig.submit(total=3, role="ads")
    assert rig.take(Revive) == [Revive("fw", ("ads",), (Demand(ONE, 3, "ads", exact=True, more=True),))]
    assert list(rig.awake) == ["ads"]


def test_roles_sleep_until_something_is_wanted_of_them() -> None:
    rig = Rig()
    rig.submit("a", role="ads")
    rig.fail_over()
    assert list(rig.awake) == ["ads"]
    rig.finish(*rig.offer(role="ads"))
    assert not rig.awake


def test_a_job_of_another_shape_that_becomes_ready_is_asked_for_although_its_role_is_awake() -> None:
    rig = Rig()
    rig.submit("first")
    rig.submit("large", total=5, resources="cpus:2;mem:128")
    rig.submit("small", resources="cpus:0.5;mem:128", after=("first",))
    (task,) = rig.offer("cpus:1;mem:128")
    rig.run(task)
    rig.take(Revive)
    rig.finish(task)
    shapes = [str(d.resources) for revive in rig.take(Revive) for d in revive.demand]
    assert "cpus:0.5;mem:128" in shapes


def test_a_job_of_a_gangs_shape_that_becomes_ready_is_asked_for_by_itself() -> None:
    rig = Rig()
    rig.submit("first", resources="cpus:2;mem:128")
    rig.submit("second", after=("first",))
    (task,) = rig.offer("cpus:2;mem:128")
    rig.run(task)
    rig.submit("gang", 2, gang=True)
    rig.take(Revive)
    rig.finish(task)
    wanted = [(d.count, d.gang) for revive in rig.take(Revive) for d in revive.demand]
    assert (1, False) in wanted


def test_when_all_is_launched_the_role_sleeps_and_a_new_job_wakes_it() -> None:
    rig = Rig()
    rig.submit("a", 2)
    assert spans(rig.offer()) == [(0, 1), (1, 2)]
    assert rig.take(Suppress) == [Suppress("fw", ("*",))]
    rig.take(Revive)
    rig.submit("b")
    assert rig.take(Revive) == [Revive("fw", ("*",), (Demand(ONE, 1, "*", exact=True, more=True),))]
    assert rig.offer() != []


def test_a_cancelled_job_lets_its_role_sleep() -> None:
    rig = Rig()
    rig.submit(total=2, role="ads")
    rig.cancel()
    assert not rig.awake


def test_a_retry_wakes_the_role_again() -> None:
    rig = Rig()
    rig.submit(retries=1)
    (task,) = rig.offer()
    assert not rig.awake
    rig.report(task, failed={0: "no"})
    assert list(rig.awake) == ["*"]


def test_a_job_larger_than_any_agent_waits_and_says_what_it_wants() -> None:
    rig = Rig()
    rig.submit(resources="cpus:64;mem:128")
    rig.advance(60_000)
    assert rig.offer() == []
    assert rig.counts() == (1, 0, 0, 0)
    assert rig.take(Revive)[0].demand == (Demand(Resources.parse("cpus:64;mem:128"), 1, "*", exact=True, more=True),)
    assert list(rig.awake) == ["*"]
    assert len(rig.offer("cpus:64;mem:128")) == 1


def test_a_job_that_does_not_fit_does_not_hold_up_those_behind_it() -> None:
    rig = Rig()
    rig.submit("big", resources="cpus:64;mem:128")
    rig.submit("small")
    assert [t.work.job_id for t in rig.offer()] == ["small"]


def test_within_a_role_the_first_job_is_served_first() -> None:
    rig = Rig()
    rig.submit("a", 3)
    rig.submit("b", 3)
    assert [t.work.job_id for t in rig.offer()] == ["a", "a", "a", "b"]


def test_an_offer_serves_only_its_own_role() -> None:
    rig = Rig()
    rig.submit("a", role="ads")
    rig.submit("b", role="web")
    assert [t.work.job_id for t in rig.offer(role="web")] == ["b"]


# ---------------------------------------------------------------- what is given back


def test_what_is_not_wanted_is_declined_at_once_with_a_filter_in_one_message() -> None:
    rig = Rig()
    rig.submit(resources="cpus:8;mem:128")
    rig.offers(("A1", BIG), ("A2", BIG))
    assert rig.take(Decline) == [Decline("fw", ("o1", "o2"), 5_000)]
    assert not rig.held


def test_the_rest_of_a_used_offer_goes_back_with_the_same_filter() -> None:
    rig = Rig()
    rig.submit(total=1)
    rig.offer()
    (accept,) = rig.take(Accept)
    assert (accept.offer_ids, accept.refuse_ms, len(accept.operations[0].tasks)) == (("o1",), 5_000, 1)


def test_offers_that_come_when_nothing_waits_go_back() -> None:
    rig = Rig()
    assert rig.offer() == []
    assert not rig.held


@pytest.mark.parametrize("total", [1, 3, 9])
def test_no_offer_is_ever_kept(total: int) -> None:
    rig = Rig()
    rig.submit(total=total)
    rig.offers(("A1", BIG), ("A2", BIG), ("A3", "cpus:0.5;mem:64"))
    assert not rig.held


def test_before_a_new_life_knows_what_runs_it_launches_nothing_but_after_half_a_minute_it_does() -> None:
    rig = Rig()
    rig.submit(total=1)
    rig.restart(answer=False)
    rig.tell(Subscribed("fw", "m"))
    rig.drop = False
    assert rig.offer() == []
    rig.drop = True
    rig.advance(29_000)
    assert not rig.machine.state.subscription.settled
    rig.advance(1_000)
    rig.drop = False
    assert len(rig.offer()) == 1


# ---------------------------------------------------------------- bounds on what runs at once


def test_a_job_never_has_more_than_max_parallel_tasks_and_asks_again_when_one_ends() -> None:
    rig = Rig()
    rig.submit(total=5, max_parallel=2)
    assert rig.take(Revive)[-1].demand[0].count == 2
    first, second = rig.offer()
    assert not rig.awake
    rig.run(first, second)
    rig.report(first)
    assert rig.offer() == []
    rig.update(first, TaskState.FINISHED)
    assert rig.take(Revive)[-1].demand[0].count == 1
    assert len(rig.offer()) == 1
    assert rig.offer() == []


def test_at_most_so_many_tasks_are_on_their_way_and_the_rest_follows() -> None:
    rig = Rig(BatchSettings(not_started_per_job=4))
    rig.submit(total=6)
    tasks = rig.offer("cpus:8;mem:4096")
    assert len(tasks) == 4
    assert not rig.awake
    rig.run(tasks[0])
    assert not rig.awake
    rig.run(tasks[1])
    assert list(rig.awake) == ["*"]
    assert len(rig.offer("cpus:8;mem:4096")) == 2


def test_a_job_that_may_start_again_clears_the_filters_of_a_role_that_is_awake_for_another() -> None:
    rig = Rig()
    rig.submit("a", 2, max_parallel=1)
    rig.submit("big", resources="cpus:64;mem:1")
    (task,) = rig.offer()
    assert list(rig.awake) == ["*"]
    rig.take(Revive)
    rig.finish(task)
    assert [r.roles for r in rig.take(Revive)] == [("*",)]


def test_a_job_that_may_start_only_a_little_more_asks_at_the_next_cycle() -> None:
    rig = Rig(BatchSettings(not_started_per_job=4))
    rig.submit("a", 6)
    rig.submit("big", resources="cpus:64;mem:1")
    first, *_ = rig.offer("cpus:8;mem:4096")
    rig.take(Revive)
    rig.run(first)
    assert rig.take(Revive) == []
    rig.advance(1_000)
    assert [r.roles for r in rig.take(Revive)] == [("*",)]
    rig.advance(5_000)
    assert rig.take(Revive) == []


# ---------------------------------------------------------------- chunks


def test_a_job_that_was_never_measured_gets_one_input_a_task_or_a_thousandth_of_many() -> None:
    rig = Rig()
    rig.submit(total=2_000)
    assert spans(rig.offer()) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    rig = Rig()
    rig.submit(total=102_400)
    assert spans(rig.offer()) == [(0, 100), (100, 200), (200, 300), (300, 400)]


def test_chunks_grow_in_waves_up_to_what_takes_about_100_ms() -> None:
    rig = Rig()
    measured(rig, 10, total=100_000)
    sizes = []
    for _ in range(2):
        (task,) = rig.offer("cpus:1;mem:128")
        lo, hi = task.span
        sizes.append(hi - lo)
        rig.run(task)
        rig.finish(task, elapsed_us=10 * (hi - lo))
    assert sizes == [10_000, 10_000]
    rig = Rig()
    measured(rig, 1, total=2_000)
    (task,) = rig.offer("cpus:1;mem:128")
    assert task.span == (1, 1_025)


def test_when_inputs_become_slower_chunks_shrink() -> None:
    rig = Rig()
    measured(rig, 1_000, total=2_000)
    (task,) = rig.offer("cpus:1;mem:128")
    assert task.span == (1, 101)
    rig.finish(task, elapsed_us=100 * 50_000)
    (task,) = rig.offer("cpus:1;mem:128")
    assert task.span == (101, 103)


def test_one_slow_input_says_less_than_many_quick_ones() -> None:
    rig = Rig()
    measured(rig, 1_000, total=102_400)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.report(task, done=2, elapsed_us=2 * 9_000)
    assert rig.machine.state.jobs["j"].input_us == 3_000


def test_a_wave_grows_by_what_was_measured_and_not_by_how_often() -> None:
    rig = Rig()
    measured(rig, 10, total=2_000)
    for _ in range(3):
        (task,) = rig.offer("cpus:1;mem:128")
        rig.finish(task, done=1, elapsed_us=10)
    assert rig.machine.state.jobs["j"].wave == 1_024


def test_inputs_slower_than_a_chunk_go_alone() -> None:
    rig = Rig()
    measured(rig, 2_000_000, total=2_000)
    assert spans(rig.offer()) == [(1, 2), (2, 3), (3, 4), (4, 5)]


def test_at_the_end_chunks_shrink_so_that_all_work_but_not_below_half_of_the_aim() -> None:
    rig = Rig()
    rig.offers(("A1", BIG), ("A2", BIG))
    measured(rig, 100, total=8_000)
    left = 8_000 - 7
    sizes = []
    while tasks := rig.offer("cpus:1;mem:128"):
        lo, hi = tasks[0].span
        sizes.append(hi - lo)
        assert sizes[-1] == min(max(-(-left // 8), 500), left)
        left -= sizes[-1]
    assert sum(sizes) == 8_000 - 7
    assert sizes[0] == 1_000
    assert 500 in sizes


def test_an_agent_that_is_gone_does_not_count_as_a_place_to_work() -> None:
    rig = Rig()
    rig.offers(("A1", BIG), ("A2", BIG))
    rig.tell(Failure("A2"))
    assert list(rig.machine.state.slots) == ["A1"]


@pytest.mark.parametrize(
    "fields", [{"isolated": True}, {"runtime_limit_ms": 60_000}, {"ports": 1, "resources": "cpus:1;mem:128"}]
)
def test_what_needs_a_task_of_its_own_is_never_packed(fields: dict[str, Any]) -> None:
    rig = Rig()
    rig.submit(total=10, **fields)
    offer = "cpus:1;mem:128;ports:[1000-2000]"
    for i in range(3):
        (task,) = rig.offer(offer)
        assert task.span == (i, i + 1)
        rig.finish(task, elapsed_us=10)


def test_commands_are_packed_likewise() -> None:
    rig = Rig()
    rig.submit(total=100, argv=("/bin/true",))
    (task,) = rig.offer("cpus:1;mem:128")
    assert isinstance(task.work, CommandsWork)
    rig.finish(task, elapsed_us=2_000)
    (task,) = rig.offer("cpus:1;mem:128")
    assert task.span == (1, 51)


def test_a_chunk_ends_where_its_segment_of_inputs_ends() -> None:
    rig = Rig()
    segments = (InputSegment(0, 10, Blob(key="j/0")), InputSegment(10, 990, Blob(key="j/1")))
    measured(rig, 10, total=1_000, inputs=segments)
    first, second, *_ = rig.offer()
    assert (first.span, second.span) == ((1, 10), (10, 1_000))
    assert isinstance(second.work, ChunkWork)
    assert (second.work.inputs.key, second.work.inputs_base) == ("j/1", 10)


def test_no_two_roles_share_a_pool_and_neither_do_two_environments() -> None:
    rig = Rig()
    rig.submit("a", role="ads", env=(("A", "1"),))
    rig.submit("b", role="web", env=(("A", "1"),))
    rig.submit("c", role="ads", sys_path=("A=1",))
    tasks = [*rig.offer(role="ads"), *rig.offer(role="web")]
    assert len({t.work.pool_key for t in tasks if isinstance(t.work, ChunkWork)}) == 3


# ---------------------------------------------------------------- ports


def test_ports_are_chosen_from_the_offer_each_once() -> None:
    rig = Rig()
    rig.submit(total=3, ports=2)
    tasks = rig.offer("cpus:4;mem:4096;ports:[31000-31004]")
    assert [str(t.info.resources) for t in tasks] == [
        "cpus:1;mem:128;ports:[31000-31001]",
        "cpus:1;mem:128;ports:[31002-31003]",
    ]
    assert rig.counts() == (1, 2, 0, 0)


# ---------------------------------------------------------------- gangs


def test_a_gang_waits_for_enough_and_then_starts_as_one() -> None:
    rig = Rig()
    rig.submit(total=6, gang=True)
    assert rig.offer(BIG, "A1") == []
    assert list(rig.held) == ["o1"]
    assert sorted(spans(rig.offer(BIG, "A2"))) == [(i, i + 1) for i in range(6)]
    assert not rig.held


def test_a_gang_that_does_not_fit_lets_go_after_five_seconds_for_others_and_the_rest_goes_back() -> None:
    rig = Rig()
    rig.submit("gang", 6, gang=True)
    rig.submit("small", 1)
    assert rig.offer() == []
    rig.advance(4_999)
    assert list(rig.held) == ["o1"]
    before = dict(rig.tasks)
    rig.advance(1)
    assert [t.work.job_id for t in rig.tasks.values() if t.id not in before] == ["small"]
    assert not rig.held


def test_only_one_gang_holds_offers_so_two_cannot_wait_for_each_other() -> None:
    rig = Rig()
    rig.submit("a", 6, gang=True, role="ads")
    rig.submit("b", 6, gang=True, role="web")
    rig.offer(role="ads")
    rig.offer(role="web")
    assert [o.role for o in rig.held.values()] == ["ads"]


def test_a_cancelled_gang_gives_back_what_it_held() -> None:
    rig = Rig()
    rig.submit(total=6, gang=True)
    rig.offer()
    rig.cancel()
    assert not rig.held


def test_a_rescinded_offer_does_not_count_for_a_gang() -> None:
    rig = Rig()
    rig.submit(total=6, gang=True)
    rig.offer(BIG, "A1")
    del rig.held["o1"]
    rig.tell(Rescind("o1"))
    assert rig.offer(BIG, "A2") == []


def test_a_gang_whose_retries_are_not_due_starts_those_that_are() -> None:
    rig = Rig()
    rig.submit(total=3, gang=True, retry=RetryPolicy(1, 60_000))
    tasks = rig.offer()
    rig.report(tasks[0], failed={0: "no"})
    rig.update(tasks[1], TaskState.DROPPED)
    assert spans(rig.offer()) == [(1, 2)]


def test_what_a_gang_held_is_void_when_the_master_goes() -> None:
    rig = Rig()
    rig.submit(total=6, gang=True)
    rig.offer(BIG, "A1")
    rig.fail_over()
    assert rig.offer(BIG, "A2") == []
    assert list(rig.held) == ["o2"]
