"""The auditor finds what it is there for: each test plants one bug in a machine of ours and looks for its name; without a bug it finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from raymesos.kernel.agent.machine import AgentMachine
from raymesos.kernel.allocator.machine import AllocatorMachine
from raymesos.kernel.master.machine import MasterMachine
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.model.settings import AgentSettings, AllocatorSettings, MasterSettings, simulated
from raymesos.model.tasks import TaskState
from raymesos.sim.cluster import Makers
from raymesos.sim.harness import Simulation
from raymesos.sim.report import Report
from raymesos.sim.run import run
from raymesos.wire.messages import (
    AgentChanged,
    AgentInfo,
    Allocations,
    ConfigureAgent,
    DeactivateAgent,
    DrainAgent,
    ExecutorUpdate,
    Grant,
    InverseGrants,
    LaunchTasks,
    Offers,
    OperatorAnswer,
    Recover,
    RunTasks,
    StatusUpdate,
    Update,
)

Spoil = Callable[[list[tuple[str, Any]]], list[tuple[str, Any]]]


class Spoiled:
    """The machine with what it sends spoilt, and what it hears kept from it."""

    def __init__(self, inner: Any, spoil: Spoil, deaf: Callable[[Any], bool] = lambda message: False) -> None:
        self._inner, self._spoil, self._deaf = inner, spoil, deaf

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if not self._deaf(message):
            self._inner.handle(now_ms, sender, message, out)
            out.sends[:] = self._spoil(out.sends)

    @property
    def state(self) -> Any:
        return self._inner.state

    def check(self) -> None:
        return

    def restore(self, records: list[Any]) -> None:
        if hasattr(self._inner, "restore"):
            self._inner.restore(records)


def once(change: Callable[[str, Any], list[tuple[str, Any]] | None], after: int = 0) -> Spoil:
    """A spoiler that puts `change(to, message)` in the place of a message, the first time that it is not None (after so many others)."""
    left = after + 1

    def spoil(sends: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        nonlocal left
        made = []
        for to, message in sends:
            changed = change(to, message) if left else None
            if changed is not None:
                left -= 1
            made.extend(changed if changed is not None and not left else [(to, message)])
        return made

    return spoil


def with_bug(kind: str, spoil: Spoil, deaf: Callable[[Any], bool] = lambda message: False) -> Report:
    return run(4, 2, 60, seed=3, makers=makers_with_bug(kind, spoil, deaf), longest_s=600)


def makers_with_bug(kind: str, spoil: Spoil, deaf: Callable[[Any], bool]) -> Makers:
    def master(settings: MasterSettings, cluster_id: str) -> Any:
        made = MasterMachine(settings, cluster_id)
        return Spoiled(made, spoil, deaf) if kind == "master" else made

    def allocator(settings: AllocatorSettings, seed: int) -> Any:
        made = AllocatorMachine(settings, seed)
        return Spoiled(made, spoil, deaf) if kind == "allocator" else made

    def agent(settings: AgentSettings, info: AgentInfo, life: int) -> Any:
        made = AgentMachine(settings, info, life)
        return Spoiled(made, spoil, deaf) if kind == "agent" else made

    return Makers(master, allocator, agent)


def names(report: Report) -> set[str]:
    """The names of the violations."""
    return {violation.split(": ")[1] for violation in report.violations}


def test_without_a_bug_nothing_is_found() -> None:
    report = with_bug("none", lambda sends: sends)
    assert (report.violations, report.done) == ([], 60)


class Lying:
    """A master that tells operators that it is done, and does nothing."""

    def __init__(self, inner: MasterMachine) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, DrainAgent | DeactivateAgent):
            out.send(sender, OperatorAnswer(message.request_id))
        else:
            self._inner.handle(now_ms, sender, message, out)


def test_a_master_that_only_says_that_it_drains_agents_is_found() -> None:
    def lying(settings: MasterSettings, cluster_id: str) -> Any:
        return Lying(MasterMachine(settings, cluster_id))

    assert run(4, 2, 500, seed=2, operators=True).violations == []
    assert "offer.barred" in names(run(4, 2, 500, seed=2, operators=True, makers=Makers(lying), longest_s=600))


def test_an_allocator_that_asks_a_framework_twice_to_leave_is_found() -> None:
    def twice(to: str, message: Any) -> list[tuple[str, Any]] | None:
        return [(to, message), (to, message)] if isinstance(message, InverseGrants) else None

    def allocator(settings: AllocatorSettings, seed: int) -> Any:
        return Spoiled(AllocatorMachine(settings, seed), once(twice))

    assert "grant.inverse" in names(run(4, 2, 500, seed=10, operators=True, makers=Makers(allocator=allocator)))


def test_a_master_that_makes_two_offers_of_one_grant_is_found() -> None:
    def doubled(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, Offers):
            return None
        again = tuple(replace(offer, id=f"{offer.id}-again") for offer in message.offers)
        return [(to, message), (to, Offers(again))]

    assert "offer.overcommitted" in names(with_bug("master", once(doubled)))


def test_a_master_that_uses_an_offer_id_twice_is_found() -> None:
    def twice(to: str, message: Any) -> list[tuple[str, Any]] | None:
        return [(to, message), (to, message)] if isinstance(message, Offers) else None

    assert "offer.id" in names(with_bug("master", once(twice)))


def test_a_master_that_launches_more_than_was_asked_for_is_found() -> None:
    def inflated(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, RunTasks):
            return None
        first, *rest = message.tasks
        return [(to, replace(message, tasks=(replace(first, resources=first.resources + first.resources), *rest)))]

    assert "work.unasked" in names(with_bug("master", once(inflated)))


def test_a_master_that_launches_a_task_twice_is_found() -> None:
    def twice(to: str, message: Any) -> list[tuple[str, Any]] | None:
        return [(to, message), (to, message)] if isinstance(message, RunTasks) else None

    assert "work.twice" in names(with_bug("master", once(twice)))


def test_a_master_that_launches_what_nobody_wanted_is_found() -> None:
    def invented(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, RunTasks):
            return None
        return [(to, message), (to, replace(message, tasks=(replace(message.tasks[0], task_id="invented"),)))]

    assert "work.unasked" in names(with_bug("master", once(invented)))


def test_a_master_that_forgets_to_give_a_tasks_resources_back_is_found() -> None:
    def kept(to: str, message: Any) -> list[tuple[str, Any]] | None:
        return [] if isinstance(message, Recover) and message.task_ended else None

    assert "books.leak" in names(with_bug("master", once(kept, after=30)))


def test_a_master_that_gives_back_more_than_was_held_is_found() -> None:
    def generous(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, Recover) or not message.task_ended:
            return None
        return [(to, replace(message, resources=Resources.parse("cpus:1000;mem:1")))]

    assert "grant.recover" in names(with_bug("master", once(generous)))


def test_a_master_that_keeps_an_update_to_itself_is_found() -> None:
    """It acknowledges in the framework's name, so that the agent goes on."""
    from raymesos.wire.messages import StatusAcknowledged

    def swallowed(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, Update) or message.status.state is not TaskState.RUNNING:
            return None
        status = message.status
        fid = status.executor_id.removeprefix("default-")
        return [
            (f"agent/a{status.agent_id.removeprefix('sim-S')}", StatusAcknowledged(fid, status.task_id, status.uuid))
        ]

    assert "update.lost" in names(with_bug("master", once(swallowed)))


