"""Faults drawn from a seed: machines and executors crash and begin again, links are cut and healed, messages are slow, resent updates come twice.

Each fault has a beginning and an end. After the last end everything runs and is connected again; what must not be lost must then come out right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from random import Random

from raymesos.machine import ALLOCATOR, MASTER, Envelope
from raymesos.model.resources import Resources
from raymesos.sim.audit import Auditor
from raymesos.sim.cluster import Cluster
from raymesos.sim.launcher import CrashExecutor
from raymesos.wire.messages import Acknowledge, AgentInfo, StatusUpdate, Update

# Most outages are short; one in ten outlasts the 75 s after which an agent is given up.
SHORT_MS = (50, 15_000)
LONG_MS = (76_000, 200_000)
LONG_EVERY = 10
# A link that flaps is cut and healed so often, each time for so long.
FLAPS = 6
FLAP_MS = (1, 400)
DELAY_MS = 400
DOUBLED = 0.3
# Of the agents that change so many lend something out, and so much; the others become smaller.
LENDS = 0.5
LENT = Resources.parse("cpus:3;mem:6144")


@dataclass(frozen=True, slots=True)
class Tools:
    """What faults are done with. `story` is told of each."""

    cluster: Cluster
    audit: Auditor
    frameworks: tuple[str, ...]
    """Their addresses."""
    story: Callable[[str], None]


class Faults:
    """`count` faults that begin between `from_ms` and `to_ms` of the world's clock. `act` carries out what is due."""

    def __init__(self, tools: Tools, rng: Random, *, count: int, from_ms: int, to_ms: int) -> None:
        self._tools = tools
        self._world = tools.cluster.world
        self._rng = rng
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._struck: dict[str, None] = {}
        self._slow = 0
        self._doubling = 0
        self.counts: dict[str, int] = {}
        kinds = (
            self._crash_kernel,
            self._crash_agent,
            self._crash_framework,
            self._crash_executor,
            self._crash_host,
            self._replace_agent,
            self._change_agent,
            self._flap,
            self._isolate,
            self._cut_kernel,
        )
        for _ in range(count):
            self.at(rng.randrange(from_ms, to_ms), rng.choice((*kinds, self._crash_agent, self._isolate)))
        for disturb in (self._delay, self._double):
            self.at(rng.randrange(from_ms, to_ms), disturb)

    def next_ms(self) -> int | None:
        """When the next one begins or ends; None when all have."""
        return self._due[0][0] if self._due else None

    def act(self) -> None:
        """Begin and end what is due now."""
        while self._due and self._due[0][0] <= self._world.now_ms:
            heappop(self._due)[2]()

    # ------------------------------------------------------------ kinds

    def _crash_kernel(self) -> None:
        self._crash(self._rng.choice((MASTER, ALLOCATOR)), "crash of master or allocator")

    def _crash_agent(self) -> None:
        self._crash(f"agent/{self._an_agent()}", "crash of an agent")

    def _crash_framework(self) -> None:
        self._crash(self._rng.choice(self._tools.frameworks), "crash of a framework")

    def _crash(self, address: str, kind: str) -> None:
        if not self.strike(address, kind):
            return
        self._tools.cluster.crash(address)
        self._tools.audit.died(self._world.now_ms, address)

        def again() -> None:
            self._tools.cluster.start(address)
            self.over(address)

        self._later(again)

    def _crash_executor(self) -> None:
        name = self._an_agent()
        running = self._tools.cluster.launcher(name).executors
        if running:
            self._count("crash of an executor", name)
            launcher = f"launcher/{name}"
            framework_id, executor_id = self._rng.choice(running)
            self._world.post(launcher, launcher, CrashExecutor(executor_id, framework_id))

    def _crash_host(self) -> None:
        """An agent's host loses its power: what runs there is gone, what is on its disk is not."""
        name = self._an_agent()
        address = f"agent/{name}"
        if not self.strike(address, "crash of a host"):
            return
        self._tools.cluster.crash_host(name)
        self._tools.audit.died(self._world.now_ms, address)

        def again() -> None:
            self._tools.cluster.start(address)
            self.over(address)

        self._later(again)

    def _replace_agent(self) -> None:
        """An agent leaves for good, with its host; later another of its name joins."""
        name = self._an_agent()
        address = f"agent/{name}"
        last = len(self._tools.cluster.agent_names()) == 1
        if last or any(
            f"{what} {address}" in self._struck for what in ("link of", "master to", "size of", "operator of")
        ):
            return
        if not self.strike(address, "agent replaced"):
            return
        info = self._tools.cluster.info(name)
        self._tools.cluster.remove_agent(name)
        self._tools.audit.agent_removed(name)

        def again() -> None:
            self._tools.cluster.add_agent(info)
            self._tools.audit.agent_added(info)
            self.over(address)

        self._later(again)

    def _change_agent(self) -> None:
        """An agent has less of everything, or lends out some of what it does not use; later it is as it was."""
        name = self._an_agent()
        if not self.strike(f"size of agent/{name}", "agent changed"):
            return
        before = self._tools.cluster.info(name)
        if self._rng.random() < LENDS:
            after = replace(before, revocable=LENT)
        else:
            after = replace(before, resources=_part_of(before.resources, self._rng.randrange(100)))
        self._update(after)

        def again() -> None:
            self._update(before)
            self.over(f"size of agent/{name}")

        self._later(again)

    def _update(self, info: AgentInfo) -> None:
        self._tools.audit.agent_updated(info)
        self._tools.cluster.update_agent(info)

    def _flap(self) -> None:
        """The link of the master to an agent is cut and healed several times in a row."""
        peer = f"agent/{self._an_agent()}"
        if not self.strike(f"master to {peer}", "link flaps"):
            return
        at_ms = self._world.now_ms
        for _ in range(FLAPS):
            self.at(at_ms, lambda: self._world.cut(MASTER, peer))
            self.at(at_ms + self._rng.randrange(*FLAP_MS), lambda: self._world.heal(MASTER, peer))
            at_ms += FLAP_MS[1] + self._rng.randrange(*FLAP_MS)
        self.at(at_ms, lambda: self.over(f"master to {peer}"))

    def _isolate(self) -> None:
        """An agent's or a framework's host is cut off."""
        agents = [f"agent/{n}" for n in self._tools.cluster.agent_names()]
        host = self._rng.choice(agents if self._rng.random() < 0.8 else self._tools.frameworks)
        if not self.strike(f"link of {host}", "host cut off"):
            return
        self._world.isolate(host)

        def heal() -> None:
            self._world.rejoin(host)
            self.over(f"link of {host}")

        self._later(heal)

    def _cut_kernel(self) -> None:
        """One link of the master is cut: to the allocator, or to an agent that others can still reach."""
        name = self._an_agent()
        peer = ALLOCATOR if self._rng.random() < 0.5 else f"agent/{name}"
        if not self.strike(f"master to {peer}", "link of the master cut"):
            return
        self._world.cut(MASTER, peer)

        def heal() -> None:
            self._world.heal(MASTER, peer)
            self.over(f"master to {peer}")

        self._later(heal)

    def _delay(self) -> None:
        """For a while every batch takes a time of its own."""
        self._count("messages slow", "all links")
        self._slow += 1
        self._world.network.delay = lambda: self._rng.randrange(DELAY_MS)

        def end() -> None:
            self._slow -= 1
            if not self._slow:
                self._world.network.delay = None

        self._later(end)

    def _double(self) -> None:
        """For a while some updates, and some acknowledgements of them, arrive twice."""
        self._count("updates doubled", "all links")
        self._doubling += 1
        self._world.network.alter = self._doubled

        def end() -> None:
            self._doubling -= 1
            if not self._doubling:
                self._world.network.alter = None

        self._later(end)

    def _doubled(self, envelopes: list[Envelope]) -> list[Envelope]:
        made = []
        for envelope in envelopes:
            made.append(envelope)
            if isinstance(envelope[2], StatusUpdate | Update | Acknowledge) and self._rng.random() < DOUBLED:
                made.append(envelope)
        return made

    # ------------------------------------------------------------ whom

    def _an_agent(self) -> str:
        return self._rng.choice(self._tools.cluster.agent_names())

    # ------------------------------------------------------------ when

    def strike(self, target: str, kind: str) -> bool:
        """Mark the target as struck; False if it is struck already."""
        if target in self._struck:
            return False
        self._struck[target] = None
        self._count(kind, target)
        return True

    def is_struck(self, target: str) -> bool:
        return target in self._struck

    def over(self, target: str) -> None:
        """The target may be struck again."""
        del self._struck[target]
        self._tools.story(f"{self._world.now_ms} over: {target}")

    def _count(self, kind: str, target: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self._tools.story(f"{self._world.now_ms} fault: {kind}: {target}")

    def _later(self, end: Callable[[], None]) -> None:
        low, high = LONG_MS if self._rng.randrange(LONG_EVERY) == 0 else SHORT_MS
        self.at(self._world.now_ms + self._rng.randrange(low, high), end)

    def at(self, at_ms: int, act: Callable[[], None]) -> None:
        """Do it then."""
        self._order += 1
        heappush(self._due, (at_ms, self._order, act))


def _part_of(resources: Resources, percent: int) -> Resources:
    """So much of its scalars."""
    return Resources.of_milli({name: value * percent // 100 for name, value in resources.quantities().items()})
