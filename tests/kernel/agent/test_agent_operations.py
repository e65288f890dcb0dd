"""Operations at the agent: carried out or refused, durable, told until acknowledged; directories of volumes made and removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent_rig import F1, INFO, LAUNCHER, PING_TIMEOUT_MS, Rig, task, to

from raymesos.machine import MASTER, LinkDown, Wake
from raymesos.model.quantities import Shared
from raymesos.model.resources import Disk, Key, Reservation, Resources, build
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import (
    AgentRegistered,
    ApplyOperation,
    ChangeVolumes,
    ConfigureAgent,
    OperationAcknowledged,
    OperationForgotten,
    OperationKept,
    OperationReport,
    OperationState,
    OwnKept,
    RegisterAgent,
    ReregisterAgent,
    ShutdownFramework,
    Volume,
)

STACK = (Reservation("role", True),)
DISKS = replace(INFO, resources=Resources.parse("cpus:4;mem:4096;disk:100"))
DATA = Volume("role", "v", "data")


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str) -> Resources:
    return build([(k._replace(reservations=STACK), q) for k, q in parse(text)])


def volume(mb: int, *, shared: bool = False) -> Resources:
    disk = Disk(persistence_id="v", container_path="data", mode="RW")
    key = Key("disk", STACK, disk, shared=shared)
    return build([(key, Shared(mb * 1000, 1) if shared else mb * 1000)])


RESERVE = ApplyOperation(F1, parse("cpus:1;disk:100"), reserved("cpus:1;disk:100"), "r")
CREATE = ApplyOperation(F1, reserved("disk:60"), volume(60), "c")


def with_disk(**more: Any) -> Rig:
    rig = Rig(info=DISKS, **more)
    rig.register()
    return rig


def told(sent: list[tuple[str, Any]]) -> list[tuple[str, OperationState]]:
    return [(m.status.operation_id, m.status.state) for m in to(MASTER, sent) if isinstance(m, OperationReport)]


def again(rig: Rig, **more: Any) -> Rig:
    """The agent's next life, from its records."""
    life = Rig(start=False, info=more.pop("info", DISKS), incarnation=2)
    life.agent.restore(rig.records)
    return life


def test_an_operation_is_durable_and_its_outcome_told() -> None:
    rig = with_disk()
    sent = rig.tell(RESERVE)
    assert told(sent) == [("r", OperationState.FINISHED)]
    own = parse("cpus:3;mem:4096") + reserved("cpus:1;disk:100")
    assert rig.agent.state.free == own
    assert [type(r) for r in rig.records[-2:]] == [OwnKept, OperationKept]
    assert again(rig).agent.state.free == own


def test_an_outcome_is_resent_ever_more_seldom_until_it_is_acknowledged() -> None:
    rig = with_disk()
    [first] = [m for m in to(MASTER, rig.tell(RESERVE)) if isinstance(m, OperationReport)]
    assert told(rig.advance(10_000)) == [("r", OperationState.FINISHED)]
    assert told(rig.advance(19_000)) == []
    assert told(rig.advance(1_000)) == [("r", OperationState.FINISHED)]
    rig.tell(OperationAcknowledged(F1, "r", "another"))
    assert told(rig.advance(40_000)) == [("r", OperationState.FINISHED)]
    rig.tell(OperationAcknowledged(F1, "r", first.status.uuid))
    assert rig.records[-1] == OperationForgotten(F1, "r")
    assert told(rig.advance(60_000)) == []
    assert again(rig).agent.state.operations == {}


def test_an_operation_without_an_id_is_carried_out_and_not_told() -> None:
    rig = with_disk()
    assert to(MASTER, rig.tell(replace(RESERVE, operation_id=""))) == []
    assert rig.agent.state.own == parse("cpus:3;mem:4096") + reserved("cpus:1;disk:100")


def test_one_that_does_not_go_is_dropped_and_the_agent_says_again_what_it_has() -> None:
    rig = with_disk()
    sent = rig.tell(ApplyOperation(F1, parse("cpus:9"), reserved("cpus:9"), "r"))
    assert told(sent) == [("r", OperationState.DROPPED)]
    [said] = [m for m in to(MASTER, sent) if isinstance(m, ReregisterAgent)]
    assert said.own == Resources()
    assert [(f, s.operation_id, s.state) for f, s in said.operations] == [(F1, "r", OperationState.DROPPED)]
    assert rig.agent.state.own == DISKS.resources


def test_what_a_task_uses_is_not_converted_and_a_shared_volume_not_destroyed_under_it() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    rig.tell(replace(CREATE, after=volume(60, shared=True)))
    info = task()
    rig.run(replace(info, resources=parse("cpus:3") + volume(60, shared=True)))
    destroy = ApplyOperation(F1, volume(60, shared=True), reserved("disk:60"), "d")
    assert told(rig.tell(destroy))[0] == ("d", OperationState.DROPPED)
    rig.register(own=rig.agent.state.own)
    assert told(rig.tell(ApplyOperation(F1, parse("cpus:1"), reserved("cpus:1"), "x")))[-1] == (
        "x",
        OperationState.DROPPED,
    )


def test_a_second_task_shares_a_volume_and_an_exclusive_one_it_does_not_get() -> None:
    for shared, states in ((True, []), (False, [TaskState.DROPPED])):
        rig = with_disk()
        rig.tell(RESERVE)
        rig.tell(replace(CREATE, after=volume(60, shared=shared)))
        infos = [replace(task(f"t{i}"), resources=parse("cpus:1") + volume(60, shared=shared)) for i in range(2)]
        sent = rig.run(*infos)
        assert [m.status.state for m in to(MASTER, sent)] == states


