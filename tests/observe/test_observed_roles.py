"""Roles, quotas and the history of shares, folded from notes."""

from __future__ import annotations

from observe_rig import NOW_MS, Observed, job, share, task

from raymesos.observe.history import POINT_EVERY_MS, POINTS_KEPT, ROLES_KEPT
from raymesos.observe.state import ROLES_KEPT as VIEW_ROLES_KEPT


def test_a_role_shows_all_that_one_asks_about_fairness() -> None:
    seen = Observed(
        share("ads", (3, 4), "cpus:3;mem:100", weight="2", dominant="cpus", entitled=(1, 2), limit=(("cpus", 4000),)),
        task("t1", "ads", "cpus:1;mem:64"),
        task("t2", "ads/eu", "cpus:1"),
        job("j1", "ads", waiting=3, running=2),
        job("j2", "ads", waiting=0, running=0, state="Finished"),
    )
    assert seen.view("roles") == [
        {
            "role": "ads",
            "weight": "2",
            "guarantee": "",
            "limit": "cpus:4",
            "used": "cpus:2;mem:64",
            "offered": "cpus:1;mem:36",
            "held": "cpus:3;mem:100",
            "dominant": "cpus",
            "share": 0.75,
            "entitled": 0.5,
            "tasks": 1,
            "waiting": 3,
            "running": 2,
        }
    ]


def test_a_task_that_the_allocator_has_not_booked_yet_makes_nothing_negative() -> None:
    seen = Observed(share("ads", (1, 2), "cpus:1"), task("t1", "ads", "cpus:2"))
    assert [(r["used"], r["offered"]) for r in seen.view("roles")] == [("cpus:1", "")]


def test_only_roles_with_a_guarantee_or_a_limit_have_a_quota() -> None:
    seen = Observed(share("a", guarantee=(("cpus", 1000),)), share("b", limit=(("cpus", 0),)), share("c", weight="3"))
    assert [(q["role"], q["guarantee"], q["limit"]) for q in seen.view("quotas")] == [
        ("a", "cpus:1", ""),
        ("b", "", "cpus:0"),
    ]
    assert seen.view("weights")[2] == {"role": "c", "weight": "3"}


def test_of_too_many_roles_those_leave_that_hold_nothing_and_nobody_set_up() -> None:
    seen = Observed(
        share("busy", (1, 2), "cpus:1"), share("weighty", weight="2"), share("limited", limit=(("cpus", 1),))
    )
    seen.tell(*[share(f"r{i}") for i in range(VIEW_ROLES_KEPT)])
    roles = {row["role"]: None for row in seen.view("weights")}
    assert len(roles) == VIEW_ROLES_KEPT
    assert "busy" in roles and "weighty" in roles and "limited" in roles and "r2" not in roles and "r3" in roles


# ---------------------------------------------------------------- history


def test_the_history_keeps_one_point_in_five_seconds_and_always_the_latest() -> None:
    seen = Observed(*[share("ads", (i, 100), at_ms=NOW_MS + 1000 * i, entitled=(1, 2)) for i in range(12)])
    points = seen.view("history")["ads"]
    assert [(at_ms - NOW_MS) // 1000 for at_ms, _, _ in points] == [0, 5, 10, 11]
    assert points[-1] == [NOW_MS + 11_000, 0.11, 0.5]


def test_a_change_that_lasts_is_in_the_history_though_nothing_follows_it() -> None:
    seen = Observed(share("ads", (1, 2)), share("ads", (0, 1), at_ms=NOW_MS + 10))
    assert [p[1] for p in seen.view("history")["ads"]] == [0.5, 0.0]


def test_the_history_of_one_role_and_of_all_is_bounded() -> None:
    seen = Observed(*[share("ads", (i, 10_000), at_ms=NOW_MS + POINT_EVERY_MS * i) for i in range(POINTS_KEPT + 5)])
    points = seen.view("history", role="ads")["ads"]
    assert len(points) == POINTS_KEPT and points[-1][1] == (POINTS_KEPT + 4) / 10_000
    seen.tell(*[share(f"r{i}") for i in range(ROLES_KEPT - 1)], share("ads"), share("last"))
    history = seen.view("history")
    assert len(history) == ROLES_KEPT and "ads" in history and "last" in history and "r0" not in history
    assert seen.view("history", role="nobody") == {}
