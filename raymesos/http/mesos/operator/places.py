"""Where agents are reached over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.http.mesos.master_info import address_json, host_ip
from raymesos.http.mesos.values import Row
from raymesos.wire.notes import AgentNote

# Mesos' own, shown of agents that serve no HTTP.
AGENT_PORT = 5051


@dataclass(frozen=True, slots=True)
class Place:
    """`number` tells agents of one address apart."""

    hostname: str
    ip: str
    port: int
    number: str

    @property
    def pid(self) -> str:
        return f"slave({self.number})@{self.ip}:{self.port}"

    @property
    def url(self) -> Row:
        address = address_json(self.hostname, self.ip, self.port)
        return {"scheme": "http", "address": address, "path": f"/slave({self.number})"}


def place_of(note: AgentNote) -> Place:
    """Its own address, if it has one: there it is alone."""
    host, _, port = note.endpoint.rpartition(":")
    if port.isdecimal():
        return Place(note.hostname, host_ip(host.strip("[]")), int(port), "1")
    number = note.agent_id.rpartition("-S")[2]
    return Place(note.hostname, host_ip(note.hostname), AGENT_PORT, number)
