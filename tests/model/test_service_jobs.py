"""Service descriptors: what is refused by field and reason, and what a descriptor becomes on the wire."""

from __future__ import annotations

from typing import Any

import pytest

import raymesos as rm
from raymesos.errors import InvalidJob
from raymesos.model.job_files import job_schema, parse_job
from raymesos.operating.services import service_spec_of
from raymesos.operating.zones import offsets
from raymesos.wire.services import Constraint, ScalingPolicy, ServiceSpec, Size


def spec(**fields: Any) -> ServiceSpec:
    return service_spec_of(rm.ServiceJob("web", **({"command": "x"} | fields)), "id", digest="d")


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"capacity": {"min": 5, "desired": 2, "max": 9}}, "capacity.min", "above desired"),
        ({"capacity": {"min": 0, "desired": 9, "max": 2}}, "capacity.desired", "above max"),
        ({"capacity": {"min": 0, "desired": 1, "max": 10_001}}, "max", "less than or equal to 10000"),
        ({"command": None}, "command", "exactly one of command, app and fn"),
        ({"app": "shop:app"}, "command", "exactly one of command, app and fn"),
        ({"command": ""}, "command", "must not be empty"),
        ({"command": None, "app": "shop.api", "ports": 1}, "app", "must be module:app"),
        ({"command": None, "app": "shop:app"}, "ports", "give ports=1"),
        ({"health": {"kind": "http", "path": "/h"}}, "health.port", "an instance has 0 ports"),
        ({"ports": 1, "readiness": {"kind": "tcp", "port": 1}}, "readiness.port", "an instance has 1 ports"),
        ({"ports": 1, "health": {"kind": "http", "path": "h"}}, "path", "must begin with /"),
        ({"health": {"kind": "command", "command": ""}}, "command", "must not be empty"),
        ({"update": {"max_surge": 0}}, "update.max_surge", "no instance could ever be replaced"),
        ({"update": {"batch_size": 0}}, "batch_size", "greater than or equal to 1"),
        ({"constraints": ["rack"]}, "constraints", "must be unique-host or attribute=value"),
        ({"attributes": {"raymesos.x": "1"}}, "attributes.raymesos.x", "reserved"),
        ({"scaling": [{"kind": "target", "cpu": 5, "memory": 5}]}, "scaling", "exactly one of"),
        ({"scaling": [{"kind": "target", "metric": "lag"}]}, "target", "belongs to metric"),
        ({"cpus": 0, "mem": 0}, "cpus", "needs some"),
        ({"capcity": 3}, "capcity", "did you mean capacity"),
        ({"role": "a//b"}, "role", "a//b"),
    ],
)
def test_what_is_no_service_is_refused_by_field_and_reason(fields: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        rm.ServiceJob("web", **({"command": "x"} | fields))
    assert refused.value.field == field
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: rm.AvailabilityPercentageLimit(101), "percentage"),
        (lambda: rm.UnhealthyTasksLimit(-1), "limit"),
        (lambda: rm.PerInterval(0, interval=5), "limit"),
        (lambda: rm.TimeWindow(days=["someday"]), "days"),
        (lambda: rm.TimeWindow(hours=[(9, 8)]), "hours"),
        (lambda: rm.DisruptionBudget({"kind": "never"}), "policy"),
        (lambda: rm.HttpCheck("/x", statuses=[99]), "statuses"),
    ],
)
def test_a_part_that_is_wrong_is_refused_where_it_is_written(make: Any, field: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        make()
    assert refused.value.field == field


def test_a_size_is_as_small_as_what_is_given_of_it_allows() -> None:
    assert [rm.Capacity(), rm.Capacity(2), rm.Capacity(2, 3), rm.Capacity(2, 3, 10)] == [
        rm.Capacity(min=low, desired=now, max=high) for low, now, high in [(0, 0, 0), (2, 2, 2), (2, 3, 3), (2, 3, 10)]
    ]


def test_a_file_of_a_service_is_a_service_and_the_schema_knows_both_kinds() -> None:
    job = parse_job(
        {"kind": "service", "name": "web", "command": "x", "ports": 1, "capacity": {"desired": 2, "max": 3}}
    )
    assert job == rm.ServiceJob("web", command="x", ports=1, capacity=rm.Capacity(0, 2, 3))
    schema = job_schema()
    kinds = [each["properties"]["kind"]["const"] for each in schema["oneOf"]]
    assert kinds == ["batch", "service"]
    assert set(schema["oneOf"][1]["properties"]) == set(rm.ServiceJob.model_fields) - {"fn"}


def test_readiness_is_that_of_health_unless_it_is_told_apart() -> None:
    of_health = spec(ports=2, health=rm.HttpCheck("/h", port=1, interval=5)).template
    assert of_health.health is not None
    assert of_health.readiness is not None
    assert (of_health.health.interval_ms, of_health.health.deadline_ms) == (5_000, None)
    assert (of_health.readiness.path, of_health.readiness.port, of_health.readiness.deadline_ms) == ("/h", 1, 120_000)
    connects = spec(ports=1).template
    assert connects.health is None
    assert connects.readiness is not None
    assert (connects.readiness.kind, connects.readiness.interval_ms) == ("tcp", 100)
    own = spec(ports=1, readiness=rm.CommandCheck("test -f up", deadline=9)).template.readiness
    assert own is not None
    assert (own.argv, own.deadline_ms) == (("/bin/sh", "-c", "test -f up"), 9_000)
    assert spec().template.readiness is None


def test_the_wire_has_all_that_was_written() -> None:
    made = spec(
        capacity=rm.Capacity(1, 2, 3),
        constraints=["unique-host", "rack=r1=a"],
        scaling=rm.StepScaling(metric="lag", threshold=5, steps=[rm.Step(0, 1), rm.Step(10, 2.5)], cooldown=7),
        group="main-v001",
    )
    assert made.size == Size(1, 2, 3)
    assert made.template.constraints == (Constraint("unique-host"), Constraint("equals", "rack", "r1=a"))
    steps = ((0, 1_000), (10_000, 2_500))
    assert made.scaling == (ScalingPolicy("step", "lag", 5_000, 7_000, 7_000, steps=steps),)
    assert made.group == "web-main-v001"


def test_an_app_travels_by_its_name_and_a_command_as_its_arguments() -> None:
    template = spec(command=None, app="shop.api:app", ports=1).template
    assert (template.app, template.argv) == ("shop.api:app", ())
    template = spec(command="./serve").template
    assert (template.app, template.argv) == ("", ("/bin/sh", "-c", "./serve"))


def test_a_zone_is_when_its_clock_changes() -> None:
    assert offsets("UTC") == ((0, 0),)
    changes = dict(offsets("Europe/Berlin"))
    assert changes[1_774_746_000_000] == 7_200_000  # 29 March 2026, 01:00 UTC.
    assert changes[1_792_890_000_000] == 3_600_000  # 25 October 2026, 01:00 UTC.
    assert offsets("PST") == offsets("America/Los_Angeles")
