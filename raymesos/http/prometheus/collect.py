"""Samples of a View, family by family."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from raymesos import __version__
from raymesos.http.prometheus import families as f
from raymesos.http.prometheus.families import FAMILIES, Family
from raymesos.http.prometheus.snapshot import translated
from raymesos.observe.sharing import part
from raymesos.observe.state import View

Sample = tuple[Family, tuple[str, ...], float]


def metrics(samples: Iterable[Sample]) -> Iterator[Metric]:
    """The samples by family, in the order of the list of families; a family without samples is named all the same."""
    made = {family.name: _made(family) for family in FAMILIES}
    for family, labels, value in samples:
        made[family.name].add_metric(labels, value)
    yield from made.values()


def _made(family: Family) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    return kind(family.name, family.help, labels=family.labels)


def samples(view: View) -> Iterator[Sample]:
    """All that the view knows."""
    for key, value in view.metrics.items():
        found = translated(key)
        if found is not None:
            yield *found, value / 1000 if found[0] is f.PASS_SECONDS else value
    yield from _agents(view)
    yield from _frameworks(view)
    yield from _roles(view)
    yield from _jobs(view)
    if view.last_pass is not None:
        yield f.LAST_PASS_AGENTS, (), view.last_pass.agents
        yield f.LAST_PASS_GRANTS, (), view.last_pass.grants
        yield from ((f.ROLE_FILTERS, (role,), count) for role, count in view.last_pass.filters)
    yield f.EVENTS, (), view.events_seen


def server_samples(cluster: str, started_ms: int, watchers: int) -> Iterator[Sample]:
    """What runs, and who reads."""
    yield f.BUILD, (__version__, platform.python_version(), cluster), 1
    yield f.STARTED, (), started_ms / 1000
    yield f.WATCHERS, (), watchers


def _agents(view: View) -> Iterator[Sample]:
    yield from _counted(f.AGENTS, (a.state for a in view.agents.values()))
    used: dict[str, dict[str, int]] = {}
    count: Counter[str] = Counter()
    for task in view.tasks.values():
        count[task.agent_id] += 1
        sums = used.setdefault(task.agent_id, {})
        for name, milli in task.resources.quantities().items():
            sums[name] = sums.get(name, 0) + milli
    for agent in view.agents.values():
        if agent.state == "gone":
            continue
        yield f.AGENT_TASKS, (agent.name,), count[agent.agent_id]
        held = used.get(agent.agent_id, {})
        for name, milli in agent.total.quantities().items():
            yield f.AGENT_CAPACITY, (agent.name, name), milli / 1000
            yield f.AGENT_USED, (agent.name, name), held.get(name, 0) / 1000


def _frameworks(view: View) -> Iterator[Sample]:
    yield from _counted(f.FRAMEWORKS, (each.state for each in view.frameworks.values()))
    tasks = Counter(task.framework_id for task in view.tasks.values())
    for framework in view.frameworks.values():
        if framework.state == "completed":
            continue
        labels = framework.name, framework.framework_id
        yield f.FRAMEWORK_TASKS, labels, tasks[framework.framework_id]
        offers = view.offers.get(framework.framework_id)
        if offers is not None:
            yield f.FRAMEWORK_OUTSTANDING, labels, offers.outstanding
            for fate in ("sent", "accepted", "declined", "rescinded"):
                yield f.FRAMEWORK_OFFERS, (*labels, fate), getattr(offers, fate)


def _roles(view: View) -> Iterator[Sample]:
    tasks = Counter(task.role for task in view.tasks.values())
    for role, note in view.roles.items():
        yield f.ROLE_SHARE, (role,), part(note.share)
        yield f.ROLE_ENTITLED, (role,), part(note.entitled)
        yield f.ROLE_WEIGHT, (role,), float(Fraction(note.weight))
        yield f.ROLE_TASKS, (role,), tasks[role]
        yield from ((f.ROLE_HELD, (role, name), milli / 1000) for name, milli in note.held.quantities().items())
        yield from ((f.ROLE_GUARANTEE, (role, name), milli / 1000) for name, milli in note.guarantee)
        yield from ((f.ROLE_LIMIT, (role, name), milli / 1000) for name, milli in note.limit)


def _jobs(view: View) -> Iterator[Sample]:
    yield from _counted(f.JOBS, (job.state for job in view.jobs.values()))
    inputs: Counter[tuple[str, str]] = Counter()
    for job in view.jobs.values():
        if job.state != "Finished":
            inputs[job.role, "waiting"] += job.waiting
            inputs[job.role, "running"] += job.running
    yield from ((f.ROLE_INPUTS, labels, count) for labels, count in inputs.items())


def _counted(family: Family, states: Iterable[str]) -> Iterator[Sample]:
    yield from ((family, (state,), count) for state, count in sorted(Counter(states).items()))