def test_an_allocator_that_grants_more_than_there_is_is_found() -> None:
    def greedy(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, Allocations):
            return None
        first, *rest = message.grants
        return [
            (
                to,
                replace(message, grants=(replace(first, resources=first.resources + Resources.parse("cpus:1")), *rest)),
            )
        ]

    assert "grant.overcommitted" in names(with_bug("allocator", once(greedy)))


def test_an_allocator_that_grants_the_same_twice_is_found() -> None:
    def twice(to: str, message: Any) -> list[tuple[str, Any]] | None:
        return [(to, replace(message, grants=message.grants * 2))] if isinstance(message, Allocations) else None

    assert "grant.overcommitted" in names(with_bug("allocator", once(twice)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("grant.framework", lambda grant: replace(grant, role="nobody")),
        ("grant.framework", lambda grant: replace(grant, framework_id="nobody")),
        ("grant.agent", lambda grant: replace(grant, agent_id="nowhere")),
        ("grant.agent", lambda grant: replace(grant, incarnation=grant.incarnation + 1)),
    ],
)
def test_an_allocator_that_grants_to_or_of_somebody_who_is_not_there_is_found(
    name: str, change: Callable[[Grant], Grant]
) -> None:
    def wrong(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, Allocations):
            return None
        return [(to, replace(message, grants=(change(message.grants[0]), *message.grants[1:])))]

    assert name in names(with_bug("allocator", once(wrong)))


