"""Operations change what is held, or what is free, into something else; what is shared counts once."""

from __future__ import annotations

import pytest
from allocator_driver import NO_ATTRIBUTES, Driver

from raymesos.errors import InvariantBroken
from raymesos.model.resources import Disk, Key, Reservation, Resources, Shared, build
from raymesos.wire.messages import AgentAdded, Convert, ConvertFree, FreeConverted, Recover

ADS = (Reservation("ads", dynamic=True),)


def reserved(text: str, **disk: str) -> Resources:
    key_of = Disk(**disk) if disk else None
    return build([(Key(k.name, ADS, key_of), q) for k, q in Resources.parse(text)])


def volume(size: int, holders: int = 1) -> Resources:
    key = Key("disk", ADS, Disk(persistence_id="v", container_path="v"), shared=True)
    return build([(key, Shared(size * 1000, holders))])


def test_what_a_framework_reserves_stays_its_own_and_comes_back_reserved() -> None:
    driver = Driver()
    driver.agent("A", "cpus:1;mem:512")
    (grant,) = driver.framework("F", "ads")
    before, after = Resources.parse("cpus:1;mem:512"), reserved("cpus:1;mem:512")
    driver.send(Convert("F", "ads", "A", grant.incarnation, before, after))
    assert driver.machine.shares() == {"ads": 1}
    driver.send(Recover("F", "ads", "A", grant.incarnation, after))
    assert [str(g.resources) for g in driver.tick()] == ["cpus(ads):1;mem(ads):512"]


def test_a_conversion_of_what_is_not_held_stops_the_machine() -> None:
    driver = Driver()
    (grant,) = driver.agent("A", "cpus:1;mem:512") or driver.framework("F", "ads")
    with pytest.raises(InvariantBroken, match=r"ledger\.convert"):
        driver.send(Convert("F", "ads", "A", grant.incarnation, Resources.parse("cpus:2"), reserved("cpus:2")))


def test_the_operator_converts_what_nobody_holds_and_is_told_if_somebody_does() -> None:
    driver = Driver()
    driver.agent("A", "cpus:2;mem:512")
    half, other = Resources.parse("cpus:1"), Resources.parse("cpus:2")
    driver.send(ConvertFree("r1", "A", 1, half, reserved("cpus:1")))
    driver.send(ConvertFree("r2", "A", 1, other, reserved("cpus:2")))
    answers = [m for m in driver.messages if isinstance(m, FreeConverted)]
    free = half + Resources.parse("mem:512") + reserved("cpus:1")
    assert answers == [FreeConverted("r1", done=True), FreeConverted("r2", done=False, free=free)]
    (grant,) = driver.framework("F", "other")
    assert str(grant.resources) == "cpus:1;mem:512"


def test_a_shared_volume_is_free_for_the_next_while_it_is_held_and_counts_once_for_a_role() -> None:
    driver = Driver()
    total = Resources.parse("cpus:4;mem:1024") + volume(2048)
    driver.framework("F1", "ads")
    driver.framework("F2", "ads")
    driver.send(AgentAdded("A", 1, "A", total, NO_ATTRIBUTES))
    (first,) = driver.new()
    assert first.resources == total
    part = Resources.parse("cpus:1;mem:128") + volume(2048)
    driver.send(Recover(first.framework_id, "ads", "A", 1, total - part))
    (second,) = driver.tick()
    assert second.framework_id != first.framework_id
    assert second.resources == Resources.parse("cpus:3;mem:896") + volume(2048)
    metric = "allocator/mesos/resources/disk/offered_or_allocated"
    assert driver.machine.metrics()[metric] == 2048
    driver.send(Recover(first.framework_id, "ads", "A", 1, part))
    assert driver.machine.metrics()[metric] == 2048
    driver.send(Recover(second.framework_id, "ads", "A", 1, second.resources))
    assert driver.machine.metrics()[metric] == 0
