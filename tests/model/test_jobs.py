"""Job descriptors: what they accept, and that a refusal names the field and the reason."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvalidJob
from raymesos.model.descriptors import Delayed, ExponentialBackOff, Immediate
from raymesos.model.job_files import batch_schema, parse_job
from raymesos.model.jobs import BatchJob
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy


def command(**fields: Any) -> BatchJob:
    return BatchJob(**{"name": "j", "command": "true", **fields})


def refusal(**fields: Any) -> InvalidJob:
    with pytest.raises(InvalidJob) as refused:
        BatchJob(**fields)
    assert str(refused.value) == f"{refused.value.field}: {refused.value.reason}"
    return refused.value


def test_a_function_and_a_command_are_jobs() -> None:
    job = BatchJob("score", fn=len, inputs=["a"], role="ads", cpus=1, mem="512MB", retries=2)
    assert (job.name, job.role, job.argv) == ("score", "ads", ())
    assert job.resources == Resources.parse("cpus:1;mem:512")
    assert job.policy == RetryPolicy(2)
    shell = BatchJob("render", command="./render $RAYMESOS_INDEX", size=100)
    assert shell.argv == ("/bin/sh", "-c", "./render $RAYMESOS_INDEX")
    assert command(command=["ls", "-l"]).argv == ("ls", "-l")


def test_the_defaults_are_one_cpu_and_128_mb_for_everybody() -> None:
    job = command()
    assert job.resources == Resources.parse("cpus:1;mem:128")
    assert (job.role, job.policy, job.size, job.gang) == ("*", RetryPolicy(), None, False)


@pytest.mark.parametrize(
    ("mem", "mb"),
    [
        (512, 512),
        (0.5, 0.5),
        ("512", 512),
        ("512MB", 512),
        ("512 mb", 512),
        ("512M", 512),
        ("1.5GB", 1_536),
        (".5G", 512),
        ("1TB", 1_048_576),
        ("2048KB", 2),
        ("1048576B", 1),
    ],
)
def test_sizes_count_in_powers_of_1024(mem: Any, mb: float) -> None:
    job = command(mem=mem, disk=mem)
    assert job.mem == job.disk == mb
    assert job.resources.scalar("mem") == round(mb * 1000)


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(90, 90), ("90s", 90), ("5m", 300), ("5 min", 300), ("2h", 7_200), ("1d", 86_400), ("50ms", 0.05)],
)
def test_times_are_seconds_or_carry_their_unit(limit: Any, seconds: float) -> None:
    assert command(runtime_limit=limit).runtime_limit == seconds


def test_every_form_of_retries_is_a_policy() -> None:
    assert command(retries=3).policy == RetryPolicy(3)
    assert command(retry=Immediate(retries=3)).policy == RetryPolicy(3)
    assert command(retry=Delayed(delay=1.001, retries=2)).policy == RetryPolicy(2, 1_001)
    assert command(retry={"kind": "delayed", "delay": "5s", "retries": 1}).policy == RetryPolicy(1, 5_000)
    backing_off = {"kind": "exponential", "initial": 1, "maximum": "1m", "retries": 3}
    assert command(retry=backing_off).policy == RetryPolicy(3, 1_000, 60_000, 2)
    assert command(retry=ExponentialBackOff(retries=3)).policy == RetryPolicy(3, 1_000, 60_000, 2)


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"name": ""}, "name", "1 to 100 letters"),
        ({"name": "a b"}, "name", "'a b'"),
        ({"name": "-a"}, "name", "beginning with"),
        ({"name": "a" * 101}, "name", "1 to 100"),
        ({"name": "a\n"}, "name", "1 to 100"),
        ({"name": 5}, "name", "valid string"),
        ({"kind": "service"}, "kind", "'service'"),
        ({"command": None}, "fn", "exactly one of fn"),
        ({"fn": len, "inputs": [1]}, "fn", "exactly one of fn"),
        ({"fn": len, "command": None}, "inputs", "fn needs inputs"),
        ({"fn": 5}, "fn", "callable"),
        ({"fn": len, "inputs": 5, "command": None}, "inputs", "iterable, not int"),
        ({"fn": len, "inputs": [1], "size": 3, "command": None}, "size", "is for commands"),
        ({"inputs": [1]}, "inputs", "$RAYMESOS_INDEX"),
        ({"command": ""}, "command", "empty"),
        ({"command": []}, "command", "empty"),
        ({"command": ["a", 1]}, "command", "1: "),
        ({"command": 5}, "command", "5: "),
        ({"command": "a\0b"}, "command", "NUL"),
        ({"command": ["a", "\udc80"]}, "command", "UTF-8"),
        ({"size": 0}, "size", "greater than or equal to 1"),
        ({"size": 100_000_001}, "size", "less than or equal"),
        ({"size": True}, "size", "whole number"),
        ({"size": 1.5}, "size", "1.5"),
        ({"role": "/a"}, "role", "'/a': Role '/a' cannot start with a slash"),
        ({"role": ""}, "role", "Empty role"),
        ({"role": 5}, "role", "valid string"),
        ({"cpus": -1}, "cpus", "-1: must not be negative"),
        ({"cpus": math.nan}, "cpus", "nan: must be a finite number"),
        ({"cpus": math.inf}, "cpus", "inf: must be a finite number"),
        ({"cpus": "2"}, "cpus", "'2': must be a number"),
        ({"cpus": True}, "cpus", "True: must be a number"),
        ({"cpus": None}, "cpus", "None: must be a number"),
        ({"cpus": 0.0001}, "cpus", "too small"),
        ({"cpus": 1e18}, "cpus", "at most"),
        ({"cpus": 0, "mem": 0}, "cpus", "some cpus, mem or gpus"),
        ({"mem": "2 XB"}, "mem", "512MB or 1.5GB"),
        ({"mem": "1.2.3MB"}, "mem", "512MB or 1.5GB"),
        ({"mem": "MB"}, "mem", "512MB or 1.5GB"),
        ({"mem": "-1MB"}, "mem", "512MB or 1.5GB"),
        ({"mem": -1}, "mem", "negative"),
        ({"mem": "9" * 400}, "mem", "finite"),
        ({"disk": "big"}, "disk", "'big'"),
        ({"gpus": 0.5}, "gpus", "0.5"),
        ({"gpus": -1}, "gpus", "-1"),
        ({"ports": -1}, "ports", "-1"),
        ({"ports": 1_001}, "ports", "1001"),
        ({"retries": -1}, "retries", "-1"),
        ({"retries": True}, "retries", "True: must be a whole number"),
        ({"retries": 1_001}, "retries", "1001"),
        ({"retries": 1, "retry": {"kind": "immediate", "retries": 1}}, "retries", "not both"),
        ({"retry": {"kind": "sometimes"}}, "retry", "'immediate', 'delayed', 'exponential'"),
        ({"retry": 5}, "retry", "5"),
        ({"retry": {"kind": "delayed", "delay": "soon"}}, "delay", "'soon'"),
        ({"retry": {"kind": "delayed", "delay": 1e300}}, "delay", "864000"),
        ({"runtime_limit": 0}, "runtime_limit", "greater than 0"),
        ({"runtime_limit": "5 weeks"}, "runtime_limit", "90s, 5m, 2h"),
        ({"runtime_limit": 864_001}, "runtime_limit", "864000"),
        ({"max_parallel": 0}, "max_parallel", "0"),
        ({"max_parallel": 10**20}, "max_parallel", "less than or equal"),
        ({"env": {"A": 1}}, "env.A", "1: "),
        ({"env": {"A=B": "1"}}, "env.A=B", "without ="),
        ({"env": {"": "1"}}, "env.", "not empty"),
        ({"env": {"A": "\0"}}, "env.A", "NUL"),
        ({"working_dir": "/a\0"}, "working_dir", "NUL"),
        ({"attributes": {"a": 1}}, "attributes.a", "1: "),
        ({"isolated": "maybe"}, "isolated", "'maybe'"),
        ({"cpu": 3}, "cpu", "no such field; did you mean cpus?"),
        ({"zzz": 3}, "zzz", "no such field"),
    ],
)
def test_a_refused_job_names_the_field_and_the_reason(fields: dict[str, Any], field: str, reason: str) -> None:
    refused = refusal(**{"name": "j", "command": "true", **fields})
    assert refused.field == field
    assert reason in refused.reason


def test_a_long_value_does_not_fill_the_refusal() -> None:
    assert len(str(refusal(name="j", command="true", role=["x" * 10_000]))) < 200


def test_a_job_without_a_name_is_refused() -> None:
    assert refusal(command="true").field == "name"
    assert refusal().reason == "is required"


def test_a_retry_policy_alone_is_refused_like_a_job() -> None:
    for make, field in (
        (lambda: Delayed(delay="soon"), "delay"),
        (lambda: Immediate(retries=-1), "retries"),
        (lambda: ExponentialBackOff(first=1), "first"),
    ):
        with pytest.raises(InvalidJob) as refused:
            make()
        assert refused.value.field == field


def test_a_refusal_survives_pickling() -> None:
    refused = refusal(name="j", command="true", cpus=-1)
    again = pickle.loads(pickle.dumps(refused))
    assert (type(again), again.field, str(again)) == (InvalidJob, "cpus", str(refused))


def test_a_job_cannot_be_changed() -> None:
    with pytest.raises(Exception, match="frozen"):
        command().cpus = 2


def test_a_job_file_is_a_job() -> None:
    job = parse_job({"kind": "batch", "name": "j", "command": "true", "size": 3, "mem": "1GB"})
    assert job == command(size=3, mem=1_024)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (None, "job"),
        ([], "job"),
        ("kind: batch", "job"),
        ({}, "kind"),
        ({"kind": "stream", "name": "x"}, "kind"),
        ({"kind": "batch"}, "name"),
        ({"kind": "batch", "name": 5}, "name"),
        ({"kind": "batch", "name": "x"}, "fn"),
        ({"kind": "batch", "name": "x", "command": "c", 5: 3}, "5"),
        ({"kind": "batch", "name": "x", "command": "c", "fn": "len"}, "fn"),
        ({"kind": "batch", "name": "x", "command": "c", "cpus": "2"}, "cpus"),
    ],
)
def test_a_job_file_that_does_not_fit_is_refused_by_field(fields: Any, field: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_job(fields)
    assert refused.value.field == field


def test_the_schema_describes_job_files() -> None:
    schema = batch_schema()
    assert schema["required"] == ["kind", "name", "command"]
    assert schema["additionalProperties"] is False
    fields = set(BatchJob.model_fields) - {"fn", "inputs"}
    assert set(schema["properties"]) == fields
    assert schema["properties"]["kind"]["const"] == "batch"
    assert {each["type"] for each in schema["properties"]["mem"]["anyOf"]} == {"number", "string"}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(set(BatchJob.model_fields) - {"fn"})), _ANYTHING, max_size=3))
def test_whatever_is_in_a_file_it_is_a_job_or_refused(fields: dict[str, Any]) -> None:
    try:
        job = parse_job({"kind": "batch", "name": "j", "command": "true", **fields})
    except InvalidJob as refused:
        assert refused.field
        assert refused.reason
        return
    assert job.resources
    assert job.policy.retries >= 0
