"""What the parts of the API ask of whoever calls."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from raymesos.errors import Unauthorized
from raymesos.http.security import access as module
from raymesos.http.security.access import CALLER, NOBODY, Access, Caller, caller_of
from raymesos.http.security.acls import ACTIONS, acls_from_json

ADS_ONLY = Caller("foo", roles=("ads",))


def closed(action: str, values: list[str]) -> Access:
    rules = [{"principals": {"values": ["foo"]}, ACTIONS[action]: {"values": values}}]
    return Access(acls_from_json({"permissive": False, action: rules}))


def test_the_caller_is_found_in_a_scope_and_in_a_request() -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [], CALLER: ADS_ONLY}
    assert caller_of(scope) == ADS_ONLY and caller_of(Request(scope)) == ADS_ONLY
    assert caller_of({"type": "http"}) == NOBODY


def test_without_rules_everybody_may_everything() -> None:
    access = Access()
    assert all(access.allows(NOBODY, action, subject) for action in ACTIONS for subject in (None, "x"))
    assert access.sees_all(NOBODY)


def test_a_refusal_names_who_what_and_on_what() -> None:
    access = closed("update_quotas", ["ads"])
    access.require(Caller("foo"), "update_quotas", "ads")
    with pytest.raises(Unauthorized, match="principal 'foo' may not update quotas 'web'"):
        access.require(Caller("foo"), "update_quotas", "ads", "web")
    with pytest.raises(Unauthorized, match="without a principal may not update quotas 'ads'"):
        access.require(NOBODY, "update_quotas", "ads")
    with pytest.raises(Unauthorized, match=r"may not drain agents$"):
        access.require(Caller("foo"), "drain_agents")


def test_a_token_for_a_role_is_good_for_it_and_below() -> None:
    access = Access()
    cases = {"ads": True, "ads/a": True, "adsx": False, "web": False, "*": False, None: False}
    assert {role: access.allows(ADS_ONLY, "register_frameworks", role) for role in cases} == cases
    assert not access.sees_all(ADS_ONLY)


def test_a_token_for_a_role_may_not_touch_what_is_the_clusters_or_anothers() -> None:
    access = Access()
    for action in ("drain_agents", "start_maintenances", "mark_agents_gone", "set_log_level"):
        assert not access.allows(ADS_ONLY, action)
    assert access.allows(ADS_ONLY, "teardown_frameworks", "foo")
    assert not access.allows(ADS_ONLY, "teardown_frameworks", "bar")
    assert access.allows(ADS_ONLY, "run_tasks", "nobody") and access.allows(ADS_ONLY, "view_tasks", "nobody")


def test_a_token_that_reads_only_changes_nothing() -> None:
    access, reader = Access(), Caller("foo", reads_only=True)
    allowed = [action for action in ACTIONS if access.allows(reader, action, "x")]
    assert allowed == [a for a in ACTIONS if a.startswith(("view_", "get_", "access_"))]
    assert access.sees_all(reader)


def test_a_token_never_gives_more_than_the_rules() -> None:
    access = closed("register_frameworks", ["web"])
    assert not access.allows(ADS_ONLY, "register_frameworks", "ads")
    assert not access.allows(ADS_ONLY, "register_frameworks", "web")
    assert access.allows(Caller("foo"), "register_frameworks", "web")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    access = closed("update_quotas", ["r3"])
    answers = [access.allows(Caller("foo"), "update_quotas", f"r{n % 25}") for n in range(100)]
    assert answers == [n % 25 == 3 for n in range(100)]
    assert len(access._known) <= 10