def test_directories_come_and_go_with_volumes_and_are_made_sure_of_in_a_new_life() -> None:
    rig = with_disk()
    assert to(LAUNCHER, rig.tell(RESERVE)) == []
    assert to(LAUNCHER, rig.tell(CREATE)) == [ChangeVolumes(make=(DATA,))]
    grow = ApplyOperation(F1, volume(60) + reserved("disk:40"), volume(100))
    assert to(LAUNCHER, rig.tell(grow)) == []
    life = again(rig)
    assert to(LAUNCHER, life.tell(Wake("start"), sender="agent/A1")) == [ChangeVolumes(keep=(DATA,))]
    life.register(own=life.agent.state.own)
    destroy = ApplyOperation(F1, volume(100), reserved("disk:100"))
    assert to(LAUNCHER, life.tell(destroy)) == [ChangeVolumes(remove=(DATA,))]


def test_the_agent_registers_with_what_it_has_and_the_outcomes_that_nobody_acknowledged() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    rig.tell(LinkDown(MASTER))
    rig.tell(CREATE)
    sent = rig.advance(1_000)
    [said] = [m for m in to(MASTER, sent) if isinstance(m, ReregisterAgent)]
    assert said.own == rig.agent.state.own == parse("cpus:3;mem:4096") + reserved("cpus:1;disk:40") + volume(60)
    assert [(s.operation_id, s.state) for _, s in said.operations] == [
        ("r", OperationState.FINISHED),
        ("c", OperationState.FINISHED),
    ]
    assert told(rig.register(own=said.own)) == [("r", OperationState.FINISHED), ("c", OperationState.FINISHED)]


def test_a_master_that_believes_otherwise_is_told_again() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    sent = rig.tell(AgentRegistered("c-S0", "c", PING_TIMEOUT_MS))
    assert [type(m) for m in to(MASTER, sent) if not isinstance(m, OperationReport)] == [ReregisterAgent]
    sent = rig.tell(AgentRegistered("c-S0", "c", PING_TIMEOUT_MS, own=rig.agent.state.own))
    assert [type(m) for m in to(MASTER, sent) if not isinstance(m, OperationReport)] == []


def test_operations_that_never_came_are_dropped() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    sent = rig.register(own=rig.agent.state.own, operations=((F1, "r"), (F1, "lost")))
    assert told(sent) == [("lost", OperationState.DROPPED)]


def test_an_agent_without_an_id_takes_no_operation() -> None:
    rig = Rig(info=DISKS)
    assert rig.tell(RESERVE) == []
    assert rig.agent.state.own == DISKS.resources


def test_the_outcomes_of_a_framework_that_is_gone_are_forgotten_and_its_reservation_stays() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    rig.tell(ShutdownFramework(F1))
    assert rig.agent.state.operations == {}
    assert rig.agent.state.own == parse("cpus:3;mem:4096") + reserved("cpus:1;disk:100")


def test_an_agent_that_comes_back_smaller_keeps_what_fits_and_says_what_is_lost() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    life = again(rig, info=replace(INFO, resources=parse("cpus:2;mem:100;disk:30")))
    life.tell(Wake("start"), sender="agent/A1")
    own = parse("cpus:1;mem:100") + reserved("cpus:1;disk:30")
    assert life.agent.state.own == own
    assert [n.text for n in life.notes if n.kind == "reservations lost"] == [
        "disk(role):70: the agent has become smaller"
    ]
    assert OwnKept(parse("cpus:2;mem:100;disk:30"), own) in life.records


def test_an_agent_that_changes_while_it_runs_registers_again_if_something_is_reserved() -> None:
    plain = with_disk()
    sent = plain.tell(ConfigureAgent(parse("cpus:2;mem:100;disk:30"), INFO.attributes))
    assert not [m for m in to(MASTER, sent) if isinstance(m, ReregisterAgent)]
    rig = with_disk()
    rig.tell(RESERVE)
    sent = rig.tell(ConfigureAgent(parse("cpus:2;mem:100;disk:30"), INFO.attributes))
    [said] = [m for m in to(MASTER, sent) if isinstance(m, ReregisterAgent)]
    assert said.own == parse("cpus:1;mem:100") + reserved("cpus:1;disk:30")


def test_an_agent_that_lost_only_its_id_registers_with_its_reservations() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    life = Rig(start=False, info=DISKS, incarnation=2)
    life.agent.restore([r for r in rig.records if isinstance(r, OwnKept)])
    sent = life.tell(Wake("start"), sender="agent/A1")
    [said] = [m for m in to(MASTER, sent) if isinstance(m, RegisterAgent)]
    assert said.own == parse("cpus:3;mem:4096") + reserved("cpus:1;disk:100")


def test_a_snapshot_restores_the_same() -> None:
    rig = with_disk()
    rig.tell(RESERVE)
    rig.tell(CREATE)
    life = Rig(start=False, info=DISKS, incarnation=2)
    life.agent.restore(rig.agent.snapshot())
    assert life.agent.state.own == rig.agent.state.own
    assert {k: o.status for k, o in life.agent.state.operations.items()} == {
        k: o.status for k, o in rig.agent.state.operations.items()
    }
