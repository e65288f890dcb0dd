"""What people write, made exact: which pieces of an offer a text stands for, and what is asked for where there are none."""

from __future__ import annotations

import pytest

from raymesos.errors import InvalidValue
from raymesos.frameworks.operations import (
    Volumes,
    Wish,
    create_volume,
    destroy_volume,
    exact_operation,
    exact_operations,
    exact_shape,
    grow_volume,
    reserve,
    shrink_volume,
    unreserve,
)
from raymesos.model.conversions import Maker
from raymesos.model.matching import matching
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, build
from raymesos.wire.messages import Create, Destroy, Grow, Launch, Operation, Reserve, Shrink, TaskInfo, Unreserve
from raymesos.wire.work import CommandWork

ME = Maker("p", "eng")
PROD = Maker("p", "eng/prod")


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str, *roles: str, principal: str = "p", labels: tuple[tuple[str, str], ...] = ()) -> Resources:
    stack = tuple(Reservation(role, True, principal, labels) for role in roles or ("eng",))
    return build([(k._replace(reservations=stack), q) for k, q in parse(text)])


def revocable(text: str) -> Resources:
    return build([(k._replace(revocable=True), q) for k, q in parse(text)])


def volume(mb: int, id: str = "v", *, root: str = "") -> Resources:
    disk = Disk("MOUNT" if root else "", root, "", "", id, "p", "data", "RW")
    return build([(Key("disk", (Reservation("eng", True, "p"),), disk), mb * 1000)])


def mount(mb: int, root: str) -> Resources:
    return build([(Key("disk", (Reservation("eng", True, "p"),), Disk("MOUNT", root)), mb * 1000)])


# ---------------------------------------------------------------- pieces


@pytest.mark.parametrize(
    ("available", "wanted", "found"),
    [
        (parse("cpus:2") + reserved("cpus:2"), parse("cpus:1"), parse("cpus:1")),
        (parse("cpus:2") + reserved("cpus:2"), parse("cpus:3"), parse("cpus:2") + reserved("cpus:1")),
        (parse("cpus:2") + reserved("cpus:2"), parse("cpus(eng):2"), reserved("cpus:2")),
        (parse("cpus(eng):1") + reserved("cpus:2"), parse("cpus(eng):2"), parse("cpus(eng):1") + reserved("cpus:1")),
        (parse("cpus:1") + revocable("cpus:2"), parse("cpus:2"), revocable("cpus:2")),
        (parse("cpus:1") + revocable("cpus:1"), parse("cpus:2"), None),
        (parse("cpus:2"), revocable("cpus:1"), None),
        (parse("cpus:2"), parse("cpus(eng):1"), None),
        (volume(100), parse("disk:100"), None),
        (reserved("disk:200") + mount(100, "/a") + mount(50, "/b"), parse("disk:100"), mount(100, "/a")),
        (reserved("disk:200") + mount(100, "/a"), parse("disk:80"), reserved("disk:80")),
        (mount(100, "/a") + mount(100, "/b"), mount(100, "/b"), mount(100, "/b")),
        (mount(100, "/a"), mount(100, "/b"), None),
        (parse("ports:[1-9]"), parse("ports:[2-3]"), parse("ports:[2-3]")),
        (parse("ports:[1-9]"), parse("ports:[2-10]"), None),
    ],
)  # fmt: skip
def test_a_text_stands_for_pieces_of_what_there_is(
    available: Resources, wanted: Resources, found: Resources | None
) -> None:
    assert matching(available, wanted) == found


def test_a_shape_that_is_not_there_is_asked_for_as_it_is_written() -> None:
    assert exact_shape(parse("cpus:3"), parse("cpus:1") + reserved("cpus:1")) == parse("cpus:3")


# ---------------------------------------------------------------- operations


