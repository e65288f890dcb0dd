"""Start and stop a raymesos cluster on Ray, and find a running one again.

`start_local` makes a Ray cluster of its own on loopback with a directory of its own: `ray.init()` without these joins whatever cluster it finds.
`start_on` puts raymesos on an existing Ray cluster. A running cluster is found by its file in the run directory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import ray
from ray._private import ray_constants

from raymesos.actors.claims import release
from raymesos.actors.nodes import agent_for_node, claim_name
from raymesos.actors.opening import check_gateway, check_http
from raymesos.actors.plan import GATEWAY, AgentPlan, ClusterPlan, GatewayPlan, HttpPlan
from raymesos.actors.running import Running as Running
from raymesos.actors.running import check_name, refuse_if_running, remove_run_file
from raymesos.actors.running import find_running as find_running
from raymesos.actors.starting import Progress, bring_up
from raymesos.actors.starting import Started as Started
from raymesos.errors import ClusterUnavailable, Conflict, InvalidValue
from raymesos.kernel.agent.estimator import estimator_of
from raymesos.machine import MASTER
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.settings import Settings, on_ray
from raymesos.shim.process import start_time

log = logging.getLogger("raymesos.cluster")

STOP_TIMEOUT_S = 10.0
REACH_TIMEOUT_S = 5.0
# Memory that a local cluster leaves to Ray itself and to the machine.
KEEP_FREE_MB = 1024

LOOPBACK = "127.0.0.1"

# Every Ray server binds loopback, no token is asked for, actors run at the priority of ordinary programs. Ray ends no process of a machine that is short of memory:
# it would be one of ours, the master perhaps, for what tasks have taken, which are no processes of Ray's and have limits of their own.
LOCAL_RAY_ENV = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Ctrl-C is looked for so often while `ray.get` waits; Ray's own second is felt.
_CTRL_C = {"get_check_signal_interval_milliseconds": 100}


def start_local(
    *,
    agents: int,
    cpus: float | None,
    mem_mb: int | None,
    name: str,
    work_dir: str | None,
    progress: Progress,
    settings: Settings | None = None,
    lend: str = "",
    estimator: str = "measured",
    http: HttpPlan | None = None,
    gateway: GatewayPlan | None = None,
) -> Started:
    """Start Ray on this machine, alone, and raymesos on it with `agents` agents of `cpus` CPUs and `mem_mb` MB each.

    Ready when every agent is registered and the batch framework subscribed. Raises InvalidValue or ClusterUnavailable; nothing is left behind then.
    """
    if agents < 1:
        raise InvalidValue("agents", agents, "must be at least 1")
    if cpus is not None and not 0 < cpus <= 10_000:
        raise InvalidValue("cpus", cpus, "must be more than 0 and at most 10,000")
    if mem_mb is not None and mem_mb < 1:
        raise InvalidValue("mem", mem_mb, "must be at least 1 MB")
    estimator_of(estimator, Resources.parse(lend), EMPTY)
    check_name(name)
    refuse_if_running(name)
    _must_open(http, gateway)
    if ray.is_initialized():
        raise ClusterUnavailable(
            "this process is already connected to a Ray cluster; use rm.start(address='auto') to put raymesos on it, or ray.shutdown() first"
        )
    each_cpus, each_mem, said = _shape(agents, cpus, mem_mb)
    stay_on_loopback()
    ray_dir = tempfile.mkdtemp(prefix="raymesos-")
    progress("starting Ray")
    total = agents * each_cpus / 1000
    try:
        with _sigterm_as_it_was():
            context = ray.init(
                address="local",
                num_cpus=int(-(-total // 1)),
                include_dashboard=False,
                namespace=name,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                _temp_dir=ray_dir,
                _node_ip_address=LOOPBACK,
                object_store_memory=256 * 1024 * 1024,
                _system_config={"health_check_period_ms": 1000, "health_check_timeout_ms": 2000} | _CTRL_C,
            )
        if context.address_info["node_ip_address"] != LOOPBACK:
            raise ClusterUnavailable(
                f"Ray would listen on {context.address_info['node_ip_address']}, open to the network"
            )
        plan = ClusterPlan(
            namespace=name,
            cluster_id=_cluster_id(work_dir),
            work_dir=work_dir or f"{ray_dir}/raymesos",
            seed=secrets.randbits(32),
            settings=settings or on_ray(),
            lend=lend,
            estimator=estimator,
            http=http,
            http_node_id=ray.get_runtime_context().get_node_id(),
            gateway=gateway,
        )
        node_id = ray.get_runtime_context().get_node_id()
        text = f"cpus:{each_cpus / 1000:g};mem:{each_mem};ports:[{{}}-{{}}]"
        plans = [
            AgentPlan(
                name=f"agent{i + 1}",
                node_id=node_id,
                resources=text.format(31000 + 1000 * i, 31999 + 1000 * i),
                sharers=agents,
            )
            for i in range(agents)
        ]
        pid = os.getpid()
        running = Running(
            name, context.address_info["gcs_address"], plan.work_dir, pid, pid_start=start_time(pid), own_dir=ray_dir
        )
        started = Started(running, plan, plans, said)
        bring_up(started, progress)
    except BaseException:
        ray.shutdown()
        shutil.rmtree(ray_dir, ignore_errors=True)
        raise
    return started


def start_on(
    *,
    address: str,
    cpus: float | None,
    mem_mb: int | None,
    name: str,
    work_dir: str | None,
    progress: Progress,
    settings: Settings | None = None,
    lend: str = "",
    estimator: str = "measured",
    http: HttpPlan | None = None,
    gateway: GatewayPlan | None = None,
) -> Started:
    """Put raymesos on the Ray cluster at `address`: one agent per alive node, with what Ray has free there or `cpus` of it."""
    estimator_of(estimator, Resources.parse(lend), EMPTY)
    check_name(name)
    _must_open(http, gateway)
    if not ray.is_initialized():
        progress(f"connecting to Ray at {address}")
        _reach(address)
        try:
            with _sigterm_as_it_was():
                ray.init(address=address, namespace=name, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ClusterUnavailable(f"no Ray cluster at {address}: {error}") from error
    own_dir = "" if work_dir else f"{tempfile.gettempdir()}/raymesos-{name}-{secrets.token_hex(4)}"
    plan = ClusterPlan(
        namespace=name,
        cluster_id=_cluster_id(work_dir),
        work_dir=work_dir or own_dir,
        seed=secrets.randbits(32),
        settings=settings or on_ray(),
        own_ray=False,
        lend=lend,
        estimator=estimator,
        http=http,
        http_node_id=ray.get_runtime_context().get_node_id(),
        gateway=gateway,
    )
    if MASTER in _named(name):
        raise Conflict(
            f"a raymesos cluster named {name!r} is on this Ray cluster already; join it or choose another name"
        )
    plans = [agent_for_node(node, cpus, mem_mb) for node in ray.nodes() if node["Alive"]]
    running = Running(name, ray.get_runtime_context().gcs_address, plan.work_dir, 0, own_dir=own_dir)
    started = Started(running, plan, plans, [])
    try:
        bring_up(started, progress)
    except BaseException:
        stop(started)
        raise
    return started


def _must_open(http: HttpPlan | None, gateway: GatewayPlan | None) -> None:
    """Before anything is started. Raises Conflict, InvalidValue."""
    if http is not None:
        check_http(http)
    if gateway is not None:
        check_gateway(gateway)


def join(running: Running) -> None:
    """Connect this process to the Ray cluster of a running raymesos. Raises ClusterUnavailable."""
    if ray.is_initialized():
        return
    if running.pid:
        stay_on_loopback()
    _reach(running.address)
    try:
        with _sigterm_as_it_was():
            ray.init(
                address=running.address, namespace=running.namespace, log_to_driver=False, logging_level=logging.ERROR
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterUnavailable(
            f"cluster {running.namespace} does not answer at {running.address}: {error}"
        ) from error


@contextlib.contextmanager
def _sigterm_as_it_was() -> Iterator[None]:
    """Ray is initialized inside; afterwards SIGTERM does what it did before. Where it did nothing of the program's own, it ends the program as `sys.exit` does.

    Ray's handler prints a stack trace and aborts the process three seconds later, in the midst of ending the cluster.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, _terminated if before in (None, signal.SIG_DFL) else before)


