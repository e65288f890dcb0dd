"""JobDescriptor as Titus' clients send it: what of it is acted on becomes a BatchJob, the rest is kept and shown.

A task here is a process, no container: an image is not run, a network is not made. (Titus: JobDescriptor, 1B.1 and 4.1 of the reference)
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from raymesos.errors import InvalidJob, InvalidValue
from raymesos.model.descriptors import Delayed, ExponentialBackOff, Immediate, Retry
from raymesos.model.jobs import BatchJob
from raymesos.model.roles import validate_role

MAX_SIZE = 1_000
RUNTIME_LIMIT_S = 432_000
MAX_RUNTIME_LIMIT_S = 864_000
MAX_ENV_BYTES = 32 * 1024
# Of all that is kept and not acted on.
MAX_KEPT_BYTES = 64 * 1024
DEFAULT_GROUP = "DEFAULT"
"""The capacity group of who names none: our role `*`."""
RESERVED = "titus"
PARAMETER = "titusParameter."

_APPLICATION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_FIELD = {
    "role": "capacityGroup",
    "cpus": "container.resources.cpu",
    "mem": "container.resources.memoryMB",
    "disk": "container.resources.diskMB",
    "gpus": "container.resources.gpu",
    "command": "container.command",
    "env": "container.env",
    "size": "batch.size",
    "runtime_limit": "batch.runtimeLimitSec",
    "retry": "batch.retryPolicy",
}
_POLICIES = ("selfManaged", "availabilityPercentageLimit", "unhealthyTasksLimit", "relocationLimit")
_RATES = ("rateUnlimited", "ratePercentagePerHour", "ratePerInterval", "ratePercentagePerInterval")


class _Part(BaseModel):
    """Fields that are not named here are kept and shown too."""

    model_config = ConfigDict(extra="allow")


class Owner(_Part):
    teamEmail: str = Field(min_length=1, max_length=320)


class JobGroupInfo(_Part):
    stack: str = ""
    detail: str = ""
    sequence: str = ""


class ContainerResources(_Part):
    cpu: float = Field(1.0, gt=0, le=10_000)
    gpu: int = Field(0, ge=0, le=10_000)
    memoryMB: int = Field(512, gt=0, le=2**40)
    diskMB: int = Field(0, ge=0, le=2**40)
    networkMbps: int = Field(0, ge=0, le=2**31)
    shmSizeMB: int = Field(0, ge=0, le=2**31)


class Container(_Part):
    resources: ContainerResources = Field(default_factory=lambda: ContainerResources.model_validate({}))
    entryPoint: list[str] = Field(default_factory=list)
    command: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)


class ImmediateRetry(_Part):
    retries: int = Field(0, ge=0, le=1_000)


class DelayedRetry(_Part):
    delayMs: int = Field(1_000, ge=0, le=1000 * MAX_RUNTIME_LIMIT_S)
    retries: int = Field(0, ge=0, le=1_000)


class BackOffRetry(_Part):
    initialDelayMs: int = Field(1_000, ge=0, le=1000 * MAX_RUNTIME_LIMIT_S)
    maxDelayIntervalMs: int = Field(60_000, ge=0, le=1000 * MAX_RUNTIME_LIMIT_S)
    retries: int = Field(0, ge=0, le=1_000)


class RetryPolicy(_Part):
    """At most one of these; without any, nothing is tried again at the user's cost."""

    immediate: ImmediateRetry | None = None
    delayed: DelayedRetry | None = None
    exponentialBackOff: BackOffRetry | None = None


class BatchSpec(_Part):
    size: int = Field(1, ge=1, le=MAX_SIZE)
    runtimeLimitSec: int = Field(RUNTIME_LIMIT_S, ge=0, le=MAX_RUNTIME_LIMIT_S)
    """0: the default."""
    retryPolicy: RetryPolicy = Field(default_factory=RetryPolicy)
    retryOnRuntimeLimit: bool = False


Budget = Annotated[dict[str, Any], Field(description="At most one policy, at most one rate; kept and shown.")]


class JobDescriptor(_Part):
    """A batch job of `batch.size` tasks that run `container.entryPoint` and `container.command`. `service` jobs are not there yet."""

    owner: Owner
    applicationName: str
    capacityGroup: str = ""
    jobGroupInfo: JobGroupInfo = Field(default_factory=JobGroupInfo)
    attributes: dict[str, str] = Field(default_factory=dict)
    container: Container
    batch: BatchSpec | None = None
    service: Annotated[dict[str, Any] | None, Field(description="Refused: there are batch jobs only.")] = None
    disruptionBudget: Budget = Field(default_factory=dict)