@pytest.mark.parametrize(
    ("wish", "maker", "expected"),
    [
        (reserve("cpus:1", operation_id="r"), ME, Reserve(reserved("cpus:1"), "r")),
        (reserve("cpus(eng):1"), ME, Reserve(reserved("cpus:1"))),
        (reserve("cpus(web):1"), ME, Reserve(reserved("cpus:1", "web"))),
        (reserve("cpus(eng):1"), PROD, Reserve(reserved("cpus:1", "eng", "eng/prod"))),
        (reserve("cpus:1"), PROD, Reserve(reserved("cpus:1", "eng/prod"))),
        (reserve("cpus:1", role="eng/prod"), ME, Reserve(reserved("cpus:1", "eng/prod"))),
        (reserve("cpus:1", labels=(("a", "b"),)), ME, Reserve(reserved("cpus:1", labels=(("a", "b"),)))),
        (reserve("cpus:9"), ME, Reserve(reserved("cpus:9"))),
        (reserve(reserved("cpus:1", "x")), ME, Reserve(reserved("cpus:1", "x"))),
        (reserve("cpus(ads):1"), Maker(), Reserve(reserved("cpus:1", "ads", principal=""))),
        (reserve("cpus:1"), Maker(), Reserve(parse("cpus:1"))),
        (unreserve("cpus:1"), ME, Unreserve(reserved("cpus:1"))),
        (unreserve("cpus:9"), ME, Unreserve(reserved("cpus:9"))),
        (unreserve("mem(eng):1"), ME, Unreserve(reserved("mem:1"))),
        (create_volume("w", "disk:10", "data"), ME, Create(volume(10, "w"))),
        (destroy_volume("v"), ME, Destroy(volume(50))),
        (grow_volume("v", "disk:5"), ME, Grow(volume(50), reserved("disk:5"))),
        (grow_volume("v", 5), ME, Grow(volume(50), reserved("disk:5"))),
        (shrink_volume("v", "disk:5", operation_id="s"), ME, Shrink(volume(50), 5000, "s")),
    ],
)  # fmt: skip
def test_a_wish_becomes_the_operation_that_says_it_in_full(wish: Wish, maker: Maker, expected: Operation) -> None:
    available = parse("cpus:2;mem:10") + reserved("cpus:2;disk:100") + volume(50)
    assert exact_operation(wish, available, maker) == expected


def test_a_volume_is_of_one_kind_of_disk() -> None:
    a, b = reserved("disk:30", labels=(("k", "a"),)), reserved("disk:50", labels=(("k", "b"),))
    made = exact_operation(create_volume("v", "disk:40", "data"), a + b, ME)
    assert isinstance(made, Create)
    [(key, size)] = list(made.volumes)
    assert (key.reservations[0].labels, size) == ((("k", "b"),), 40_000)


def test_each_operation_works_on_what_those_before_it_leave() -> None:
    task = TaskInfo("t", "t", parse("cpus:2"), CommandWork(("true",)))
    wishes = [
        reserve("cpus:2;disk:60"),
        create_volume("v", "disk:50", "data"),
        Volumes(Launch((task,)), (("v",),)),
        unreserve("cpus:1"),
        destroy_volume("v"),
    ]
    made = exact_operations(wishes, parse("cpus:3;disk:60"), ME)
    [launched] = [op for op in made if isinstance(op, Launch)]
    assert launched.tasks[0].resources == parse("cpus:1") + reserved("cpus:1") + volume(50)
    assert made[3] == Unreserve(reserved("cpus:1"))
    [(gone, size)] = list(made[4].volumes)  # type: ignore[union-attr]
    assert (gone.disk, size) == (Disk(persistence_id="v"), 1)


@pytest.mark.parametrize("bad", ["cpus:1", "", "nonsense", -1, float("nan")])
def test_a_volume_grows_by_disk_alone(bad: str | float) -> None:
    with pytest.raises(InvalidValue, match=r"disk|resources"):
        grow_volume("v", bad)


def test_what_is_no_text_of_resources_is_refused_at_once() -> None:
    for wish in (reserve, unreserve):
        with pytest.raises(InvalidValue, match="resources"):
            wish("cpus")
    with pytest.raises(InvalidValue, match="resources"):
        create_volume("v", "disk", "data")
    assert exact_operations([], EMPTY, ME) == []
