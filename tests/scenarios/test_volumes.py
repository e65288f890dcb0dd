"""Persistent volumes: made, unmade, grown, shrunk, shared (S35), through the whole kernel. Directories are those on the simulated hosts."""

from __future__ import annotations

import pytest

from raymesos.errors import Conflict
from raymesos.model.quantities import Shared
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, build
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

YEAR = 365 * 86400.0


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str, principal: str = "F1") -> Resources:
    stack = (Reservation("role1", True, principal),)
    return build([(key._replace(reservations=stack), quantity) for key, quantity in parse(text)])


def volume(id: str, mb: int, *, shared: bool = False, root: str = "") -> Resources:
    """As F1 makes it of its reserved disk, to be found under `data`."""
    disk = Disk("MOUNT" if root else "", root, "", "", id, "F1", "data", "RW")
    key = Key("disk", (Reservation("role1", True, "F1"),), disk, shared=shared)
    return build([(key, Shared(mb * 1000, 1) if shared else mb * 1000)])


def offered(sim: Simulation, framework: Framework) -> Resources:
    """What the next pass offers to the framework: one offer."""
    sim.advance(1.0)
    (offer,) = framework.offers
    return offer.resources


def with_disk(sim: Simulation, *ops: tuple[object, ...], agent: str = "cpus:2;mem:1024;disk:4096") -> Framework:
    """F1 in role1 has reserved all the disk of A1."""
    sim.add_agent("A1", agent)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f1.accept(f1.offers, operations=[f1.reserve("disk:4096")], refuse_seconds=0)
    sim.advance(1.0)
    return f1


REST = parse("cpus:2;mem:1024")

# ---------------------------------------------------------------- S35


def test_volumes_have_directories_from_their_making_to_their_unmaking(sim: Simulation) -> None:
    f1 = with_disk(sim)
    both = [f1.create_volume("id1", "disk:2048", "data"), f1.create_volume("id2", "disk:2048", "data")]
    f1.accept(f1.offers, operations=both, refuse_seconds=0)
    assert offered(sim, f1) == REST + volume("id1", 2048) + volume("id2", 2048)
    assert sim.volumes("A1") == ["id1", "id2"]
    f1.accept(f1.offers, operations=[f1.destroy_volume("id1")], refuse_seconds=0)
    assert offered(sim, f1) == REST + reserved("disk:2048") + volume("id2", 2048)
    assert sim.volumes("A1") == ["id2"]


def test_a_volume_grows_into_all_the_disk_and_is_the_same_directory(sim: Simulation) -> None:
    f1 = with_disk(sim)
    f1.accept(f1.offers, operations=[f1.create_volume("id1", "disk:3584", "data")], refuse_seconds=0)
    sim.advance(1)
    before = dict(sim.cluster.launcher("A1").volumes)
    f1.accept(f1.offers, operations=[f1.grow_volume("id1", "disk:512")], refuse_seconds=0)
    assert offered(sim, f1) == REST + volume("id1", 4096)
    assert sim.cluster.launcher("A1").volumes == before
    task = f1.launch(f1.offers[0], "cpus:1;mem:128", volumes=["id1"])
    sim.settle()
    assert (task.state, task.resources) == ("TASK_RUNNING", parse("cpus:1;mem:128") + volume("id1", 4096))


def test_a_volume_shrinks_and_a_task_runs_on_both_parts(sim: Simulation) -> None:
    f1 = with_disk(sim)
    f1.accept(f1.offers, operations=[f1.create_volume("id1", "disk:4096", "data")], refuse_seconds=0)
    sim.advance(1)
    f1.accept(f1.offers, operations=[f1.shrink_volume("id1", 512)], refuse_seconds=0)
    assert offered(sim, f1) == REST + volume("id1", 3584) + reserved("disk:512")
    task = f1.launch(f1.offers[0], "cpus:1;mem:128;disk:512", volumes=["id1"])
    sim.settle()
    assert task.state == "TASK_RUNNING"
    assert task.resources == parse("cpus:1;mem:128") + reserved("disk:512") + volume("id1", 3584)
    assert sim.volumes("A1") == ["id1"]


