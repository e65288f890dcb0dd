"""What an agent can lend out: as much as was configured, or what nobody is seen to use. (Mesos: the resource estimator module)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from raymesos.errors import InvalidValue
from raymesos.model.resources import EMPTY, Resources

# A measured estimate is a multiple of this part of the most: each new one rescinds offers, and noise is not worth that.
STEPS = 10


@dataclass(frozen=True, slots=True)
class Usage:
    """What is seen of an agent at one moment, all as plain scalars."""

    idle: Resources
    """What no process uses of it."""
    free: Resources = EMPTY
    """What no task holds of its own resources: offered as such, so not lent out besides."""
    lent: Resources = EMPTY
    """What revocable tasks hold."""


class Estimator(Protocol):
    def estimate(self, usage: Usage) -> Resources:
        """What can be lent out now, what is lent already included."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same."""

    lends: Resources

    def estimate(self, usage: Usage) -> Resources:
        return self.lends


@dataclass(frozen=True, slots=True)
class Measured:
    """At most `most`: what is lent, and what is idle beyond `keep` and beyond what its own tasks may claim at any time.

    When less than `keep` is idle, the owner's tasks are about to want it: what is missing is wanted back, estimate by estimate, until they have room.
    """

    most: Resources
    keep: Resources

    def estimate(self, usage: Usage) -> Resources:
        return Resources.of_milli({name: self._of(name, usage) for name in self.most.quantities()})

    def _of(self, name: str, usage: Usage) -> int:
        most = self.most.scalar(name)
        spare = usage.idle.scalar(name) - usage.free.scalar(name) - self.keep.scalar(name)
        step = max(1, most // STEPS)
        return min(most, max(0, usage.lent.scalar(name) + spare) // step * step)


def estimator_of(kind: str, most: Resources, own: Resources) -> Estimator:
    """The estimator called `kind`, for an agent that has `own`; a measured one keeps a tenth of that idle. Raises InvalidValue."""
    if not most.is_plain:
        raise InvalidValue("lend", str(most), "must be unreserved scalars like cpus:2;mem:1024")
    match kind:
        case "fixed":
            return Fixed(most)
        case "measured":
            return Measured(most, Resources.of_milli({name: value // 10 for name, value in own.quantities().items()}))
        case _:
            raise InvalidValue("estimator", kind, "must be fixed or measured")
