"""Role names, case by case. (Scenario S36(ii): Mesos' RoleTest.Validate and Ancestors)"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvalidValue
from raymesos.model.roles import ancestors, is_subrole, role_error, validate_role

VALID = ["foo", "123", "foo_123", "*", "foo-bar", "foo.bar", "foo..bar", "...", "foo/bar", "foo/.bar", "foo/bar/baz"]
VALID += ["a/b/c/d/e/f/g/h"]

INVALID = ["", ".", "..", "-foo", "/", "/foo", "foo/", "foo//bar", "foo/bar/", "foo bar", "foo\tbar", "foo\nbar", "./."]
INVALID += ["../..", "./foo", "../foo", "foo/.", "foo/..", "foo/./bar", "foo/../bar", "foo/-bar", "foo/*", "foo/*/bar"]
INVALID += ["*/foo", "\t", "\n", "foo\x08", "foo\x7f", "foo\r", "foo\x0b", "foo\x0c"]


@pytest.mark.parametrize("role", VALID)
def test_a_valid_role_is_itself(role: str) -> None:
    assert validate_role(role) == role
    assert role_error(role) is None


@pytest.mark.parametrize("role", INVALID)
def test_an_invalid_role_is_refused_with_the_reason(role: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        validate_role(role)
    assert (refusal.value.field, refusal.value.value) == ("role", role)
    assert refusal.value.reason == role_error(role)
    assert refusal.value.reason


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("", "Empty role name is invalid"),
        ("/foo", "cannot start with a slash"),
        ("foo/", "cannot end with a slash"),
        ("foo//bar", "cannot contain two adjacent slashes"),
        ("foo/..", "cannot include '..' as a component"),
        ("foo/*", "cannot include '*' as a component"),
        ("foo/-bar", "begins with a dash"),
        ("foo bar", "contains backspace or whitespace"),
    ],
)
def test_the_reason_is_the_one_that_applies(role: str, words: str) -> None:
    assert words in (role_error(role) or "")


@pytest.mark.parametrize("role", [None, 5, b"foo", ["foo"]])
def test_what_is_no_text_is_no_role(role: Any) -> None:
    with pytest.raises(InvalidValue, match="text"):
        validate_role(role)


def test_the_refusal_names_the_callers_field() -> None:
    with pytest.raises(InvalidValue, match=r"^roles\[1\]: '-x': "):
        validate_role("-x", field="roles[1]")


def test_ancestors_are_listed_nearest_first() -> None:
    assert ancestors("a/b/c/d") == ["a/b/c", "a/b", "a"]
    assert ancestors("a") == []
    assert ancestors("*") == []


def test_a_longer_name_is_no_sub_role() -> None:
    assert is_subrole("foo/bar", "foo")
    assert is_subrole("foo/bar/baz", "foo")
    assert not is_subrole("foobar", "foo")
    assert not is_subrole("foo", "foo")
    assert not is_subrole("foo", "foo/bar")


@given(st.lists(st.sampled_from(["a", "b", "ab", "a.b"]), min_size=1, max_size=5))
def test_a_role_lies_below_each_of_its_ancestors_and_no_other(parts: list[str]) -> None:
    role = "/".join(parts)
    assert validate_role(role) == role
    assert [a for a in ancestors(role) if not is_subrole(role, a)] == []
    assert len(ancestors(role)) == len(parts) - 1
    assert all(validate_role(a) == a for a in ancestors(role))
