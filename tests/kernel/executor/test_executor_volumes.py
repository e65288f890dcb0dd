"""What the shim hears of a task's volumes."""

from __future__ import annotations

from dataclasses import replace

from executor_rig import SHIM, Rig, task, to

from raymesos.model.resources import Disk, Key, Reservation, Resources, build
from raymesos.wire.messages import StartWork, Volume


def test_a_task_with_volumes_starts_with_them_and_another_without() -> None:
    disks = [
        Disk(persistence_id="b", container_path="deep/data", mode="RW"),
        Disk("PATH", "/mnt/p", persistence_id="a", container_path="a", mode="RW"),
    ]
    stack = (Reservation("eng/prod", True, "p"),)
    volumes = build([(Key("disk", stack, disk), 1000) for disk in disks])
    info = task("v")
    with_them = replace(info, resources=info.resources + volumes + Resources.parse("disk(eng):5"))
    started = [m for t in (with_them, task("t")) for m in to(SHIM, Rig().launch(t)) if isinstance(m, StartWork)]
    assert [m.volumes for m in started] == [
        (Volume("eng/prod", "b", "deep/data"), Volume("eng/prod", "a", "a", "PATH", "/mnt/p")),
        (),
    ]
