"""What job descriptors have in common: fields that are checked as they are read, and refusals that name the field, the value and the reason."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from raymesos.errors import InvalidJob, InvalidValue
from raymesos.model.resource_text import scalar_milli
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.roles import validate_role
from raymesos.model.units import megabytes, quantity, seconds

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


class Descriptor(BaseModel):
    """What all of them are: unchangeable, without unknown fields, refused as InvalidJob."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _refusal(error, type(self)) from None


class ByOne(Descriptor):
    """Its first field, named `first`, may be given without its name."""

    first: ClassVar[str]

    def __init__(self, value: Any = None, /, **fields: Any) -> None:
        super().__init__(**(fields if value is None else {type(self).first: value, **fields}))


class Immediate(Descriptor):
    """Try again at once, so many times."""

    kind: Literal["immediate"] = "immediate"
    retries: Count = Field(default=0, ge=0, le=1_000)


class Delayed(Descriptor):
    """Try again after `delay`, so many times."""

    kind: Literal["delayed"] = "delayed"
    delay: Seconds = Field(default=1.0, le=MAX_RUNTIME_S)
    retries: Count = Field(default=0, ge=0, le=1_000)


class ExponentialBackOff(Descriptor):
    """Try again after `initial`, then twice as long each time, at most `maximum`."""

    kind: Literal["exponential"] = "exponential"
    initial: Seconds = Field(default=1.0, le=MAX_RUNTIME_S)
    maximum: Seconds = Field(default=60.0, le=MAX_RUNTIME_S)
    retries: Count = Field(default=0, ge=0, le=1_000)


Retry = Annotated[Immediate | Delayed | ExponentialBackOff, Field(discriminator="kind")]


def policy_of(retry: Retry | None, otherwise: RetryPolicy) -> RetryPolicy:
    """How often, and after how long, what failed is tried again."""
    match retry:
        case Delayed(delay=delay, retries=retries):
            return RetryPolicy(retries, round(delay * 1000))
        case ExponentialBackOff(initial=initial, maximum=maximum, retries=retries):
            return RetryPolicy(retries, round(initial * 1000), round(maximum * 1000), 2)
        case Immediate(retries=retries):
            return RetryPolicy(retries)
        case _:
            return otherwise


def resources_of(quantities: dict[str, float]) -> Resources:
    """What one task holds, its ports aside. Raises Refused."""
    try:
        return Resources.of_milli({n: scalar_milli(v, n) for n, v in quantities.items() if v})
    except InvalidValue as error:
        raise Refused(error.field, f"{error.value}: {error.reason}") from None


def argv_of(command: str | list[str] | None) -> tuple[str, ...]:
    """What is run: text goes to /bin/sh; nothing for None."""
    if command is None:
        return ()
    return ("/bin/sh", "-c", command) if isinstance(command, str) else tuple(command)


class Refused(ValueError):
    """A refusal that names its field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Refused(
            "name", f"{name!r}: must be 1 to 100 letters, digits, _ . and -, beginning with a letter, digit or _"
        )


def check_role(role: str) -> None:
    try:
        validate_role(role)
    except InvalidValue as error:
        raise Refused("role", f"{role!r}: {error.reason}") from None


def _refusal(error: ValidationError, model: type[BaseModel]) -> InvalidJob:
    """The first complaint, in our words: which field, what was given, what is wrong with it."""
    errors = error.errors(include_url=False)
    # Of the branches of a union the one that fitted best got deepest.
    first = max((e for e in errors if e["loc"][:1] == errors[0]["loc"][:1]), key=lambda e: len(e["loc"]))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, Refused):
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
