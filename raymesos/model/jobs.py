"""Job descriptors, as users write them: pydantic models that name the field and the reason when they refuse. (Titus: JobDescriptor)"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from raymesos.errors import InvalidJob, InvalidValue
from raymesos.model.resource_text import scalar_milli
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.roles import validate_role

# One byte of state an input; beyond this a job is better cut in several.
MAX_INPUTS = 100_000_000
MAX_RUNTIME_S = 864_000.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_UNITS_MB = {"KB": 1 / 1024, "MB": 1.0, "GB": 1024.0, "TB": 1024.0 * 1024, "B": 1 / (1 << 20)}
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _quantity(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _megabytes(value: Any) -> float:
    """MB of 2^20 bytes: a number, or text like 512MB, 1.5GB."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?B?)\s*", value, re.IGNORECASE)
        unit = match[2].upper() if match else ""
        unit = unit + "B" if unit in ("K", "M", "G", "T") else unit or "MB"
        if match is None or unit not in _UNITS_MB:
            raise ValueError("must be a number of MB, or text like 512MB or 1.5GB")
        value = float(match[1]) * _UNITS_MB[unit]
    return _quantity(value)


def _seconds(value: Any) -> float:
    """Seconds: a number, or text like 90s, 5m, 2h."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*(ms|s|m|min|h|d)\s*", value)
        if match is None:
            raise ValueError("must be a number of seconds, or text like 90s, 5m, 2h")
        value = float(match[1]) * _UNITS_S[match[2]]
    return _quantity(value)


Quantity = Annotated[float, BeforeValidator(_quantity)]
Megabytes = Annotated[float, BeforeValidator(_megabytes)]
Seconds = Annotated[float, BeforeValidator(_seconds)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)


class Immediate(_Model):
    """Try again at once, so many times."""

    kind: Literal["immediate"] = "immediate"
    retries: int = Field(0, ge=0, le=1_000)


class Delayed(_Model):
    """Try again after `delay`, so many times."""

    kind: Literal["delayed"] = "delayed"
    delay: Seconds = 1.0
    retries: int = Field(0, ge=0, le=1_000)


class ExponentialBackOff(_Model):
    """Try again after `initial`, then twice as long each time, at most `maximum`."""

    kind: Literal["exponential"] = "exponential"
    initial: Seconds = 1.0
    maximum: Seconds = 60.0
    retries: int = Field(0, ge=0, le=1_000)


Retry = Annotated[Immediate | Delayed | ExponentialBackOff, Field(discriminator="kind")]


class BatchJob(_Model):
    """Many inputs of one function, or many runs of one command, and then it is over.

    `BatchJob("score", fn=score, inputs=rows, role="ads", cpus=1, mem="512MB", retries=2)` or `BatchJob("render", command="./render $RAYMESOS_INDEX", size=100)`.
    `cpus`, `mem` (MB) and `gpus` are of one task. Raises InvalidJob(field, reason).
    """

    kind: Literal["batch"] = "batch"
    name: str
    fn: Callable[..., Any] | None = Field(None, exclude=True)
    inputs: Any = Field(None, exclude=True)
    command: str | list[str] | None = None
    """Text for /bin/sh, or a list of arguments."""
    size: int | None = Field(None, ge=1, le=MAX_INPUTS)
    role: str = "*"
    cpus: Quantity = 1.0
    mem: Megabytes = 128.0
    disk: Megabytes = 0.0
    gpus: int = Field(0, ge=0, le=10_000)
    ports: int = Field(0, ge=0, le=1_000)
    retries: int | None = Field(None, ge=0, le=1_000)
    """Short for `retry=Immediate(retries=n)`."""
    retry: Retry | None = None
    runtime_limit: Seconds | None = Field(None, gt=0, le=MAX_RUNTIME_S)
    """Of one input, from its start."""
    retry_on_runtime_limit: bool = False
    max_parallel: int | None = Field(None, ge=1)
    env: dict[str, str] = Field(default_factory=dict)
    working_dir: str | None = None
    after: list[Any] = Field(default_factory=list)
    """Jobs, or their ids, that must succeed first."""
    gang: bool = False
    """All at once or none."""
    isolated: bool = False
    """A process of its own for each call, instead of a warm one."""
    attributes: dict[str, str] = Field(default_factory=dict)

    def __init__(self, name: Any = None, /, **fields: Any) -> None:
        if name is not None:
            fields = {"name": name, **fields}
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _refusal(error, type(self)) from None

    @model_validator(mode="after")
    def _fits_together(self) -> BatchJob:
        _check_name(self.name)
        _check_role(self.role)
        if (self.fn is None) == (self.command is None):
            raise _Refused("fn", "give exactly one of fn (with inputs) and command (with size)")
        if self.fn is not None and self.inputs is None:
            raise _Refused("inputs", "fn needs inputs: one call for each")
        if self.fn is not None and self.size is not None:
            raise _Refused("size", "is for commands; a function runs once for each of its inputs")
        if self.command is not None and self.inputs is not None:
            raise _Refused("inputs", "are for fn; a command finds its number in $RAYMESOS_INDEX")
        if self.command is not None and not self.command:
            raise _Refused("command", "must not be empty")
        if self.inputs is not None and not isinstance(self.inputs, Iterable):
            raise _Refused("inputs", f"must be iterable, not {type(self.inputs).__name__}")
        if self.retries is not None and self.retry is not None:
            raise _Refused("retries", "give retries or retry, not both")
        if not self.cpus and not self.mem and not self.gpus:
            raise _Refused("cpus", "a task needs some cpus, mem or gpus")
        return self

    @property
    def resources(self) -> Resources:
        """What one task holds, its ports aside."""
        quantities = {"cpus": self.cpus, "mem": self.mem, "disk": self.disk, "gpus": float(self.gpus)}
        try:
            return Resources.of_milli({n: scalar_milli(v, n) for n, v in quantities.items() if v})
        except InvalidValue as error:
            raise InvalidJob(error.field, error.reason) from None

    @property
    def policy(self) -> RetryPolicy:
        match self.retry:
            case Delayed(delay=delay, retries=retries):
                return RetryPolicy(retries, int(delay * 1000))
            case ExponentialBackOff(initial=initial, maximum=maximum, retries=retries):
                return RetryPolicy(retries, int(initial * 1000), int(maximum * 1000), 2)
            case Immediate(retries=retries):
                return RetryPolicy(retries)
            case _:
                return RetryPolicy(self.retries or 0)

    @property
    def argv(self) -> tuple[str, ...]:
        if self.command is None:
            return ()
        return ("/bin/sh", "-c", self.command) if isinstance(self.command, str) else tuple(self.command)


class _Refused(ValueError):
    """A refusal that names its field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _Refused(
            "name", f"{name!r}: must be 1 to 100 letters, digits, _ . and -, beginning with a letter, digit or _"
        )


