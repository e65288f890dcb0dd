"""What the master makes of an agent that says that it has changed."""

from __future__ import annotations

from dataclasses import replace

from master_rig import A1, A2, F1, Rig, agent_info, of, task, to

from raymesos.machine import ALLOCATOR
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import (
    AgentAdded,
    AgentAdmitted,
    AgentChanged,
    AgentInfo,
    AgentUpdated,
    Allocations,
    AllocatorReady,
    Grant,
    Offers,
    Recover,
    ReregisterAgent,
    Rescind,
    TaskInfo,
)

LENDING = replace(agent_info(), revocable=Resources.parse("cpus:2"))


def lent(text: str) -> Resources:
    return as_revocable(Resources.parse(text))


def update(rig: Rig, agent_id: str, info: AgentInfo, sender: str = A1) -> list[tuple[str, object]]:
    return rig.tell(sender, AgentUpdated(agent_id, info))


def rescinded(sent: list[tuple[str, object]]) -> list[str]:
    return [m.offer_id for m in to(F1, sent) if isinstance(m, Rescind)]


def test_a_new_estimate_is_told_to_the_allocator_and_not_kept_on_record() -> None:
    rig = Rig()
    agent = rig.agent()
    records = len(rig.records)
    sent = update(rig, agent, LENDING)
    total = Resources.parse("cpus:4;mem:4096") + lent("cpus:2")
    assert sent == [(ALLOCATOR, AgentChanged(agent, total, Attributes()))]
    assert rig.records[records:] == []
    assert rig.metric("cpus_revocable_total") == 2
    assert rig.metric("cpus_total") == 4


def test_another_total_attributes_or_fault_domain_is_kept_and_told() -> None:
    rig = Rig()
    agent = rig.agent()
    info = replace(LENDING, resources=Resources.parse("cpus:8"), attributes=Attributes.parse("rack:r2"), region="eu")
    sent = update(rig, agent, info)
    total = Resources.parse("cpus:8") + lent("cpus:2")
    assert sent == [(ALLOCATOR, AgentChanged(agent, total, info.attributes, "eu", ""))]
    assert rig.records[-1] == AgentAdmitted(agent, replace(info, revocable=Resources()))
    assert "agent changed" in rig.events()


def test_another_address_is_only_shown() -> None:
    rig = Rig()
    agent = rig.agent()
    records = len(rig.records)
    assert update(rig, agent, replace(agent_info(), endpoint="h:1")) == []
    assert rig.notes[-1].endpoint == "h:1"
    assert rig.records[records:] == []


def test_the_same_again_is_not_passed_on() -> None:
    rig = Rig()
    agent = rig.agent()
    assert update(rig, agent, agent_info()) == []


def test_it_is_no_agents_business_what_another_is() -> None:
    rig = Rig()
    first, _ = rig.agent(), rig.agent("A2")
    assert update(rig, first, LENDING, sender=A2) == []
    assert update(rig, first, agent_info("A3")) == []
    assert update(rig, "c-S99", LENDING) == []
    assert rig.metric("dropped_messages") == 3


def test_another_estimate_rescinds_offers_that_hold_revocable_resources_and_no_others() -> None:
    rig = Rig()
    agent, f = rig.agent(), rig.framework()
    update(rig, agent, LENDING)
    regular = rig.offer(f, agent, "cpus:4;mem:4096")
    grant = rig.books.grant(f, "dev", agent, lent("cpus:2"))
    [(_, made)] = rig.tell(ALLOCATOR, Allocations(rig.books.epoch, (grant,)))
    assert isinstance(made, Offers)
    sent = update(rig, agent, replace(LENDING, revocable=Resources.parse("cpus:3")))
    assert rescinded(sent) == [made.offers[0].id]
    assert [type(m) for m in to(ALLOCATOR, sent)] == [Recover, AgentChanged]
    assert list(rig.master.state.offers) == [regular.id]


