"""Agents, volumes and maintenance, folded from notes."""

from __future__ import annotations

import pytest
from observe_rig import NOW_MS, Observed, agent, task

from raymesos.errors import UnknownId
from raymesos.model.resources import Disk, Key, Reservation, Resources, Shared, build
from raymesos.wire.maintenance import MachineId, Unavailability, Window
from raymesos.wire.notes import MaintenanceNote

ADS = (Reservation("ads", dynamic=True, principal="ops"),)
TOTAL = Resources.parse("cpus:2;cpus(eng):1") + build(
    [
        (Key("disk", ADS), 100_000),
        (Key("disk", ADS, Disk(persistence_id="v1", container_path="data", mode="RW")), 50_000),
        (
            Key("disk", ADS, Disk("MOUNT", "/m", persistence_id="v2", container_path="d", mode="RW"), shared=True),
            Shared(7_000, 1),
        ),
    ]
)


def test_an_agent_shows_what_is_reserved_on_it_and_its_volumes() -> None:
    seen = Observed(agent("A1", TOTAL, "draining"), task("t1", "ads", "cpus:1"), task("t2", "ads", "cpus:0.5;mem:8"))
    row = seen.view("agent", agent="A1")
    assert (row["id"], row["state"], row["tasks"], row["used"]) == ("A1-id", "draining", 2, {"cpus": 1.5, "mem": 8.0})
    assert list(row["reserved"]) == ["ads", "eng"] and row["reserved"]["eng"] == "cpus(eng):1"
    assert row["volumes"] == ["v1", "v2"]
    assert Resources.from_json(row["resources"]) == TOTAL
    assert seen.view("agents") == [{k: v for k, v in row.items() if k not in ("resources", "free")}]


def test_what_no_task_uses_of_an_agent_is_free_and_so_are_its_volumes() -> None:
    used = build([(Key("disk", ADS, Disk(persistence_id="v1", container_path="data", mode="RW")), 50_000)])
    seen = Observed(agent("A1", TOTAL), task("t1", "ads", used + Resources.parse("cpus:1.5;cpus(eng):1")))
    free = Resources.from_json(seen.view("agent", agent="A1")["free"])
    assert free == TOTAL - Resources.parse("cpus:1.5;cpus(eng):1")


def test_the_volumes_of_all_agents_are_listed_but_not_of_those_that_are_gone() -> None:
    seen = Observed(agent("A1", TOTAL), agent("A2", TOTAL, "gone"))
    rows = seen.view("volumes")
    assert [(v["id"], v["agent"], v["role"], v["size_mb"], v["disk"], v["shared"], v["path"]) for v in rows] == [
        ("v1", "A1", "ads", 50.0, "ROOT", False, "data"),
        ("v2", "A1", "ads", 7.0, "MOUNT", True, "d"),
    ]
    assert seen.view("volumes", agent="A2") == []


def test_of_agents_of_one_name_the_one_that_is_there_is_meant() -> None:
    gone = agent("A1", "cpus:1", "gone")
    seen = Observed(agent("A1", "cpus:5"))
    seen.state.agents["old"] = gone
    assert seen.view("agent", agent="A1")["total"] == "cpus:5"
    assert seen.view("agent", agent="old")["total"] == "cpus:1"
    with pytest.raises(UnknownId, match="no agent 'A2'"):
        seen.view("agent", agent="A2")


def test_maintenance_is_the_last_schedule_what_is_down_and_what_frameworks_said() -> None:
    nothing: dict[str, list[object]] = {"windows": [], "down": [], "answers": []}
    assert Observed().view("maintenance") == nothing
    window = Window((MachineId("h1"), MachineId("h2", "10.0.0.2")), Unavailability(NOW_MS))
    seen = Observed(MaintenanceNote(NOW_MS, (window,), (MachineId("h1"),), (("h2", "f1", "ACCEPT"),)))
    assert seen.view("maintenance") == {
        "windows": [
            {
                "machines": [{"hostname": "h1", "ip": ""}, {"hostname": "h2", "ip": "10.0.0.2"}],
                "start_ms": NOW_MS,
                "duration_ms": None,
            }
        ],
        "down": [{"hostname": "h1", "ip": ""}],
        "answers": [{"hostname": "h2", "framework": "f1", "answer": "ACCEPT"}],
    }
    seen.tell(MaintenanceNote(NOW_MS, ()))
    assert seen.view("maintenance") == nothing