def job_of(described: JobDescriptor, name: str) -> BatchJob:
    """The job that is run. Raises InvalidJob naming the descriptor's field."""
    if described.service is not None:
        raise InvalidJob("service", "there are no service jobs here yet: give batch")
    if described.batch is None:
        raise InvalidJob("batch", "is required: {} for one task, or its size, runtimeLimitSec and retryPolicy")
    if not _APPLICATION.fullmatch(described.applicationName):
        raise InvalidJob("applicationName", "must be 1 to 80 letters, digits, _ . and -, not beginning with . or -")
    container, batch = described.container, described.batch
    argv = [*container.entryPoint, *container.command]
    if not argv or not argv[0]:
        raise InvalidJob("container.command", "is required, or entryPoint: what an image would run is not known here")
    if sum(len(k) + len(v) for k, v in container.env.items()) > MAX_ENV_BYTES:
        raise InvalidJob("container.env", f"must be at most {MAX_ENV_BYTES} bytes")
    check_attributes(described.attributes)
    check_budget(described.disruptionBudget)
    try:
        return BatchJob(
            name,
            command=argv,
            size=batch.size,
            role=role_of(described.capacityGroup),
            cpus=container.resources.cpu,
            mem=container.resources.memoryMB,
            disk=container.resources.diskMB,
            gpus=container.resources.gpu,
            env=container.env,
            retry=_retry(batch.retryPolicy),
            runtime_limit=batch.runtimeLimitSec or RUNTIME_LIMIT_S,
            retry_on_runtime_limit=batch.retryOnRuntimeLimit,
            attributes=described.attributes,
        )
    except InvalidJob as error:
        first, dot, rest = error.field.partition(".")
        raise InvalidJob(_FIELD.get(first, first) + dot + rest, error.reason) from None


def role_of(group: str) -> str:
    """The role that a capacity group is. Raises InvalidJob."""
    role = "*" if group in ("", DEFAULT_GROUP) else group
    try:
        validate_role(role)
    except InvalidValue as error:
        raise InvalidJob("capacityGroup", f"{group!r}: {error.reason}") from None
    return role


def kept_of(described: JobDescriptor) -> str:
    """What is shown of the descriptor, as JSON, but for what may be changed later. Raises InvalidJob if it is too long."""
    fields = described.model_dump(exclude={"attributes", "disruptionBudget", "service"}, exclude_none=True)
    return _json("job", fields, MAX_KEPT_BYTES + MAX_ENV_BYTES)


def budget_text(budget: dict[str, Any]) -> str:
    """Raises InvalidJob."""
    check_budget(budget)
    return _json("disruptionBudget", budget, MAX_KEPT_BYTES)


def check_budget(budget: dict[str, Any]) -> None:
    """Raises InvalidJob for two policies, or two rates."""
    for kind, names in (("policy", _POLICIES), ("rate", _RATES)):
        given = [name for name in names if budget.get(name) is not None]
        if len(given) > 1:
            raise InvalidJob("disruptionBudget", f"{' and '.join(given)}: give one {kind}")


def check_attributes(attributes: dict[str, str]) -> None:
    """Raises InvalidJob for keys that are the system's own, empty, or too much."""
    for key in attributes:
        if not key:
            raise InvalidJob("attributes", "a key must not be empty")
        if key.startswith(RESERVED) and not key.startswith(PARAMETER):
            raise InvalidJob(
                f"attributes.{key}", f"keys that begin with {RESERVED} are reserved ({PARAMETER} excepted)"
            )
    if sum(len(k) + len(v) for k, v in attributes.items()) > MAX_KEPT_BYTES:
        raise InvalidJob("attributes", f"must be at most {MAX_KEPT_BYTES} bytes")


def _json(field: str, value: Any, bound: int) -> str:
    """Raises InvalidJob for more than `bound` bytes, and for what other programs could not read again."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise InvalidJob(field, f"cannot be kept: {error}") from None
    if len(text) > bound:
        raise InvalidJob(field, f"has {len(text)} bytes; at most {bound} are kept")
    return text.decode()


def _retry(policy: RetryPolicy) -> Retry:
    given = [name for name in ("immediate", "delayed", "exponentialBackOff") if getattr(policy, name, None) is not None]
    if len(given) > 1:
        raise InvalidJob("batch.retryPolicy", f"{' and '.join(given)}: give one of them")
    if policy.delayed is not None:
        return Delayed(delay=policy.delayed.delayMs / 1000, retries=policy.delayed.retries)
    if policy.exponentialBackOff is not None:
        backoff = policy.exponentialBackOff
        return ExponentialBackOff(
            initial=backoff.initialDelayMs / 1000, maximum=backoff.maxDelayIntervalMs / 1000, retries=backoff.retries
        )
    return Immediate(retries=policy.immediate.retries if policy.immediate is not None else 0)
