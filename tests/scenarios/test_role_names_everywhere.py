"""What may be called a role (S36 (ii)), asked at every door: a subscription, a weight, a job."""

from __future__ import annotations

import pytest

import raymesos as rm
from raymesos.errors import InvalidJob, InvalidValue
from raymesos.sim import Simulation

VALID = [
    "foo",
    "123",
    "foo_123",
    "*",
    "foo-bar",
    "foo.bar",
    "foo..bar",
    "...",
    "foo/bar",
    "foo/.bar",
    "foo/bar/baz",
    "a/b/c/d/e/f/g/h",
]
INVALID = [
    "",
    *[
        ".",
        "..",
        "-foo",
        "/",
        "/foo",
        "foo/",
        "foo//bar",
        "foo/bar/",
        "./.",
        "../..",
        "./foo",
        "../foo",
        "foo/.",
        "foo/..",
        "foo/./bar",
        "foo/../bar",
    ],
    *["foo/-bar", "foo/*", "foo/*/bar", "*/foo"],
    "foo bar",
    "foo\tbar",
    "foo\nbar",
]


@pytest.mark.parametrize("role", VALID)
def test_s36_a_framework_of_a_valid_role_is_offered_resources_in_it(sim: Simulation, role: str) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=[role])
    sim.set_weight(role, 2.0)
    sim.settle()
    sim.advance(1.0)
    assert [(o.agent, o.role) for o in f1.offers] == [("A1", role)]
    assert sim.shares()[role] == 1


@pytest.mark.parametrize("role", INVALID)
def test_s36_an_invalid_role_is_an_error_event_to_a_framework_and_refused_elsewhere(sim: Simulation, role: str) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["fine", role])
    sim.settle()
    assert [e.type for e in f1.events] == ["ERROR"]
    assert f1.events[0].message
    with pytest.raises(InvalidValue) as refusal:
        sim.set_weight(role, 2.0)
    assert refusal.value.field == "role"
    with pytest.raises(InvalidJob) as refused:
        rm.BatchJob("job", command="true", role=role)
    assert refused.value.field == "role"
    sim.advance(1.0)
    assert (sim.shares(), sim.metrics()["master/frameworks_active"]) == ({}, 0)


def test_s36_a_longer_name_is_no_sub_role(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.add_framework("F1", roles=["foo/bar"])
    sim.settle()
    sim.add_framework("F2", roles=["foobar"])
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    shares = {role: float(share) for role, share in sim.shares().items()}
    assert shares == {"foo": 0.5, "foo/bar": 0.5, "foobar": 0.5}
