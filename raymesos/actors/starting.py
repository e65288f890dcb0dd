"""Bring the actors of a cluster up, in parallel, and wait until all of them are ready for work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raymesos.actors.nodes import start_agent
from raymesos.actors.plan import BATCH, HTTP, AgentPlan, ClusterPlan
from raymesos.actors.running import Running, write_run_file
from raymesos.errors import ClusterUnavailable, RaymesosError
from raymesos.machine import ALLOCATOR, MASTER, OBSERVER

START_TIMEOUT_S = 90.0

Progress = Callable[[str], None]


@dataclass(slots=True)
class Started:
    """A cluster that this process started."""

    running: Running
    plan: ClusterPlan
    agents: list[AgentPlan]
    said: list[str]
    """What a person should know of how it was set up (more CPUs offered than the machine has, say)."""


def bring_up(started: Started, progress: Progress) -> None:
    """Every agent is registered, the batch framework subscribed, HTTP served; the cluster is noted. Raises ClusterUnavailable, Conflict, InvalidValue."""
    from raymesos.actors.hosts import Allocator, BatchFramework, Master, Observer

    plan = started.plan
    progress("starting the Master, the Allocator and the agents")
    on_head = {"namespace": plan.namespace, "lifetime": "detached", "get_if_exists": True}
    handles = [
        cls.options(name=name, **on_head).remote(plan, name)  # type: ignore[attr-defined,union-attr]
        for cls, name in ((Master, MASTER), (Allocator, ALLOCATOR), (BatchFramework, BATCH), (Observer, OBSERVER))
    ]
    handles += [start_agent(plan, agent) for agent in started.agents]
    web = _start_web(plan, on_head)
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        ray.get([h.ready.remote() for h in handles], timeout=START_TIMEOUT_S)
        master = handles[0]
        progress("waiting for the agents to register")
        while time.monotonic() < deadline:
            agents, batch = ray.get(master.census.remote(), timeout=START_TIMEOUT_S)
            if agents >= len(started.agents) and batch and _seen(handles[3]) >= len(started.agents):
                break
            time.sleep(0.02)
        else:
            raise ClusterUnavailable(
                f"only {agents} of {len(started.agents)} agents registered in {START_TIMEOUT_S:g} s"
            )
        if web is not None and plan.http is not None:
            from raymesos.http.listening import authority

            host, port = ray.get(web.address.remote(), timeout=START_TIMEOUT_S)
            started.running = replace(started.running, url=f"{plan.http.scheme}://{authority(host, port)}")
        if plan.had_services:
            progress("starting the services of before")
            ray.get(master.open_services.remote(), timeout=START_TIMEOUT_S)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RaymesosError):
            raise error.cause from None
        raise ClusterUnavailable(f"the cluster did not start: {_last_line(error)}") from error
    except ray.exceptions.RayError as error:
        raise ClusterUnavailable(f"the cluster did not start: {_last_line(error)}") from error
    write_run_file(started.running)


def _start_web(plan: ClusterPlan, options: dict[str, Any]) -> Any | None:
    """The actor that serves HTTP, or None where none is wanted. Importing what it needs takes a second: not before it is wanted."""
    if plan.http is None:
        return None
    from raymesos.actors.web import Web

    here = NodeAffinitySchedulingStrategy(plan.http_node_id, soft=False)
    return Web.options(name=HTTP, scheduling_strategy=here, **options).remote(plan, HTTP, plan.http)  # type: ignore[attr-defined]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def _seen(observer: Any) -> int:
    """How many active agents the views show: who asks for them right after the start is not told that there are none."""
    active: int = ray.get(observer.view.remote("status", {}), timeout=START_TIMEOUT_S)["agents"]["active"]
    return active
