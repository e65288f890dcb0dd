"""What comes from outside the cluster is what its class says, however deep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from message_values import values

from raymesos.errors import ProtocolError
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.wire.codec import decode, encode
from raymesos.wire.fits import check_fit
from raymesos.wire.jobs import CancelJob, InputSegment, JobSpec, Submit
from raymesos.wire.operating import Operate, SetWeights
from raymesos.wire.operations import Reserve
from raymesos.wire.work import Blob

SPEC = JobSpec("j", "n", "ads", Resources.parse("cpus:1"), 2, inputs=(InputSegment(0, 2, Blob(b"x")),))


def broken(**fields: Any) -> Submit:
    return Submit(replace(SPEC, **fields))


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (CancelJob(7), "job_id"),  # type: ignore[arg-type]
        (CancelJob("\ud800"), "job_id"),
        (Submit(None), "spec"),  # type: ignore[arg-type]
        (broken(total=True), "spec.total"),
        (broken(total=2**63), "spec.total"),
        (broken(total=None), "spec.total"),
        (broken(runtime_limit_ms="1"), "spec.runtime_limit_ms"),
        (broken(argv=["a"]), "spec.argv"),
        (broken(argv=("a", 1)), "spec.argv[1]"),
        (broken(env=(("a",),)), "spec.env[0]"),
        (broken(gang=1), "spec.gang"),
        (broken(inputs=(InputSegment(0, 1, None),)), "spec.inputs[0].blob"),  # type: ignore[arg-type]
        (broken(inputs=(InputSegment("0", 1, Blob()),)), "spec.inputs[0].base"),  # type: ignore[arg-type]
        (broken(retry=RetryPolicy(1.0)), "spec.retry.retries"),  # type: ignore[arg-type]
        (broken(resources=Resources.from_wire({"cpus": "1"})), "spec.resources"),
        (broken(resources=Resources.from_wire({"cpus": -1})), "spec.resources"),
        (broken(resources="cpus:1"), "spec.resources"),
        (SetWeights((("ads", 2),)), "weights[0][1]"),  # type: ignore[arg-type]
        (Operate("a", CancelJob("j")), "operation"),  # type: ignore[arg-type]
    ],
)
def test_what_is_not_of_its_type_is_refused_and_its_place_named(message: Any, where: str) -> None:
    with pytest.raises(ProtocolError) as found:
        check_fit(message)
    assert str(found.value).startswith(f"{where}: ")


@pytest.mark.parametrize(
    "message",
    [
        Submit(SPEC),
        broken(runtime_limit_ms=5, argv=("ä",)),
        Operate("a", Reserve(Resources.parse("cpus(ads):1;ports(ads):[1-2]"))),
    ],
)
def test_what_a_client_of_ours_sends_fits(message: Any) -> None:
    check_fit(decode(encode(message)))


@given(values(Submit))
def test_any_submit_of_the_right_types_fits_or_is_refused_in_our_words(message: Submit) -> None:
    try:
        check_fit(message)
    except ProtocolError as error:
        assert "resources" in str(error) or "number is too large" in str(error)
