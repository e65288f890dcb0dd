"""An executor's way to the shim: work in, events out, and data to and from other nodes.

To the executor's machine this is the machine at `shim/...`. Requests go straight to the socket; a thread reads what comes back. When the shim is lost the
executor is told that it is down, and told again when a new one (the agent starts it) has been found.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray

from raymesos.actors.fetch_cache import FetchCache
from raymesos.actors.fetching import FetchFailed, fetch_all
from raymesos.actors.host import Host
from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.shim_link import ShimLink
from raymesos.actors.volumes import path_of
from raymesos.machine import LinkDown, LinkUp, Outbox
from raymesos.model.tasks import Reason
from raymesos.shim.tasks import file_name
from raymesos.wire.messages import ForgetWork, StartWork, StopWork, WorkEnded, WorkStarted
from raymesos.wire.work import (
    Blob,
    ChunkWork,
    CommandsWork,
    CommandWork,
    Failed,
    ResidentWork,
    WorkReport,
)

log = logging.getLogger("raymesos.shim_side")

# Inputs fetched from another node are kept for the chunks to come; the oldest files leave when there are more.
FETCHED_KEPT = 256
FETCH_TIMEOUT_S = 120.0


class ShimSide:
    def __init__(
        self, address: str, executor: str, owner: str, host: Host, directory: Path, agent: AgentPlan, plan: ClusterPlan
    ) -> None:
        self._address, self._executor, self._host = address, executor, host
        self._directory, self._agent, self._plan = directory, agent, plan
        self._link = ShimLink(
            directory / "shim",
            owner,
            heard=self._take,
            down=lambda: self._post(LinkDown(address)),
            up=lambda restarted: self._post(LinkUp(address, restarted=restarted)),
        )
        self._works: dict[str, Any] = {}
        self._parts: dict[str, int] = {}
        self._coming: dict[str, bool] = {}
        """True for a task whose data are being fetched; who takes it out says what becomes of it."""
        self._lock = threading.Lock()
        self._data = ThreadPoolExecutor(max_workers=4, thread_name_prefix="data")
        self._homes: dict[str, str] = {}

    def begin(self) -> None:
        """Connect, and start the thread that reads. Raises OSError, Broken."""
        self._link.begin()

    # ------------------------------------------------------------ from the executor's machine, on the host's thread

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case StartWork():
                self._works[message.task_id] = message.work
                self._start(message)
            case StopWork():
                self._stop(message, out)
            case ForgetWork():
                self._works.pop(message.task_id, None)
                self._parts.pop(message.task_id, None)
                self._link.forget(message.task_id)

    def check(self) -> None:
        return

    def _start(self, message: StartWork) -> None:
        work = message.work
        common = {
            "env": dict(work.env) | dict(message.env),
            "dir": work.working_dir,
            "mem_kb": message.mem_limit_kb or 0,
            "volumes": [[v.container_path, str(path_of(v, self._directory.absolute()))] for v in message.volumes],
        }
        match work:
            case ChunkWork():
                if self._is_here(work.fn) and self._is_here(work.inputs):
                    self._link.run(message.task_id, "run_chunk", common | _chunk(work))
                else:
                    self._coming[message.task_id] = True
                    self._data.submit(self._fetch_and_start, message.task_id, work, common)
            case CommandsWork():
                self._link.run(message.task_id, "run_commands", common | _commands(work))
            case CommandWork():
                fields = common | {"argv": list(work.argv), "program": work.program}
                if work.uris:
                    self._coming[message.task_id] = True
                    self._data.submit(self._fetch_files_and_start, message.task_id, work, fields)
                else:
                    self._link.run(message.task_id, "run_command", fields)
            case ResidentWork():
                if work.argv or work.app or self._is_here(work.fn):
                    self._link.run(message.task_id, "run_resident", common | _resident(work))
                else:
                    self._coming[message.task_id] = True
                    self._data.submit(self._fetch_and_start, message.task_id, work, common)

    def _stop(self, message: StopWork, out: Outbox) -> None:
        """What the shim has not got yet, since its data are on their way, never starts."""
        with self._lock:
            here = self._coming.pop(message.task_id, False)
        if here:
            ended = WorkEnded(message.task_id, reason=Reason.EXECUTOR_TERMINATED, message="stopped before it started")
            out.send(self._executor, ended)
        else:
            self._link.stop(message.task_id, message.grace_ms)

    # ------------------------------------------------------------ from the shim, on the reader's thread

    def _take(self, kind: str, fields: dict[str, Any]) -> None:
        try:
            self._heard(kind, fields)
        except Exception:
            log.exception("an event of the shim could not be taken: %s %r", kind, fields)

    def _post(self, message: Any) -> None:
        self._host.post(self._executor, self._address, message)

    def _heard(self, kind: str, fields: dict[str, Any]) -> None:
        match kind:
            case "started":
                self._post(WorkStarted(fields["id"], fields["pid"]))
            case "report":
                self._report(fields)
            case "ended":
                self._ended(fields)

    def _report(self, fields: dict[str, Any]) -> None:
        task_id = fields["id"]
        work = self._works.get(task_id)
        if work is None:
            return
        part = self._parts[task_id] = self._parts.get(task_id, 0) + 1
        report = WorkReport(
            task_id=task_id,
            job_id=work.job_id,
            part=part,
            lo=fields["lo"],
            hi=fields["hi"],
            results=self._blob(work, task_id, part, fields.get("results") or {}),
            failed=tuple(Failed(*row) for row in fields["failed"]),
            culprit=fields.get("culprit"),
            culprit_error=fields.get("culprit_error", ""),
            elapsed_us=fields["elapsed_us"],
            last=True,
        )
        self._post(report)

    def _ended(self, fields: dict[str, Any]) -> None:
        self._post(
            WorkEnded(
                fields["id"],
                fields["exit"],
                fields["signal"],
                Reason(fields["reason"]),
                fields["message"],
                tuple(fields["usage"].items()),
            )
        )

    # ------------------------------------------------------------ data of other nodes

    def _is_here(self, blob: Blob) -> bool:
        return bool(blob.inline) or blob.node_id == self._agent.node_id

    def _blob(self, work: Any, task_id: str, part: int, results: dict[str, Any]) -> Blob:
        """The results as the framework can reach them: inline, a file on its node, or put there now."""
        if "path" not in results:
            return Blob(inline=results.get("inline", b""))
        path, size = results["path"], results["size"]
        if self._home(work.reply_to) == self._agent.node_id:
            return Blob(path=path, node_id=self._agent.node_id, size=size)
        key = f"{work.job_id}/{task_id.replace('/', '_')}.{part}.results"
        framework = ray.get_actor(work.reply_to, namespace=self._plan.namespace)
        ray.get(framework.put.remote(key, Path(path).read_bytes()), timeout=FETCH_TIMEOUT_S)
        return Blob(key=key, size=size)

    def _home(self, framework: str) -> str:
        """The Ray node that the framework lives on."""
        if framework not in self._homes:
            actor = ray.get_actor(framework, namespace=self._plan.namespace)
            self._homes[framework] = ray.get(actor.where.remote(), timeout=FETCH_TIMEOUT_S)[0]
        return self._homes[framework]

    def _fetch_and_start(self, task_id: str, work: ChunkWork | ResidentWork, common: dict[str, Any]) -> None:
        try:
            if isinstance(work, ChunkWork):
                fn, inputs = (self._fetch(blob, work.reply_to) for blob in (work.fn, work.inputs))
                kind, fields = "run_chunk", _chunk(work) | {"fn": fn, "inputs": inputs}
            else:
                kind, fields = "run_resident", _resident(work) | {"fn": self._fetch(work.fn, work.keeper)}
        except Exception as error:  # noqa: BLE001 - whatever keeps the data away, the task cannot run here
            # Not the user's doing: the data were there when the job was taken in.
            self._not_come(task_id, Reason.EXECUTOR_TERMINATED, f"its data could not be fetched: {error}")
        else:
            self._have_come(task_id, kind, common | fields)

    def _fetch_files_and_start(self, task_id: str, work: CommandWork, fields: dict[str, Any]) -> None:
        try:
            sandbox = (self._directory / "shim" / "tasks" / file_name(task_id)).absolute()
            fetch_all(work.uris, sandbox, FetchCache(self._directory / "fetched"))
        except FetchFailed as error:
            self._not_come(task_id, Reason.CONTAINER_LAUNCH_FAILED, str(error))
        except Exception as error:
            log.exception("the files of task %s could not be fetched", task_id)
            self._not_come(task_id, Reason.CONTAINER_LAUNCH_FAILED, f"its files could not be fetched: {error}")
        else:
            self._have_come(task_id, "run_command", fields)

    def _not_come(self, task_id: str, reason: Reason, message: str) -> None:
        if self._coming.pop(task_id, False):
            self._post(WorkEnded(task_id, reason=reason, message=message))

    def _have_come(self, task_id: str, kind: str, fields: dict[str, Any]) -> None:
        with self._lock:  # Else a stop could pass between the two, and find the task neither here nor there.
            if self._coming.pop(task_id, False):
                self._link.run(task_id, kind, fields)

    def _fetch(self, blob: Blob, keeper: str) -> dict[str, Any]:
        if self._is_here(blob):
            return _place(blob)
        cache = self._directory / "fetched"
        cache.mkdir(exist_ok=True)
        path = cache / blob.key.replace("/", "_")
        if not path.exists():
            framework = ray.get_actor(keeper, namespace=self._plan.namespace)
            data = ray.get(framework.read.remote(blob.key), timeout=FETCH_TIMEOUT_S)
            temporary = path.with_suffix(f".{threading.get_ident()}.new")
            temporary.write_bytes(data)
            temporary.replace(path)
            for old in sorted(cache.iterdir(), key=lambda p: p.stat().st_mtime)[:-FETCHED_KEPT]:
                old.unlink(missing_ok=True)
        return {"path": str(path)}


def _chunk(work: ChunkWork) -> dict[str, Any]:
    return {
        "job": work.job_id,
        "lo": work.lo,
        "hi": work.hi,
        "fn": _place(work.fn),
        "inputs": _place(work.inputs),
        "base": work.inputs_base,
        "attempt": work.attempt,
        "budget_ms": work.budget_ms,
        "pool": work.pool_key,
        "alone": work.isolated,
        "path": list(work.sys_path),
        "python": work.python,
    }


def _commands(work: CommandsWork) -> dict[str, Any]:
    return {
        "job": work.job_id,
        "lo": work.lo,
        "hi": work.hi,
        "argv": list(work.argv),
        "attempt": work.attempt,
        "budget_ms": work.budget_ms,
    }


def _resident(work: ResidentWork) -> dict[str, Any]:
    return {
        "argv": list(work.argv),
        "app": work.app,
        "fn": _place(work.fn),
        "path": list(work.sys_path),
        "python": work.python,
    }


def _place(blob: Blob) -> dict[str, Any]:
    return {"inline": blob.inline} if blob.inline else {"path": blob.path}
