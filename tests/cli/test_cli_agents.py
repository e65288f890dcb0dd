"""reserve, volumes, drain, deactivate, reactivate, maintenance: what is asked of the master and what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import NOW_MS, FakeCluster, Shell

from raymesos.errors import Conflict
from raymesos.model.resources import Disk, Key, Reservation, Resources, Shared, build
from raymesos.wire.maintenance import MachineId, Unavailability, Window
from raymesos.wire.notes import MaintenanceNote
from raymesos.wire.operating import (
    DeactivateAgent,
    DrainAgent,
    Operate,
    ReactivateAgent,
    ScheduleMaintenance,
    StartMaintenance,
    StopMaintenance,
)
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, Shrink, Unreserve

ADS = (Reservation("ads", dynamic=True),)
VOLUME = build([(Key("disk", ADS, Disk(persistence_id="v1", container_path="data", mode="RW")), 100_000)])
DISK = build([(Key("disk", ADS), 200_000)])


def test_reserving_makes_dynamic_reservations_and_unreserving_undoes_them(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    assert shell.run("reserve", "agent1", "cpus(ads):1;mem(ads):64")[0] == 0
    assert shell.run("unreserve", "agent1", "cpus(ads):1")[0] == 0
    both = build([(Key("cpus", ADS), 1000), (Key("mem", ADS), 64_000)])
    assert cluster.door.asked == [
        Operate("agent1", Reserve(both)),
        Operate("agent1", Unreserve(build([(Key("cpus", ADS), 1000)]))),
    ]


def test_unreserving_finds_by_whom_and_with_which_labels_it_was_reserved(shell: Shell, cluster: FakeCluster) -> None:
    labelled = (Reservation("ads", dynamic=True, principal="ops", labels=(("k", "v"),)),)
    cluster.add_agent(total=build([(Key("cpus", labelled), 3000), (Key("cpus", ADS), 1000)]))
    assert shell.run("unreserve", "agent1", "cpus(ads):2")[0] == 0
    asked = cluster.door.asked[0].operation.resources
    assert asked.quantities() == {"cpus": 2000}
    assert {key.reservations for key, _ in asked} <= {labelled, ADS}


def test_what_names_no_role_cannot_be_reserved(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    code, answer = shell.json("reserve", "agent1", "cpus:1")
    assert (code, answer["field"], cluster.door.asked) == (2, "resources", [])
    assert "cpus(ads)" in answer["error"]


def test_volumes_are_made_grown_shrunk_destroyed_and_listed(shell: Shell, cluster: FakeCluster) -> None:
    assert shell.run("volumes")[1].startswith("there is no volume")
    cluster.add_agent(total=DISK)
    assert shell.run("volumes", "create", "agent1", "v1", "disk(ads):100", "--path", "data")[0] == 0
    cluster.add_agent(total=VOLUME + DISK)
    assert shell.run("volumes", "grow", "agent1", "v1", "50")[0] == 0
    assert shell.run("volumes", "shrink", "agent1", "v1", "0.05GB")[0] == 0
    assert shell.run("volumes", "destroy", "agent1", "v1")[0] == 0
    assert [call.operation for call in cluster.door.asked] == [
        Create(VOLUME),
        Grow(VOLUME, build([(Key("disk", ADS), 50_000)])),
        Shrink(VOLUME, 51_200),
        Destroy(VOLUME),
    ]
    assert shell.run("volumes")[1].splitlines() == [
        "VOLUME  AGENT   ROLE   MB  DISK  SHARED  PATH",
        "v1      agent1  ads   100  ROOT  no      data",
    ]


def test_a_shared_volume_is_made_of_the_disk_that_root_names(shell: Shell, cluster: FakeCluster) -> None:
    mount = Key("disk", (Reservation("ads"),), Disk("MOUNT", "/mnt/d1"))
    cluster.add_agent(total=DISK + build([(mount, 100_000)]))
    argv = ("volumes", "create", "agent1", "v2", "disk(ads):100", "--path", "data", "--shared", "--root")
    assert shell.run(*argv, "/mnt/d1")[0] == 0
    made = mount._replace(disk=Disk("MOUNT", "/mnt/d1", "", "", "v2", "", "data", "RW"), shared=True)
    assert cluster.door.asked == [Operate("agent1", Create(build([(made, Shared(100_000, 1))])))]
    code, out, err = shell.run(*argv, "/mnt/d2")
    assert (code, out) == (2, "") and "no such disk" in err and len(cluster.door.asked) == 1


def test_a_volume_that_is_not_there_ends_with_3(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    assert shell.run("volumes", "destroy", "agent1", "v1")[0] == 3
    assert shell.run("volumes", "destroy", "agent2", "v1")[0] == 3
    assert cluster.door.asked == []


# ---------------------------------------------------------------- drain


def test_drain_returns_at_once_in_a_pipe(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    code, out, err = shell.run("drain", "agent1", "--grace", "30s", "--mark-gone")
    assert (code, err) == (0, "") and "is draining" in out
    assert cluster.door.asked == [DrainAgent("agent1-id", 30_000, True)]
    assert shell.json("drain", "agent1", "--grace", "5")[1] == {"agent": "agent1", "state": "draining"}
    assert cluster.door.asked[1] == DrainAgent("agent1-id", 5_000, False)


def test_drain_waits_with_progress_until_it_is_drained(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent(state="draining")
    cluster.add_task("ads", state="TASK_KILLING")
    shell.at_pause = {
        2: lambda: cluster.add_task("ads", state="TASK_KILLED"),
        4: lambda: cluster.add_agent(state="drained"),
    }
    code, out, err = shell.run("drain", "agent1", "--wait")
    assert (code, out, shell.pauses) == (0, "agent agent1 is drained\n", 4)
    assert err == "raymesos: agent agent1: draining, 1 task left\nraymesos: agent agent1: draining, 0 tasks left\n"


def test_ctrl_c_leaves_it_draining_and_says_so(shell: Shell, cluster: FakeCluster) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.add_agent(state="draining")
    shell.at_pause = {1: interrupt}
    code, out, err = shell.run("drain", "agent1", "--wait")
    assert (code, out) == (130, "") and "goes on draining" in err
    assert len(cluster.door.asked) == 1


def test_draining_twice_ends_with_5_and_an_unknown_agent_with_3(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    cluster.door.refuses = Conflict("agent agent1 is draining already, 2 tasks are left")
    assert shell.run("drain", "agent1") == (5, "", "raymesos: agent agent1 is draining already, 2 tasks are left\n")
    assert shell.run("drain", "agent2")[0] == 3
    assert shell.run("drain", "agent1", "--grace", "soon")[0] == 2


def test_deactivate_and_reactivate_name_the_agent(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    assert shell.run("deactivate", "agent1")[0] == shell.run("reactivate", "agent1-id")[0] == 0
    assert cluster.door.asked == [DeactivateAgent("agent1-id"), ReactivateAgent("agent1-id")]


# ---------------------------------------------------------------- maintenance

WINDOWS: list[tuple[Any, Window]] = [
    (
        {"machines": ["h1"], "start": "1970-01-01T00:00:10Z", "duration": "2m"},
        Window((MachineId("h1"),), Unavailability(10_000, 120_000)),
    ),
    (
        {"machines": [{"hostname": "h1", "ip": "10.0.0.1"}, "h2"], "start": 10.5},
        Window((MachineId("h1", "10.0.0.1"), MachineId("h2")), Unavailability(10_500)),
    ),
    (
        {
            "machine_ids": [{"ip": "10.0.0.1"}],
            "unavailability": {"start": {"nanoseconds": 1_000_000}, "duration": {"nanoseconds": 2_000_000}},
        },
        Window((MachineId("", "10.0.0.1"),), Unavailability(1, 2)),
    ),
]


@pytest.mark.parametrize(("written", "window"), WINDOWS)
def test_a_schedule_is_read_from_a_file(
    shell: Shell, cluster: FakeCluster, tmp_path: Path, written: Any, window: Window
) -> None:
    file = tmp_path / "windows.json"
    for document in ([written], {"windows": [written]}):
        file.write_text(json.dumps(document))
        assert shell.run("maintenance", "schedule", str(file)) == (0, "the schedule has 1 window\n", "")
    assert cluster.door.asked == [ScheduleMaintenance((window,))] * 2


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "file"),
        ("3", "file"),
        ("[3]", "windows[0]"),
        ("[{machines: [h1]}]", "windows[0].start"),
        ("[{machines: [], start: 1}]", "windows[0].machines"),
        ("[{machines: [{host: h1}], start: 1}]", "windows[0].machines[0]"),
        ("[{machines: [h1], start: soon}]", "windows[0].start"),
        ("[{machines: [h1], start: 1, duration: -1}]", "windows[0].duration"),
        ("[{machines: [h1], start: 1, until: 2}]", "windows[0].until"),
    ],
)
def test_a_wrong_schedule_names_what_is_wrong_with_it(
    shell: Shell, cluster: FakeCluster, tmp_path: Path, text: str, field: str
) -> None:
    file = tmp_path / "windows.yaml"
    file.write_text(text)
    code, answer = shell.json("maintenance", "schedule", str(file))
    assert (code, answer["field"], cluster.door.asked) == (2, field, [])


def test_machines_go_down_and_come_up(shell: Shell, cluster: FakeCluster) -> None:
    assert shell.run("maintenance")[1] == "no maintenance is scheduled\n"
    assert shell.run("maintenance", "start", "h1", "h2")[0] == shell.run("maintenance", "stop", "h1")[0] == 0
    assert cluster.door.asked == [
        StartMaintenance((MachineId("h1"), MachineId("h2"))),
        StopMaintenance((MachineId("h1"),)),
    ]
    window = Window((MachineId("h1"), MachineId("h2", "10.0.0.2")), Unavailability(NOW_MS, 7_200_000))
    cluster.tell(MaintenanceNote(NOW_MS, (window,), (MachineId("h1"),)))
    rows = [line.split() for line in shell.run("maintenance", "status")[1].splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [("h1", "2h00m"), ("h2", "2h00m")]
    assert "down" in rows[1] and "scheduled" in rows[2]
    assert shell.json("maintenance")[1]["down"] == [{"hostname": "h1", "ip": ""}]


def test_agents_shows_states_reservations_and_volumes(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent(state="draining", total=VOLUME + DISK + Resources.parse("cpus:2"))
    assert "draining" in shell.run("agents")[1]
    row = shell.json("agents")[1][0]
    assert (list(row["reserved"]), row["volumes"]) == (["ads"], ["v1"])
