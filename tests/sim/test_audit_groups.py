"""The auditor finds a task group that was torn apart, and one of which a task outlived the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from raymesos.kernel.agent.machine import AgentMachine
from raymesos.kernel.master.machine import MasterMachine
from raymesos.machine import Outbox
from raymesos.model.settings import AgentSettings, MasterSettings
from raymesos.sim import Simulation
from raymesos.sim.cluster import OURS, Makers
from raymesos.wire.messages import AgentInfo, LaunchTasks, RunTasks

Spoil = Callable[[str, Any], list[tuple[str, Any]]]
GROUP = ["cpus:1;mem:128", "cpus:1;mem:128"]


def honest(to: str, message: Any) -> list[tuple[str, Any]]:
    return [(to, message)]


def one_by_one(to: str, message: Any) -> list[tuple[str, Any]]:
    if not isinstance(message, RunTasks):
        return [(to, message)]
    return [(to, replace(message, tasks=(task,))) for task in message.tasks]


def without_group(to: str, message: Any) -> list[tuple[str, Any]]:
    if not isinstance(message, RunTasks | LaunchTasks):
        return [(to, message)]
    return [(to, replace(message, tasks=tuple(replace(task, group_id="") for task in message.tasks)))]


class Spoilt:
    """The machine with what it sends spoilt."""

    def __init__(self, inner: Any, spoil: Spoil) -> None:
        self._inner, self._spoil = inner, spoil

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self._inner.handle(now_ms, sender, message, out)
        out.sends[:] = [sent for to, message in out.sends for sent in self._spoil(to, message)]

    def check(self) -> None:
        return

    def restore(self, records: list[Any]) -> None:
        if hasattr(self._inner, "restore"):
            self._inner.restore(records)


def found(*, master: Spoil = honest, agent: Spoil = honest) -> set[str]:
    """The names of the violations when one task of a group fails."""

    def make_master(settings: MasterSettings, cluster_id: str) -> Any:
        return Spoilt(MasterMachine(settings, cluster_id), master)

    def make_agent(settings: AgentSettings, info: AgentInfo, life: int) -> Any:
        return Spoilt(AgentMachine(settings, info, life), agent)

    sim = Simulation(makers=Makers(make_master, OURS.allocator, make_agent))
    sim.add_agent("A1", "cpus:4;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    fails, _ = f1.launch_group(f1.offers[0], GROUP)
    sim.settle()
    sim.finish(fails, exit_code=1)
    sim.advance(10)
    sim.audit.settle_accounts(sim.world.now_ms)
    return {violation.name for violation in sim.violations}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found() == set()


@pytest.mark.parametrize("spoil", [one_by_one, without_group])
def test_a_master_that_tears_a_group_apart_is_found(spoil: Spoil) -> None:
    assert "group.split" in found(master=spoil)


def test_a_task_that_outlives_its_group_is_found() -> None:
    assert found(agent=without_group) == {"group.outlived"}
