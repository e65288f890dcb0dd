"""Between the service framework and the gateways: where services are reached, and what came that way."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.wire.registry import message


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An instance that is ready, or one that is to get no new requests while it ends its old ones (`draining`)."""

    task_id: str
    host: str
    port: int
    draining: bool = False


@dataclass(frozen=True, slots=True)
class RouteRules:
    """How requests to a service are treated. Times in ms."""

    connect_ms: int = 1_000
    timeout_ms: int = 60_000
    """Without a byte from the instance."""
    hold_ms: int = 30_000
    """While no instance is ready a request waits so long for one."""
    retries: int = 3
    """On other instances: of what has not reached one, and of idempotent methods."""
    max_waiting: int = 1_000
    """So many requests wait at most; more are refused at once (503)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One service, named as users call it. One that is disabled, or of size 0 and not to be woken, has no route."""

    service: str
    endpoints: tuple[Endpoint, ...] = ()
    rules: RouteRules = field(default_factory=RouteRules)


@message(310)
class Routes:
    """To a gateway: these services are so from now on; those in `gone` have no route any more. `whole`: there are no others."""

    version: int
    routes: tuple[Route, ...] = ()
    gone: tuple[str, ...] = ()
    whole: bool = False


@message(311)
class RoutesSet:
    """From a gateway: it has acted on all up to `version`."""

    version: int


@message(312)
class WatchRoutes:
    """From a gateway that is new, or has lost its link: tell me all, and go on telling me. `node_id`: where it stands, `address`: host:port of its listener."""

    node_id: str = ""
    address: str = ""


@message(313)
class Drained:
    """From a gateway: these draining instances have no open request there any more."""

    task_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one service had since the gateway's last word: `waiting` are held for want of an instance now, `open` are in flight now."""

    service: str
    requests: int = 0
    errors: int = 0
    """Answered with 5xx, by an instance or by the gateway for want of one."""
    open: int = 0
    waiting: int = 0
    p50_ms: int = 0
    p99_ms: int = 0


@message(314)
class TrafficSeen:
    """From a gateway, every second while there is any, and at once when a request waits for a service of size 0."""

    span_ms: int
    services: tuple[Traffic, ...]
