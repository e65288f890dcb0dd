"""Batch jobs, as users write them: pydantic models that name the field and the reason when they refuse. (Titus: JobDescriptor)"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import Field, model_validator

from raymesos.model.descriptors import (
    MAX_RUNTIME_S,
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
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy

# One byte of state an input; beyond this a job is better cut in several.
MAX_INPUTS = 100_000_000


class BatchJob(Descriptor):
    """Many inputs of one function, or many runs of one command, and then it is over.

    `BatchJob("score", fn=score, inputs=rows, role="ads", cpus=1, mem="512MB", retries=2)` or `BatchJob("render", command="./render $RAYMESOS_INDEX", size=100)`.
    `cpus`, `mem` (MB) and `gpus` are of one task. Raises InvalidJob(field, reason).
    """

    kind: Literal["batch"] = "batch"
    name: str
    fn: Callable[..., Any] | None = Field(None, exclude=True)
    inputs: Any = Field(None, exclude=True)
    command: Text | list[Text] | None = None
    """Text for /bin/sh, or a list of arguments."""
    size: Count | None = Field(None, ge=1, le=MAX_INPUTS)
    role: str = "*"
    cpus: Quantity = 1.0
    mem: Megabytes = 128.0
    disk: Megabytes = 0.0
    gpus: Count = Field(0, ge=0, le=10_000)
    ports: Count = Field(0, ge=0, le=1_000)
    retries: Count | None = Field(None, ge=0, le=1_000)
    """Short for `retry=Immediate(retries=n)`."""
    retry: Retry | None = None
    runtime_limit: Seconds | None = Field(None, gt=0, le=MAX_RUNTIME_S)
    """Of one input, from its start."""
    retry_on_runtime_limit: bool = False
    max_parallel: Count | None = Field(None, ge=1, le=MAX_INPUTS)
    env: dict[Variable, Text] = Field(default_factory=dict)
    working_dir: Text | None = None
    after: list[Any] = Field(default_factory=list)
    """Jobs, or their ids, that must succeed first."""
    gang: bool = False
    """All at once or none."""
    isolated: bool = False
    """A process of its own for each call, instead of a warm one."""
    attributes: dict[str, str] = Field(default_factory=dict)

    def __init__(self, name: Any = None, /, **fields: Any) -> None:
        super().__init__(**(fields if name is None else {"name": name, **fields}))

    @model_validator(mode="after")
    def _fits_together(self) -> BatchJob:
        check_name(self.name)
        check_role(self.role)
        if (self.fn is None) == (self.command is None):
            raise Refused("fn", "give exactly one of fn (with inputs) and command (with size)")
        if self.fn is not None and self.inputs is None:
            raise Refused("inputs", "fn needs inputs: one call for each")
        if self.fn is not None and self.size is not None:
            raise Refused("size", "is for commands; a function runs once for each of its inputs")
        if self.command is not None and self.inputs is not None:
            raise Refused("inputs", "are for fn; a command finds its number in $RAYMESOS_INDEX")
        if self.command is not None and not self.command:
            raise Refused("command", "must not be empty")
        if self.inputs is not None and not isinstance(self.inputs, Iterable):
            raise Refused("inputs", f"must be iterable, not {type(self.inputs).__name__}")
        if self.retries is not None and self.retry is not None:
            raise Refused("retries", "give retries or retry, not both")
        if not self.cpus and not self.mem and not self.gpus:
            raise Refused("cpus", "a task needs some cpus, mem or gpus")
        _ = self.resources  # What no agent can count in is refused now, not when the job is packed.
        return self

    @property
    def resources(self) -> Resources:
        """What one task holds, its ports aside."""
        return resources_of({"cpus": self.cpus, "mem": self.mem, "disk": self.disk, "gpus": float(self.gpus)})

    @property
    def policy(self) -> RetryPolicy:
        """How often, and after how long, what failed is tried again."""
        return policy_of(self.retry, RetryPolicy(self.retries or 0))

    @property
    def argv(self) -> tuple[str, ...]:
        """What is run for each index; nothing for a job of functions."""
        return argv_of(self.command)
