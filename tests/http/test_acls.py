"""Mesos' ACLs, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.errors import InvalidValue
from raymesos.http.security.acls import ACTIONS, NARROWING, Acls, acls_from_json

ANY, NONE = {"type": "ANY"}, {"type": "NONE"}


def some(*values: str) -> dict[str, Any]:
    return {"values": list(values)}


def rule(principals: Any, roles: Any) -> dict[str, Any]:
    return {"principals": principals, "roles": roles}


def acls(*rules: Any, permissive: bool = True) -> Acls:
    return acls_from_json({"permissive": permissive, "update_weights": list(rules)})


def verdict(rule_: Any, principal: str, role: str | None) -> str:
    """`yes`, `no`, or `next` where the rule is not about them: then permissive decides, either way."""
    answers = [acls(rule_, permissive=p).allows("update_weights", principal, role) for p in (True, False)]
    return {(True, True): "yes", (False, False): "no", (True, False): "next"}[answers[0], answers[1]]


# One rule: rows are what its principals are, columns what its roles are. The caller is `foo` with role `ads`, or nobody (""), or all roles (None).
TABLE = [
    (
        some("foo"),
        some("ads"),
        {("foo", "ads"): "yes", ("bar", "ads"): "next", ("", "ads"): "next", ("foo", None): "next"},
    ),
    (some("foo"), ANY, {("foo", "ads"): "yes", ("bar", "ads"): "next", ("", "ads"): "next", ("foo", None): "yes"}),
    (some("foo"), NONE, {("foo", "ads"): "no", ("bar", "ads"): "next", ("", "ads"): "next", ("foo", None): "no"}),
    (ANY, some("ads"), {("foo", "ads"): "yes", ("", "ads"): "yes", ("foo", "web"): "next", ("foo", None): "next"}),
    (ANY, ANY, {("foo", "ads"): "yes", ("", "ads"): "yes", ("foo", None): "yes", ("", None): "yes"}),
    (ANY, NONE, {("foo", "ads"): "no", ("", "ads"): "no", ("foo", None): "no"}),
    (NONE, some("ads"), {("foo", "ads"): "no", ("", "ads"): "no", ("foo", "web"): "next", ("foo", None): "next"}),
    (NONE, ANY, {("foo", "ads"): "no", ("", "ads"): "no", ("foo", None): "no"}),
    (NONE, NONE, {("foo", "ads"): "no", ("", None): "no"}),
    (some(), ANY, {("foo", "ads"): "next", ("", "ads"): "next"}),
    (some("foo", "bar"), some("ads", "web"), {("bar", "web"): "yes", ("foo", "ads"): "yes", ("bar", "ops"): "next"}),
]


@pytest.mark.parametrize(
    ("principals", "roles", "caller", "answer"),
    [(p, r, caller, answer) for p, r, cells in TABLE for caller, answer in cells.items()],
)
def test_one_rule_cell_by_cell(principals: Any, roles: Any, caller: tuple[str, str | None], answer: str) -> None:
    assert verdict(rule(principals, roles), *caller) == answer


@pytest.mark.parametrize("permissive", [True, False])
def test_the_first_rule_that_matches_decides(permissive: bool) -> None:
    first_allows = acls(rule(some("foo"), some("ads")), rule(NONE, some("ads")), permissive=permissive)
    assert first_allows.allows("update_weights", "foo", "ads")
    assert not first_allows.allows("update_weights", "bar", "ads")
    assert first_allows.allows("update_weights", "bar", "web") is permissive
    first_refuses = acls(rule(NONE, some("ads")), rule(some("foo"), some("ads")), permissive=permissive)
    assert not first_refuses.allows("update_weights", "foo", "ads")


@pytest.mark.parametrize(
    ("role", "answer"),
    [("ads", "next"), ("ads/a", "yes"), ("ads/a/b", "yes"), ("adsx", "next"), ("adsx/a", "next"), (None, "next")],
)
def test_a_role_with_percent_is_all_that_lie_below_it_and_not_itself(role: str | None, answer: str) -> None:
    assert verdict(rule(some("foo"), some("ads/%")), "foo", role) == answer


def test_percent_may_stand_beside_the_role_itself() -> None:
    assert verdict(rule(some("foo"), some("ads", "ads/%")), "foo", "ads") == "yes"
    assert verdict(rule(some("foo"), some("ads", "ads/%")), "foo", "ads/a") == "yes"
    assert verdict(rule(NONE, some("ads/%")), "foo", "ads/a") == "no"


def test_percent_means_nothing_where_the_objects_are_no_roles() -> None:
    found = acls_from_json({"permissive": False, "run_tasks": [{"principals": ANY, "users": some("a/%")}]})
    assert not found.allows("run_tasks", "foo", "a/b")
    assert found.allows("run_tasks", "foo", "a/%")


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_rules_of_its_own(action: str) -> None:
    found = acls_from_json({action: [{"principals": NONE, ACTIONS[action]: ANY}]})
    refused = [other for other in ACTIONS if not found.allows(other, "foo", "x")]
    assert refused == [action] and found.hides is (action in NARROWING)


@pytest.mark.parametrize("permissive", [True, False])
def test_without_rules_permissive_decides_alone(permissive: bool) -> None:
    found = acls_from_json({"permissive": permissive})
    assert found.allows("run_tasks", "foo", "root") is permissive and found.hides is not permissive


def test_permissive_is_the_default_as_in_mesos() -> None:
    assert acls_from_json({}) == Acls() and Acls().permissive and not Acls().hides


# The examples of Mesos' documentation, in its words.
def test_only_foo_may_use_analytics() -> None:
    found = acls_from_json(
        {
            "register_frameworks": [
                rule(some("foo"), some("analytics")),
                rule(NONE, some("analytics")),
            ]
        }
    )
    cases = {("foo", "analytics"): True, ("bar", "analytics"): False, ("", "analytics"): False, ("foo", "ads"): True}
    assert {case: found.allows("register_frameworks", *case) for case in cases} == cases


def test_foo_may_use_analytics_and_ads_and_no_other_role() -> None:
    found = acls_from_json(
        {
            "register_frameworks": [
                rule(some("foo"), some("analytics", "ads")),
                rule(some("foo"), NONE),
            ]
        }
    )
    cases = {("foo", "ads"): True, ("foo", "web"): False, ("bar", "web"): True, ("", "ads"): True}
    assert {case: found.allows("register_frameworks", *case) for case in cases} == cases


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "acls"),
        ({"permissive": "yes"}, "acls.permissive"),
        ({"update_weight": []}, "acls.update_weight"),
        ({"update_weights": {}}, "acls.update_weights"),
        ({"update_weights": [1]}, "acls.update_weights[0]"),
        ({"update_weights": [{"principals": ANY}]}, "acls.update_weights[0].roles"),
        ({"update_weights": [{"roles": ANY}]}, "acls.update_weights[0].principals"),
        ({"update_weights": [{"principals": ANY, "roles": ANY, "users": ANY}]}, "acls.update_weights[0].users"),
        ({"update_weights": [rule({"type": "ALL"}, ANY)]}, "acls.update_weights[0].principals.type"),
        ({"update_weights": [rule({"values": "foo"}, ANY)]}, "acls.update_weights[0].principals.values"),
        ({"update_weights": [rule({"value": ["foo"]}, ANY)]}, "acls.update_weights[0].principals.value"),
        ({"drain_agents": [{"principals": ANY, "agents": some("a1")}]}, "acls.drain_agents[0].agents.type"),
    ],
)
def test_what_would_protect_nothing_is_refused_by_name(document: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        acls_from_json(document)
    assert refused.value.field == field


def test_a_file_of_mesos_with_actions_that_are_not_here_is_taken() -> None:
    assert acls_from_json({"launch_nested_containers_as_user": [{"whatever": 1}]}) == Acls()
