"""Disruption budgets: how many instances of a service may be moved now, and what is in the way of more. (Titus: eviction service, its trackers and controllers)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.service.state import Bucket, Instance, Job, State, is_well
from raymesos.model.settings import ServiceSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.services import Budget, BudgetWindow

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
# 1 January 1970 was a Thursday; Monday is 0.
FIRST_DAY = 3
PERCENT = 100_000
"""A whole, in thousandths of a percent."""

SYSTEM, WINDOW, DESIRED = "systemQuota", "timeWindows", "desired"
POLICIES = {
    "availability": "availabilityPercentageLimit",
    "unhealthy": "unhealthyTasksLimit",
    "relocations": "relocationLimit",
    "self-managed": "selfManaged",
}
# Whoever moves its instances itself and has not done it in time. (Titus: SelfManagedFallback)
FALLBACK = Budget(policy="availability", limit=90_000, rate="percent", rate_limit=20_000, interval_ms=HOUR_MS)

Part = tuple[int, str]
"""(how many it allows, its name)"""


def quota(state: State, job: Job, now_ms: int) -> Part:
    """The least of what each part of the budget allows, and which part that is."""
    return min(parts(state, job, now_ms), key=lambda part: part[0])


def parts(state: State, job: Job, now_ms: int) -> list[Part]:
    """What each part allows. Who has no budget is bound by its size and by the system's rate alone."""
    budget, desired = rules_of(job), job.spec.size.desired
    found = [(desired, DESIRED)]
    if not any(is_open(window, now_ms) for window in budget.windows or (ALWAYS,)):
        found.append((0, WINDOW))
    least = least_well(budget, desired)
    if least is not None:
        found.append((max(0, _well(job, budget, least) - least), POLICIES[budget.policy]))
    limit = rate_limit(budget, desired)
    if limit is not None:
        used = sum(at_ms > now_ms - budget.interval_ms for at_ms in job.evictions)
        found.append((max(0, limit - used), _rate_name(budget)))
    found.append((tokens(state.bucket, state.settings, now_ms) // 1000, SYSTEM))
    return found


def parts_of_instance(state: State, job: Job, instance: Instance, now_ms: int) -> list[Part]:
    """Those of its service, and what the instance itself has left."""
    found = parts(state, job, now_ms)
    budget = rules_of(job)
    if budget.policy == "relocations":
        found.append((max(0, budget.limit - instance.lineage.eviction_resubmits), POLICIES[budget.policy]))
    return found


def rules_of(job: Job) -> Budget:
    """The budget that binds the framework: that of a self-managed service is not for itself to be bound by."""
    budget = job.spec.budget
    return (
        replace(FALLBACK, windows=budget.windows, health=budget.health) if budget.policy == "self-managed" else budget
    )


def least_well(budget: Budget, desired: int) -> int | None:
    """So many are well at least; at least one may always be moved. None: the policy does not ask for any."""
    if budget.policy == "availability":
        return max(0, min(-(-budget.limit * desired // PERCENT), desired - 1))
    if budget.policy == "unhealthy":
        return max(0, desired - max(1, budget.limit))
    return None


def rate_limit(budget: Budget, desired: int) -> int | None:
    """So many in each interval; None: as many as one likes."""
    if budget.rate == "count":
        return budget.rate_limit
    return max(1, desired * budget.rate_limit // PERCENT) if budget.rate == "percent" else None


def is_open(window: BudgetWindow, now_ms: int) -> bool:
    """Whether the window's clock shows one of its days, in one of its hours."""
    offset = next((ms for since_ms, ms in reversed(window.offsets) if since_ms <= now_ms), 0)
    local_ms = now_ms + offset
    hour = local_ms % DAY_MS // HOUR_MS
    day = (local_ms // DAY_MS + FIRST_DAY) % 7
    return day in window.days and (not window.hours or any(a <= hour < b for a, b in window.hours))


def tokens(bucket: Bucket, settings: ServiceSettings, now_ms: int) -> int:
    """Thousandths of tokens in it now."""
    grown = bucket.milli + max(0, now_ms - bucket.at_ms) * settings.evictions_per_s
    return min(grown, settings.evictions_burst * 1000)


def take_token(state: State, now_ms: int) -> None:
    state.bucket = Bucket(tokens(state.bucket, state.settings, now_ms) - 1000, now_ms)


ALWAYS = BudgetWindow(tuple(range(7)))


def _well(job: Job, budget: Budget, least: int) -> int:
    """Instances that count as well. The health of a service of one does not count. (Titus: jobs of size < 2 are not tracked)"""
    if job.spec.size.desired < 2:
        return least + job.spec.size.desired
    if budget.health == "started":
        return sum(i.state is TaskState.RUNNING and i.stop is None for i in job.instances.values())
    return sum(is_well(job, i) for i in job.instances.values())


def _rate_name(budget: Budget) -> str:
    if budget.rate == "count":
        return "ratePerInterval"
    return "ratePercentagePerHour" if budget.interval_ms == HOUR_MS else "ratePercentagePerInterval"
