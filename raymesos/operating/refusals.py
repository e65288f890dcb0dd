"""What a framework's refusal of a client's call is raised as."""

from __future__ import annotations

from raymesos.errors import Conflict, InvalidJob, QuotaRefused, RaymesosError


def error_of(kind: str, field: str, text: str, unknown: RaymesosError) -> RaymesosError:
    """The error of the class called `kind`; `unknown` where that is UnknownId, whose subject each call names in its own way."""
    match kind:
        case "Conflict":
            return Conflict(text)
        case "UnknownId":
            return unknown
        case "QuotaRefused":
            return QuotaRefused(text)
        case _:
            return InvalidJob(field, text)
