"""Bodies of calls: what fits the v1 API's messages is taken, what does not is refused in Mesos' words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import ProtocolError
from raymesos.http.mesos.body import read_call
from raymesos.http.mesos.json_text import complaint
from raymesos.http.mesos.schema import MESSAGES, fit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def _refused(value, message="scheduler.Call"):
    with pytest.raises(ProtocolError) as caught:
        fit(message, value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{not json", "syntax error at line 1 near: not json"),
        (b"", "syntax error at line 1 near: "),
        (b"nope", "syntax error at line 1 near: ope"),
        (b'{"a": 1,\n "b" 2}', "syntax error at line 2 near: 2}"),
        (b'{"a": tru}', "syntax error at line 1 near: }"),
        (b'{"a": "\x01"}', 'syntax error at line 1 near: "}'),
        (b'{"a": 1} x', "Parsed JSON included non-whitespace trailing characters: x"),
        (b"[" * 5_000, "syntax error at line 1 near: "),
    ],
)
def test_what_is_no_json_is_refused_with_the_place_where_mesos_stops(body, text):
    with pytest.raises(ProtocolError) as caught:
        read_call(body, "scheduler.Call")
    assert str(caught.value) == f"Failed to parse body into JSON: {text}"


def test_what_is_missing_is_told_all_at_once_by_its_path():
    assert _refused({}, "executor.Call") == "Missing required fields: executor_id, framework_id"
    subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"name": "x"}}}
    assert _refused(subscribe) == "Missing required fields: subscribe.framework_info.user"
    accept = {"accept": {"operations": [{"launch": {"task_infos": [{"name": "a", "task_id": {}}]}}]}}
    at = "accept.operations[0].launch.task_infos[0]"
    assert _refused(accept) == f"Missing required fields: {at}.agent_id, {at}.task_id.value"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "Expecting a JSON object"),
        ({"framework_id": "a"}, "Not expecting a JSON string for field 'framework_id'"),
        ({"framework_id": {"value": {}}}, "Not expecting a JSON object for field 'value'"),
        ({"type": 7}, "Not expecting a JSON number for field 'type'"),
        ({"type": True}, "Not expecting a JSON boolean for field 'type'"),
        ({"type": ["KILL"]}, "Not expecting a JSON array for field 'type'"),
        ({"acknowledge": {"uuid": "a?b"}}, "Failed to base64 decode bytes field 'uuid': Invalid character '?'"),
        ({"accept": {"filters": {"refuse_seconds": "5"}}}, "Not expecting a JSON string for field 'refuse_seconds'"),
    ],
)
def test_what_does_not_fit_is_refused_naming_the_field(value, text):
    assert _refused(value) == text


def test_the_first_misfit_is_told_in_the_order_of_the_names_and_before_what_is_missing():
    assert _refused({"type": 1, "kill": 2, "acknowledge": {}}) == "Not expecting a JSON number for field 'kill'"


def test_a_required_enum_has_a_value_that_it_knows_and_an_optional_one_is_absent_otherwise():
    resource = {"name": "cpus", "type": "NONSENSE"}
    call = {"request": {"requests": [{"resources": [resource]}]}}
    assert _refused(call) == "Failed to find enum for 'NONSENSE'"
    assert fit("scheduler.Call", {"type": "NONSENSE"}) == {}


def test_what_fits_comes_out_as_mesos_understands_it():
    found = fit(
        "scheduler.Call",
        {
            "zzz": 1,
            "type": "KILL",
            "suppress": {"roles": "a"},
            "revive": None,
            "kill": {"task_id": {"value": "t"}, "kill_policy": {"grace_period": {"nanoseconds": 5e9}}},
            "acknowledge": {
                "agent_id": {"value": "S"},
                "task_id": {"value": "t"},
                "uuid": "F3Y3hK0cSByB\nXvoqX/i5hA",
            },
        },
    )
    assert found == {
        "type": "KILL",
        "suppress": {"roles": ["a"]},
        "kill": {"task_id": {"value": "t"}, "kill_policy": {"grace_period": {"nanoseconds": 5_000_000_000}}},
        "acknowledge": {"agent_id": {"value": "S"}, "task_id": {"value": "t"}, "uuid": "F3Y3hK0cSByBXvoqX/i5hA=="},
    }
    assert isinstance(found["kill"]["kill_policy"]["grace_period"]["nanoseconds"], int)


def test_integers_stay_in_the_bits_that_they_have():
    row = {"kill": {"task_id": {"value": "t"}, "kill_policy": {"grace_period": {"nanoseconds": 1e300}}}}
    assert fit("scheduler.Call", row)["kill"]["kill_policy"]["grace_period"]["nanoseconds"] == 2**63 - 1


@given(JSON)
def test_any_json_fits_or_is_refused_in_words_and_fits_again_as_it_came_out(value):
    try:
        found = fit("scheduler.Call", value)
    except ProtocolError:
        return
    assert fit("scheduler.Call", json.loads(json.dumps(found))) == found


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_values_of_any_kind_in_any_field_fit_or_are_refused_in_words(name, data):
    fields = data.draw(st.lists(st.sampled_from(sorted(MESSAGES[name].fields) or [""]), max_size=4))
    try:
        fit(name, {each: data.draw(JSON) for each in fields})
    except ProtocolError as error:
        assert str(error)


@given(st.binary(max_size=60))
def test_bytes_from_anywhere_are_a_call_or_refused_in_words(body):
    with pytest.raises(ProtocolError, match="JSON"):
        read_call(b"x" + body, "scheduler.Call")


@given(JSON)
def test_the_reader_of_errors_finds_none_in_what_is_json(value):
    assert complaint(json.dumps(value).encode()) == ""
