"""The host's side of what an agent lends out: a look at its node now and then, and the estimate that follows from it told to the agent."""

from __future__ import annotations

import os

import psutil

from raymesos.actors.host import Host
from raymesos.kernel.agent.estimator import Estimator, Usage
from raymesos.kernel.agent.machine import AgentMachine
from raymesos.kernel.agent.state import Recovering
from raymesos.model.resources import Resources
from raymesos.wire.messages import Estimated

MB = 2**20
# The first look needs a time to look back on, and nobody should wait for it as long as for the later ones.
FIRST_MS = 1_000


class Lending:
    """`after_turn` is a hook of the agent's host: each `every_ms` it posts an Estimated to the agent at `address`."""

    def __init__(self, host: Host, address: str, agent: AgentMachine, estimator: Estimator, *, every_ms: int) -> None:
        self._host, self._address, self._agent = host, address, agent
        self._estimator, self._every_ms = estimator, every_ms
        self._due_ms = 0
        psutil.cpu_percent()  # The first answer is of no time at all; each later one is since the one before.

    def after_turn(self, now_ms: int) -> int:
        if self._due_ms == 0:
            self._due_ms = now_ms + min(FIRST_MS, self._every_ms)
        elif now_ms >= self._due_ms and isinstance(self._agent.state.phase, Recovering):
            self._due_ms = now_ms + FIRST_MS  # What its tasks hold is not known yet.
        elif now_ms >= self._due_ms:
            self._due_ms = now_ms + self._every_ms
            self._host.post(self._address, self._address, Estimated(self._estimator.estimate(self._usage())))
        return self._due_ms

    def _usage(self) -> Usage:
        state = self._agent.state
        return Usage(
            idle_of_node(state.info.resources),
            Resources.of_milli(state.free.non_revocable().quantities()),
            Resources.of_milli(state.used.revocable().quantities()),
        )


def idle_of_node(own: Resources) -> Resources:
    """What no process of this node uses, as far as it is the agent's: of its CPUs and memory it has the part that it offers."""
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory()
    cpus = cores * (100 - psutil.cpu_percent()) / 100
    return Resources.of_milli(
        {
            "cpus": _part(cpus * 1000, own.scalar("cpus"), cores * 1000),
            "mem": _part(memory.available / MB * 1000, own.scalar("mem"), memory.total / MB * 1000),
        }
    )


def _part(idle: float, own: int, whole: float) -> int:
    return max(0, int(idle * min(1.0, own / whole)))
