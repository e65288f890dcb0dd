"""Frameworks at the master: subscribed, disconnected, failed over, removed; their roles, what they suppress and what they want."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import A1, A2, F1, F2, WHOLE, Rig, framework_info, of, task, to

from raymesos.kernel.master import frameworks
from raymesos.machine import ALLOCATOR, MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES, TaskState
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentTask,
    Allocations,
    AllocatorReady,
    AllocatorReset,
    Decline,
    Demand,
    Disconnect,
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkError,
    FrameworkIdBurnt,
    FrameworkIdGiven,
    FrameworkRemoved,
    FrameworkUpdated,
    Held,
    OperatorAnswer,
    Reconcile,
    Recover,
    Rescind,
    Revive,
    ReviveRoles,
    SetWeights,
    ShutdownFramework,
    StatusAcknowledged,
    Subscribe,
    Subscribed,
    Suppress,
    SuppressRoles,
    Teardown,
    TeardownFramework,
    UpdateFramework,
    WeightsChanged,
)

MINUTE = 60_000
WANTED = (Demand(Resources.parse("cpus:2;mem:512"), 3),)


# ---------------------------------------------------------------- subscription


def test_a_first_subscription_gives_an_id_that_is_on_record() -> None:
    rig = Rig()
    sent = rig.tell(F1, Subscribe(framework_info(roles=("dev", "ops")), ("ops",)))
    assert sent[0] == (F1, Subscribed("c-0001-0001", "c-0001", 15_000))
    assert to(ALLOCATOR, sent) == [FrameworkAdded("c-0001-0001", ("dev", "ops"), ("ops",), ALL_CAPABILITIES)]
    assert rig.records[-1] == FrameworkIdGiven(framework_info(roles=("dev", "ops"), id="c-0001-0001"))
    assert rig.framework("F2") == "c-0001-0002"
    assert rig.metric("frameworks_active") == 2


def test_a_scheduler_that_did_not_hear_its_answer_keeps_its_id() -> None:
    rig = Rig()
    f1 = rig.framework()
    before = list(rig.records)
    assert rig.framework() == f1
    assert rig.records == before
    assert list(rig.master.state.frameworks) == [f1]


@pytest.mark.parametrize(
    ("roles", "more", "text"),
    [
        (
            ("a b",),
            {},
            "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it contains backspace or whitespace",
        ),
        (
            ("ok", "-x"),
            {},
            "'FrameworkInfo.roles' contains invalid role: Role component '-x' is invalid because it begins with a dash",
        ),
        (("a", "b", "a"), {}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
        (("a",), {"suppressed": ("zz",)}, "Suppressed role 'zz' is not contained in the list of roles"),
        (("a",), {"failover_timeout_ms": -1}, "'FrameworkInfo.failover_timeout' must not be negative"),
        (("a",), {"id": "c-0001-0007"}, "Framework cannot be found"),
    ],
)
def test_a_bad_subscription_is_an_error_event_and_nothing_else(
    roles: tuple[str, ...], more: dict[str, object], text: str
) -> None:
    rig = Rig()
    suppressed = more.pop("suppressed", ())
    sent = rig.tell(F1, Subscribe(framework_info(roles=roles, **more), suppressed))  # type: ignore[arg-type]
    assert sent == [(F1, FrameworkError(text))]
    assert len(rig.records) == 1
    assert rig.metric("frameworks_active") == 0


def test_a_bad_subscription_leaves_the_good_one_as_it_is() -> None:
    rig = Rig()
    f1 = rig.framework()
    offer = rig.offer(f1, rig.agent())
    sent = rig.tell(F1, Subscribe(framework_info(roles=("a b",), id=f1)))
    assert [type(m) for _, m in sent] == [FrameworkError]
    assert rig.address(f1) == F1
    assert list(rig.master.state.offers) == [offer.id]


def test_subscribing_again_ends_offers_and_filters_and_keeps_tasks() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.tell(F1, Subscribe(framework_info(id=f1)))
    assert to(F1, sent) == [Subscribed(f1, "c-0001", 15_000)]
    assert to(ALLOCATOR, sent) == [
        Recover(f1, "dev", a1, 1, Resources.parse("cpus:1;mem:64")),
        FrameworkChanged(f1, ("dev",), (), ALL_CAPABILITIES),
        FrameworkDeactivated(f1),
        FrameworkActivated(f1),
    ]
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]


def test_a_second_scheduler_with_the_id_takes_over_and_the_first_hears_an_error_last() -> None:
    rig = Rig()
    f1, a1 = rig.framework(roles=("dev", "ops")), rig.agent()
    rig.offer(f1, a1, "cpus:1;mem:64", role="ops")
    sent = rig.tell(F2, Subscribe(framework_info(id=f1)))
    assert to(F1, sent) == [FrameworkError("Framework failed over")]
    assert to(F2, sent) == [Subscribed(f1, "c-0001", 15_000)]
    assert rig.tell(F1, Reconcile(f1)) == []
    assert rig.tell(F1, Teardown(f1)) == []
    assert rig.metric("dropped_messages") == 2
    assert rig.tell(MASTER, LinkDown(F1)) == []
    assert to(F2, rig.grant(f1, a1)) != []


def test_a_scheduler_that_becomes_another_framework_has_left_the_first() -> None:
    rig = Rig()
    f1 = rig.framework("F1", failover_timeout_ms=MINUTE)
    f2 = rig.framework("F2", failover_timeout_ms=MINUTE)
    rig.tell(F1, Subscribe(framework_info("F2", id=f2)))
    assert rig.master.state.frameworks[f1].address is None
    assert rig.address(f2) == F1
    assert rig.metric("frameworks_disconnected") == 1
    rig.advance(MINUTE)
    assert list(rig.master.state.frameworks) == [f2]


# ---------------------------------------------------------------- disconnected and back


def test_without_a_failover_timeout_a_lost_connection_is_the_end() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.leave(f1)
    assert to(F1, sent) == []
    assert to(A1, sent) == [ShutdownFramework(f1)]
    assert to(ALLOCATOR, sent) == [
        Recover(f1, "dev", a1, 1, offer.resources),
        FrameworkDeactivated(f1),
        FrameworkRemoved(f1),
    ]
    assert rig.records[-1] == FrameworkIdBurnt(f1)
    assert rig.tell(F1, Subscribe(framework_info(id=f1))) == [(F1, FrameworkError("Framework has been removed"))]


def test_a_scheduler_that_is_back_within_the_timeout_finds_its_tasks() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=MINUTE), rig.agent()
    rig.run(f1, a1, task())
    assert to(A1, rig.leave(f1)) == []
    assert rig.metric("frameworks_disconnected") == 1
    rig.advance(MINUTE - 1)
    rig.framework(id=f1, failover_timeout_ms=MINUTE)
    assert of(ShutdownFramework, rig.advance(2 * MINUTE)) == []
    assert rig.metric("tasks_running") == 1


def test_after_the_timeout_its_tasks_are_killed() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=MINUTE), rig.agent()
    rig.run(f1, a1, task())
    rig.leave(f1)
    assert of(ShutdownFramework, rig.advance(MINUTE - 1)) == []
    assert of(ShutdownFramework, rig.advance(1)) == [(A1, ShutdownFramework(f1))]


def test_the_timeout_counts_from_the_last_disconnection() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=MINUTE)
    rig.leave(f1)
    rig.advance(MINUTE // 2)
    rig.framework(id=f1, failover_timeout_ms=MINUTE)
    rig.leave(f1)
    rig.advance(MINUTE - 1)
    assert list(rig.master.state.frameworks) == [f1]
    rig.advance(1)
    assert rig.master.state.frameworks == {}


def test_a_disconnected_framework_is_offered_nothing_and_its_updates_wait() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=MINUTE), rig.agent()
    rig.run(f1, a1, task())
    rig.leave(f1)
    assert [type(m) for _, m in rig.grant(f1, a1, "cpus:1;mem:64")] == [Recover]
    sent = rig.report(f1, a1, "t1", TaskState.FINISHED, uuid="u")
    assert [type(m) for _, m in sent] == [Recover]
    rig.framework(id=f1, failover_timeout_ms=MINUTE)
    assert [m.status.uuid for m in to(F1, rig.report(f1, a1, "t1", TaskState.FINISHED, uuid="u"))] == ["u"]


def test_a_restarted_scheduler_is_disconnected_until_it_subscribes() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=MINUTE)
    assert rig.tell(MASTER, LinkUp(F1, restarted=False)) == []
    assert to(ALLOCATOR, rig.tell(MASTER, LinkUp(F1, restarted=True))) == [FrameworkDeactivated(f1)]
    assert rig.tell(MASTER, LinkDown(F1)) == []


# ---------------------------------------------------------------- the end


def test_teardown_kills_everything_and_burns_the_id() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=MINUTE), rig.agent()
    rig.agent("A2")
    rig.run(f1, a1, task())
    sent = rig.tell(F1, Teardown(f1))
    # A2 may have an idle executor of it.
    assert of(ShutdownFramework, sent) == [(A1, ShutdownFramework(f1)), (A2, ShutdownFramework(f1))]
    assert rig.metric("frameworks_active") == rig.metric("frameworks_disconnected") == 0
    assert rig.tell(F1, Teardown(f1)) == []
    assert rig.tell(F1, Subscribe(framework_info(id=f1))) == [(F1, FrameworkError("Framework has been removed"))]
    assert rig.framework() == "c-0001-0002"


def test_tasks_of_a_removed_framework_hold_their_resources_until_they_end() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task("t1"), task("t2"))
    rig.tell(F1, Teardown(f1))
    assert rig.metric("cpus_used") == 2
    sent = rig.report(f1, a1, "t1", TaskState.KILLED, uuid="u1")
    assert to(A1, sent) == [StatusAcknowledged(f1, "t1", "u1")]
    assert len(of(Recover, sent)) == 1
    assert list(rig.master.state.frameworks) == [f1]
    rig.report(f1, a1, "t2", TaskState.KILLING)
    rig.report(f1, a1, "t2", TaskState.KILLED)
    assert rig.master.state.frameworks == {}
    assert rig.metric("cpus_used") == 0
    sent = rig.report(f1, a1, "t2", TaskState.KILLED, uuid="again")
    assert sent == [(A1, StatusAcknowledged(f1, "t2", "again"))]


def test_a_grant_for_a_removed_framework_goes_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.tell(F1, Teardown(f1))
    [(receiver, message)] = rig.grant(f1, a1, "cpus:1;mem:64")
    assert (receiver, message) == (ALLOCATOR, Recover(f1, "dev", a1, 1, Resources.parse("cpus:1;mem:64")))


def test_burnt_ids_are_bounded_and_the_oldest_is_refused_as_unknown() -> None:
    rig = Rig(burnt_framework_ids=2)
    ids = []
    for _ in range(3):
        ids.append(rig.framework())
        rig.tell(F1, Teardown(ids[-1]))
    assert list(rig.master.state.burnt) == ids[1:]
    assert rig.tell(F1, Subscribe(framework_info(id=ids[0]))) == [(F1, FrameworkError("Framework cannot be found"))]


# ---------------------------------------------------------------- roles


def test_offers_of_roles_that_a_framework_leaves_are_rescinded() -> None:
    rig = Rig()
    f1, a1 = rig.framework(roles=("dev", "ops")), rig.agent()
    dev = rig.offer(f1, a1, "cpus:1;mem:64", role="dev")
    ops = rig.offer(f1, a1, "cpus:1;mem:64", role="ops")
    sent = rig.tell(F1, UpdateFramework(framework_info(roles=("ops", "new"), id=f1), ("ops",)))
    assert to(F1, sent) == [FrameworkUpdated(), Rescind(dev.id)]
    assert FrameworkChanged(f1, ("ops", "new"), ("ops",), ALL_CAPABILITIES) in to(ALLOCATOR, sent)
    assert list(rig.master.state.offers) == [ops.id]
    assert rig.records[-1] == FrameworkIdGiven(framework_info(roles=("ops", "new"), id=f1))
    assert [type(m) for _, m in rig.grant(f1, a1, "cpus:1;mem:64", role="dev")] == [Recover]


@pytest.mark.parametrize("roles", [("a b",), ("a", "a")])
def test_a_bad_update_changes_nothing(roles: tuple[str, ...]) -> None:
    rig = Rig()
    f1 = rig.framework()
    ((to_, answer),) = rig.tell(F1, UpdateFramework(framework_info(roles=roles, id=f1)))
    assert (to_, type(answer)) == (F1, FrameworkUpdated)
    assert "'FrameworkInfo.roles'" in answer.error
    assert rig.master.state.frameworks[f1].info.roles == ("dev",)
    assert "framework update refused" in rig.events()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"principal": "q"}, "Changing framework's principal is not allowed."),
        (
            {"user": "v"},
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'u' to 'v'",
        ),
        (
            {"checkpoint": False},
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'",
        ),
    ],
)
def test_an_update_leaves_alone_what_may_not_change(changed: dict[str, Any], text: str) -> None:
    rig = Rig()
    said: dict[str, Any] = {"principal": "p", "user": "u", "checkpoint": True}
    f1 = rig.framework(**said)
    sent = rig.tell(F1, UpdateFramework(framework_info(id=f1, **said | changed)))
    assert sent == [(F1, FrameworkUpdated(text))]
    assert rig.master.state.frameworks[f1].info == framework_info(id=f1, **said)


def test_who_subscribes_again_keeps_its_user_and_checkpoint_and_may_not_be_another_principal() -> None:
    rig = Rig()
    f1 = rig.framework(principal="p", user="u", checkpoint=True)
    sent = rig.tell(F2, Subscribe(framework_info(id=f1, principal="q")))
    assert sent == [(F2, FrameworkError("Changing framework's principal is not allowed."))]
    assert rig.address(f1) == F1
    rig.tell(F1, Subscribe(framework_info(id=f1, principal="p", user="v", hostname="h")))
    assert rig.master.state.frameworks[f1].info == framework_info(
        id=f1, principal="p", user="u", checkpoint=True, hostname="h"
    )


def test_a_framework_without_roles_is_subscribed_and_may_take_some_later() -> None:
    rig = Rig()
    f1 = rig.framework(roles=())
    assert rig.tell(F1, UpdateFramework(framework_info(roles=("dev",), id=f1)))[0] == (F1, FrameworkUpdated())
    assert rig.master.state.frameworks[f1].info.roles == ("dev",)


def test_the_one_role_of_a_framework_that_is_not_multi_role_is_named_as_it_was_said() -> None:
    rig = Rig()
    sent = rig.tell(F1, Subscribe(framework_info(roles=("-x",), capabilities=())))
    text = "'FrameworkInfo.role' is not a valid role: Role component '-x' is invalid because it begins with a dash"
    assert sent == [(F1, FrameworkError(text))]


def test_a_scheduler_that_disconnects_has_its_failover_timeout_to_come_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=MINUTE), rig.agent()
    rig.run(f1, a1, task())
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.tell(F1, Disconnect(f1))
    assert to(ALLOCATOR, sent) == [Recover(f1, "dev", a1, 1, offer.resources), FrameworkDeactivated(f1)]
    assert to(F1, sent) == [] and rig.master.state.frameworks[f1].address is None
    rig.advance(MINUTE - 1)
    assert not rig.master.state.frameworks[f1].removed
    rig.advance(1)
    assert rig.master.state.frameworks[f1].removed


def test_who_is_no_subscriber_disconnects_nobody() -> None:
    rig = Rig()
    f1 = rig.framework()
    assert rig.tell(F2, Disconnect(f1)) == []
    assert rig.address(f1) == F1


def test_a_subscriber_is_told_that_its_framework_was_removed_unless_it_said_so() -> None:
    rig = Rig()
    f1, f2 = rig.framework(), rig.framework("F2")
    assert to(F1, rig.tell(F1, Teardown(f1))) == []
    out = Outbox()
    frameworks.remove(rig.master.state, rig.master.state.frameworks[f2], out, rig.now_ms, "by an operator")
    assert to(F2, out.sends) == [FrameworkError("Framework has been removed")]


@pytest.mark.parametrize("sender", [F2, "framework/other"])
def test_only_the_subscriber_changes_a_framework(sender: str) -> None:
    rig = Rig()
    f1 = rig.framework()
    rig.framework("F2")
    calls = [
        UpdateFramework(framework_info(roles=("x",), id=f1)),
        Teardown(f1),
        Revive(f1),
        Suppress(f1),
        Decline(f1, ("c-0001-O1",)),
    ]
    for call in calls:
        assert rig.tell(sender, call) == []
    assert rig.metric("dropped_messages") == len(calls)


def test_a_call_of_a_framework_that_nobody_knows_has_no_effect() -> None:
    rig = Rig()
    assert rig.tell(F1, Teardown("c-0001-0001")) == []
    assert rig.tell(F1, UpdateFramework(framework_info())) == []
    assert rig.metric("dropped_messages") == 2


# ---------------------------------------------------------------- suppress and revive


def test_suppress_and_revive_are_by_role_or_for_all() -> None:
    rig = Rig()
    f1 = rig.framework(roles=("dev", "ops"))
    offer = rig.offer(f1, rig.agent(), role="dev")
    assert rig.tell(F1, Suppress(f1, ("dev",))) == [(ALLOCATOR, SuppressRoles(f1, ("dev",)))]
    assert list(rig.master.state.offers) == [offer.id]
    assert rig.master.state.frameworks[f1].suppressed_roles == ("dev",)
    assert rig.tell(F1, Suppress(f1)) == [(ALLOCATOR, SuppressRoles(f1, ("dev", "ops")))]
    assert rig.tell(F1, Revive(f1, ("ops",), WANTED)) == [(ALLOCATOR, ReviveRoles(f1, ("ops",), WANTED))]
    assert rig.master.state.frameworks[f1].suppressed_roles == ("dev",)
    assert rig.tell(F1, Revive(f1)) == [(ALLOCATOR, ReviveRoles(f1, ("dev", "ops")))]
    assert rig.master.state.frameworks[f1].suppressed_roles == ()
    assert rig.metric("messages_suppress_offers") == rig.metric("messages_revive_offers") == 2


@pytest.mark.parametrize("call", [Suppress, Revive])
def test_a_role_that_is_not_subscribed_makes_the_call_void(call: type) -> None:
    rig = Rig()
    f1 = rig.framework()
    assert rig.tell(F1, call(f1, ("dev", "ops"))) == []
    assert rig.master.state.frameworks[f1].suppressed_roles == ()
    assert rig.metric("dropped_messages") == 1


# ---------------------------------------------------------------- an allocator without memory


def test_a_new_allocator_is_told_weights_frameworks_demand_and_what_is_held() -> None:
    rig = Rig()
    rig.tell("client/1", SetWeights((("dev", "2"),)))
    f1 = rig.framework(roles=("dev", "ops"))
    a1 = rig.agent()
    wanted = (*WANTED, Demand(Resources.parse("cpus:1"), 1, role="ops"))
    rig.tell(F1, Revive(f1, demand=wanted))
    rig.tell(F1, Suppress(f1, ("dev",)))
    rig.run(f1, a1, task())
    rig.offer(f1, a1, "cpus:1;mem:64", role="ops")
    sent = rig.tell(ALLOCATOR, AllocatorReady())
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.held == (
        Held(f1, "dev", a1, Resources.parse("cpus:1;mem:128")),
        Held(f1, "ops", a1, Resources.parse("cpus:1;mem:64")),
    )
    assert to(ALLOCATOR, sent) == [
        AllocatorReset(1_000_002),
        WeightsChanged((("dev", "2"),)),
        FrameworkAdded(f1, ("dev", "ops"), ("dev",), ALL_CAPABILITIES),
        ReviveRoles(f1, ("ops",), wanted),
        added,
        AgentActivated(a1),
    ]


def test_an_empty_revive_and_a_role_that_is_left_end_the_demand() -> None:
    rig = Rig()
    f1 = rig.framework(roles=("dev", "ops"))
    rig.tell(F1, Revive(f1, demand=WANTED))
    rig.tell(F1, UpdateFramework(framework_info(id=f1)))
    told = of(ReviveRoles, rig.tell(ALLOCATOR, AllocatorReady()))
    assert told == [(ALLOCATOR, ReviveRoles(f1, ("dev",), WANTED))]
    rig.tell(F1, Revive(f1))
    assert of(ReviveRoles, rig.tell(ALLOCATOR, AllocatorReady())) == []


def test_a_new_allocator_hears_of_a_removed_framework_whose_tasks_still_run() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.tell(F1, Teardown(f1))
    sent = rig.tell(ALLOCATOR, AllocatorReady())
    assert of(FrameworkRemoved, sent) == [(ALLOCATOR, FrameworkRemoved(f1))]
    rig.report(f1, a1, "t1", TaskState.KILLED)
    assert rig.books.agents[a1].held == {}


def test_grants_of_forgotten_books_are_void() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    grant = rig.books.grant(f1, "dev", a1, Resources.parse(WHOLE))
    epoch = rig.books.epoch
    rig.tell(ALLOCATOR, AllocatorReady())
    assert rig.tell(ALLOCATOR, Allocations(epoch, (grant,))) == []
    assert rig.master.state.offers == {}


# ---------------------------------------------------------------- the master's restart


def test_frameworks_that_come_back_after_the_restart_keep_their_ids() -> None:
    first = Rig()
    f1, a1 = first.framework(failover_timeout_ms=MINUTE), first.agent()
    first.run(f1, a1, task())
    rig = first.restart()
    rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert rig.metric("frameworks_disconnected") == 1
    assert rig.framework(id=f1, failover_timeout_ms=MINUTE) == f1
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]
    assert rig.framework("F2") == "c-0002-0001"


def test_a_framework_has_as_long_as_agents_to_come_back_after_the_restart() -> None:
    first = Rig()
    f1 = first.framework()
    rig = first.restart()
    rig.advance(599_999)
    assert FrameworkIdBurnt(f1) not in rig.records
    rig.advance(1)
    assert rig.records[-1] == FrameworkIdBurnt(f1)
    assert rig.tell(F1, Subscribe(framework_info(id=f1))) == [(F1, FrameworkError("Framework has been removed"))]


def test_tasks_of_a_framework_that_did_not_come_back_after_the_restart_are_killed() -> None:
    first = Rig()
    f1, a1 = first.framework(failover_timeout_ms=20 * MINUTE), first.agent()
    first.run(f1, a1, task())
    rig = first.restart()
    rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert of(ShutdownFramework, rig.advance(20 * MINUTE - 1)) == []
    assert of(ShutdownFramework, rig.advance(1)) == [(A1, ShutdownFramework(f1))]


def test_a_burnt_id_stays_burnt_after_the_restart() -> None:
    first = Rig()
    f1 = first.framework()
    first.tell(F1, Teardown(f1))
    rig = first.restart()
    assert rig.tell(F1, Subscribe(framework_info(id=f1))) == [(F1, FrameworkError("Framework has been removed"))]


def test_a_failover_wake_that_comes_too_late_changes_nothing() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=MINUTE)
    assert rig.tell(MASTER, Wake(f"failover {f1}")) == []
    assert rig.tell(MASTER, Wake("failover c-0001-0009")) == []
    assert list(rig.master.state.frameworks) == [f1]


# ---------------------------------------------------------------- torn down by an operator

OPERATOR = "client/operator"


def told_operator(sent: list[tuple[str, Any]]) -> OperatorAnswer:
    [answer] = [m for m in to(OPERATOR, sent) if isinstance(m, OperatorAnswer)]
    return answer


def test_an_operator_tears_a_framework_down_and_its_scheduler_is_told() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    sent = rig.tell(OPERATOR, TeardownFramework(f1, "r1"))
    assert told_operator(sent) == OperatorAnswer("r1")
    assert to(F1, sent) == [FrameworkError("Framework has been removed")]
    assert to(A1, sent) == [ShutdownFramework(f1)]
    assert isinstance(rig.records[-1], FrameworkIdBurnt)
    again = told_operator(rig.tell(OPERATOR, TeardownFramework(f1, "r2")))
    assert (again.kind, again.field, again.value) == ("unknown", "framework", f1)


def test_an_operator_tears_down_a_framework_that_is_away() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=MINUTE)
    rig.leave(f1)
    assert told_operator(rig.tell(OPERATOR, TeardownFramework(f1))).error == ""
    assert f1 not in rig.master.state.frameworks


def test_an_operator_tears_down_a_framework_that_has_not_come_back_since_the_masters_restart() -> None:
    first = Rig()
    f1 = first.framework()
    rig = first.restart()
    assert told_operator(rig.tell(OPERATOR, TeardownFramework(f1))).error == ""
    assert rig.records[-1] == FrameworkIdBurnt(f1)
    assert rig.advance(2 * 600_000) == rig.advance(0)


def test_a_framework_that_nobody_knows_cannot_be_torn_down() -> None:
    rig = Rig()
    sent = rig.tell(OPERATOR, TeardownFramework("nope", "r"))
    assert [(to_, type(m)) for to_, m in sent] == [(OPERATOR, OperatorAnswer)]
    assert told_operator(sent).kind == "unknown"
