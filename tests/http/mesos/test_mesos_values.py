"""The v1 API's JSON of small values: what goes out can be read back, and what does not fit is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from raymesos.errors import InvalidValue
from raymesos.http.mesos import amounts, infos, values
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Disk, Key, Reservation, Resources, build
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.maintenance import MachineId, Unavailability
from raymesos.wire.operations import OperationState, OperationStatus
from raymesos.wire.values import FrameworkInfo, TaskStatus

INFO = FrameworkInfo(
    name="sampler",
    roles=("dev",),
    id="F1",
    user="root",
    principal="p",
    capabilities=("MULTI_ROLE", "PARTITION_AWARE"),
    failover_timeout_ms=30_000,
    hostname="h",
    webui_url="http://w",
    labels=(("k", "v"), ("bare", "")),
    offer_filters=(("dev", ((("cpus", 100), ("mem", 32_000)),)),),
    checkpoint=True,
)
UUID_TEXT, UUID_JSON = "3495f1a6-1ac0-5f87-a5d0-0123456789ab", "NJXxphrAX4el0AEjRWeJqw=="
STATUS = TaskStatus(
    "t1",
    TaskState.RUNNING,
    agent_id="S0",
    executor_id="e",
    source=Source.EXECUTOR,
    reason=Reason.TASK_HEALTH_CHECK_STATUS_UPDATED,
    message="up",
    timestamp_ms=1_795_344_550_147,
    uuid=UUID_TEXT,
    data=b"\x00\xff",
    healthy=False,
)


def test_a_framework_is_read_as_it_was_written() -> None:
    row = infos.framework_info_json(INFO)
    assert row["failover_timeout"] == 30.0
    assert row["capabilities"] == [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]
    assert row["labels"] == {"labels": [{"key": "k", "value": "v"}, {"key": "bare"}]}
    assert infos.framework_info_of(row, "info") == INFO


def test_a_framework_that_says_little_shows_only_what_mesos_always_shows() -> None:
    row = infos.framework_info_json(FrameworkInfo("raw", ()))
    assert row == {"user": "", "name": "raw", "failover_timeout": 0.0, "checkpoint": False}


@pytest.mark.parametrize(("row", "roles"), [({"role": "a"}, ("a",)), ({}, ("*",)), ({"roles": ["b"]}, ("*",))])
def test_without_multi_role_the_older_role_counts(row: dict[str, Any], roles: tuple[str, ...]) -> None:
    assert infos.framework_info_of({"user": "u", "name": "n", **row}, "info").roles == roles


def test_all_missing_fields_of_a_framework_are_named_in_mesos_words() -> None:
    with pytest.raises(InvalidValue) as error:
        infos.framework_info_of({}, "subscribe.framework_info")
    said = values.complaint(error.value)
    assert said == "Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name"


def test_a_status_is_read_as_it_was_written() -> None:
    row = infos.task_status_json(STATUS)
    assert row["timestamp"] == 1_795_344_550.147 and row["uuid"] == UUID_JSON
    assert infos.task_status_of(row, "status") == STATUS


def test_a_status_of_the_masters_own_shows_no_uuid_reason_or_health() -> None:
    row = infos.task_status_json(TaskStatus("t", TaskState.UNREACHABLE, timestamp_ms=1000, unreachable_ms=500))
    assert row == {
        "task_id": {"value": "t"},
        "state": "TASK_UNREACHABLE",
        "source": "SOURCE_MASTER",
        "timestamp": 1.0,
        "unreachable_time": {"nanoseconds": 500_000_000},
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"state": "TASK_ASLEEP"}, "status.state"),
        ({"uuid": "YWJj"}, "status.uuid"),
        ({"uuid": "%"}, "status.uuid"),
        ({"healthy": "yes"}, "status.healthy"),
        ({"timestamp": "now"}, "status.timestamp"),
        ({"task_id": {}}, "status.task_id.value"),
        ({"task_id": "t1"}, "status.task_id"),
    ],
)
def test_what_does_not_fit_a_status_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as error:
        infos.task_status_of({**infos.task_status_json(STATUS), **change}, "status")
    assert error.value.field == field


def test_an_operations_status_has_its_uuid_in_an_object() -> None:
    status = OperationStatus("op-1", OperationState.FINISHED, "S2", UUID_TEXT, "", Resources.parse("cpus(dev):1"))
    row = infos.operation_status_json(status)
    assert row["uuid"] == {"value": UUID_JSON} and row["operation_id"] == {"value": "op-1"}
    assert amounts.resources_of(row["converted_resources"], "r") == status.converted
    assert "converted_resources" not in infos.operation_status_json(replace(status, converted=Resources()))


def test_any_uuid_survives_the_way_there_and_back() -> None:
    for number in (0, 1, 2**128 - 1):
        uuid = str(UUID(int=number))
        assert values.uuid_of(values.uuid_json(uuid), "uuid") == uuid


def test_resources_say_who_holds_them() -> None:
    rows = amounts.resources_json(Resources.parse("cpus:1;ports:[1-2]"), allocated_to="dev")
    assert [r["allocation_info"] for r in rows] == [{"role": "dev"}] * 2 and all("role" not in r for r in rows)
    assert amounts.resources_of(rows, "r") == Resources.parse("cpus:1;ports:[1-2]")


def test_the_operators_form_names_the_role_in_the_older_way_too() -> None:
    once, twice = Reservation("a", dynamic=True, principal="p"), Reservation("a/b", dynamic=True)
    disk = Disk("PATH", "/d")
    found = build([(Key("cpus"), 1000), (Key("mem", (once,)), 2000), (Key("disk", (once, twice), disk), 3000)])
    rows = {row["name"]: row for row in amounts.endpoint_resources_json(found)}
    assert rows["cpus"]["role"] == "*" and "reservations" not in rows["cpus"]
    assert rows["mem"]["role"] == "a" and rows["mem"]["reservation"] == {"principal": "p"}
    assert "role" not in rows["disk"] and len(rows["disk"]["reservations"]) == 2
    assert amounts.resources_of(list(rows.values()), "r") == found


def test_attributes_of_all_types_are_read_as_they_were_written() -> None:
    found = Attributes.parse("rack:r1;n:5.5;zone:[1-3,5-6];disks:{b,a}")
    assert amounts.attributes_of(amounts.attributes_json(found), "attributes") == found


@pytest.mark.parametrize(
    "row", [{"name": "n"}, {"name": "n", "type": "TEXT"}, {"name": "n", "type": "BLOB", "text": {}}, 5]
)
def test_an_attribute_that_does_not_fit_is_refused(row: Any) -> None:
    with pytest.raises(InvalidValue):
        amounts.attributes_of([row], "attributes")


@pytest.mark.parametrize("when", [Unavailability(5), Unavailability(1_795_348_154_462, 60_000)])
def test_an_unavailability_is_read_as_it_was_written(when: Unavailability) -> None:
    assert values.unavailability_of(values.unavailability_json(when), "u") == when


def test_nanoseconds_may_be_text_and_are_whole() -> None:
    assert values.nanoseconds_of({"nanoseconds": "1500000000"}, "n") == 1500
    with pytest.raises(InvalidValue):
        values.nanoseconds_of({"nanoseconds": 1.5}, "n")


def test_machines_and_domains() -> None:
    assert values.machine_json(MachineId("h")) == {"hostname": "h"}
    assert values.machine_of({"ip": "10.0.0.1"}, "m") == MachineId(ip="10.0.0.1")
    assert values.domain_json("r", "z") == {"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}


def test_quantities_keep_a_zero_and_refuse_what_is_no_number() -> None:
    pairs = (("cpus", 0), ("mem", 32_500))
    assert amounts.quantities_of(amounts.quantities_json(pairs), "q") == pairs
    with pytest.raises(InvalidValue):
        amounts.quantities_of({"cpus": 4}, "q")


def test_capabilities_of_a_newer_peer_are_left_out() -> None:
    assert values.types_of([{"type": "MULTI_ROLE"}, {}], "c") == ("MULTI_ROLE",)
