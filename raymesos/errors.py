"""Every error that raymesos raises on purpose: one small tree, mapped to exit codes (and later HTTP status) in one place.

A door catches `RaymesosError` and shows `str(error)`; it names the field or id, the value and the reason.
"""

from __future__ import annotations


class RaymesosError(Exception):
    """The root. `exit_code` is what the command line ends with when this error reaches it."""

    exit_code = 2


class InvalidValue(RaymesosError):
    """A value was refused: `field` names it, `value` is what was given, `reason` says what is wrong with it."""

    def __init__(self, field: str, value: object, reason: str) -> None:
        self.field, self.value, self.reason = field, value, reason
        super().__init__(f"{field}: {_shown(value)}: {reason}")

    def __reduce__(self) -> tuple[type[InvalidValue], tuple[str, object, str]]:
        return type(self), (self.field, self.value, self.reason)


class InvalidJob(RaymesosError):
    """A job descriptor was refused; nothing of it was kept. `field` and `reason` say why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}")

    def __reduce__(self) -> tuple[type[InvalidJob], tuple[str, str]]:
        return type(self), (self.field, self.reason)


class UnknownId(RaymesosError):
    """Nothing of this kind has this id (any more)."""

    exit_code = 3

    def __init__(self, kind: str, id: str) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"no {kind} {id!r}")

    def __reduce__(self) -> tuple[type[UnknownId], tuple[str, str]]:
        return type(self), (self.kind, self.id)


class Conflict(RaymesosError):
    """The name or id is taken by something else."""

    exit_code = 5


class QuotaRefused(RaymesosError):
    """A quota request cannot be met."""

    exit_code = 5


class Unauthorized(RaymesosError):
    """The principal may not do this."""

    exit_code = 5


class ClusterUnavailable(RaymesosError):
    """No raymesos cluster could be reached or started."""

    exit_code = 4


class JobFailed(RaymesosError):
    """The job ended without finishing every input. `job_id` names it."""

    exit_code = 1

    def __init__(self, job_id: str, message: str) -> None:
        self.job_id = job_id
        super().__init__(message)

    def __reduce__(self) -> tuple[type[JobFailed], tuple[str, str]]:
        return type(self), (self.job_id, str(self))


class ProtocolError(RaymesosError):
    """A peer sent bytes or a message that do not fit the protocol."""


class InvariantBroken(RaymesosError):
    """Our own bug: `name` is the invariant, `story` what was seen. The machine that raised it stops."""

    exit_code = 70

    def __init__(self, name: str, story: str) -> None:
        self.name, self.story = name, story
        super().__init__(f"{name}: {story}")

    def __reduce__(self) -> tuple[type[InvariantBroken], tuple[str, str]]:
        return type(self), (self.name, self.story)


def refusal(kind: str, error: str, field: str = "", value: str = "") -> RaymesosError:
    """The error that a peer's refusal stands for: `kind` is invalid, unknown, conflict or quota."""
    match kind:
        case "unknown":
            return UnknownId(field, value)
        case "conflict":
            return Conflict(error)
        case "quota":
            return QuotaRefused(error)
        case _:
            return InvalidValue(field, value, error)


def _shown(value: object) -> str:
    """`value` as one short line: an error message must not carry a megabyte of input."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
