"""Services, as users write them: long-running instances of one program. (Titus: service jobs; Aurora, Marathon: updates)"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from raymesos.model.descriptors import (
    Count,
    Descriptor,
    Megabytes,
    Quantity,
    Refused,
    Retry,
    Seconds,
    Text,
    Variable,
    argv_of,
    check_name,
    check_role,
    policy_of,
    resources_of,
)
from raymesos.model.disruption import DisruptionBudget
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.service_checks import CommandCheck, ServiceCheck
from raymesos.model.service_scaling import Scaling

# Titus' bound on a service.
MAX_INSTANCES = 10_000
# A crash is mended at once, one that comes again and again ever more seldom; the service never gives up.
DEFAULT_RETRY = RetryPolicy(0, 100, 60_000, 2)
RESERVED = "raymesos"
_APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
UNIQUE_HOST = "unique-host"


class Capacity(Descriptor):
    """How many instances there are at least, now, and at most: min ≤ desired ≤ max. What is left out is as few as fit."""

    min: Count = Field(default=0, ge=0, le=MAX_INSTANCES)
    desired: Count = Field(default=0, ge=0, le=MAX_INSTANCES)
    max: Count = Field(default=0, ge=0, le=MAX_INSTANCES)

    def __init__(self, min: Any = None, desired: Any = None, max: Any = None, /, **fields: Any) -> None:
        given = {n: v for n, v in (("min", min), ("desired", desired), ("max", max)) if v is not None} | fields
        low = given.get("min", 0)
        wanted = given.get("desired", low)
        super().__init__(**{"min": low, "desired": wanted, "max": wanted} | given)

    @model_validator(mode="after")
    def _in_order(self) -> Capacity:
        if self.min > self.desired:
            raise Refused("capacity.min", f"{self.min}: must not be above desired ({self.desired})")
        if self.desired > self.max:
            raise Refused("capacity.desired", f"{self.desired}: must not be above max ({self.max})")
        return self


class RollingUpdate(Descriptor):
    """How a new version takes the place of the old one: `batch_size` at a time, `max_surge` more than desired, `max_unavailable` fewer; each new instance is ready and well
    (for `stable`) before the next one goes. The first `canary` go alone."""

    batch_size: Count = Field(default=1, ge=1, le=MAX_INSTANCES)
    max_surge: Count = Field(default=1, ge=0, le=MAX_INSTANCES)
    max_unavailable: Count = Field(default=0, ge=0, le=MAX_INSTANCES)
    canary: Count = Field(default=0, ge=0, le=MAX_INSTANCES)
    pause_after_canary: bool = False
    """The rest goes when it is told to (`resume`)."""
    stable: Seconds = Field(default=0.0, le=86_400.0)
    """A new instance counts once it has been well so long. (Aurora: watch_secs)"""
    max_failures: Count = Field(default=0, ge=0, le=MAX_INSTANCES)
    """So many new instances may fail; one more, and the update has failed. (Aurora: max_total_failures)"""
    auto_rollback: bool = True
    """A failed update goes back; otherwise it stops where it is."""
    deadline: Seconds = Field(default=600.0, gt=0, le=864_000.0)
    """Without a new instance in service for so long it has failed."""

    @model_validator(mode="after")
    def _gets_on(self) -> RollingUpdate:
        if not self.max_surge and not self.max_unavailable:
            raise Refused("update.max_surge", "with max_unavailable 0 too no instance could ever be replaced")
        return self


class ServiceJob(Descriptor):
    """A program of which some instances always run.

    `ServiceJob("web", command="python app.py --port $PORT0", ports=1, capacity=Capacity(2, 3, 10), health=HttpCheck("/health"))`, `app="shop.api:app"` for an ASGI app in
    Python, or `fn=` for a function that does not return. `cpus`, `mem` (MB) and the rest are of one instance. Raises InvalidJob(field, reason).
    """

    kind: Literal["service"] = "service"
    name: str
    command: Text | list[Text] | None = None
    """Text for /bin/sh, or a list of arguments."""
    app: Text | None = None
    """`module:app`, an ASGI app: served by uvicorn at the first port."""
    fn: Callable[..., Any] | None = Field(default=None, exclude=True)
    role: str = "*"
    cpus: Quantity = 1.0
    mem: Megabytes = 128.0
    disk: Megabytes = 0.0
    gpus: Count = Field(default=0, ge=0, le=10_000)
    ports: Count = Field(default=0, ge=0, le=1_000)
    env: dict[Variable, Text] = Field(default_factory=dict)
    working_dir: Text | None = None
    capacity: Capacity = Field(default_factory=lambda: Capacity(1, 1, 1))
    health: ServiceCheck | None = None
    """Who fails it too often is replaced."""
    readiness: ServiceCheck | None = None
    """Who fails it gets no requests. None: as `health`, or, with ports, that the first takes connections."""
    retry: Retry | None = None
    """How long an instance that failed is waited for; never how often. None: 0.1 s at first, doubling up to a minute."""
    update: RollingUpdate = Field(default_factory=RollingUpdate)
    disruption: DisruptionBudget | None = None
    scaling: list[Scaling] = Field(default_factory=list, max_length=20)
    constraints: list[Text] = Field(default_factory=list, max_length=50)
    """`unique-host`, or `attribute=value` of the agent."""
    attributes: dict[Text, Text] = Field(default_factory=dict)
    grace: Seconds | None = Field(default=None, le=3_600.0)
    """Between SIGTERM and SIGKILL; None takes the agent's own (3 s)."""
    drain: Seconds = Field(default=30.0, le=3_600.0)
    """An instance that is taken away ends requests that it has for at most so long before it is told to end."""
    enabled: bool = True
    """A service that is not has no traffic and is not scaled; its instances run."""
    disable_increase: bool = False
    """`desired` is not to grow. (Titus: serviceJobProcesses)"""
    disable_decrease: bool = False
    group: Text = ""
    """`stack-detail-sequence`: with the name's first part it is unique among services that run. (Titus: JobGroupInfo)"""

    def __init__(self, name: Any = None, /, **fields: Any) -> None:
        if not isinstance(fields.get("scaling", []), list | tuple):
            fields["scaling"] = [fields["scaling"]]
        super().__init__(**(fields if name is None else {"name": name, **fields}))

    @field_validator("attributes")
    @classmethod
    def _ours(cls, value: dict[str, str]) -> dict[str, str]:
        reserved = next((key for key in value if key.startswith(RESERVED)), None)
        if reserved is not None:
            raise Refused(f"attributes.{reserved}", f"names that begin with {RESERVED} are reserved")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> ServiceJob:
        check_name(self.name)
        check_role(self.role)
        if sum(given is not None for given in (self.command, self.app, self.fn)) != 1:
            raise Refused("command", "give exactly one of command, app and fn")
        if self.command is not None and not self.command:
            raise Refused("command", "must not be empty")
        if self.app is not None and not _APP.fullmatch(self.app):
            raise Refused("app", f"{self.app!r}: must be module:app")
        if self.app is not None and not self.ports:
            raise Refused("ports", "an app is served at its first port: give ports=1")
        for field in ("health", "readiness"):
            self._check_ports(field)
        for text in self.constraints:
            attribute, equals, _ = text.partition("=")
            if text != UNIQUE_HOST and not (equals and attribute):
                raise Refused("constraints", f"{text!r}: must be {UNIQUE_HOST} or attribute=value")
        if not self.cpus and not self.mem and not self.gpus:
            raise Refused("cpus", "an instance needs some cpus, mem or gpus")
        _ = self.resources
        return self

    def _check_ports(self, field: str) -> None:
        check = getattr(self, field)
        if check is not None and not isinstance(check, CommandCheck) and check.port >= self.ports:
            raise Refused(f"{field}.port", f"{check.port}: an instance has {self.ports} ports, counted from 0")

    @property
    def resources(self) -> Resources:
        """What one instance holds, its ports aside."""
        return resources_of({"cpus": self.cpus, "mem": self.mem, "disk": self.disk, "gpus": float(self.gpus)})

    @property
    def policy(self) -> RetryPolicy:
        """How long what failed is waited for."""
        return policy_of(self.retry, DEFAULT_RETRY)

    @property
    def argv(self) -> tuple[str, ...]:
        """What an instance runs; nothing for an app or a function."""
        return argv_of(self.command)
