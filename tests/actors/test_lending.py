"""The host's look at its node."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

import raymesos as rm
from raymesos.actors.host import Host
from raymesos.actors.lending import Lending, idle_of_node
from raymesos.errors import InvalidValue
from raymesos.kernel.agent.estimator import Usage
from raymesos.kernel.agent.machine import AgentMachine
from raymesos.machine import Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import AgentSettings
from raymesos.wire.messages import AgentInfo


class Carrier:
    def carry(self, peer: str, from_epoch: int, batch: Any, done: Any) -> None:
        done(None, True)


class Counting:
    """Lends a CPU more each time, and lets a test wait for the third."""

    def __init__(self) -> None:
        self.seen: list[Usage] = []
        self.thrice = threading.Event()

    def estimate(self, usage: Usage) -> Resources:
        self.seen.append(usage)
        if len(self.seen) == 3:
            self.thrice.set()
        return Resources.of_milli({"cpus": 1000 * len(self.seen)})


def test_what_is_idle_is_at_most_what_the_agent_offers() -> None:
    own = Resources.parse("cpus:0.5;mem:64")
    idle_of_node(own)
    idle = idle_of_node(own)
    assert own.contains(idle)
    assert idle.scalar("mem") > 0
    assert idle_of_node(Resources.parse(f"cpus:{10 * (os.cpu_count() or 1)}")).scalar("mem") == 0


def test_the_agent_is_told_every_so_often() -> None:
    info = AgentInfo("A1", "A1", Resources.parse("cpus:2;mem:64"), Attributes())
    agent, estimator = AgentMachine(AgentSettings(), info, 1), Counting()
    host = Host("agent/A1", 1, Carrier())
    host.add("agent/A1", agent)
    lending = Lending(host, "agent/A1", agent, estimator, every_ms=1)
    host.after_turn(lending.after_turn)
    host.start()
    try:
        assert estimator.thrice.wait(10)
        assert host.ask(lambda _: agent.state.info.revocable).scalar("cpus") >= 2000
    finally:
        host.stop()
    assert estimator.seen[0].free == info.resources


def test_no_look_is_taken_while_the_agent_does_not_know_what_its_tasks_hold() -> None:
    info = AgentInfo("A1", "A1", Resources.parse("cpus:2;mem:64"), Attributes())
    agent, estimator = AgentMachine(AgentSettings(), info, 1), Counting()
    lending = Lending(Host("agent/A1", 1, Carrier()), "agent/A1", agent, estimator, every_ms=15_000)
    assert [lending.after_turn(at) for at in (500, 1_500, 1_600)] == [1_500, 2_500, 2_500]
    assert estimator.seen == []
    agent.handle(1_700, "agent/A1", Wake("start"), Outbox())
    assert lending.after_turn(2_500) == 17_500
    assert len(estimator.seen) == 1


@pytest.mark.parametrize("wish", [{"lend": "ports:[1-2]"}, {"lend": "much"}, {"lend": "cpus:1", "estimator": "guess"}])
def test_what_cannot_be_lent_is_refused_before_anything_starts(wish: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        rm.start(quiet=True, **wish)