def _check_role(role: str) -> None:
    try:
        validate_role(role)
    except InvalidValue as error:
        raise _Refused("role", f"{role!r}: {error.reason}") from None


def _refusal(error: ValidationError, model: type[BaseModel]) -> InvalidJob:
    """The first complaint, in our words: which field, what was given, what is wrong with it."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, _Refused):
        return InvalidJob(cause.field, cause.reason)
    field = ".".join(str(part) for part in first["loc"]) or "job"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, model.model_fields, n=1)
        return InvalidJob(field, f"there is no such field{f'; did you mean {near[0]}?' if near else ''}")
    if first["type"] == "missing":
        return InvalidJob(field, "is required")
    given = repr(first["input"])
    reason = str(cause) if cause is not None else first["msg"][0].lower() + first["msg"][1:]
    return InvalidJob(field, f"{given if len(given) <= 80 else given[:77] + '...'}: {reason}")


def parse_job(fields: Any) -> BatchJob:
    """A job from a file's fields (`kind: batch`). Raises InvalidJob."""
    if not isinstance(fields, dict):
        raise InvalidJob("job", "the file must hold one mapping, with kind: batch")
    kind = fields.get("kind")
    if kind != "batch":
        raise InvalidJob("kind", f"{kind!r}: must be batch")
    if not isinstance(fields.get("name"), str):
        raise InvalidJob("name", "is required")
    return BatchJob(**fields)


def job_schema() -> dict[str, Any]:
    """The JSON schema of a job file."""

    class JobFile(_Model):
        kind: Literal["batch"]
        name: str
        command: str | list[str]
        size: int = Field(1, ge=1, le=MAX_INPUTS)

    own = JobFile.model_json_schema()
    schema = BatchJob.model_json_schema(mode="serialization")
    schema["properties"] |= own["properties"]
    schema["required"] = ["kind", "name", "command"]
    schema["title"] = "raymesos job file"
    return schema
