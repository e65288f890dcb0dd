"""Who says exactly what it wants is offered just so much; a hint changes nothing."""

from __future__ import annotations

import pytest
from allocator_driver import Driver, brief

from raymesos.kernel.allocator.books import Subscription
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.roster import Roster
from raymesos.kernel.allocator.shares import DrfSorter
from raymesos.kernel.allocator.wants import STEPS, book, declare, next_part, unbook
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.messages import Demand, Recover, ReviveRoles
from raymesos.wire.notes import WaitNote

HALF = "cpus:0.5;mem:128"


def exact(*shapes: tuple[str, int], more: bool = True) -> tuple[Demand, ...]:
    return tuple(Demand(Resources.parse(shape), count, exact=True, more=more) for shape, count in shapes)


def wanting(*shapes: tuple[str, int], more: bool = True) -> Subscription:
    pool = Pool()
    roster = Roster(pool, DrfSorter(pool), lambda: DrfSorter(pool))
    subscription = roster.subscription("F", "a")
    declare(subscription, exact(*shapes, more=more))
    return subscription


@pytest.mark.parametrize(
    ("shapes", "free", "given", "part", "tasks"),
    [
        ([(HALF, 3)], "cpus:0.5;mem:16926;ports:[1-9]", 0, "cpus:0.5;mem:128", 1),
        ([(HALF, 3)], "cpus:2;mem:16926", 0, "cpus:0.5;mem:128", 1),
        ([(HALF, 1)], "cpus:2;mem:16926", 1, "cpus:0.5;mem:128", 1),  # Of the last shape as many as fit.
        ([(HALF, 99)], "cpus:32;mem:16926", 0, "cpus:4;mem:1024", 8),  # 64 fit: in eight steps.
        ([(HALF, 99)], "cpus:32;mem:300", 0, "cpus:0.5;mem:128", 1),
        ([("cpus:1;mem:100", 2), (HALF, 1)], "cpus:32;mem:16926", 0, "cpus:2;mem:200", 2),
        ([("cpus:1;mem:100", 2), (HALF, 1)], "cpus:30;mem:16926", 2, "cpus:4;mem:1024", 8),
        ([("cpus:64;mem:100", 2), (HALF, 1)], "cpus:1;mem:16926", 0, "cpus:0.5;mem:128", 1),
        ([(HALF, 1)], "cpus:0.4;mem:16926", 0, None, 0),
        ([(HALF, 1)], "mem:16926", 0, None, 0),
        ([("cpus:1;ports:[5-5]", 1)], "cpus:4;ports:[6-9]", 0, None, 0),
    ],
)
def test_an_exact_demand_is_offered_what_some_of_its_tasks_hold(
    shapes: list[tuple[str, int]], free: str, given: int, part: str | None, tasks: int
) -> None:
    found = next_part(wanting(*shapes), Resources.parse(free), STEPS, given)
    assert (found.offer, found.count) == (EMPTY if part is None else Resources.parse(part), tasks)


def test_what_is_offered_is_wanted_no_more_until_it_comes_back_unused() -> None:
    subscription = wanting((HALF, 3), ("cpus:2;mem:64", 1), more=False)
    book(subscription, 0, 2)
    book(subscription, 1, 1)
    assert (subscription.left, subscription.booked) == ([1, 0], [2, 1])
    assert unbook(subscription, Resources.parse("cpus:2;mem:64"), ended=True) is False
    book(subscription, 0, 1)
    assert (subscription.left, subscription.sated) == ([0, 0], True)
    assert unbook(subscription, Resources.parse(HALF), ended=False) is True
    assert (subscription.left, subscription.sated) == ([1, 0], False)


def test_an_offer_is_cut_to_what_was_asked_for_and_the_rest_goes_to_others() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.send(ReviveRoles("F1", ("a",), exact((HALF, 3), more=False)))
    driver.agent("S1", "cpus:8;mem:16926")
    assert brief(driver.held) == [("F1", "S1", "cpus:1.5;mem:384")]
    assert brief(driver.framework("F2", "b")) == [("F2", "S1", "cpus:6.5;mem:16542")]
    driver.give_back_all()
    # F2, which did not say how much it wants, came when F1 had been given a part of this: it counts as if it had had as much, and once more since.
    assert brief(driver.tick()) == [("F1", "S1", "cpus:1;mem:256"), ("F2", "S1", "cpus:7;mem:16670")]