def _terminated(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _reach(address: str) -> None:
    """Raises ClusterUnavailable if nothing listens at `host:port`: Ray itself would try for minutes. Other forms of address are left to Ray."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnavailable(f"no Ray cluster answers at {address}: {error}") from None


def stay_on_loopback() -> None:
    """Everything that Ray starts from here listens on loopback only, this process included."""
    os.environ.update(LOCAL_RAY_ENV)
    # Ray reads the variable when it is first imported, which has happened; unset, it listens on every interface.
    ray_constants.ENABLE_RAY_CLUSTER = False


def _shape(agents: int, cpus: float | None, mem_mb: int | None) -> tuple[int, int, list[str]]:
    """(milli-CPUs, MB) of each agent, and what to say aloud about it."""
    cores = os.cpu_count() or 1
    said = []
    milli = int(cpus * 1000) if cpus is not None else max(1000, cores * 1000 // agents)
    if milli * agents > cores * 1000:
        said.append(
            f"{agents} agents offer {agents * milli / 1000:g} CPUs on a machine with {cores}: tasks will share its cores"
        )
    machine_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    each = mem_mb or max(256, (machine_mb - KEEP_FREE_MB) * 3 // 4 // agents)
    return milli, each, said


def _cluster_id(work_dir: str | None) -> str:
    """The id of the cluster: kept in its directory, so that a restart on the same journals is the same cluster."""
    if work_dir is None:
        return secrets.token_hex(4)
    path = Path(work_dir) / "cluster-id"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(secrets.token_hex(4))
    return path.read_text().strip()


def stop(started: Started) -> None:
    """End every process of the cluster: user processes, shims, actors, and Ray itself where it is ours. Idempotent."""
    remove_run_file(started.running.namespace)
    if not ray.is_initialized():
        return
    stop_actors(started.plan.namespace)
    if started.plan.own_ray:
        ray.shutdown()
    _remove_own_dir(started.running)


def stop_found(running: Running) -> None:
    """End the actors and give back the claims of a cluster that another process put on a Ray cluster of others. Raises ClusterUnavailable."""
    join(running)
    stop_actors(running.namespace)
    remove_run_file(running.namespace)
    ray.shutdown()
    _remove_own_dir(running)


def _remove_own_dir(running: Running) -> None:
    if running.own_dir:
        shutil.rmtree(running.own_dir, ignore_errors=True)


def stop_actors(namespace: str) -> None:
    """Start no agent any more, have agents and gateways end what they run on their nodes, end all actors, and give back what was claimed."""
    master = _find(namespace, MASTER)
    if master is not None:
        _wait([master.close.remote()])
    names = _named(namespace)
    agents = [name for name in names if name.startswith("agent/")]
    keepers = [*agents, *(name for name in names if name.startswith(f"{GATEWAY}/"))]
    found = {name: _find(namespace, name) for name in names}
    _wait([handle.close.remote() for name in keepers if (handle := found[name]) is not None])
    for handle in filter(None, found.values()):
        ray.kill(handle, no_restart=True)
    for name in agents:
        release(claim_name(namespace, name.removeprefix("agent/")))


def _wait(calls: list[Any]) -> None:
    if calls:
        ray.wait(calls, num_returns=len(calls), timeout=STOP_TIMEOUT_S)


def _named(namespace: str) -> list[str]:
    """The names of the cluster's actors."""
    found = ray.util.list_named_actors(all_namespaces=True)
    return [a["name"] for a in found if a["namespace"] == namespace]


def _find(namespace: str, name: str) -> Any | None:
    try:
        return ray.get_actor(name, namespace=namespace)
    except ValueError:
        return None
