"""Services at the cluster's door: what a descriptor becomes on its way, and what the framework's answers mean."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Protocol

from raymesos.errors import Conflict, RaymesosError, UnknownId
from raymesos.machine import SERVICE
from raymesos.model.disruption import (
    AvailabilityPercentageLimit,
    DisruptionBudget,
    PercentagePerHour,
    PercentagePerInterval,
    PerInterval,
    RelocationLimit,
    SelfManaged,
    TimeWindow,
    UnhealthyTasksLimit,
)
from raymesos.model.service_checks import CommandCheck, HttpCheck, ServiceCheck, TcpCheck
from raymesos.model.service_scaling import Scaling, StepScaling, TargetTracking
from raymesos.model.services import UNIQUE_HOST, RollingUpdate, ServiceJob
from raymesos.operating.refusals import error_of
from raymesos.operating.zones import offsets
from raymesos.wire.checks import Check
from raymesos.wire.services import (
    Budget,
    BudgetWindow,
    Constraint,
    ScalingPolicy,
    ServiceAnswer,
    ServiceSpec,
    Size,
    Template,
    UpdateRules,
)

HOUR_MS = 3_600_000
HEALTH_MS, READINESS_MS = 2_000, 100
"""Between two checks, unless the user says."""
READY_BY_MS = 120_000


def service_spec_of(job: ServiceJob, job_id: str, *, digest: str) -> ServiceSpec:
    """The service on the wire, but for its function and what depends on where it comes from. Raises InvalidJob for a time zone that is not known."""
    return ServiceSpec(
        job_id=job_id,
        name=job.name,
        role=job.role,
        template=template_of(job),
        size=Size(job.capacity.min, job.capacity.desired, job.capacity.max),
        digest=digest,
        retry=job.policy,
        update=rules_of(job.update),
        budget=budget_of(job.disruption),
        scaling=tuple(policy_of(policy) for policy in job.scaling),
        drain_ms=_ms(job.drain),
        enabled=job.enabled,
        no_increase=job.disable_increase,
        no_decrease=job.disable_decrease,
        group=f"{job.name.partition('-')[0]}-{job.group}" if job.group else "",
        attributes=tuple(sorted(job.attributes.items())),
    )


def template_of(job: ServiceJob) -> Template:
    """What an instance is. Without a readiness of its own, a service with ports is ready when it is well, or takes connections."""
    health, readiness = job.health, job.readiness
    if readiness is None:
        readiness = health or (TcpCheck() if job.ports else None)
    return Template(
        resources=job.resources,
        argv=job.argv,
        ports=job.ports,
        env=tuple(sorted(job.env.items())),
        working_dir=job.working_dir or "",
        python=f"{sys.version_info[0]}.{sys.version_info[1]}" if job.fn is not None else "",
        health=None if health is None else check_of(health, HEALTH_MS),
        readiness=None if readiness is None else replace(check_of(readiness, READINESS_MS), deadline_ms=_deadline(job)),
        grace_ms=None if job.grace is None else _ms(job.grace),
        constraints=tuple(_constraint(text) for text in job.constraints),
        app=job.app or "",
    )


def check_of(check: ServiceCheck, interval_ms: int) -> Check:
    """The check; its port counts from 0 until an instance has some."""
    given = _ms(check.interval) if check.interval is not None else interval_ms
    common = Check(
        check.kind,
        delay_ms=_ms(check.delay),
        interval_ms=max(1, given),
        timeout_ms=_ms(check.timeout),
        grace_ms=_ms(check.grace),
        failures=check.failures,
    )
    match check:
        case HttpCheck():
            return replace(
                common, port=check.port, path=check.path, scheme=check.scheme, statuses=tuple(check.statuses)
            )
        case CommandCheck():
            return replace(common, argv=check.argv)
        case TcpCheck():
            return replace(common, port=check.port)


def rules_of(update: RollingUpdate) -> UpdateRules:
    """How versions follow each other."""
    return UpdateRules(
        update.batch_size,
        update.max_surge,
        update.max_unavailable,
        update.canary,
        update.pause_after_canary,
        _ms(update.stable),
        update.max_failures,
        update.auto_rollback,
        _ms(update.deadline),
    )


def budget_of(budget: DisruptionBudget | None) -> Budget:
    """How much may be moved. None: as much as the system allows. Raises InvalidJob for a time zone that is not known."""
    if budget is None:
        return Budget()
    match budget.policy:
        case AvailabilityPercentageLimit(percentage=percentage):
            policy, limit = "availability", round(percentage * 1000)
        case UnhealthyTasksLimit(limit=many):
            policy, limit = "unhealthy", many
        case RelocationLimit(limit=many):
            policy, limit = "relocations", many
        case SelfManaged(relocation_time=wait):
            policy, limit = "self-managed", _ms(wait)
    rate, most, interval_ms = "unlimited", 0, HOUR_MS
    match budget.rate:
        case PercentagePerHour(percentage=percentage):
            rate, most = "percent", round(percentage * 1000)
        case PercentagePerInterval(percentage=percentage, interval=interval):
            rate, most, interval_ms = "percent", round(percentage * 1000), _ms(interval)
        case PerInterval(limit=many, interval=interval):
            rate, most, interval_ms = "count", many, _ms(interval)
    windows = tuple(_window(each) for each in budget.windows)
    return Budget(policy, limit, rate, most, interval_ms, windows, budget.health)


def policy_of(policy: Scaling) -> ScalingPolicy:
    """When the size changes by itself."""
    match policy:
        case TargetTracking():
            metric, target = policy.measured
            return ScalingPolicy(
                "target",
                metric,
                round(target * 1000),
                _ms(policy.scale_out_cooldown),
                _ms(policy.scale_in_cooldown),
                policy.disable_scale_in,
            )
        case StepScaling():
            steps = tuple((round(step.above * 1000), round(step.change * 1000)) for step in policy.steps)
            cooldown_ms = _ms(policy.cooldown)
            return ScalingPolicy(
                "step",
                policy.metric,
                round(policy.threshold * 1000),
                cooldown_ms,
                cooldown_ms,
                above=policy.comparison == "above",
                steps=steps,
                adjustment=policy.adjustment,
                min_change=policy.min_change,
            )


class ServicesDoor(Protocol):
    """What this module needs of `raymesos.door.Door`."""

    def ask(self, actor: str, message: Any) -> Any: ...


def call(door: ServicesDoor, message: Any) -> ServiceAnswer:
    """Have the framework carry it out. Raises what it refused it with; ClusterUnavailable."""
    answer: ServiceAnswer = door.ask(SERVICE, message)
    if answer.kind:
        raise refusal_of(answer)
    return answer


def refusal_of(answer: ServiceAnswer) -> RaymesosError:
    """The error that the framework's answer stands for."""
    unknown = UnknownId(answer.field, answer.job_id) if answer.job_id else Conflict(answer.text)
    return error_of(answer.kind, answer.field, answer.text, unknown)


def _window(window: TimeWindow) -> BudgetWindow:
    return BudgetWindow(window.numbers, tuple(window.hours), window.timezone, offsets(window.timezone))


def _constraint(text: str) -> Constraint:
    attribute, _, value = text.partition("=")
    return Constraint(UNIQUE_HOST) if text == UNIQUE_HOST else Constraint("equals", attribute, value)


def _deadline(job: ServiceJob) -> int:
    own = job.readiness.deadline if job.readiness is not None else None
    return READY_BY_MS if own is None else _ms(own)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