def test_one_task_that_has_ended_is_not_wanted_again_but_one_that_was_refused_is() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.send(ReviveRoles("F1", ("a",), exact((HALF, 2), more=False)))
    (grant,) = driver.agent("S1", "cpus:8;mem:16926")
    driver.send(Recover("F1", "a", "S1", grant.incarnation, Resources.parse(HALF), None, task_ended=True))
    assert driver.tick() == []
    driver.send(Recover("F1", "a", "S1", grant.incarnation, Resources.parse(HALF), None))
    assert brief(driver.tick()) == [("F1", "S1", HALF)]


def test_the_tasks_of_a_demand_are_offered_reserved_resources_first_and_volumes_come_along() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.send(ReviveRoles("F1", ("a",), exact(("cpus:2;mem:64", 1), more=False)))
    driver.agent("S1", "cpus:8;mem:640;cpus(a):1;cpus(b):4")
    assert brief(driver.held) == [("F1", "S1", "cpus:1;cpus(a):1;mem:64")]


def test_a_hint_is_offered_everything_even_what_it_cannot_use() -> None:
    for demand in (Demand(Resources.parse("cpus:8;mem:1"), 1),), (*exact((HALF, 1)), Demand(Resources.parse(HALF), 1)):
        driver = Driver()
        driver.framework("F1", "a")
        driver.send(ReviveRoles("F1", ("a",), demand))
        assert brief(driver.agent("S1", "cpus:2;mem:16926")) == [("F1", "S1", "cpus:2;mem:16926")]


def slots(count: int) -> Resources:
    return Resources.parse(f"cpus:{count / 2};mem:{count * 128}")


def test_a_role_with_an_offer_under_way_does_not_look_far_above_its_share() -> None:
    """Weights 1:3, four slots held 2:2. One of each role comes free, the second while the first is still being offered: both are second's."""
    driver = Driver()
    driver.weight("second", "3")
    for name, role in (("F1", "first"), ("F2", "second")):
        driver.framework(name, role)
        driver.send(ReviveRoles(name, (role,), exact((HALF, 100))))
    held = (("F1", "first", str(slots(2))), ("F2", "second", str(slots(2))))
    assert driver.agent("S1", "cpus:2;mem:17000", held=held) == []
    for name, role in (("F2", "second"), ("F1", "first")):
        driver.send(Recover(name, role, "S1", driver.incarnation, slots(1), None, task_ended=True))
        assert brief(driver.new()) == [("F2", "S1", HALF)]
    # It holds 3 of 4 by now, which is its share.
    driver.send(Recover("F1", "first", "S1", driver.incarnation, slots(1), None, task_ended=True))
    assert brief(driver.new()) == [("F1", "S1", HALF)]


def test_room_that_comes_free_at_once_is_dealt_out_by_shares() -> None:
    driver = Driver()
    driver.weight("second", "3")
    for name, role in (("F1", "first"), ("F2", "second")):
        driver.framework(name, role)
        driver.send(ReviveRoles(name, (role,), exact((HALF, 100))))
    assert brief(driver.agent("S1", "cpus:2;mem:17000")) == [("F1", "S1", HALF), ("F2", "S1", str(slots(3)))]


def test_after_each_task_the_shares_are_compared_again_and_who_did_not_say_takes_the_rest() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.framework("F2", "b")
    driver.send(ReviveRoles("F1", ("a",), exact(("cpus:1;mem:128", 5))))
    assert brief(driver.agent("S1", "cpus:2;mem:1000")) == [
        ("F1", "S1", "cpus:1;mem:128"),
        ("F2", "S1", "cpus:1;mem:872"),
    ]


def test_explain_hears_that_what_is_free_is_too_little() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.send(ReviveRoles("F1", ("a",), exact(("cpus:2;mem:128", 5))))
    driver.agent("S1", "cpus:2;mem:1000", held=(("F9", "b", "cpus:1;mem:1"),))
    driver.tick()
    assert [(n.why, n.detail) for n in driver.notes_of(WaitNote)][-1] == (
        "nothing_free",
        "what is free is too little for one of its tasks",
    )
