"""Scaling policies: as many instances as bring a metric to its target, or steps beyond a threshold; with cool-downs, and down only to what was enough all the time.

The load is what all instances in service were measured at together, so that those which have only just started do not make it look smaller, nor ask for still more.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.service.jobs import resize
from raymesos.frameworks.service.state import Decision, Job, State, is_well, touch
from raymesos.machine import Outbox
from raymesos.wire.routes import TrafficSeen
from raymesos.wire.services import MetricSeen, ScalingPolicy

# So near to its target nothing is changed: a size that fits is not left for noise.
TOLERANCE = 10
"""Percent."""
# Gateways tell every second while there is any; after so long without a word there is none.
TRAFFIC_MS = 3_000


def measured(state: State, message: MetricSeen, now_ms: int) -> None:
    """Remember what an instance was measured at."""
    job = state.open.get(state.of_task.get(message.task_id, ""))
    if job is not None:
        metrics = job.instances[message.task_id].metrics
        for name, milli in message.values:
            if name in metrics or len(metrics) < state.settings.metrics_per_instance:
                metrics[name] = (milli, now_ms)


def seen(state: State, gateway: str, message: TrafficSeen, out: Outbox, now_ms: int) -> None:
    """Remember what came through a gateway. A request that waits for a service of size 0 wakes it."""
    for each in message.services:
        job = state.open.get(state.of_name.get(each.service, ""))
        if job is None:
            continue
        job.traffic[gateway] = (each.requests * 1_000_000 // max(1, message.span_ms), each.waiting, now_ms)
        size, spec = job.spec.size, job.spec
        if each.waiting and not size.desired and size.max and spec.scaling and spec.enabled and not spec.no_increase:
            _set(state, job, 1, f"{each.waiting} requests wait", out, now_ms)


def decide(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Change the size if a policy wants it: up if any does, down if all do."""
    spec = job.spec
    if len(job.decisions) != len(spec.scaling):
        job.decisions = [Decision() for _ in spec.scaling]
    if not spec.enabled or not spec.size.desired:
        return
    wants = [_wanted(state, job, p, now_ms) for p in spec.scaling]
    for policy, decision, wanted in zip(spec.scaling, job.decisions, wants, strict=True):
        _think(job, policy, decision, wanted, now_ms)
    ups = [(w, d) for p, d, w in zip(spec.scaling, job.decisions, wants, strict=True) if _may_grow(job, p, w, now_ms)]
    if ups and not spec.no_increase:
        wanted, decision = max(ups, key=lambda up: up[0] or 0)
        _set(state, job, wanted or 0, decision.text, out, now_ms)
        return
    pairs = list(zip(spec.scaling, job.decisions, strict=True))
    if pairs and all(_may_shrink(job, p, d, now_ms) for p, d in pairs) and not spec.no_decrease:
        fewer = max(pairs, key=lambda pair: pair[1].fewer)[1]
        _set(state, job, fewer.fewer, fewer.text, out, now_ms)


def mean(state: State, job: Job, metric: str, now_ms: int) -> tuple[int, int] | None:
    """(thousandths, instances that it is the mean of); None while nobody has measured."""
    well = [i for i in job.instances.values() if is_well(job, i)]
    since_ms = now_ms - state.settings.metric_fresh_ms
    fresh = [v for i in well if (v := i.metrics.get(metric)) is not None and v[1] >= since_ms]
    if fresh:
        return sum(v[0] for v in fresh) // len(fresh), len(fresh)
    if metric in ("requests", "queue") and job.traffic and well:
        which = 0 if metric == "requests" else 1
        recent = [t for t in job.traffic.values() if t[2] >= now_ms - TRAFFIC_MS]
        total = sum(t[which] for t in recent) * (1 if which == 0 else 1000)
        return total // len(well), len(well)
    return None


def _wanted(state: State, job: Job, policy: ScalingPolicy, now_ms: int) -> int | None:
    """The size that the policy wants, within min and max; None if it has nothing to go by."""
    found = mean(state, job, policy.metric, now_ms)
    if found is None:
        return None
    size = job.spec.size
    value, many = found
    wanted = (
        _by_target(policy, size.desired, value, many)
        if policy.kind == "target"
        else _by_step(policy, size.desired, value)
    )
    return min(max(wanted, size.min), size.max)


def _by_target(policy: ScalingPolicy, desired: int, value: int, many: int) -> int:
    load, fits = value * many, policy.target_milli * desired
    if abs(load - fits) * 100 <= fits * TOLERANCE:
        return desired
    return -(-load // policy.target_milli)


def _by_step(policy: ScalingPolicy, desired: int, value: int) -> int:
    beyond = value - policy.target_milli if policy.above else policy.target_milli - value
    reached = [change for distance, change in sorted(policy.steps) if beyond >= distance]
    if beyond < 0 or not reached:
        return desired
    change = reached[-1]
    if policy.adjustment == "exact":
        return change // 1000
    if policy.adjustment == "percent":
        some = max(policy.min_change, abs(desired * change) // 100_000)
        return desired + (some if change > 0 else -some)
    return desired + change // 1000


def _think(job: Job, policy: ScalingPolicy, decision: Decision, wanted: int | None, now_ms: int) -> None:
    desired = job.spec.size.desired
    if wanted is None or wanted >= desired:
        decision.fewer_since_ms = None
    elif decision.fewer_since_ms is None:
        decision.fewer_since_ms, decision.fewer = now_ms, wanted
    else:
        decision.fewer = max(decision.fewer, wanted)
    aim = (
        f"target {policy.target_milli / 1000:g}"
        if policy.kind == "target"
        else f"threshold {policy.target_milli / 1000:g}"
    )
    what = "nothing measured" if wanted is None else f"{wanted} would do"
    decision.text = f"{policy.metric}: {what} ({aim})"


def _may_grow(job: Job, policy: ScalingPolicy, wanted: int | None, now_ms: int) -> bool:
    cool = job.scaled_ms is None or now_ms >= job.scaled_ms + policy.out_cooldown_ms
    return wanted is not None and wanted > job.spec.size.desired and cool


def _may_shrink(job: Job, policy: ScalingPolicy, decision: Decision, now_ms: int) -> bool:
    """A step's cool-down is from the last change; a target's also from when fewer began to be enough."""
    since = decision.fewer_since_ms
    if since is None or policy.disable_in:
        return False
    begun = max(since, job.scaled_ms or 0) if policy.kind == "target" else job.scaled_ms or 0
    return now_ms >= begun + policy.in_cooldown_ms or (policy.kind == "step" and job.scaled_ms is None)


def _set(state: State, job: Job, desired: int, why: str, out: Outbox, now_ms: int) -> None:
    job.scaled_ms = now_ms
    for decision in job.decisions:
        decision.fewer_since_ms = None
    size = job.spec.size
    resize(state, job, replace(size, desired=min(max(desired, size.min), size.max)), why, out, now_ms)
    touch(state, job)