def test_a_volume_on_a_mount_disk_and_a_shared_one_keep_their_size(sim: Simulation) -> None:
    disks = [{"type": "MOUNT", "root": "/mnt/d1", "size_mb": 100}]
    sim.add_agent("A1", "cpus:2;mem:1024;disk:200", disks=disks)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    ops = [
        f1.reserve(f1.offers[0].resources.filter(lambda key: key.name == "disk")),
        f1.create_volume("m", "disk:100", "data"),
        f1.create_volume("s", "disk:50", "data", shared=True),
        f1.grow_volume("m", 1, operation_id="grow m"),
        f1.shrink_volume("m", 1, operation_id="shrink m"),
        f1.grow_volume("s", 1, operation_id="grow s"),
        f1.shrink_volume("s", 1, operation_id="shrink s"),
    ]
    f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    there = offered(sim, f1)
    assert {e.operation_id: e.state for e in f1.operation_updates()} == dict.fromkeys(
        ["grow m", "shrink m", "grow s", "shrink s"], "OPERATION_ERROR"
    )
    assert sim.volumes("A1") == ["m", "s"]
    assert there.contains(volume("s", 50, shared=True))


def test_a_volume_in_use_is_not_destroyed_nor_its_disk_unreserved(sim: Simulation) -> None:
    f1 = with_disk(sim)
    made = [f1.create_volume("id1", "disk:4096", "data"), f1.launch_op("cpus:1;mem:128", volumes=["id1"])]
    (task,) = f1.accept(f1.offers, operations=made, refuse_seconds=0)
    sim.advance(1)
    assert task.state == "TASK_RUNNING"
    for op in (f1.destroy_volume("id1", operation_id="d"), f1.unreserve("disk:4096", operation_id="u")):
        f1.accept(f1.offers, operations=[op], refuse_seconds=0)
        sim.advance(1)
    with pytest.raises(Conflict, match=r"volume 'id1' is used by 1 task, 'F1\.1' first"):
        sim.destroy_volume("A1", "id1")
    with pytest.raises(Conflict, match=r"disk\(role1\):100 is needed"):
        sim.unreserve("A1", "disk(role1):100")
    sim.finish(task)
    sim.settle()
    sim.advance(1)
    f1.decline_all()
    assert offered(sim, f1) == REST + volume("id1", 4096)
    f1.accept(f1.offers, operations=[f1.unreserve("disk:4096", operation_id="u2")], refuse_seconds=0)
    assert offered(sim, f1) == REST + volume("id1", 4096)
    assert {e.operation_id: e.state for e in f1.operation_updates()} == dict.fromkeys(
        ["d", "u", "u2"], "OPERATION_ERROR"
    )
    assert sim.volumes("A1") == ["id1"]


