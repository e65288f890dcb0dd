"""What an agent shows of itself, in both forms: who has what on it, from the views; its containers, from its disk.

A command has an executor of its own in Mesos' eyes, called as the task: tools look for its directory there.
"""

from __future__ import annotations

from functools import cached_property

from raymesos.http.agent.containers import sandbox_of
from raymesos.http.agent.site import AgentSite
from raymesos.http.mesos.amounts import endpoint_resources_json
from raymesos.http.mesos.executors import executor_info_json
from raymesos.http.mesos.infos import framework_info_json
from raymesos.http.mesos.operator.about import duration, version_json
from raymesos.http.mesos.operator.older_rows import attributes_row, labels_row, model, task_row
from raymesos.http.mesos.operator.operation_rows import operation_json
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.operator.v1_rows import AGENT_CAPABILITIES, agent_info_json, task_json
from raymesos.http.mesos.values import Row, domain_json, seconds_json
from raymesos.model.resources import EMPTY, Resources
from raymesos.shim.tasks import file_name
from raymesos.wire.notes import AgentNote, ExecutorNote, FrameworkNote, TaskNote

# As many as Mesos keeps of one framework. (max_completed_executors_per_framework)
COMPLETED_KEPT = 150


class Picture:
    """One look at the views, for one answer."""

    def __init__(self, site: AgentSite) -> None:
        self._site, view = site, site.views.state
        self.note = site.note()
        agent_id = self.note.agent_id if self.note is not None else ""
        self.tasks = [t for t in view.tasks.values() if t.agent_id == agent_id]
        self.ended = [t for t in view.ended_tasks.values() if t.agent_id == agent_id]
        self.executors = [e for e in view.executors.values() if e.agent_id == agent_id]
        there = dict.fromkeys([*(t.framework_id for t in self.tasks), *(e.framework_id for e in self.executors)])
        before = dict.fromkeys(t.framework_id for t in self.ended if t.framework_id not in there)
        self.frameworks = [view.frameworks[f] for f in there if f in view.frameworks]
        self.completed = [view.frameworks[f] for f in before if f in view.frameworks]

    @cached_property
    def _runs(self) -> dict[tuple[str, str], str]:
        """The id of each custom executor's run."""
        return {each.key: each.container_id for each in reversed(self._site.containers())}

    # ------------------------------------------------------------ `/state`

    def state(self, flags: dict[str, str]) -> Row:
        note, whole = self.note, self.note.total if self.note is not None else EMPTY
        used = self._used()
        return {
            **version_json(),
            "start_time": seconds_json(self._site.started_ms),
            "id": note.agent_id if note is not None else "",
            "pid": f"slave(1)@{self._site.endpoint}",
            "hostname": note.hostname if note is not None else "",
            "capabilities": list(AGENT_CAPABILITIES),
            "resources": model(whole),
            **_reserved("reserved_resources", whole),
            "unreserved_resources": model(whole.unreserved()),
            **self._full(whole),
            **_reserved("reserved_resources_allocated", used),
            "unreserved_resources_allocated": model(used.unreserved()),
            "resource_providers": [],
            "attributes": attributes_row(note.attributes) if note is not None else {},
            **({"domain": domain_json(note.region, note.zone)} if note is not None and note.region else {}),
            "master_hostname": "localhost",
            "flags": flags,
            "frameworks": [self._framework_row(f) for f in self.frameworks],
            "completed_frameworks": [self._framework_row(f) for f in self.completed],
        }

    def _full(self, whole: Resources) -> Row:
        roles = whole.reserved_roles()
        return {
            "reserved_resources_full": {r: endpoint_resources_json(whole.reserved_to(r)) for r in roles},
            "unreserved_resources_full": endpoint_resources_json(whole.unreserved()),
        }

    def _framework_row(self, framework: FrameworkNote) -> Row:
        info, id = framework.info, framework.framework_id
        live = [t for t in self.tasks if t.framework_id == id]
        ended = [t for t in self.ended if t.framework_id == id]
        own = [e for e in self.executors if e.framework_id == id]
        described = {e.info.executor_id for e in own}
        rows = [self._executor_row(e, live, ended) for e in own]
        rows += [self._command_row(t, over=False) for t in live if t.executor_id not in described]
        over = [t for t in ended if t.executor_id not in described]
        return {
            "id": id,
            "name": framework.name,
            "user": info.user if info is not None else "",
            "failover_timeout": seconds_json(info.failover_timeout_ms if info is not None else 0),
            "checkpoint": info.checkpoint if info is not None else False,
            "hostname": info.hostname if info is not None else "",
            "roles": list(framework.roles),
            "executors": rows,
            "completed_executors": [self._command_row(t, over=True) for t in over[-COMPLETED_KEPT:]],
        }

    def _executor_row(self, note: ExecutorNote, live: list[TaskNote], ended: list[TaskNote]) -> Row:
        info = note.info
        mine = [t for t in live if t.executor_id == info.executor_id]
        held = sum((t.resources for t in mine), info.resources)
        container = self._runs.get((note.framework_id, info.executor_id), "")
        row: Row = {
            "id": info.executor_id,
            "name": info.name,
            "source": info.source,
            "container": container,
            "directory": str(sandbox_of(self._site.directory, container)) if container else "",
            "resources": model(held),
            "role": info.role,
        }
        if info.type:
            row["type"] = str(info.type)
        if info.labels:
            row["labels"] = labels_row(info.labels)
        queued = [t for t in mine if t.state == "TASK_STAGING"]
        return row | {
            "tasks": [task_row(t) for t in mine if t.state != "TASK_STAGING"],
            "queued_tasks": [task_row(t) for t in queued],
            "completed_tasks": [task_row(t) for t in ended if t.executor_id == info.executor_id],
        }

    def _command_row(self, task: TaskNote, *, over: bool) -> Row:
        row: Row = {
            "id": task.executor_id or task.task_id,
            "name": f"Command Executor (Task: {task.task_id})",
            "source": task.task_id,
            "container": file_name(task.task_id),
            "directory": str(sandbox_of(self._site.directory, file_name(task.task_id))),
            "resources": model(task.resources),
            "role": task.role,
        }
        if task.labels:
            row["labels"] = labels_row(task.labels)
        shown = [task_row(task)]
        return row | {"tasks": [] if over else shown, "queued_tasks": [], "completed_tasks": shown if over else []}

    def _used(self) -> Resources:
        held = sum((t.resources for t in self.tasks), EMPTY)
        return sum((e.info.resources for e in self.executors), held)

    # ------------------------------------------------------------ the v1 API

    def get_tasks(self) -> Row:
        """As the agent of Mesos groups them: those whose end nobody has acknowledged yet are not told apart from others that ended."""
        staging = [t for t in self.tasks if t.state == "TASK_STAGING"]
        return {
            "pending_tasks": [],
            "queued_tasks": [task_json(t) for t in staging],
            "launched_tasks": [task_json(t) for t in self.tasks if t.state != "TASK_STAGING"],
            "terminated_tasks": [],
            "completed_tasks": [task_json(t) for t in self.ended],
        }

    def get_executors(self) -> Row:
        rows = [{"executor_info": executor_info_json(e.info, e.framework_id)} for e in self.executors]
        return {"executors": rows}

    def get_frameworks(self) -> Row:
        def shown(notes: list[FrameworkNote]) -> list[Row]:
            return [{"framework_info": framework_info_json(f.info)} for f in notes if f.info is not None]

        return {"frameworks": shown(self.frameworks), "completed_frameworks": shown(self.completed)}

    def get_agent(self) -> Row:
        return {"agent_info": agent_info_json(self.note, place_of(self.note))} if self.note is not None else {}

    def get_operations(self) -> Row:
        if self.note is None or not self.note.operations:
            return {}
        rows = [operation_json(self.note.agent_id, each) for each in self.note.operations]
        return {"operations": rows}

    def get_state(self) -> Row:
        return {
            "get_tasks": self.get_tasks(),
            "get_executors": self.get_executors(),
            "get_frameworks": self.get_frameworks(),
        }

    # ------------------------------------------------------------ numbers

    def metrics(self, now_ms: int, registered: bool) -> dict[str, float]:
        """By Mesos' names, of what the views know."""
        whole, used = self.note.total if self.note is not None else EMPTY, self._used()
        found = {
            "slave/registered": float(registered),
            "slave/uptime_secs": (now_ms - self._site.started_ms) / 1000,
            "slave/frameworks_active": float(len(self.frameworks)),
            "slave/executors_running": float(len([e for e in self.executors if e.info.is_custom])),
            "slave/recovery_errors": 0.0,
        }
        for state in ("staging", "starting", "running", "killing"):
            found[f"slave/tasks_{state}"] = float(len([t for t in self.tasks if t.state == f"TASK_{state.upper()}"]))
        for state in ("finished", "failed", "killed", "lost", "gone"):
            found[f"slave/tasks_{state}"] = float(len([t for t in self.ended if t.state == f"TASK_{state.upper()}"]))
        for name in ("cpus", "gpus", "mem", "disk"):
            total, taken = whole.scalar(name) / 1000, used.scalar(name) / 1000
            found |= {f"slave/{name}_total": total, f"slave/{name}_used": taken}
            found[f"slave/{name}_percent"] = taken / total if total else 0.0
        return dict(sorted(found.items()))


def _reserved(name: str, resources: Resources) -> Row:
    return {name: {role: model(resources.reserved_to(role)) for role in resources.reserved_roles()}}


def flags_of(site: AgentSite, note: AgentNote | None) -> dict[str, str]:
    """By Mesos' names: what of an agent's flags there is here, in Mesos' form."""
    settings = site.settings
    found = {
        "authenticate_http_executors": "false",
        "authenticate_http_readonly": "false",
        "authenticate_http_readwrite": "false",
        "containerizers": "mesos",
        "executor_registration_timeout": duration(settings.executor_registration_ms),
        "executor_reregistration_timeout": duration(settings.executor_reregistration_ms),
        "executor_shutdown_grace_period": duration(settings.executor_shutdown_ms),
        "isolation": "posix/cpu,posix/mem",
        "launcher": "posix",
        "logging_level": "INFO",
        "oversubscribed_resources_interval": duration(settings.estimate_ms),
        "port": site.endpoint.rpartition(":")[2],
        "recover": "reconnect",
        "registration_backoff_factor": duration(settings.register_retry_ms),
        "version": "false",
        "work_dir": str(site.directory.absolute()),
    }
    if note is not None:
        found["resources"] = str(note.total)
    return dict(sorted(found.items()))
