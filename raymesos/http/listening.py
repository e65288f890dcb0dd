"""Listening sockets, for whoever opens one or only looks whether it could: nothing here loads a server."""

from __future__ import annotations

import socket

from raymesos.errors import Conflict, InvalidValue

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises Conflict if the port is taken, InvalidValue for what is no address of this machine."""
    if not 0 <= port <= 65_535:
        raise InvalidValue("port", port, "must be 0 (any free one) to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise InvalidValue("host", host, f"is no address: {error.strerror}") from None
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        if error.errno == 98:
            raise Conflict(
                f"port {port} of {host} is in use by another program; choose another one (0 takes any that is free)"
            ) from None
        raise InvalidValue("host", f"{host}:{port}", (error.strerror or str(error)).lower()) from None
    return found


def authority(host: str, port: int) -> str:
    """host:port as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
