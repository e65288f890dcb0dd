"""The addresses of the agents of one node: which sockets listen for which agent, and a machine that tells each agent its own, again in each of its lives."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesos.errors import RaymesosError
from raymesos.http.listening import authority, listen
from raymesos.machine import LinkUp, Outbox, Wake
from raymesos.wire.messages import AgentServed


@dataclass(frozen=True, slots=True)
class ServeAgent:
    """From the event loop: the agent of this name is served at `endpoint` now."""

    name: str
    endpoint: str


TELL_MS = 5_000
"""An agent that begins anew has forgotten its address, and may have nothing to say to us by which we would hear of it."""


class AddressTeller:
    """The machine: each agent hears its address at once and then every so often."""

    def __init__(self) -> None:
        self.endpoints: dict[str, str] = {}

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case ServeAgent(name, endpoint):
                self.endpoints[name] = endpoint
                out.send(f"agent/{name}", AgentServed(endpoint))
            case Wake():
                for name, endpoint in self.endpoints.items():
                    out.send(f"agent/{name}", AgentServed(endpoint))
                out.wake("tell", TELL_MS)
            case LinkUp(peer) if peer.removeprefix("agent/") in self.endpoints:
                out.send(peer, AgentServed(self.endpoints[peer.removeprefix("agent/")]))
            case _:
                return

    def check(self) -> None:
        return


class Ports:
    """A listening socket for each agent, on the port that it had in former lives of this process if that is free. `kept` remembers them."""

    def __init__(self, host: str, kept: Path) -> None:
        self._host, self._kept = host, kept
        self._ports = _read(kept)

    def open(self, name: str) -> tuple[socket.socket, str]:
        """(the socket, its host:port). Raises Conflict, InvalidValue if nothing can be listened at."""
        try:
            found = listen(self._host, self._ports.get(name, 0))
        except RaymesosError:
            found = listen(self._host, 0)  # Somebody has taken it meanwhile.
        self._ports[name] = found.getsockname()[1]
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        self._kept.write_text(json.dumps(self._ports))
        return found, authority(self._host, self._ports[name])


def _read(kept: Path) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(kept.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}
