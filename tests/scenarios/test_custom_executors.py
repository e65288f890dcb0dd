"""Custom executors in the whole kernel: what they hold counts as their framework's, over every restart, until they have ended."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from raymesos.errors import InvalidValue
from raymesos.sim.harness import Simulation
from raymesos.sim.scripted import Framework

PROGRAM = {"executor_id": "e", "resources": "cpus:0.5;mem:64"}


def cluster() -> tuple[Simulation, Framework]:
    sim = Simulation()
    sim.add_agent("A1", "cpus:4;mem:4096;disk:1000")
    framework = sim.add_framework("F1", roles=["dev"], failover_timeout=600)
    sim.settle()
    return sim, framework


def running() -> tuple[Simulation, Framework, Any]:
    sim, framework = cluster()
    task = framework.launch(framework.offers[0], "cpus:1;mem:128", executor=PROGRAM)
    sim.advance(2)
    assert task.state == "TASK_RUNNING"
    return sim, framework, task


def failures(framework: Framework) -> list[tuple[str | None, str | None, int | None]]:
    return [(e.agent, e.executor_id, e.exit_status) for e in framework.events if e.type == "FAILURE"]


def test_an_executor_counts_in_the_share_of_its_role_until_it_has_ended() -> None:
    sim, framework, task = running()
    framework.suppress()
    framework.decline_all()
    sim.settle()
    assert sim.shares()["dev"] == Fraction(1500, 4000)
    sim.finish(task)
    sim.settle()
    assert sim.shares()["dev"] == Fraction(500, 4000)
    framework.shutdown("A1", "e")
    sim.advance(1)
    assert sim.shares()["dev"] == 0
    assert failures(framework) == [("A1", "e", 0)]
    sim.check()


def test_the_next_offers_name_the_executor_and_hold_what_it_left() -> None:
    sim, framework, _ = running()
    [offer] = framework.offers
    assert offer.executor_ids == ("e",)
    assert str(offer.resources) == "cpus:2.5;disk:1000;mem:3904"
    again = framework.launch(offer, "cpus:2.5;mem:3904", executor=PROGRAM)
    sim.advance(1)
    assert again.state == "TASK_RUNNING"
    sim.check()


def test_an_executor_that_crashes_takes_its_tasks_with_it_and_gives_back_what_it_held() -> None:
    sim, framework, task = running()
    framework.decline_all()
    sim.executor("A1", framework, "e").exit(9)
    sim.advance(2)
    assert (task.state, task.reason) == ("TASK_FAILED", "REASON_EXECUTOR_TERMINATED")
    assert failures(framework) == [("A1", "e", 9)]
    assert str(framework.offers[0].resources) == "cpus:4;disk:1000;mem:4096"
    sim.check()


def test_messages_pass_between_a_framework_and_its_executor() -> None:
    sim, framework, _ = running()
    framework.send("A1", "e", b"down")
    program = sim.executor("A1", framework, "e")
    program.send(b"up")
    sim.settle()
    assert program.received == [b"down"]
    assert [(e.executor_id, e.data) for e in framework.events if e.type == "MESSAGE"] == [("e", b"up")]


@pytest.mark.parametrize("name", ["master", "A1", "allocator"])
def test_what_an_executor_holds_is_known_again_after_a_restart(name: str) -> None:
    sim, framework, task = running()
    framework.decline_all(600)
    sim.crash(name)
    sim.advance(1)
    sim.restart(name)
    sim.advance(30)
    assert task.state == "TASK_RUNNING"
    assert sim.shares()["dev"] - sum(Fraction(o.resources.scalar("cpus"), 4000) for o in framework.offers) == Fraction(
        1500, 4000
    )
    sim.check()


def test_a_torn_down_framework_gives_back_what_its_executor_held() -> None:
    sim, framework, _ = running()
    other = sim.add_framework("F2", roles=["ops"])
    framework.teardown()
    sim.advance(5)
    assert str(other.offers[0].resources) == "cpus:4;disk:1000;mem:4096"
    sim.check()


def test_quota_counts_what_executors_hold() -> None:
    sim, framework, _ = running()
    framework.decline_all()
    sim.set_quota("dev", limit="cpus:2")
    sim.advance(2)
    assert framework.offers[0].resources.scalar("cpus") == 500


def test_a_group_with_a_default_executor_holds_what_it_says_and_leaves_with_its_last_task() -> None:
    sim, framework = cluster()
    pod = {"executor_id": {"value": "pod"}, "type": "DEFAULT", "resources": "cpus:0.5;mem:64;disk:10"}
    tasks = framework.launch_group(framework.offers[0], ["cpus:1;mem:64", "cpus:1;mem:64"], executor=pod)
    sim.advance(2)
    assert [t.state for t in tasks] == ["TASK_RUNNING"] * 2
    assert str(framework.offers[0].resources) == "cpus:1.5;disk:990;mem:3904"
    for task in tasks:
        sim.finish(task)
    sim.advance(2)
    assert failures(framework) == [("A1", "pod", 0)]
    sim.check()


def test_two_frameworks_have_executors_of_the_same_id_on_one_agent() -> None:
    sim, first, task = running()
    first.decline_all(600)
    second = sim.add_framework("F2", roles=["ops"])
    sim.advance(2)
    other = second.launch(second.offers[0], "cpus:1;mem:128", executor=PROGRAM)
    sim.advance(1)
    assert (task.state, other.state) == ("TASK_RUNNING", "TASK_RUNNING")
    sim.executor("A1", second, "e").exit(0)
    sim.advance(1)
    assert (task.state, other.state) == ("TASK_RUNNING", "TASK_FAILED")
    sim.check()


@pytest.mark.parametrize("wrong", [{}, {"executor_id": "e", "cpus": 1}, {"executor_id": "e", "type": "OTHER"}])
def test_a_description_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    _, framework = cluster()
    with pytest.raises(InvalidValue):
        framework.launch_op("cpus:1", executor=wrong)
