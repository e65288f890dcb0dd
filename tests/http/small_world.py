"""Notes of a small cluster as its machines would write them: two agents, two roles that share, jobs that run, wait and ended, a framework of its own."""

from __future__ import annotations

from typing import Any

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.notes import (
    AgentNote,
    EventNote,
    FrameworkNote,
    JobNote,
    MetricsNote,
    OffersNote,
    PassNote,
    ShareNote,
    TaskNote,
    WaitNote,
    WaitReason,
)

NOW_MS = 1_767_600_000_000
LONG = "a-very-long-name-of-a-job-that-somebody-made-by-joining-all-of-its-parameters-alpha=0.001-beta=17"


def agent(name: str, state: str = "active", total: str = "cpus:4;mem:4096;disk:10000") -> AgentNote:
    return AgentNote(
        NOW_MS, f"{name}-id", name, f"{name}.host", state, Resources.parse(total), Attributes.parse("rack:r1")
    )


def task(id: str, role: str, agent: str, state: str = "TASK_RUNNING", **fields: Any) -> TaskNote:
    told = {"framework_id": "F1", "resources": Resources.parse("cpus:1;mem:512"), "reason": "", "message": "", **fields}
    return TaskNote(at_ms=NOW_MS, task_id=id, name=id, role=role, agent_id=f"{agent}-id", state=state, **told)


def job(id: str, role: str, *, state: str = "Accepted", **fields: Any) -> JobNote:
    counts = dict.fromkeys(("total", "waiting", "running", "succeeded", "failed", "retried"), 0) | {
        n: fields.pop(n) for n in list(fields) if n in ("total", "waiting", "running", "succeeded", "failed", "retried")
    }
    told = {
        "name": id,
        "framework_id": "F1",
        "shape": Resources.parse("cpus:1;mem:512"),
        "submitted_ms": NOW_MS - 60_000,
    }
    return JobNote(at_ms=NOW_MS, job_id=id, role=role, state=state, **{**told, **counts, **fields})


def share(
    role: str, weight: str, part: tuple[int, int], entitled: tuple[int, int], held: str, *, ago_s: int = 0
) -> ShareNote:
    return ShareNote(
        NOW_MS - ago_s * 1000, role, weight, part, Resources.parse(held), dominant="cpus", entitled=entitled,
        guarantee=(("cpus", 2000),) if role == "ads" else (), limit=(("cpus", 6000),) if role == "ads" else (),
    )  # fmt: skip


def small_world() -> list[Any]:
    return [
        agent("agent1"),
        agent("agent2", "draining"),
        FrameworkNote(NOW_MS, "F1", "batch", ("ads", "search"), "active"),
        FrameworkNote(NOW_MS, "F2", "crawler", ("search",), "active"),
        OffersNote(NOW_MS, "F1", 1, 20, 15, 3, 1),
        *(share("ads", "3", (n, 8), (3, 4), f"cpus:{n};mem:512", ago_s=60 - 10 * n) for n in range(1, 4)),
        share("search", "1", (1, 8), (1, 4), "cpus:1;mem:512"),
        task("score.1", "ads", "agent1"),
        task("score.2", "ads", "agent1", "TASK_STAGING"),
        task("crawl-7", "search", "agent2", framework_id="F2"),
        task("old.1", "ads", "agent1", "TASK_FAILED", reason="REASON_COMMAND_EXECUTOR_FAILED", message="exit status 3"),
        job("score", "ads", total=10, waiting=6, running=2, succeeded=2),
        job(LONG, "search", total=5, waiting=5, shape=Resources.parse("cpus:64;mem:512")),
        job("old", "ads", state="Finished", total=4, succeeded=3, failed=1, retried=2, ended_ms=NOW_MS - 1_000, why="1 failed"),
        WaitNote(NOW_MS, "F1", "search", "role_behind", reasons=(WaitReason("role_behind"),)),
        PassNote(NOW_MS, 2, 1, (("ads", 4),)),
        MetricsNote(NOW_MS, (("master/uptime_secs", 12.5), ("master/tasks_running", 2), ("master/cpus_total", 8), ("master/cpus_revocable_used", 0))),
        MetricsNote(NOW_MS, (("allocator/mesos/allocation_runs", 40), ("allocator/mesos/allocation_run_ms/p99", 12), ("master/tasks_failed", 1))),
        EventNote(NOW_MS - 50_000, "agent added", "agent1-id", "agent1"),
        EventNote(NOW_MS - 40_000, "job accepted", "score", "10 inputs"),
    ]  # fmt: skip
