"""What is refused at the door. A service that is taken can be launched, named to the master and written down: no later step may trip over it."""

from __future__ import annotations

import re

from raymesos.errors import InvalidValue
from raymesos.frameworks.service.state import State
from raymesos.model.roles import validate_role
from raymesos.model.services import MAX_INSTANCES
from raymesos.wire.checks import Check
from raymesos.wire.services import ServiceAnswer, ServiceSpec, Template

# Ids become parts of task ids and names of directories.
_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def refusal(state: State, spec: ServiceSpec) -> ServiceAnswer | None:
    """Why the service is refused; None if it is taken, or known already under the same digest."""
    known = state.jobs.get(spec.job_id)
    if known is not None:
        if known.spec.digest == spec.digest:
            return None
        return ServiceAnswer(spec.job_id, "Conflict", "job_id", f"{spec.job_id} is another service")
    other = state.of_name.get(spec.name)
    if other is not None:
        return ServiceAnswer(spec.job_id, "Conflict", "name", f"a service named {spec.name!r} is running ({other})")
    return malformed(spec) or taken_group(state, spec) or _full(state, spec)


def malformed(spec: ServiceSpec) -> ServiceAnswer | None:
    """What is wrong with it in itself."""
    try:
        validate_role(spec.role)
    except InvalidValue as error:
        return ServiceAnswer(spec.job_id, "InvalidJob", "role", f"{spec.role!r}: {error.reason}")
    size, rules, template = spec.size, spec.update, spec.template
    checks = (
        ("job_id", _ID.fullmatch(spec.job_id) and ".." not in spec.job_id, "must be 1 to 200 letters, digits, _ . -"),
        ("name", spec.name, "must not be empty"),
        ("capacity", 0 <= size.min <= size.desired <= size.max <= MAX_INSTANCES, "must be 0 ≤ min ≤ desired ≤ max"),
        (
            "command",
            template.argv or template.app or template.fn.size or template.fn.key or template.fn.inline,
            "must not be empty",
        ),
        ("resources", template.resources, "an instance needs some"),
        ("ports", template.ports >= 0, "must not be negative"),
        ("health", _has_port(template, template.health), f"its port must be one of {template.ports}"),
        ("readiness", _has_port(template, template.readiness), f"its port must be one of {template.ports}"),
        ("retry", min(spec.retry.initial_ms, spec.retry.max_ms) >= 0, "must not be negative"),
        ("update", rules.batch_size > 0 and rules.max_surge + rules.max_unavailable > 0, "would never get on"),
        ("update", min(rules.canary, rules.max_surge, rules.max_unavailable, rules.stable_ms) >= 0, "is negative"),
        ("drain", spec.drain_ms >= 0, "must not be negative"),
        ("scaling", all(p.target_milli > 0 or p.kind == "step" for p in spec.scaling), "a target must be above 0"),
    )
    wrong = next(((field, reason) for field, good, reason in checks if not good), None)
    return None if wrong is None else ServiceAnswer(spec.job_id, "InvalidJob", *wrong)


def taken_group(state: State, spec: ServiceSpec) -> ServiceAnswer | None:
    """Another running service has the group's name. (Titus: JobGroupInfo sequence)"""
    others = [j for j in state.open.values() if spec.group and j.spec.group == spec.group and j.id != spec.job_id]
    if not others:
        return None
    return ServiceAnswer(spec.job_id, "Conflict", "group", f"{spec.group!r} is that of {others[0].id}")


def _full(state: State, spec: ServiceSpec) -> ServiceAnswer | None:
    many = len(state.open)
    if many < state.settings.services_open:
        return None
    return ServiceAnswer(spec.job_id, "QuotaRefused", "job", f"{many} services have not finished, no more fit")


def _has_port(template: Template, check: Check | None) -> bool:
    return check is None or check.kind == "command" or 0 <= check.port < template.ports
