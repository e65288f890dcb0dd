"""Frameworks over HTTP with a real master, allocator and agents: offers, tasks, failover, and streams that break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from scheduler_rig import MULTI_ROLE, Rig, task

from raymesos.http import streams
from raymesos.machine import MASTER, LinkUp
from raymesos.model.rate_limits import RateLimit, RateLimits
from raymesos.model.settings import simulated


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def test_a_task_is_offered_for_launched_run_acknowledged_and_finished(rig: Rig) -> None:
    stream = rig.subscribe()
    [offer] = rig.offers(stream)
    assert offer["allocation_info"] == {"role": "dev"} and offer["hostname"] == "A1"
    assert {r["name"]: r["scalar"]["value"] for r in offer["resources"]} == {"cpus": 8.0, "mem": 16384.0}
    assert all(r["allocation_info"] == {"role": "dev"} for r in offer["resources"])
    accepted = rig.launch(stream, task("t1"))
    assert (accepted.status, accepted.body) == (202, b"")
    rig.start("t1")
    rig.acknowledge_all(stream)
    rig.finish("t1")
    rig.acknowledge_all(stream)
    assert rig.states(stream) == [("t1", "TASK_STARTING"), ("t1", "TASK_RUNNING"), ("t1", "TASK_FINISHED")]
    running = rig.statuses(stream)[1]
    assert (running["source"], running["agent_id"]) == ("SOURCE_EXECUTOR", offer["agent_id"])
    assert rig.master().frameworks[rig.framework_id(stream)].tasks == {}


def test_an_update_comes_again_until_it_is_acknowledged(rig: Rig) -> None:
    stream = rig.subscribe()
    rig.launch(stream, task("t1"))
    rig.start("t1")
    rig.advance(11)
    first, second = rig.statuses(stream)
    assert first["uuid"] == second["uuid"]
    rig.acknowledge_all(stream)
    told = len(rig.statuses(stream))
    rig.advance(60)
    assert len(rig.statuses(stream)) == told


def test_a_client_that_closes_its_stream_has_its_failover_timeout_and_finds_its_tasks_again(rig: Rig) -> None:
    stream = rig.subscribe(failover_timeout=60)
    framework_id = rig.framework_id(stream)
    rig.launch(stream, task("t1"))
    rig.start("t1")
    rig.acknowledge_all(stream)
    rig.leave(stream)
    assert rig.master().frameworks[framework_id].address is None
    assert rig.master().offers == {}
    rig.advance(59)
    again = rig.subscribe(framework_id, failover_timeout=60)
    assert rig.framework_id(again) == framework_id
    rig.call(again, "RECONCILE", tasks=[])
    [status] = rig.statuses(again)
    assert (status["task_id"]["value"], status["state"], status["reason"]) == (
        "t1",
        "TASK_RUNNING",
        "REASON_RECONCILIATION",
    )
    assert "uuid" not in status


def test_without_a_failover_timeout_a_closed_stream_is_the_end(rig: Rig) -> None:
    stream = rig.subscribe()
    framework_id = rig.framework_id(stream)
    rig.leave(stream)
    assert framework_id in rig.master().burnt
    assert rig.subscribe(framework_id).events == [{"type": "ERROR", "error": {"message": "Framework has been removed"}}]


def test_a_client_that_leaves_before_it_is_subscribed_leaves_nothing_behind(rig: Rig) -> None:
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "f"}}}
    stream = rig.request(call, settle=False)
    rig._spin()
    stream.gone.set()
    rig.settle()
    assert [f for f in rig.master().frameworks.values() if not f.removed] == []
    assert rig.sim.world._hosts["http"].pump.addresses() == ["http"]


def test_a_master_that_restarts_ends_the_streams_and_clients_come_back_with_their_id(rig: Rig) -> None:
    stream = rig.subscribe(failover_timeout=60)
    framework_id = rig.framework_id(stream)
    rig.sim.crash("master")
    rig.settle()
    assert stream.over and stream.events[-1]["type"] != "ERROR"
    rig.sim.restart("master")
    rig.settle()
    again = rig.subscribe(framework_id, failover_timeout=60)
    assert rig.framework_id(again) == framework_id
    rig.advance(2)
    assert len(rig.offers(again)) == 1


def test_a_broken_link_to_the_master_ends_the_streams(rig: Rig) -> None:
    stream = rig.subscribe(failover_timeout=60)
    rig.sim.world.isolate("http")
    rig.settle()
    assert stream.over
    rig.sim.world.rejoin("http")
    rig.settle()
    assert rig.call(stream, "REVIVE").status == 403
    assert not rig.subscribe(rig.framework_id(stream), failover_timeout=60).over


def test_a_subscription_that_met_a_master_out_of_reach_is_asked_for_again_and_stands(rig: Rig) -> None:
    rig.sim.world.isolate("http")
    stream = rig.subscribe()
    assert not stream.over and stream.events == []
    rig.sim.world.rejoin("http")
    rig.settle()
    assert not stream.over and stream.types[0] == "SUBSCRIBED"
    assert [f.id for f in rig.master().frameworks.values()] == [rig.framework_id(stream)]


def test_a_subscription_that_got_through_and_is_asked_for_again_stands_once(rig: Rig) -> None:
    info = {"user": "root", "name": "f", "roles": ["dev"], "capabilities": MULTI_ROLE}
    stream = rig.request({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}, settle=False)
    rig._spin()
    [address] = [a for a in rig.sim.world._hosts["http"].pump.addresses() if a.startswith("framework/")]
    rig.sim.world._arrive("http", [(address, address, LinkUp(MASTER, False))])
    rig.settle()
    assert not stream.over and stream.types.count("SUBSCRIBED") == 1
    assert [f.id for f in rig.master().frameworks.values()] == [rig.framework_id(stream)]


def test_an_http_actor_that_restarts_leaves_its_frameworks_their_failover_timeout(rig: Rig) -> None:
    stream = rig.subscribe(failover_timeout=60)
    framework_id = rig.framework_id(stream)
    [address] = [a for a in rig.sim.world._hosts["http"].pump.addresses() if a.startswith("framework/")]
    rig.sim.world.remove(address)
    rig.settle()
    assert rig.master().frameworks[framework_id].address is None


def test_a_reader_that_does_not_read_is_cut_off_and_its_offers_return(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_WAITING_BYTES", 10_000)
    stream = rig.subscribe(failover_timeout=600)
    framework_id = rig.framework_id(stream)
    stream.reads = False
    other = rig.subscribe(name="g", roles=["ops"])
    for i in range(200):
        rig.call(stream, "RECONCILE", tasks=[{"task_id": {"value": f"t{i}"}}])
        if rig.master().frameworks[framework_id].address is None:
            break
    assert rig.master().frameworks[framework_id].address is None
    assert i > 20
    assert rig.master().frameworks[framework_id].offers == {}
    assert stream.task.done()
    rig.advance(2)
    assert len(rig.offers(other)) == 1


def test_a_reader_that_holds_up_one_write_for_too_long_is_cut_off(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_WRITE_S", -1.0)
    stream = rig.subscribe(failover_timeout=600)
    stream.reads = False
    rig.advance(30)
    assert stream.task.done()
    assert rig.master().frameworks[rig.framework_id(stream)].address is None


def test_what_comes_together_is_written_together(rig: Rig) -> None:
    stream = rig.subscribe()
    rig.launch(stream, *[task(f"t{i}", "cpus:0.1;mem:32") for i in range(50)])
    for i in range(50):
        rig.sim.start(type("On", (), {"id": f"t{i}", "agent": "A1"})())
    writes = stream.writes
    rig.settle()
    assert len(rig.states(stream)) == 50
    assert stream.writes - writes <= 2


def test_offers_are_declined_with_a_filter_and_come_again_when_revived(rig: Rig) -> None:
    stream = rig.subscribe()
    [offer] = rig.offers(stream)
    rig.call(stream, "DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 1000})
    rig.advance(5)
    assert len(rig.offers(stream)) == 1
    rig.call(stream, "REVIVE")
    assert len(rig.offers(stream)) == 2


def test_suppressed_roles_are_offered_nothing_until_they_are_revived(rig: Rig) -> None:
    stream = rig.subscribe(suppressed=["dev"])
    rig.advance(5)
    assert rig.offers(stream) == []
    rig.call(stream, "REVIVE", roles=["dev"])
    [offer] = rig.offers(stream)
    rig.call(stream, "SUPPRESS", role="dev")
    rig.call(stream, "DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    rig.advance(5)
    assert len(rig.offers(stream)) == 1


def test_a_rescinded_offer_is_told(rig: Rig) -> None:
    stream = rig.subscribe()
    [offer] = rig.offers(stream)
    rig.sim.crash("A1")
    rig.settle()
    assert stream.of("RESCIND") == [{"type": "RESCIND", "rescind": {"offer_id": offer["id"]}}]


def test_a_killed_task_ends_killed(rig: Rig) -> None:
    stream = rig.subscribe()
    rig.launch(stream, task("t1"))
    rig.start("t1")
    rig.acknowledge_all(stream)
    rig.call(stream, "KILL", task_id={"value": "t1"}, kill_policy={"grace_period": {"nanoseconds": 1_000_000}})
    rig.advance(1)
    rig.acknowledge_all(stream)
    assert rig.states(stream)[-1] == ("t1", "TASK_KILLED")


def test_update_framework_answers_with_what_came_of_it(rig: Rig) -> None:
    stream = rig.subscribe()
    info = {"user": "root", "name": "f", "id": {"value": rig.framework_id(stream)}, "roles": ["ops"]}
    info["capabilities"] = [{"type": "MULTI_ROLE"}]
    good = rig.call(stream, "UPDATE_FRAMEWORK", framework_info=info)
    assert (good.status, good.body) == (200, b"")
    assert rig.master().frameworks[rig.framework_id(stream)].info.roles == ("ops",)
    assert [e["rescind"]["offer_id"] for e in stream.of("RESCIND")] == [rig.offers(stream)[0]["id"]]
    bad = rig.call(stream, "UPDATE_FRAMEWORK", framework_info=info | {"user": "v"})
    assert bad.status == 400
    assert bad.text == (
        "Supplied FrameworkInfo is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'v'"
    )
    assert not stream.over


def test_offer_constraints_decide_what_is_offered(rig: Rig) -> None:
    rig.sim.add_agent("A2", "cpus:8;mem:16384", "rack:r2")
    rig.settle()
    group = {"attribute_constraints": [{"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}]}
    info = {"user": "u", "name": "n", "roles": ["dev"], "capabilities": [{"type": "MULTI_ROLE"}]}
    constraints = {"role_constraints": {"dev": {"groups": [group]}}}
    stream = rig.request({"type": "SUBSCRIBE", "subscribe": {"framework_info": info, "offer_constraints": constraints}})
    rig.advance(3)
    assert [offer["hostname"] for offer in rig.offers(stream)] == ["A2"]
    assert rig.offers(stream)[0]["attributes"] == [{"name": "rack", "type": "TEXT", "text": {"value": "r2"}}]


def test_operations_with_an_id_are_answered_and_acknowledged(rig: Rig) -> None:
    stream = rig.subscribe(principal="p")
    [offer] = rig.offers(stream)
    reserved = {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 1},
        "reservations": [{"type": "DYNAMIC", "role": "dev", "principal": "p"}],
    }
    operations = [
        {"type": "RESERVE", "id": {"value": "op1"}, "reserve": {"resources": [reserved]}},
        {"type": "CREATE_DISK", "id": {"value": "op2"}, "create_disk": {"source": reserved, "target_type": "MOUNT"}},
        {"type": "LAUNCH", "id": {"value": "op3"}, "launch": {"task_infos": []}},
    ]
    rig.call(stream, "ACCEPT", offer_ids=[offer["id"]], operations=operations)
    found = {
        s["operation_id"]["value"]: s
        for s in (e["update_operation_status"]["status"] for e in stream.of("UPDATE_OPERATION_STATUS"))
    }
    assert {name: s["state"] for name, s in found.items()} == {
        "op1": "OPERATION_FINISHED",
        "op2": "OPERATION_ERROR",
        "op3": "OPERATION_ERROR",
    }
    assert "operation feedback is not supported" in found["op3"]["message"]
    done = found["op1"]
    rig.call(
        stream,
        "ACKNOWLEDGE_OPERATION_STATUS",
        agent_id=done["agent_id"],
        operation_id=done["operation_id"],
        uuid=done["uuid"]["value"],
    )
    rig.call(stream, "RECONCILE_OPERATIONS", operations=[{"operation_id": {"value": "op1"}}])
    last = stream.of("UPDATE_OPERATION_STATUS")[-1]["update_operation_status"]["status"]
    assert (last["operation_id"]["value"], last["state"]) == ("op1", "OPERATION_UNKNOWN")


def test_a_framework_that_knows_no_refinement_is_shown_reservations_in_the_older_way(rig: Rig) -> None:
    stream = rig.subscribe(roles=[], role="dev", capabilities=[], principal="p")
    [offer] = rig.offers(stream)
    assert "allocation_info" not in offer
    assert all(r["role"] == "*" and "allocation_info" not in r for r in offer["resources"])
    cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "role": "dev", "reservation": {"principal": "p"}}
    rig.call(
        stream,
        "ACCEPT",
        offer_ids=[offer["id"]],
        operations=[{"type": "RESERVE", "reserve": {"resources": [cpus]}}],
        filters={"refuse_seconds": 0},
    )
    rig.advance(2)
    mine = [r for r in rig.offers(stream)[-1]["resources"] if r["role"] == "dev"]
    assert mine == [cpus | {"scalar": {"value": 1.0}}]


def test_a_machine_that_is_scheduled_for_maintenance_makes_inverse_offers(rig: Rig) -> None:
    stream = rig.subscribe()
    rig.launch(stream, task("t1"))
    rig.sim.schedule_maintenance(["A1"], start=3600, duration=600)
    rig.advance(2)
    [offer] = stream.of("INVERSE_OFFERS")[-1]["inverse_offers"]["inverse_offers"]
    assert offer["agent_id"] == rig.offers(stream)[0]["agent_id"]
    assert offer["unavailability"]["duration"] == {"nanoseconds": 600_000_000_000}
    answer = rig.call(stream, "ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[offer["id"]])
    assert answer.status == 202
    rig.advance(6)
    assert "unavailability" in rig.offers(stream)[-1]


def test_what_is_asked_of_nobody_is_taken_and_has_no_effect(rig: Rig) -> None:
    stream = rig.subscribe()
    assert rig.call(stream, "REQUEST", requests=[]).status == 202
    ids = {"agent_id": {"value": "S"}, "executor_id": {"value": "e"}}
    assert rig.call(stream, "MESSAGE", **ids, data="aGk=").status == 202
    assert rig.call(stream, "SHUTDOWN", **ids).status == 202
    assert not stream.over


def test_a_framework_that_sends_too_much_is_told_and_loses_its_subscription() -> None:
    settings = simulated()
    limits = RateLimits((("p", RateLimit(1_000_000, 2)),))
    rig = Rig(settings=replace(settings, master=replace(settings.master, rate_limits=limits)))
    try:
        stream = rig.subscribe(principal="p", failover_timeout=600)
        [offer] = rig.offers(stream)
        assert [rig.call(stream, "REVIVE").status for _ in range(3)] == [202] * 3
        assert not stream.over
        assert rig.call(stream, "DECLINE", offer_ids=[offer["id"]]).status == 202
        text = "Message Decline dropped: capacity(2) exceeded"
        assert stream.events[-1] == {"type": "ERROR", "error": {"message": text}} and stream.over
        assert rig.master().frameworks[rig.framework_id(stream)].offers == {}
        rig.advance(3.003)
        found = rig.sim.metrics()
        assert (found["frameworks/p/messages_received"], found["frameworks/p/messages_processed"]) == (5, 3)
    finally:
        rig.close()