def test_a_shared_volume_is_used_by_two_frameworks_and_counted_once(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;disk:2048")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f2 = sim.add_framework("F2", roles=["role1"])
    ops = [
        f1.reserve("disk:2048"),
        f1.create_volume("id1", "disk:2048", "data", shared=True),
        f1.launch_op("cpus:1;mem:128", volumes=["id1"]),
    ]
    (one,) = f1.accept(f1.offers, operations=ops, refuse_seconds=YEAR)
    assert offered(sim, f2) == parse("cpus:1;mem:896") + volume("id1", 2048, shared=True)
    two = f2.launch(f2.offers[0], "cpus:1;mem:256", volumes=["id1"])
    sim.settle()
    assert (one.state, two.state) == ("TASK_RUNNING", "TASK_RUNNING")
    metrics = sim.metrics()
    assert metrics["master/cpus_used"] == 2
    assert metrics["master/mem_used"] == 384
    assert metrics["master/disk_used"] == 2048
    assert metrics["master/disk_total"] == 2048
    sim.finish(one)
    sim.settle()
    assert sim.metrics()["master/disk_used"] == 2048
    sim.finish(two)
    sim.settle()
    assert sim.metrics()["master/disk_used"] == 0


def test_destroying_a_shared_volume_rescinds_the_offers_that_hold_it(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;disk:2048")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    ops = [f1.reserve("disk:2048"), f1.create_volume("id1", "disk:2048", "data", shared=True), f1.launch_op("cpus:1", volumes=["id1"])]  # fmt: skip
    (task,) = f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    sim.advance(1)
    first = f1.offers[0]
    f2 = sim.add_framework("F2", roles=["role1"])
    f1.launch(first, "cpus:0.5", refuse_seconds=YEAR)
    other = offered(sim, f2)
    assert other == parse("cpus:0.5;mem:1024") + volume("id1", 2048, shared=True)
    sim.finish(task)
    sim.settle()
    f1.revive()
    sim.advance(1)
    (mine,) = f1.offers
    assert mine.resources.contains(volume("id1", 2048, shared=True))
    f1.accept([mine], operations=[f1.destroy_volume("id1")], refuse_seconds=0)
    sim.settle()
    assert [e.type for e in f2.events if e.type == "RESCIND"] == ["RESCIND"]
    assert f2.offers == []
    assert sim.volumes("A1") == []
    sim.advance(1)
    held = sum((o.resources for o in [*f1.offers, *f2.offers]), EMPTY)
    assert held == parse("cpus:1.5;mem:1024") + reserved("disk:2048")


# ---------------------------------------------------------------- more of the same kind


def test_several_tasks_of_one_accept_share_one_volume_and_it_is_not_destroyed_under_the_last(sim: Simulation) -> None:
    f1 = with_disk(sim)
    ops = [
        f1.create_volume("s", "disk:4096", "data", shared=True),
        f1.launch_op("cpus:1", volumes=["s"]),
        f1.launch_op("cpus:1", volumes=["s"]),
        f1.destroy_volume("s", operation_id="used"),
    ]
    one, two = f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    sim.advance(1)
    assert [e.state for e in f1.operation_updates("used")] == ["OPERATION_ERROR"]
    for task in (one, two):
        assert task.state == "TASK_RUNNING"
        sim.finish(task)
        sim.settle()
    sim.advance(1)
    f1.decline_all()
    sim.advance(1)
    f1.accept(f1.offers, operations=[f1.destroy_volume("s")], refuse_seconds=0)
    assert offered(sim, f1) == REST + reserved("disk:4096")
    assert sim.volumes("A1") == []


def test_a_framework_that_cannot_share_is_not_offered_a_shared_volume(sim: Simulation) -> None:
    f1 = with_disk(sim)
    f1.accept(f1.offers, operations=[f1.create_volume("s", "disk:4096", "data", shared=True)], refuse_seconds=0)
    sim.settle()
    f1.suppress()
    f1.decline_all()
    f2 = sim.add_framework("F2", roles=["role1"], capabilities=["PARTITION_AWARE"])
    assert offered(sim, f2) == REST


@pytest.mark.parametrize("name", ["A1", "master", "allocator"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_volume_in_use_outlives_a_crash_of(sim: Simulation, name: str, shared: bool) -> None:
    f1 = with_disk(sim)
    ops = [
        f1.create_volume("v", "disk:2048", "data", shared=shared),
        f1.launch_op("cpus:1", volumes=["v"]),
    ]
    (task,) = f1.accept(f1.offers, operations=ops, refuse_seconds=YEAR)
    sim.settle()
    directories = dict(sim.cluster.launcher("A1").volumes)
    sim.crash(name)
    sim.advance(2)
    sim.restart(name)
    sim.advance(20)
    assert task.state == "TASK_RUNNING"
    assert sim.cluster.launcher("A1").volumes == directories
    f1.revive()
    sim.finish(task)
    sim.advance(1)
    f1.decline_all()
    assert offered(sim, f1) == REST + reserved("disk:2048") + volume("v", 2048, shared=shared)


def test_a_volume_is_only_for_one_task_at_a_time(sim: Simulation) -> None:
    f1 = with_disk(sim)
    ops = [f1.create_volume("v", "disk:4096"), f1.launch_op("cpus:1", volumes=["v"]), f1.launch_op("cpus:1", volumes=["v"])]  # fmt: skip
    one, two = f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    sim.settle()
    assert (one.state, two.state) == ("TASK_RUNNING", "TASK_ERROR")


def test_an_id_is_given_once_in_a_role_and_is_empty_again_after_it_was_destroyed(sim: Simulation) -> None:
    f1 = with_disk(sim)
    ops = [f1.create_volume("v", "disk:10"), f1.create_volume("v", "disk:20", operation_id="twice")]
    f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    sim.advance(1)
    assert [e.message for e in f1.operation_updates("twice")] == ["there is a volume 'v' of role 'role1' on the agent"]
    first = sim.cluster.launcher("A1").volumes["role1", "v"]
    f1.accept(f1.offers, operations=[f1.destroy_volume("v"), f1.create_volume("v", "disk:20")], refuse_seconds=0)
    assert offered(sim, f1) == REST + reserved("disk:4076") + volume("v", 20)
    assert sim.cluster.launcher("A1").volumes["role1", "v"] != first


def test_the_operator_makes_grows_shrinks_and_destroys_volumes(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;disk:4096")
    sim.settle()
    sim.reserve("A1", "disk(role1):4096")
    sim.create_volume("A1", "v", "disk(role1):2048", "data")
    sim.grow_volume("A1", "v", "disk:512")
    sim.shrink_volume("A1", "v", 60)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    key = Key("disk", (Reservation("role1", True),), Disk(persistence_id="v", container_path="data", mode="RW"))
    (offer,) = f1.offers
    assert offer.resources == REST + reserved("disk:1596", "") + build([(key, 2_500_000)])
    with pytest.raises(Conflict, match=r"cannot shrink by 2500 MB"):
        sim.shrink_volume("A1", "v", 2500)
    with pytest.raises(Conflict, match="is needed"):
        sim.destroy_volume("A1", "nobody")
    assert f1.offers == [offer]
    sim.destroy_volume("A1", "v")
    assert f1.offers == []
    assert offered(sim, f1) == REST + reserved("disk:4096", "")
    assert sim.volumes("A1") == []


def test_disk_that_is_not_reserved_makes_no_volume(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;disk:4096")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f1.accept(f1.offers, operations=[f1.create_volume("v", "disk:1", operation_id="x")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:2;mem:1024;disk:4096")
    assert [e.message for e in f1.operation_updates("x")] == ["volume 'v' must be made of reserved disk"]


def test_volumes_are_made_of_statically_reserved_disk_too_and_outlive_their_framework(sim: Simulation) -> None:
    a1 = sim.add_agent("A1", "cpus:2;mem:1024;disk(role1):100")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f1.accept(f1.offers, operations=[f1.create_volume("v", "disk:40", "data")], refuse_seconds=0)
    sim.settle()
    f1.teardown()
    sim.settle()
    assert sim.volumes(a1) == ["v"]
    f2 = sim.add_framework("F2", roles=["role1"])
    there = offered(sim, f2)
    (made,) = [key for key, _ in there if key.disk is not None]
    assert made.reservations == (Reservation("role1"),)
    assert there - there.filter(made.__eq__) == REST + parse("disk(role1):60")
    f2.accept(f2.offers, operations=[f2.destroy_volume("v")], refuse_seconds=0)
    assert offered(sim, f2) == REST + parse("disk(role1):100")
    sim.reserve(a1, "cpus(ads):1")
    assert sim.volumes(a1) == []


def test_a_shared_volume_that_two_sub_roles_use_counts_once_for_the_role_above(sim: Simulation) -> None:
    sim.add_agent("A", "cpus:4;mem:1024;disk(a):100")
    sim.settle()
    sim.create_volume("A", "v1", "disk(a):100", shared=True)
    frameworks = []
    for name, role in (("F", "a/b"), ("G", "a/c")):
        framework = sim.add_framework(name, roles=[role])
        sim.settle()
        framework.accept(framework.offers, [framework.launch_op("cpus:1;mem:100", volumes=["v1"])], refuse_seconds=0)
        framework.suppress()
        sim.settle()
        frameworks.append(framework)
    assert [t.state for f in frameworks for t in f.tasks.values()] == ["TASK_RUNNING"] * 2
    assert {role: float(share) for role, share in sim.shares().items()} == {"a": 1, "a/b": 1, "a/c": 1}
    assert sim.metrics()["allocator/mesos/resources/disk/offered_or_allocated"] == 100
    for framework in frameworks:
        for task in framework.tasks.values():
            sim.finish(task)
        sim.settle()
    assert sim.shares().get("a", 0) == 0
