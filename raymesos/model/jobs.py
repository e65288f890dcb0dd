"""Job descriptors, as users write them: pydantic models that name the field and the reason when they refuse. (Titus: JobDescriptor)"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from raymesos.errors import InvalidJob, InvalidValue
from raymesos.model.resource_text import scalar_milli
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.roles import validate_role
from raymesos.model.units import megabytes, quantity, seconds

# One byte of state an input; beyond this a job is better cut in several.
MAX_INPUTS = 100_000_000
MAX_RUNTIME_S = 864_000.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def _count(value: Any) -> Any:
    # YAML's yes and no would otherwise count as 1 and 0.
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def _text(value: Any) -> Any:
    """What may become an argument or an environment variable of a process, and travel as UTF-8."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("must not hold a NUL")
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError("must be text that UTF-8 can carry")
    return value


def _variable(value: Any) -> Any:
    if isinstance(value, str) and (not value or "=" in value):
        raise ValueError("must be the name of an environment variable: not empty, without =")
    return _text(value)


_NUMBER_OR_TEXT = WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]})
Quantity = Annotated[float, BeforeValidator(quantity)]
Megabytes = Annotated[float, BeforeValidator(megabytes), _NUMBER_OR_TEXT]
Seconds = Annotated[float, BeforeValidator(seconds), _NUMBER_OR_TEXT]
Count = Annotated[int, BeforeValidator(_count)]
Text = Annotated[str, BeforeValidator(_text)]
Variable = Annotated[str, BeforeValidator(_variable)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _refusal(error, type(self)) from None


class Immediate(_Model):
    """Try again at once, so many times."""

    kind: Literal["immediate"] = "immediate"
    retries: Count = Field(0, ge=0, le=1_000)


class Delayed(_Model):
    """Try again after `delay`, so many times."""

    kind: Literal["delayed"] = "delayed"
    delay: Seconds = Field(1.0, le=MAX_RUNTIME_S)
    retries: Count = Field(0, ge=0, le=1_000)


class ExponentialBackOff(_Model):
    """Try again after `initial`, then twice as long each time, at most `maximum`."""

    kind: Literal["exponential"] = "exponential"
    initial: Seconds = Field(1.0, le=MAX_RUNTIME_S)
    maximum: Seconds = Field(60.0, le=MAX_RUNTIME_S)
    retries: Count = Field(0, ge=0, le=1_000)


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
        _ = self.resources  # What no agent can count in is refused now, not when the job is packed.
        return self

    @property
    def resources(self) -> Resources:
        """What one task holds, its ports aside."""
        quantities = {"cpus": self.cpus, "mem": self.mem, "disk": self.disk, "gpus": float(self.gpus)}
        try:
            return Resources.of_milli({n: scalar_milli(v, n) for n, v in quantities.items() if v})
        except InvalidValue as error:
            raise _Refused(error.field, f"{error.value}: {error.reason}") from None

    @property
    def policy(self) -> RetryPolicy:
        """How often, and after how long, what failed is tried again."""
        match self.retry:
            case Delayed(delay=delay, retries=retries):
                return RetryPolicy(retries, round(delay * 1000))
            case ExponentialBackOff(initial=initial, maximum=maximum, retries=retries):
                return RetryPolicy(retries, round(initial * 1000), round(maximum * 1000), 2)
            case Immediate(retries=retries):
                return RetryPolicy(retries)
            case _:
                return RetryPolicy(self.retries or 0)

    @property
    def argv(self) -> tuple[str, ...]:
        """What is run for each index; nothing for a job of functions."""
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
    errors = error.errors(include_url=False)
    # Of the branches of a union the one that fitted best got deepest.
    first = max((e for e in errors if e["loc"][:1] == errors[0]["loc"][:1]), key=lambda e: len(e["loc"]))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, _Refused):
        return InvalidJob(cause.field, cause.reason)
    field = _field(first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, model.model_fields, n=1)
        return InvalidJob(field, f"there is no such field{f'; did you mean {near[0]}?' if near else ''}")
    if first["type"] == "missing":
        return InvalidJob(field, "is required")
    given = repr(first["input"])
    reason = str(cause) if cause is not None else first["msg"][0].lower() + first["msg"][1:]
    return InvalidJob(field, f"{given if len(given) <= 80 else given[:77] + '...'}: {reason}")


def _field(loc: tuple[int | str, ...]) -> str:
    """The path to a field as the user wrote it, without pydantic's names for the branches of a union and for keys."""
    if loc[:1] == ("command",):
        loc = loc[:1]
    return ".".join(str(part) for part in loc if part != "[key]") or "job"


def parse_job(fields: Any) -> BatchJob:
    """A job from a file's fields (`kind: batch`). Raises InvalidJob."""
    if not isinstance(fields, dict):
        raise InvalidJob("job", "the file must hold one mapping, with kind: batch")
    kind = fields.get("kind")
    if kind != "batch":
        raise InvalidJob("kind", f"{kind!r}: must be batch")
    if not isinstance(fields.get("name"), str):
        raise InvalidJob("name", "is required")
    for field in fields:
        if not isinstance(field, str):
            raise InvalidJob(str(field), "there is no such field")
    return BatchJob(**fields)


def job_schema() -> dict[str, Any]:
    """The JSON schema of a job file."""

    class JobFile(_Model):
        kind: Literal["batch"]
        name: str
        command: Text | list[Text]
        size: int = Field(1, ge=1, le=MAX_INPUTS)

    own = JobFile.model_json_schema()
    schema = BatchJob.model_json_schema(mode="serialization")
    schema["properties"] |= own["properties"]
    schema["required"] = ["kind", "name", "command"]
    schema["title"] = "raymesos job file"
    return schema
