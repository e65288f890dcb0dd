"""Offer filters: framework × role × agent. A filter with resources R refuses an offer O if, and only if, R contains O.

A filter lasts max(allocation interval, refuse time), and at least one periodic pass: set at the very moment of a pass with a time that ends at the very moment of
the next, it still blocks that one. (Mesos: hierarchical.cpp, recoverResources and expire; reference cases MESOS-4302)
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from raymesos.errors import InvariantBroken
from raymesos.model.resources import Resources

Key = tuple[str, str]
"""(framework id, role)"""

# The expiry heap may hold this many removed filters beyond the live ones before it is cleaned.
STALE_SLACK = 64


@dataclass(slots=True, eq=False)
class Filter:
    key: Key
    agent_id: str
    resources: Resources
    until_ms: int
    tick: int
    """How many periodic passes had been made when it was set."""
    gone: bool = False


class Filters:
    """All filters in force. At most `most` per framework × role × agent: the one that ends soonest makes room, and costs one offer too many."""

    __slots__ = (
        "_active",
        "_agents_of",
        "_by_agent",
        "_heap",
        "_interval_ms",
        "_lifted",
        "_most",
        "_serial",
        "_stale",
        "_tick",
    )

    def __init__(self, *, interval_ms: int, most: int) -> None:
        self._interval_ms = interval_ms
        self._most = most
        self._by_agent: dict[str, dict[Key, list[Filter]]] = {}
        self._agents_of: dict[Key, dict[str, None]] = {}
        self._active: dict[str, int] = {}
        self._heap: list[tuple[int, int, Filter]] = []
        self._serial = 0
        self._stale = 0
        self._tick = 0
        self._lifted: dict[str, None] = {}

    def add(self, key: Key, agent_id: str, resources: Resources, *, now_ms: int, refuse_ms: int) -> None:
        """Refuse for `key` what `resources` contain of the agent, for `refuse_ms` (above 0) from now."""
        filter_ = Filter(key, agent_id, resources, now_ms + max(self._interval_ms, refuse_ms), self._tick)
        present = self._by_agent.setdefault(agent_id, {}).setdefault(key, [])
        if len(present) >= self._most:
            self._remove(min(present, key=lambda f: f.until_ms))
            present = self._by_agent.setdefault(agent_id, {}).setdefault(key, [])
        present.append(filter_)
        self._agents_of.setdefault(key, {})[agent_id] = None
        self._active[key[1]] = self._active.get(key[1], 0) + 1
        self._serial += 1
        heappush(self._heap, (filter_.until_ms, self._serial, filter_))

    def of_agent(self, agent_id: str) -> dict[Key, list[Filter]] | None:
        """The agent's filters by key; None if it has none. Not to be changed."""
        return self._by_agent.get(agent_id)

    def refuses(self, key: Key, agent_id: str) -> bool:
        """Whether the framework refuses anything of the agent in the role."""
        return agent_id in self._agents_of.get(key, ())

    def active(self) -> dict[str, int]:
        """How many filters there are by role, roles in order, none with 0. Those that ended since the last `expire` still count."""
        return dict(sorted(self._active.items()))

    def soonest_end(self, key: Key) -> int | None:
        """When the first of the framework's filters in the role ends; None if there is none."""
        agents = self._agents_of.get(key, ())
        return min((f.until_ms for agent_id in agents for f in self._by_agent[agent_id][key]), default=None)

    def take_lifted(self) -> list[str]:
        """The agents of which a filter was dropped, for whatever reason, since this was last called."""
        lifted, self._lifted = self._lifted, {}
        return list(lifted)

    def expire(self, now_ms: int) -> None:
        """Drop the filters that have ended, in time proportional to their number."""
        young = []
        while self._heap and self._heap[0][0] <= now_ms:
            item = heappop(self._heap)
            if item[2].gone:
                self._stale -= 1
            elif item[2].tick == self._tick:
                young.append(item)  # No periodic pass has seen it: without this a short filter would block nothing.
            else:
                self._unlink(item[2])
        for item in young:
            heappush(self._heap, item)

    def periodic_pass_done(self) -> None:
        self._tick += 1

    def clear(self, key: Key) -> None:
        """Drop all filters of the framework in the role."""
        for agent_id in list(self._agents_of.get(key, ())):
            for filter_ in list(self._by_agent[agent_id][key]):
                self._remove(filter_)

    def clear_agent(self, agent_id: str) -> None:
        for filters in list(self._by_agent.get(agent_id, {}).values()):
            for filter_ in list(filters):
                self._remove(filter_)

    def check(self) -> None:
        """Raises InvariantBroken if the indexes disagree."""
        live = [
            (agent_id, f) for agent_id, keys in self._by_agent.items() for filters in keys.values() for f in filters
        ]
        indexed = [(agent_id, key) for key, agents in self._agents_of.items() for agent_id in agents]
        listed = [(agent_id, key) for agent_id, keys in self._by_agent.items() for key in keys]
        if sorted(indexed) != sorted(listed) or any(not keys for keys in self._by_agent.values()):
            raise InvariantBroken("filters.index", f"{len(indexed)} by framework, {len(listed)} by agent")
        counts: dict[str, int] = {}
        for _, filter_ in live:
            counts[filter_.key[1]] = counts.get(filter_.key[1], 0) + 1
        if counts != self._active:
            raise InvariantBroken("filters.active", f"{self._active} counted, {counts} there")
        if len(self._heap) != len(live) + self._stale:
            raise InvariantBroken(
                "filters.heap", f"{len(self._heap)} in the heap, {len(live)} live and {self._stale} stale"
            )

    def _remove(self, filter_: Filter) -> None:
        self._unlink(filter_)
        filter_.gone = True
        self._stale += 1
        if self._stale > len(self._heap) // 2 + STALE_SLACK:
            self._heap = [item for item in self._heap if not item[2].gone]
            heapify(self._heap)
            self._stale = 0

    def _unlink(self, filter_: Filter) -> None:
        key, agent_id = filter_.key, filter_.agent_id
        self._lifted[agent_id] = None
        keys = self._by_agent[agent_id]
        keys[key].remove(filter_)
        if not keys[key]:
            del keys[key]
            _discard(self._agents_of, key, agent_id)
            if not keys:
                del self._by_agent[agent_id]
        self._active[key[1]] -= 1
        if not self._active[key[1]]:
            del self._active[key[1]]


def refused_until(filters: list[Filter], offer: Resources) -> int | None:
    """When the last of `filters` that refuse `offer` ends; None if none does."""
    ends = [f.until_ms for f in filters if f.resources is offer or f.resources.contains(offer)]
    return max(ends) if ends else None


def _discard(index: dict[Key, dict[str, None]], key: Key, agent_id: str) -> None:
    agents = index[key]
    del agents[agent_id]
    if not agents:
        del index[key]
