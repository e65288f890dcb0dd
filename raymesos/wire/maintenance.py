"""Maintenance: when machines will be unavailable, and the inverse offers that ask frameworks to leave them in time. Times in ms since 1970."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.registry import message


@dataclass(frozen=True, slots=True)
class Unavailability:
    """From `start_ms` on, for ever if `duration_ms` is None."""

    start_ms: int
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MachineId:
    """A machine by its hostname, its ip, or both. At least one of them."""

    hostname: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Machines that are unavailable together."""

    machines: tuple[MachineId, ...]
    unavailability: Unavailability


@dataclass(frozen=True, slots=True)
class InverseOffer:
    """The agent will be unavailable: the framework is asked to leave it. Empty `resources` mean everything that it holds there."""

    id: str
    framework_id: str
    agent_id: str
    unavailability: Unavailability
    resources: Resources = EMPTY


# ---------------------------------------------------------------- framework → master


@message(15)
class AcceptInverse:
    """The framework will leave. Advisory; it is asked again after `refuse_ms`."""

    framework_id: str
    offer_ids: tuple[str, ...]
    refuse_ms: int = 5_000


@message(16)
class DeclineInverse:
    """The framework will not leave. Advisory; it is asked again after `refuse_ms`."""

    framework_id: str
    offer_ids: tuple[str, ...]
    refuse_ms: int = 5_000


# ---------------------------------------------------------------- master → framework


@message(28)
class InverseOffers:
    """What a framework is asked to leave, of one pass."""

    offers: tuple[InverseOffer, ...]


@message(29)
class RescindInverse:
    """The inverse offer is void."""

    offer_id: str
