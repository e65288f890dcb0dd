"""Whether the cluster's listeners can be opened, and may be: looked at before anything is started, with nothing loaded that only their servers need."""

from __future__ import annotations

from pathlib import Path

from raymesos.actors.plan import GatewayPlan, HttpPlan
from raymesos.errors import InvalidValue
from raymesos.http.listening import listen
from raymesos.http.security.loopback import is_loopback


def check_http(http: HttpPlan) -> None:
    """Raises Conflict where the port is taken, InvalidValue for an address that cannot be listened at or would be open to everybody."""
    from raymesos.http.security.opening import check_opening

    check_opening(http.host, auth=http.auth, tokens=Path(http.tokens), tls_cert=http.tls_cert, tls_key=http.tls_key)
    listen(http.host, http.port).close()


def check_gateway(gateway: GatewayPlan) -> None:
    """Raises Conflict where the port is taken, InvalidValue for an address that cannot be listened at or would be open to everybody."""
    if not is_loopback(gateway.host):
        raise InvalidValue(
            "gateway host",
            gateway.host,
            "can be reached from other machines, and the gateway asks nobody who they are: use 127.0.0.1",
        )
    listen(gateway.host, gateway.port).close()
