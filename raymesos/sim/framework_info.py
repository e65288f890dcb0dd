"""What a scripted framework says of itself when it subscribes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raymesos.sim.reading import capabilities_of, milliseconds, name_of, offer_filters_of, texts
from raymesos.wire.messages import FrameworkInfo


def framework_info(
    name: str,
    roles: Iterable[str],
    *,
    id: str,
    capabilities: Iterable[str] | None,
    failover_timeout: float,
    principal: str,
    min_allocatable: Mapping[str, Iterable[str]] | None = None,
) -> FrameworkInfo:
    """What a scripted framework says of itself. Raises InvalidValue; whether its roles are good is for the master to say."""
    return FrameworkInfo(
        name=name_of(name),
        roles=texts("roles", roles),
        id=id,
        user="sim",
        principal=principal,
        capabilities=capabilities_of(capabilities),
        failover_timeout_ms=milliseconds("failover_timeout", failover_timeout),
        hostname=name,
        offer_filters=offer_filters_of(min_allocatable or {}),
    )
