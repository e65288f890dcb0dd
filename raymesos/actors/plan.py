"""What every actor of one cluster is told when it is made: plain values, the same for all lives of the actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from raymesos.http.security.loopback import is_loopback
from raymesos.machine import BATCH as BATCH
from raymesos.machine import SERVICE as SERVICE
from raymesos.model.settings import Settings, on_ray

HTTP = "http"
GATEWAY = "gateway"
"""Gateways' names begin so; each has its node's id behind it."""


@dataclass(frozen=True, slots=True)
class HttpPlan:
    """Where the HTTP API listens, and to whom; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 5050
    auth: bool = False
    """Callers show a token; where others can reach the address they do so anyway."""
    tokens: str = ""
    """The file of the cluster's tokens."""
    acls: str = ""
    """Mesos' ACLs as JSON; empty: everybody may everything."""
    tls_cert: str = ""
    tls_key: str = ""
    """Files in PEM; empty: no TLS."""
    rate: int | None = None
    """Requests a second of one caller; None: as many as it likes."""

    @property
    def asks(self) -> bool:
        """Whether it matters who calls: executors show tokens of their own then."""
        return self.auth or bool(self.acls) or not is_loopback(self.host)

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """Where services are reached; port 0 takes any free one. `domains`: hosts `<service>.<domain>` are services too; none: of any domain."""

    host: str = "127.0.0.1"
    port: int = 8080
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One raymesos cluster. `namespace` is the Ray namespace that its actors live in and its name for people."""

    namespace: str
    cluster_id: str
    work_dir: str
    """Journals, inputs, results and sandboxes; on a cluster of several nodes each node has its own directory of this name."""
    seed: int
    settings: Settings = field(default_factory=on_ray)
    own_ray: bool = True
    """Whether the Ray cluster was started by us, for us alone."""
    node_cpus: float | None = None
    """Most CPUs that an agent claims of its node, on a Ray cluster that is not ours. None: what is free there."""
    node_mem_mb: int | None = None
    lend: str = ""
    """What each agent lends out at most, in Mesos' text; empty: nothing."""
    estimator: str = "measured"
    """`measured`, what its node is seen not to use, or `fixed`, all of `lend`."""
    http: HttpPlan | None = None
    """None: no HTTP."""
    http_node_id: str = ""
    """The Ray node that serves the master's port, and the gateway."""
    gateway: GatewayPlan | None = None
    """None: services are reached at their instances' own addresses only."""

    @property
    def had_services(self) -> bool:
        """Whether a former life of the cluster in this work directory has opened them."""
        return self.directory("service").exists()

    def directory(self, name: str) -> Path:
        """The directory of one host on this node."""
        return Path(self.work_dir) / name


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """One agent: what it offers, in Mesos' text, and where it lives."""

    name: str
    node_id: str
    resources: str
    attributes: str = ""
    region: str = ""
    zone: str = ""
    spares: int = 2
    """Executor processes kept ready: one for the built-in framework's first task, one for any other framework."""
    sharers: int = 1
    """How many agents share the disk of their node."""
