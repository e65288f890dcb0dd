"""What outlives the master, by its names in /metrics/snapshot and in the journal; and that nothing grows without bound."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import A1, F1, WHOLE, Rig, agent_info, framework_info, task, to

from raymesos.errors import InvariantBroken
from raymesos.kernel.master.machine import MasterMachine
from raymesos.machine import ALLOCATOR, MASTER, LinkDown, Outbox, Wake
from raymesos.model.resources import Resources
from raymesos.model.settings import MasterSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import (
    Accept,
    Acknowledge,
    AgentAdmitted,
    AgentGone,
    AgentReachable,
    AgentUnreachable,
    Allocations,
    FrameworkIdBurnt,
    FrameworkIdGiven,
    Grant,
    Launch,
    MasterStarted,
    Offers,
    RegisterAgent,
    SetWeights,
    StatusUpdate,
    TaskInfo,
    TaskStatus,
    Teardown,
    UnregisterAgent,
    WeightsSet,
)
from raymesos.wire.work import CommandWork


def eventful() -> Rig:
    """A life with an agent here, one away and one gone, a framework here and one removed, and a weight."""
    rig = Rig()
    for name in ("A1", "A2", "A3"):
        rig.agent(name)
    rig.lose("A2")
    rig.tell("agent/A3", UnregisterAgent("c-S3"))
    rig.framework("F1")
    f2 = rig.framework("F2")
    rig.tell("framework/F2", Teardown(f2))
    rig.tell("client/1", SetWeights((("dev", "2"),)))
    return rig


def test_a_snapshot_says_the_same_as_all_records_and_no_more() -> None:
    rig = eventful()
    snapshot = rig.master.snapshot()
    assert snapshot == [
        MasterStarted("c", 1),
        AgentAdmitted("c-S1", agent_info("A1")),
        AgentAdmitted("c-S2", agent_info("A2")),
        AgentUnreachable("c-S2", 90_000),
        AgentGone("c-S3"),
        FrameworkIdGiven(framework_info("F1", id="c-0001-0001")),
        FrameworkIdBurnt("c-0001-0002"),
        WeightsSet((("dev", "2"),)),
    ]
    from_all, from_few = Rig(records=rig.records, start=False), Rig(records=snapshot, start=False)
    assert from_all.master.state == from_few.master.state
    assert from_few.master.snapshot() == snapshot


def test_each_life_has_its_number_and_no_id_is_given_twice() -> None:
    rig = eventful().restart()
    assert rig.records[-1] == MasterStarted("c", 2)
    assert rig.framework("F3") == "c-0002-0001"
    assert rig.agent("A4") == "c-S4"
    assert rig.offer("c-0002-0001", "c-S4").id == "c-0002-O1"
    assert rig.restart().master.state.epoch == 2 + 1


def test_the_wake_of_the_start_asks_for_pings_and_for_those_who_were_here() -> None:
    rig = Rig(start=False)
    assert rig.pump.next_wake_ms() is None
    rig.tell(MASTER, Wake("start"))
    assert rig.pump.next_wake_ms() == 15_000
    assert list(rig.master.state.recovering) == []


def test_the_registry_of_another_cluster_is_refused() -> None:
    with pytest.raises(InvariantBroken, match="of cluster other, not c"):
        Rig(records=[MasterStarted("other", 3)])


def test_a_record_that_is_none_of_a_master_is_refused() -> None:
    with pytest.raises(InvariantBroken, match="Teardown is no record of a master"):
        Rig(records=[Teardown("f")])


def test_an_agent_that_was_reachable_again_is_awaited_after_the_restart() -> None:
    rig = Rig()
    a1 = rig.agent()
    rig.lose()
    rig.back()
    assert rig.records[-1] == AgentReachable(a1)
    assert list(Rig(records=rig.records, start=False).master.state.recovering) == [a1]


def test_a_wake_that_nobody_asked_for_is_our_own_bug() -> None:
    with pytest.raises(InvariantBroken, match="woken for 'nonsense'"):
        Rig().tell(MASTER, Wake("nonsense"))


def test_what_is_not_for_a_master_is_dropped() -> None:
    rig = Rig()
    assert rig.tell(F1, Offers(())) == []
    assert rig.metric("dropped_messages") == 1


# ---------------------------------------------------------------- metrics

# As a real master of Mesos 1.11 names them.
MESOS_NAMES = [
    "cpus_percent",
    "cpus_revocable_percent",
    "cpus_revocable_total",
    "cpus_revocable_used",
    "cpus_total",
    "cpus_used",
    "disk_percent",
    "disk_revocable_percent",
    "disk_revocable_total",
    "disk_revocable_used",
    "disk_total",
    "disk_used",
    "gpus_percent",
    "gpus_revocable_percent",
    "gpus_revocable_total",
    "gpus_revocable_used",
    "gpus_total",
    "gpus_used",
    "mem_percent",
    "mem_revocable_percent",
    "mem_revocable_total",
    "mem_revocable_used",
    "mem_total",
    "mem_used",
    "dropped_messages",
    "elected",
    "uptime_secs",
    "outstanding_offers",
    "recovery_slave_removals",
    "frameworks_active",
    "frameworks_connected",
    "frameworks_disconnected",
    "frameworks_inactive",
    "invalid_framework_to_executor_messages",
    "invalid_status_update_acknowledgements",
    "invalid_status_updates",
    "valid_framework_to_executor_messages",
    "valid_status_update_acknowledgements",
    "valid_status_updates",
    "messages_decline_offers",
    "messages_executor_to_framework",
    "messages_exited_executor",
    "messages_framework_to_executor",
    "messages_kill_task",
    "messages_launch_tasks",
    "messages_reconcile_tasks",
    "messages_register_framework",
    "messages_register_slave",
    "messages_reregister_framework",
    "messages_reregister_slave",
    "messages_revive_offers",
    "messages_status_update",
    "messages_status_update_acknowledgement",
    "messages_suppress_offers",
    "messages_unregister_framework",
    "messages_unregister_slave",
    "slave_registrations",
    "slave_removals",
    "slave_removals/reason_registered",
    "slave_removals/reason_unhealthy",
    "slave_removals/reason_unregistered",
    "slave_reregistrations",
    "slave_unreachable_completed",
    "slaves_active",
    "slaves_connected",
    "slaves_disconnected",
    "slaves_inactive",
    "slaves_unreachable",
    "tasks_dropped",
    "tasks_error",
    "tasks_failed",
    "tasks_finished",
    "tasks_gone",
    "tasks_gone_by_operator",
    "tasks_killed",
    "tasks_killing",
    "tasks_lost",
    "tasks_running",
    "tasks_staging",
    "tasks_starting",
    "tasks_unreachable",
]


def test_a_new_master_has_all_of_mesos_names_and_they_begin_at_zero() -> None:
    values = Rig().master.metrics(0)
    assert {name: values.get(f"master/{name}") for name in MESOS_NAMES} == {
        name: 1.0 if name == "elected" else 0.0 for name in MESOS_NAMES
    }
    assert list(values) == sorted(values)


def test_gauges_follow_what_is_here() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=60_000), rig.agent(resources="cpus:4;mem:1024;gpus:2;disk:10")
    rig.agent("A2", "cpus:4;mem:1024")
    rig.run(f1, a1, task(resources="cpus:2;mem:256;gpus:1"))
    rig.offer(f1, a1, "cpus:1;mem:64")
    rig.advance(2_500)
    expected = {"cpus_total": 8, "cpus_used": 2, "cpus_percent": 0.25, "mem_used": 256, "gpus_percent": 0.5}
    expected |= {"disk_total": 10, "uptime_secs": 2.5, "outstanding_offers": 1, "slaves_active": 2}
    assert {name: rig.metric(name) for name in expected} == expected
    assert rig.master.census() == (2, 1)
    rig.tell(MASTER, LinkDown("agent/A2"))
    rig.leave(f1)
    expected = {"slaves_disconnected": 1, "slaves_inactive": 1, "frameworks_disconnected": 1, "frameworks_inactive": 1}
    expected |= {"outstanding_offers": 0, "frameworks_active": 0, "tasks_running": 1}
    assert {name: rig.metric(name) for name in expected} == expected
    assert rig.master.census() == (1, 0)


def test_revocable_resources_are_counted_by_themselves() -> None:
    rig = Rig()
    extra = Resources.from_json([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 3}, "revocable": {}}])
    info = agent_info()
    rig.tell(A1, RegisterAgent(type(info)(info.name, info.hostname, info.resources + extra, info.attributes), 1))
    assert (rig.metric("cpus_total"), rig.metric("cpus_revocable_total")) == (4, 3)


# ---------------------------------------------------------------- bounds


def test_agents_that_are_gone_or_unreachable_are_bounded() -> None:
    rig = Rig(gone_agents=3)
    ids = []
    for i in range(8):
        ids.append(rig.agent(f"A{i}"))
        rig.tell(f"agent/A{i}", UnregisterAgent(ids[-1]))
    assert list(rig.master.state.gone) == ids[-3:]
    for i in range(8, 16):
        ids.append(rig.agent(f"A{i}"))
        rig.silent.append(f"agent/A{i}")
    rig.advance(90_000)
    assert list(rig.master.state.unreachable) == ids[-3:]
    assert list(rig.master.state.admitted) == ids[-3:]
    assert list(rig.master.state.gone) == ids[-6:-3]
    restored = rig.restart()
    assert list(restored.master.state.unreachable) == ids[-3:]
    assert list(restored.master.state.gone) == ids[-6:-3]


def test_removed_frameworks_leave_only_their_burnt_ids_so_many() -> None:
    rig = Rig(burnt_framework_ids=5)
    rig.agent()
    for _ in range(20):
        rig.tell(F1, Teardown(rig.framework()))
    state = rig.master.state
    assert (len(state.burnt), state.frameworks, state.known_frameworks, state.framework_of_address) == (5, {}, {}, {})
    assert len(rig.restart().master.state.burnt) == 5


def test_a_hundred_thousand_tasks_through_one_framework_leave_no_residue() -> None:
    """Their books are as after the first; the counters say how many there were."""
    rig = Rig(offer_timeout_ms=30_000)
    f1, a1 = rig.framework(), rig.agent(resources=WHOLE)
    _through(rig, f1, a1, 0)
    before = _sizes(rig.master)
    for n in range(1, 1_000):
        _through(rig, f1, a1, n)
    assert _sizes(rig.master) == before
    assert rig.metric("tasks_finished") == 100_000
    assert len(to(F1, rig.grant(f1, a1))) == 1


def test_settings_have_the_bounds_of_mesos() -> None:
    settings = MasterSettings()
    assert settings.gone_agents == 102_400
    assert settings.unreachable_tasks_per_framework == 1_000


def _through(rig: Rig, framework_id: str, agent_id: str, n: int) -> None:
    """A hundred tasks from offer to acknowledgement; the books are checked by the next message, not by each of these."""
    state = rig.master.state
    shape = Resources.parse("cpus:0.01;mem:1")
    grant = Grant(framework_id, "dev", agent_id, state.agents[agent_id].incarnation, Resources.parse(WHOLE))
    [(_, made)] = _say(rig, ALLOCATOR, Allocations(state.allocator_epoch, (grant,)))
    ids = [f"t{n}-{i}" for i in range(100)]
    launch = Launch(tuple([TaskInfo(task_id, task_id, shape, CommandWork(("true",))) for task_id in ids]))
    _say(rig, F1, Accept(framework_id, (made.offers[0].id,), (launch,)))
    for task_id in ids:
        status = TaskStatus(task_id, TaskState.FINISHED, agent_id, uuid=task_id)
        _say(rig, A1, StatusUpdate(framework_id, status, TaskState.FINISHED))
        _say(rig, F1, Acknowledge(framework_id, agent_id, task_id, task_id))


def _say(rig: Rig, sender: str, message: object) -> list[tuple[str, Any]]:
    out = Outbox()
    rig.master.handle(rig.now_ms, sender, message, out)
    return out.sends


def _sizes(master: MasterMachine) -> dict[str, int]:
    state = master.state
    sizes = {name: len(getattr(state, name)) for name in state.__slots__ if hasattr(getattr(state, name), "__len__")}
    for holder in (*state.frameworks.values(), *state.agents.values()):
        for name in holder.__slots__:
            value = getattr(holder, name)
            if isinstance(value, dict):
                sizes[f"{holder.id} {name}"] = len(value)
    return sizes
