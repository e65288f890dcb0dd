"""What operations make of resources: every rule by a case, and conservation over random sequences."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.model import conversions
from raymesos.model.conversions import Conversion, Maker
from raymesos.model.quantities import Shared
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, build

ADS = Reservation("ads", True, "p")
FRAMEWORK = Maker("p", "ads")
OPERATOR = Maker()


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str, *stack: Reservation) -> Resources:
    return build([(key._replace(reservations=stack or (ADS,)), q) for key, q in parse(text)])


def volume(size: int, id: str = "id1", path: str = "data", *, shared: bool = False, **more: object) -> Resources:
    disk = Disk(
        persistence_id=id, persistence_principal="p", container_path=path, mode=str(more.pop("mode", "RW")), **more
    )  # type: ignore[arg-type]
    key = Key("disk", (ADS,), disk, shared=shared)
    return build([(key, Shared(size * 1000, 1) if shared else size * 1000)])


def mount(size: int, *stack: Reservation) -> Resources:
    return build([(Key("disk", stack, Disk("MOUNT", "/mnt/d1")), size * 1000)])


def done(made: Conversion | str) -> Conversion:
    assert isinstance(made, Conversion), made
    return made


# ---------------------------------------------------------------- reservations


def test_a_reservation_turns_what_is_free_into_the_same_quantity_of_the_role() -> None:
    made = done(conversions.reserve(parse("cpus:24;mem:4096"), reserved("cpus:0.1;mem:512"), FRAMEWORK))
    assert made == Conversion(parse("cpus:0.1;mem:512"), reserved("cpus:0.1;mem:512"))
    assert made.of(parse("cpus:24;mem:4096")) == parse("cpus:23.9;mem:3584") + reserved("cpus:0.1;mem:512")


def test_a_refinement_takes_what_is_reserved_to_the_role_above() -> None:
    prod = Reservation("ads/prod", True, "p")
    held = reserved("cpus:2")
    made = done(conversions.reserve(held, reserved("cpus:1", ADS, prod), Maker("p", "ads/prod")))
    assert made.of(held) == reserved("cpus:1") + reserved("cpus:1", ADS, prod)
    back = done(conversions.unreserve(made.of(held), reserved("cpus:1", ADS, prod)))
    assert back.of(made.of(held)) == held


@pytest.mark.parametrize(
    ("resources", "maker", "reason"),
    [
        (EMPTY, FRAMEWORK, "nothing is to be reserved"),
        (parse("cpus:1"), FRAMEWORK, "is not reserved"),
        (parse("cpus(ads):1"), FRAMEWORK, "statically reserved"),
        (reserved("cpus:1", Reservation("*", True, "p")), FRAMEWORK, "cannot be reserved to role '\\*'"),
        (reserved("cpus:1", Reservation("/x", True, "p")), FRAMEWORK, "cannot start with a slash"),
        (reserved("cpus:1", Reservation("web", True, "p")), FRAMEWORK, "offered to role 'ads' cannot be reserved to role 'web'"),
        (reserved("cpus:1", Reservation("ads", True, "q")), FRAMEWORK, "principal 'q' is not that of who reserves, 'p'"),
        (reserved("cpus:1", ADS, Reservation("ads", True, "p")), FRAMEWORK, "does not refine"),
        (reserved("cpus:1", ADS, Reservation("ads/x", True, "p")), Maker("p", "ads", refines=False), "RESERVATION_REFINEMENT"),
        (reserved("cpus:3"), FRAMEWORK, r"cpus:3 is needed, cpus:2;cpus\(ads\):1 is available"),
        (reserved("gpus:0.5"), FRAMEWORK, "must be an unsigned integer"),
        (build([(Key("cpus", (ADS,), revocable=True), 1000)]), FRAMEWORK, "revocable"),
        (volume(10), FRAMEWORK, "a volume, id1, cannot be reserved"),
    ],
)  # fmt: skip
def test_a_reservation_is_refused_with_its_reason(resources: Resources, maker: Maker, reason: str) -> None:
    answer = conversions.reserve(parse("cpus:2;gpus:1") + reserved("cpus:1"), resources, maker)
    assert isinstance(answer, str)
    assert re.search(reason, answer), answer


def test_an_operator_reserves_to_any_role() -> None:
    made = done(conversions.reserve(parse("cpus:2"), reserved("cpus:2", Reservation("web/x", True)), OPERATOR))
    assert made.before == parse("cpus:2")


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (parse("cpus:1"), "cpus(*):1 is not reserved"),
        (parse("cpus(ads):1"), "cpus(ads):1 is statically reserved: it cannot be unreserved"),
        (volume(10), "a volume, id1, cannot be unreserved: destroy it first"),
        (reserved("cpus:3"), "cpus(ads):3 is needed, cpus:1;cpus(ads):2 is available"),
    ],
)
def test_only_dynamic_reservations_without_volumes_can_be_undone(resources: Resources, reason: str) -> None:
    assert conversions.unreserve(parse("cpus:1;mem:1") + reserved("cpus:2") + volume(10), resources) == reason


# ---------------------------------------------------------------- volumes


def test_a_volume_is_made_of_reserved_disk_and_gives_it_back() -> None:
    held = reserved("disk:4096")
    made = done(conversions.create(held, volume(2048), held, FRAMEWORK))
    after = made.of(held)
    assert after == reserved("disk:2048") + volume(2048)
    assert done(conversions.destroy(after, volume(2048))).of(after) == held


@pytest.mark.parametrize(
    ("volumes", "maker", "reason"),
    [
        (EMPTY, FRAMEWORK, "no volume is to be created"),
        (reserved("disk:1"), FRAMEWORK, "disk is no persistent volume"),
        (volume(1, "a/b"), FRAMEWORK, "persistence id 'a/b' contains invalid characters"),
        (volume(1, "there"), FRAMEWORK, "there is a volume 'there' of role 'ads' on the agent"),
        (volume(1, path="/abs"), FRAMEWORK, "container_path '/abs' of volume 'id1' must be a relative path"),
        (volume(1, path="../up"), FRAMEWORK, "container_path '../up' of volume 'id1' must be a relative path"),
        (volume(1, path="."), FRAMEWORK, "container_path '.' of volume 'id1' must lie below the sandbox"),
        (volume(1, mode="RO"), FRAMEWORK, "volume 'id1' must be RW, not 'RO'"),
        (volume(1), Maker("q", "ads"), "the principal 'p' of volume 'id1' is not that of who creates it, 'q'"),
        (volume(1, shared=True), Maker("p", "ads", shares=False), "a framework without the SHARED_RESOURCES capability cannot create shared volumes"),
        (volume(1, source="RAW"), FRAMEWORK, "volume 'id1' cannot be made of a RAW disk"),
        (volume(5000), FRAMEWORK, "disk(ads):5000 is needed, disk(ads):4096;disk(ads)[ROOT,there]:10 is available"),
        (build([(Key("disk", (), Disk(persistence_id="x", container_path="x", mode="RW")), 1000)]), FRAMEWORK, "volume 'x' must be made of reserved disk"),
    ],
)  # fmt: skip
def test_a_volume_is_refused_with_its_reason(volumes: Resources, maker: Maker, reason: str) -> None:
    held = reserved("disk:4096") + volume(10, "there")
    assert conversions.create(held, volumes, held, maker) == reason


def test_the_same_id_may_be_used_by_another_role() -> None:
    web = Reservation("web", True, "p")
    other = build([(Key("disk", (web,), Disk(persistence_id="id1", container_path="d", mode="RW")), 1000)])
    held = reserved("disk:10")
    done(conversions.create(held, volume(5), held + other, FRAMEWORK))


def test_a_mount_disk_becomes_a_volume_whole_or_not_at_all() -> None:
    held = mount(100, ADS)
    whole = volume(100, source="MOUNT", root="/mnt/d1")
    assert done(conversions.create(held, whole, held, FRAMEWORK)).of(held) == whole
    part = conversions.create(held, volume(50, source="MOUNT", root="/mnt/d1"), held, FRAMEWORK)
    assert part == "/mnt/d1 is indivisible: 100 MB, not 50"
    assert conversions.grow(whole, whole, mount(1, ADS)) == "volume 'id1' is on a MOUNT disk: its size cannot change"
    assert conversions.shrink(whole, whole, 1000) == "volume 'id1' is on a MOUNT disk: its size cannot change"


def test_a_volume_grows_by_disk_of_its_kind_and_shrinks_to_something() -> None:
    held = volume(3584) + reserved("disk:512")
    grown = done(conversions.grow(held, volume(3584), reserved("disk:512"))).of(held)
    assert grown == volume(4096)
    assert done(conversions.shrink(grown, volume(4096), 512_000)).of(grown) == held
    assert conversions.grow(held, volume(3584), parse("disk:1")) == "volume 'id1' cannot grow by disk:1: it takes disk of its own kind"  # fmt: skip
    assert conversions.grow(held, volume(3584), reserved("disk:513")) == "disk(ads):513;disk(ads)[ROOT,id1]:3584 is needed, disk(ads):512;disk(ads)[ROOT,id1]:3584 is available"  # fmt: skip
    for by in (0, 3_584_000, -1):
        assert "more than 0 and less than its size" in str(conversions.shrink(held, volume(3584), by))


def test_a_shared_volume_keeps_its_size() -> None:
    shared = volume(10, shared=True)
    assert conversions.grow(shared, shared, reserved("disk:1")) == "volume 'id1' is shared: its size cannot change"
    assert conversions.shrink(shared, shared, 1) == "volume 'id1' is shared: its size cannot change"


def test_a_shared_volume_goes_back_to_disk_once_however_many_hold_it() -> None:
    shared = volume(10, shared=True)
    made = done(conversions.destroy(shared + shared, shared + shared))
    assert made == Conversion(shared, reserved("disk:10"))


# ---------------------------------------------------------------- nothing is created or lost

_SIZES = st.integers(1, 5)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "unreserve", "create", "destroy", "grow", "shrink"]), _SIZES, st.sampled_from("ab")),
    max_size=20,
)  # fmt: skip


@given(_STEPS)
def test_over_any_operations_each_name_keeps_its_quantity_and_the_inverses_lead_back(
    steps: list[tuple[str, int, str]],
) -> None:
    start = parse("cpus:3;disk:10")
    total, made = start, list[Conversion]()
    for kind, size, id in steps:
        match kind:
            case "reserve":
                answer = conversions.reserve(total, reserved(f"cpus:0.{size};disk:{size}"), FRAMEWORK)
            case "unreserve":
                answer = conversions.unreserve(total, reserved(f"disk:{size}"))
            case "create":
                answer = conversions.create(total, volume(size, id), total, FRAMEWORK)
            case "destroy":
                answer = conversions.destroy(total, conversions.volumes_in(total))
            case "grow":
                answer = conversions.grow(total, conversions.volumes_in(total), reserved(f"disk:{size}"))
            case _:
                answer = conversions.shrink(total, conversions.volumes_in(total), size * 1000)
        if isinstance(answer, Conversion):
            total = answer.of(total)
            made.append(answer)
        assert total.quantities() == start.quantities()
    for each in reversed(made):
        total = Conversion(each.after, each.before).of(total)
    assert total == start


# ---------------------------------------------------------------- another size


def test_an_agent_that_comes_back_with_the_same_size_has_what_it_had() -> None:
    base = parse("cpus:4;disk:100;mem(web):10")
    total = parse("cpus:3;mem(web):10;disk:40") + reserved("cpus:1;disk:50") + volume(10)
    assert conversions.carried_over(total, base, base) == (total, EMPTY)


def test_an_agent_that_comes_back_smaller_keeps_its_volumes_first_and_what_still_fits() -> None:
    base, smaller = parse("cpus:4;disk:100"), parse("cpus:1;disk:30")
    total = parse("cpus:2;disk:30") + reserved("cpus:2;disk:50") + volume(20)
    made, lost = conversions.carried_over(total, base, smaller)
    assert made == reserved("cpus:1;disk:10") + volume(20)
    assert lost == reserved("cpus:1;disk:40")


def test_a_volume_whose_disk_is_gone_is_lost_whole() -> None:
    made, lost = conversions.carried_over(volume(20), parse("disk:20"), parse("disk:19;cpus:1"))
    assert (made, lost) == (parse("disk:19;cpus:1"), volume(20))
