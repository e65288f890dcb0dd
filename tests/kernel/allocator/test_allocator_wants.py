"""Who says exactly what it wants is offered just so much; a hint changes nothing."""

from __future__ import annotations

import pytest
from allocator_driver import Driver, brief

from raymesos.kernel.allocator.wants import usable
from raymesos.model.resources import Resources
from raymesos.wire.messages import Demand, Recover, ReviveRoles
from raymesos.wire.notes import WaitNote

HALF = "cpus:0.5;mem:128"


def exact(*shapes: tuple[str, int]) -> tuple[Demand, ...]:
    return tuple(Demand(Resources.parse(shape), count, exact=True) for shape, count in shapes)


@pytest.mark.parametrize(
    ("shapes", "offer", "part"),
    [
        ([(HALF, 3)], "cpus:0.5;mem:16926", "cpus:0.5;mem:128"),
        (
            [(HALF, 1)],
            "cpus:2;mem:16926",
            "cpus:2;mem:512",
        ),  # Of the last shape as many as fit: more may be wanted by now.
        ([(HALF, 9)], "cpus:2;mem:300", "cpus:1;mem:256"),
        ([("cpus:1;mem:100", 1), (HALF, 1)], "cpus:2;mem:16926", "cpus:2;mem:356"),
        ([("cpus:1;mem:100", 5), (HALF, 1)], "cpus:2.5;mem:16926", "cpus:2.5;mem:328"),
        ([("cpus:8;mem:100", 5), (HALF, 1)], "cpus:1;mem:16926", "cpus:1;mem:256"),
        ([(HALF, 1)], "cpus:1;mem:256;gpus:2;disk:10;ports:[1-9]", "cpus:1;mem:256;ports:[1-9]"),
        ([(HALF, 1)], "cpus:0.4;mem:16926", None),
        ([(HALF, 1)], "mem:16926", None),
        ([("cpus:1;ports:[5-5]", 1)], "cpus:4;ports:[6-9]", None),
    ],
)
def test_an_exact_demand_is_offered_what_its_tasks_hold(
    shapes: list[tuple[str, int]], offer: str, part: str | None
) -> None:
    found = usable(exact(*shapes), Resources.parse(offer))
    assert found == (None if part is None else Resources.parse(part))


def test_a_hint_is_offered_everything_even_what_it_cannot_use() -> None:
    offer = Resources.parse("cpus:2;mem:16926")
    assert usable((Demand(Resources.parse("cpus:8;mem:1"), 1),), offer) is offer
    assert usable((*exact((HALF, 1)), Demand(Resources.parse(HALF), 1)), offer) is offer


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


def test_what_is_left_is_for_others_in_the_same_pass() -> None:
    driver = Driver()
    driver.framework("F1", "a")
    driver.framework("F2", "b")
    driver.send(ReviveRoles("F1", ("a",), exact(("cpus:1;mem:128", 5))))
    assert brief(driver.agent("S1", "cpus:2;mem:1000")) == [("F1", "S1", "cpus:2;mem:256"), ("F2", "S1", "mem:744")]


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