def test_an_agent_that_loses_an_update_is_found() -> None:
    left = [5]

    def deaf(message: Any) -> bool:
        if isinstance(message, ExecutorUpdate) and message.status.state is TaskState.RUNNING:
            left[0] -= 1
            return left[0] == 0
        return False

    assert "update.lost" in names(with_bug("agent", lambda sends: sends, deaf))


def test_an_agent_that_loses_the_end_of_a_task_is_found() -> None:
    def deaf(message: Any) -> bool:
        return (
            isinstance(message, ExecutorUpdate)
            and message.status.task_id == "f1-3"
            and message.status.state is TaskState.FINISHED
        )

    report = with_bug("agent", lambda sends: sends, deaf)
    assert {"run.stuck"} <= names(report)
    assert "task.lost" in names(report)


def test_an_agent_that_tells_updates_in_the_wrong_order_is_found() -> None:
    kept: list[tuple[str, Any]] = []

    def swap(sends: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        made = []
        for to, message in sends:
            status = message.status if isinstance(message, StatusUpdate) else None
            if status is not None and status.task_id == "f1-3" and status.state is TaskState.STARTING:
                late = replace(status, state=TaskState.RUNNING, uuid="early")
                kept.append((to, message))
                made.append((to, replace(message, status=late)))
            made.append((to, message))
        return made

    assert "update.order" in names(with_bug("agent", swap))


def test_an_agent_that_ends_a_task_twice_is_found() -> None:
    def again(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, StatusUpdate) or message.status.state is not TaskState.FINISHED:
            return None
        other = replace(message.status, state=TaskState.FAILED, uuid="second-end")
        return [(to, message), (to, replace(message, status=other, latest_state=TaskState.FAILED))]

    assert "update.after_end" in names(with_bug("agent", once(again)))


def test_an_agent_that_starts_what_it_was_not_sent_is_found() -> None:
    def invented(to: str, message: Any) -> list[tuple[str, Any]] | None:
        if not isinstance(message, LaunchTasks):
            return None
        return [(to, LaunchTasks((*message.tasks, replace(message.tasks[0], task_id="invented"))))]

    assert "work.unasked" in names(with_bug("agent", once(invented)))


def test_an_agent_that_runs_more_than_it_has_is_found() -> None:
    """It takes itself for twice as large as it is."""

    def boaster(settings: AgentSettings, info: AgentInfo, life: int) -> Any:
        return AgentMachine(settings, replace(info, resources=info.resources + info.resources), life)

    assert "node.overcommitted" in names(run(4, 2, 60, seed=3, makers=Makers(agent=boaster)))


def test_the_settings_of_the_simulator_are_mesos_own() -> None:
    settings = simulated()
    assert (settings.master.agent_ping_ms, settings.master.agent_ping_misses) == (15_000, 5)
    assert (settings.agent.update_retry_ms, settings.agent.update_retry_max_ms) == (10_000, 600_000)


# ---------------------------------------------------------------- agents that change


def shrunk(kind: str, spoil: Spoil, deaf: Callable[[Any], bool] = lambda message: False) -> set[str]:
    """What is found when an agent of which 3 of 4 CPUs are in use has only 2 from now on, and its framework takes all that it is offered."""
    sim = Simulation(makers=makers_with_bug(kind, spoil, deaf))
    sim.add_agent("A1", "cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    f.launch(f.offers[0], "cpus:3;mem:512", refuse_seconds=0)
    sim.settle()
    sim.update_agent("A1", total="cpus:2;mem:1024")
    for _ in range(3):
        sim.advance(1)
        for offer in f.offers:
            f.launch(offer, offer.resources)
        sim.settle()
    return {violation.name for violation in sim.violations}


def test_of_a_shrunk_agent_nothing_is_found_without_a_bug() -> None:
    assert shrunk("none", lambda sends: sends) == set()


def test_a_master_that_passes_on_something_else_than_what_an_agent_has_become_is_found() -> None:
    def bent(to: str, message: Any) -> list[tuple[str, Any]] | None:
        whole = Resources.parse("cpus:4;mem:1024")
        return [(to, replace(message, total=whole))] if isinstance(message, AgentChanged) else None

    assert "offer.agent" in shrunk("master", once(bent))


def test_an_allocator_that_does_not_hear_that_an_agent_shrank_is_found() -> None:
    found = shrunk("allocator", lambda sends: sends, lambda message: isinstance(message, AgentChanged))
    assert "grant.overcommitted" in found


def test_an_agent_that_does_not_hear_that_it_shrank_is_found() -> None:
    found = shrunk("agent", lambda sends: sends, lambda message: isinstance(message, ConfigureAgent))
    assert "node.overcommitted" in found