def test_a_larger_total_rescinds_nothing_a_smaller_one_what_does_not_fit() -> None:
    rig = Rig()
    agent, f = rig.agent(), rig.framework()
    rig.run(f, agent, task("t", "cpus:1"))
    offers = [rig.offer(f, agent, "cpus:1") for _ in range(3)]
    assert rescinded(update(rig, agent, agent_info(resources="cpus:5;mem:4096"))) == []
    assert rescinded(update(rig, agent, agent_info(resources="cpus:4;mem:1"))) == []
    assert rescinded(update(rig, agent, agent_info(resources="cpus:2;mem:1"))) == [offers[1].id, offers[2].id]
    assert rescinded(update(rig, agent, agent_info(resources="mem:1"))) == [offers[0].id]
    assert [t.state for t in rig.master.state.frameworks[f].tasks.values()] == [TaskState.RUNNING]


def test_other_attributes_or_another_fault_domain_rescind_all_offers_of_the_agent() -> None:
    rig = Rig()
    first, second, f = rig.agent(), rig.agent("A2"), rig.framework()
    for changed in (
        replace(agent_info(), attributes=Attributes.parse("rack:r2")),
        replace(agent_info(), attributes=Attributes.parse("rack:r2"), region="eu"),
        replace(agent_info(), attributes=Attributes.parse("rack:r2"), region="eu", zone="eu-1"),
    ):
        offer = rig.offer(f, first)
        assert rescinded(update(rig, first, changed)) == [offer.id]
    other = rig.offer(f, second)
    assert list(rig.master.state.offers) == [other.id]


def test_a_grant_made_before_the_allocator_heard_of_it_goes_back() -> None:
    rig = Rig()
    agent, f = rig.agent(), rig.framework()
    update(rig, agent, agent_info(resources="cpus:2;mem:4096"))
    cpus, booked = Resources.parse("cpus:4"), rig.books.agents[agent]
    booked.held[f, "dev"] = cpus
    grant = Grant(f, "dev", agent, booked.incarnation, cpus)
    sent = rig.tell(ALLOCATOR, Allocations(rig.books.epoch, (grant,)))
    assert [type(m) for m in to(ALLOCATOR, sent)] == [Recover]
    assert of(Offers, sent) == []
    assert rig.offer(f, agent, "cpus:2").resources == Resources.parse("cpus:2")


def test_more_may_be_used_than_there_is_and_an_allocator_that_is_told_anew_hears_so() -> None:
    rig = Rig()
    agent, f = rig.agent(), rig.framework()
    rig.run(f, agent, task("t", "cpus:3"))
    update(rig, agent, agent_info(resources="cpus:2;mem:4096"))
    [added] = [m for _, m in of(AgentAdded, rig.tell(ALLOCATOR, AllocatorReady()))]
    assert added.total == Resources.parse("cpus:2;mem:4096")
    assert [held.resources for held in added.held] == [Resources.parse("cpus:3")]


def test_an_agent_that_comes_back_is_what_it_says_then() -> None:
    rig = Rig()
    agent = rig.agent()
    records = len(rig.records)
    info = replace(LENDING, region="eu", zone="eu-1")
    [added] = [m for _, m in of(AgentAdded, rig.tell(A1, ReregisterAgent(agent, info, 1)))]
    assert added.total == info.resources + lent("cpus:2")
    assert (added.region, added.zone) == ("eu", "eu-1")
    assert rig.records[records:] == [AgentAdmitted(agent, replace(info, revocable=Resources()))]
    rig.tell(A1, ReregisterAgent(agent, LENDING, 1))
    rig.tell(A1, ReregisterAgent(agent, replace(LENDING, revocable=Resources.parse("cpus:1")), 1))
    assert len(rig.records) == records + 2


def test_tasks_on_what_is_lent_out_hold_it() -> None:
    rig = Rig()
    agent, f = rig.agent(), rig.framework()
    update(rig, agent, LENDING)
    grant = rig.books.grant(f, "dev", agent, lent("cpus:2"))
    [(_, made)] = rig.tell(ALLOCATOR, Allocations(rig.books.epoch, (grant,)))
    assert isinstance(made, Offers)
    info: TaskInfo = replace(task("t"), resources=lent("cpus:1"))
    rig.accept(f, [made.offers[0]], info)
    assert rig.metric("cpus_revocable_used") == 1
    sent = rig.report(f, agent, "t", TaskState.GONE)
    [back] = [m for _, m in of(Recover, sent)]
    assert (back.resources, back.task_ended) == (lent("cpus:1"), True)
