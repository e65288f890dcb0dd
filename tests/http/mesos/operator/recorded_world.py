"""The cluster that the recorded answers of a real Mesos 1.11 show, as notes: three agents, a framework with its executor and tasks, one that has left."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.maintenance import MachineId, Unavailability, Window
from raymesos.wire.notes import (
    AgentNote,
    ExecutorNote,
    FrameworkNote,
    MaintenanceNote,
    MasterNote,
    MetricsNote,
    OffersNote,
    OutstandingNote,
    TaskNote,
)
from raymesos.wire.values import ExecutorInfo, FrameworkInfo, Offer, TaskStatus
from raymesos.wire.work import CommandWork

MASTER = "23e19536-ad01-4b9c-82e1-730c85508724"
F0, F1 = f"{MASTER}-0000", f"{MASTER}-0001"
AGENTS = [f"{MASTER}-S{i}" for i in (2, 1, 0)]
NOW_MS = 1_795_344_550_147
WHOLE = Resources.parse("cpus:8;mem:16384;disk:100000;ports:[31000-32000]")
SHAPE = Resources.parse("cpus:0.1;mem:32")
SAMPLER = FrameworkInfo(
    "sampler",
    ("dev",),
    F1,
    "root",
    capabilities=("MULTI_ROLE", "PARTITION_AWARE", "RESERVATION_REFINEMENT"),
    failover_timeout_ms=30_000,
    labels=(("k", "v"),),
    checkpoint=True,
)
EXECUTOR = ExecutorInfo("ex1", CommandWork(("/bin/sh", "-c", "exec /var/lib/mesos")), SHAPE, name="v1exec", role="dev")
CONTAINER = orjson.dumps(
    {
        "container_status": {
            "container_id": {"value": "32c1080a-4ad5-47e9-8f77-d0f639e138ab"},
            "network_infos": [{"ip_addresses": [{"protocol": "IPv4", "ip_address": "127.0.0.1"}]}],
            "executor_pid": 3510,
        }
    }
)


def status(
    task_id: str, state: TaskState, executor_id: str = "ex1", message: str = "", at_ms: int = NOW_MS
) -> TaskStatus:
    uuid = str(UUID(bytes=base64.b64decode("NIqxKWMaTxSKixEKNJYXRA==")))
    return TaskStatus(
        task_id, state, AGENTS[0], executor_id, Source.EXECUTOR, Reason.NONE, message, at_ms, uuid, v1=CONTAINER
    )


def task(task_id: str, *states: TaskState, executor_id: str = "ex1", at_ms: int = NOW_MS - 30, **more: Any) -> TaskNote:
    statuses = tuple(status(task_id, state, executor_id or task_id, at_ms=at_ms) for state in states)
    state = states[-1] if states else TaskState.STAGING
    return TaskNote(
        NOW_MS, F1, task_id, task_id, "dev", AGENTS[0], state, "", "", SHAPE, executor_id, statuses=statuses, **more
    )


def agent(id: str, **more: Any) -> AgentNote:
    name = f"agent{id[-1]}"
    return AgentNote(NOW_MS, id, name, "localhost", "active", WHOLE, Attributes(), registered_ms=NOW_MS, **more)


def framework(info: FrameworkInfo = SAMPLER, state: str = "active", **more: Any) -> FrameworkNote:
    told = {"registered_ms": NOW_MS, "reregistered_ms": NOW_MS} | more
    return FrameworkNote(NOW_MS, info.id, info.name, info.roles, state, info=info, **told)


def offer(number: int, agent_id: str, resources: Resources) -> Offer:
    return Offer(f"{MASTER}-O{number}", F1, agent_id, "localhost", "dev", resources, Attributes())


def master(**more: Any) -> MasterNote:
    return MasterNote(NOW_MS, MASTER, NOW_MS, **more)


def world(*, offers: int = 3, more: Iterable[Any] = ()) -> list[Any]:
    """The framework has the last `offers` of three: the first is of the agent that its tasks are on."""
    raw = FrameworkInfo("raw", ("*",), F0, "root")
    left = WHOLE - Resources.parse("cpus:0.3;mem:96")
    outstanding = (
        replace(offer(6, AGENTS[0], left), executor_ids=("ex1",)),
        offer(5, AGENTS[2], WHOLE),
        offer(4, AGENTS[1], WHOLE),
    )
    return [
        master(),
        *map(agent, AGENTS),
        framework(raw, "completed", unregistered_ms=NOW_MS),
        framework(),
        ExecutorNote(NOW_MS, F1, AGENTS[0], EXECUTOR, "active"),
        task("t-cmd", TaskState.RUNNING, executor_id="", labels=(("a", "b"),), at_ms=NOW_MS),
        task("t-hold", TaskState.RUNNING),
        task("t-noop", TaskState.RUNNING),
        task("t-noop", TaskState.RUNNING, TaskState.FINISHED),
        OffersNote(NOW_MS, F1, 3, 6, 1, 2, 0),
        OutstandingNote(NOW_MS, F1, outstanding[3 - offers :]),
        MetricsNote(NOW_MS, (("master/uptime_secs", 5.0), ("allocator/mesos/allocation_runs", 10.0))),
        *more,
    ]


WEIGHED = master(weights=(("dev", "2.5"),), quotas=(Quota("other", limit=(("cpus", 4000),)),))
SCHEDULED = MaintenanceNote(
    NOW_MS, (Window((MachineId("localhost", "127.0.0.1"),), Unavailability(NOW_MS + 3_600_000)),)
)


def renamed(note: FrameworkNote, **info: Any) -> FrameworkNote:
    assert note.info is not None
    return replace(note, info=replace(note.info, **info))
