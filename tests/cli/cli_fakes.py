"""A cluster at the command line's door that is made of the real views, fed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from raymesos.actors.running import Running
from raymesos.cli.doors import Doors
from raymesos.cli.main import main
from raymesos.cli.wish import Wish
from raymesos.errors import ClusterUnavailable, JobFailed, UnknownId
from raymesos.job import InputFailed, JobStatus
from raymesos.model.attributes import Attributes
from raymesos.model.jobs import BatchJob
from raymesos.model.resources import Resources
from raymesos.observe.state import View, fold
from raymesos.observe.views import VIEWS
from raymesos.operating.agents import Agents
from raymesos.operating.logs import LogPiece
from raymesos.operating.maintenance import Maintenance
from raymesos.operating.quota import Quotas
from raymesos.operating.resources import reserve, unreserve
from raymesos.operating.roles import Roles
from raymesos.operating.volumes import Volumes
from raymesos.wire.notes import AgentNote, EventNote, JobNote, ShareNote, TaskNote

NOW_MS = 1_767_600_000_000


class FakeJob:
    """A job whose end is known: `bad` indexes fail, `log` is what is read, one entry a look, the last for ever."""

    def __init__(
        self, note: JobNote, *, bad: tuple[int, ...] = (), stopped: bool = False, log: tuple[Any, ...] = ("",)
    ):
        self.note, self.bad, self.stopped = note, bad, stopped
        self.id, self.total = note.job_id, note.total
        self.log = list(log)
        self.cancelled = False
        self.interrupted = False
        self.attempts, self.written, self.read_bytes = 1, b"", 0

    def status(self) -> JobStatus:
        n = self.note
        done = n.state == "Finished"
        return JobStatus(
            n.job_id, n.name, n.role, n.state, n.why, n.total, 0, 0 if done else 1, n.succeeded, n.failed, n.retried
        )

    def as_completed(self, errors: str) -> Iterator[tuple[int, Any]]:
        assert errors == "return"
        if self.interrupted:
            raise KeyboardInterrupt
        ok = self.total - len(self.bad) if not self.stopped else 0
        self.note = replace(
            self.note,
            state="Finished",
            succeeded=ok,
            failed=len(self.bad),
            why="cancelled" if self.stopped else "all inputs succeeded" if not self.bad else f"{len(self.bad)} failed",
        )
        if self.stopped:
            raise JobFailed(self.id, "cancelled from elsewhere")
        for index in range(self.total):
            yield index, InputFailed(index, f"exit {index}", "Traceback") if index in self.bad else 0

    def cancel(self) -> None:
        self.cancelled = True

    def logs(self, index: int, stream: str) -> str:
        return self.log_piece(index, stream).data.decode()

    def log_piece(self, index: int, stream: str, *, task_id: str = "", offset: int = 0) -> LogPiece:
        """What does not begin as the log before it is that of another attempt."""
        found = self.log[0]
        if len(self.log) > 1:
            del self.log[0]
        else:
            self.note = replace(self.note, state="Finished")
        if isinstance(found, BaseException):
            raise found
        data = found if isinstance(found, bytes) else str(found).encode()
        self.attempts += not data.startswith(self.written)
        self.written = data
        last = f"{self.id}.{self.attempts}"
        self.read_bytes += len(data) - (offset if task_id == last else 0)
        return LogPiece(last, data[offset:] if task_id == last else data)

    def tasks(self) -> list[dict[str, Any]]:
        return []


class FakeDoor:
    """A master that keeps what it is asked, or refuses it with `refuses`; views are the cluster's."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self.asked: list[Any] = []
        self.refuses: Exception | None = None

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.asked.append(message)

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        return self._cluster.view(name, **arguments)


@dataclass
class FakeCluster:
    name: str = "raymesos"
    state: View = field(default_factory=View)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    submitted: list[tuple[BatchJob, bool]] = field(default_factory=list)
    refuses: Exception | None = None
    bad: tuple[int, ...] = ()
    stopped: bool = False
    interrupted: bool = False

    def __post_init__(self) -> None:
        self.door = FakeDoor(self)
        self.roles, self.quota, self.agents = Roles(self.door), Quotas(self.door), Agents(self.door)
        self.volumes, self.maintenance = Volumes(self.door, late_s=0), Maintenance(self.door)

    def set_weight(self, role: str, weight: str) -> None:
        self.roles.set_weight(role, weight)

    def reserve(self, agent: str, resources: str) -> None:
        reserve(self.door, agent, resources, late_s=0)

    def unreserve(self, agent: str, resources: str) -> None:
        unreserve(self.door, agent, resources, late_s=0)

    def view(self, name: str, **arguments: Any) -> Any:
        return VIEWS[name](self.state, NOW_MS, **arguments)

    def job(self, name_or_id: str) -> FakeJob:
        return self.jobs[self.view("job", job=name_or_id)["id"]]

    def submit(self, job: BatchJob, *, detach: bool) -> FakeJob:
        if self.refuses is not None:
            raise self.refuses
        self.submitted.append((job, detach))
        made = self.add_job(job.name, total=job.size or 1, role=job.role, bad=self.bad, stopped=self.stopped)
        made.interrupted = self.interrupted
        return made

    def add_job(self, name: str, *, total: int = 3, role: str = "ads", state: str = "Accepted", **fate: Any) -> FakeJob:
        note = JobNote(
            NOW_MS,
            f"{name}-{len(self.jobs)}",
            name,
            role,
            "F1",
            state,
            total,
            waiting=total,
            running=0,
            succeeded=0,
            failed=0,
            retried=0,
            shape=Resources.parse("cpus:64;mem:128"),
            submitted_ms=NOW_MS - 61_000 + len(self.jobs),
        )
        self.tell(note)
        made = self.jobs[note.job_id] = FakeJob(note, **fate)
        return made

    def add_agent(
        self, name: str = "agent1", state: str = "active", total: Resources | str = "cpus:2;mem:1024"
    ) -> None:
        has = Resources.of(total)
        self.tell(AgentNote(NOW_MS, f"{name}-id", name, "127.0.0.1", state, has, Attributes.parse("rack:r1")))

    def add_role(self, role: str, **fields: Any) -> None:
        self.tell(ShareNote(NOW_MS, role, "2", (1, 4), Resources.parse("cpus:0.5"), **fields))

    def add_task(self, role: str, resources: str = "cpus:0.5", state: str = "TASK_RUNNING") -> None:
        has = Resources.parse(resources)
        self.tell(TaskNote(NOW_MS, "F1", f"task of {role}", "t", role, "agent1-id", state, "", "", has))

    def add_event(self, kind: str, subject: str) -> None:
        self.tell(EventNote(NOW_MS, kind, subject, "it did"))

    def tell(self, note: object) -> None:
        fold(self.state, note)


class FakeKept:
    def __init__(self, wish: Wish) -> None:
        agents = [{"name": f"agent{i + 1}", "resources": "cpus:1;mem:64"} for i in range(wish.agents)]
        self.info = {"name": wish.name, "address": "127.0.0.1:1", "work_dir": "/w", "pid": 7, "agents": agents}
        self.held = False

    def hold(self) -> None:
        self.held = True


class Shell:
    """Runs commands against fakes. `cluster` is what is connected to; without one there is none."""

    def __init__(self, capture: Callable[[], tuple[str, str]]) -> None:
        self._capture = capture
        self.cluster: FakeCluster | None = FakeCluster()
        self.running = Running("raymesos", "127.0.0.1:1", "/w", pid=7)
        self.kept_by_up = True
        self.wishes: list[Wish] = []
        self.kept: list[FakeKept] = []
        self.ended: list[str] = []
        self.pauses = 0
        self.at_pause: dict[int, Callable[[], None]] = {}
        self.up_error: Exception | None = None

    def run(self, *argv: str) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        made = Doors(
            find=self._find,
            connect=self._connect,
            up=self._up,
            down=lambda running, tell: self.ended.append(running.namespace),
            is_keeper=lambda running: self.kept_by_up,
            pause=self._pause,
        )
        code = main(argv, made)
        out, err = self._capture()
        return code, out, err

    def json(self, *argv: str) -> tuple[int, Any]:
        """(exit code, the one document on stdout)."""
        code, out, _ = self.run(*argv, "--json")
        return code, json.loads(out)

    def _find(self, name: str | None) -> Running:
        if self.cluster is None or name not in (None, self.running.namespace):
            raise ClusterUnavailable("no running raymesos cluster; start one with `raymesos up`")
        return self.running

    def _connect(self, name: str | None) -> FakeCluster:
        self._find(name)
        assert self.cluster is not None
        return self.cluster

    def _up(self, wish: Wish, tell: Callable[[str], None]) -> FakeKept:
        self.wishes.append(wish)
        if self.up_error is not None:
            raise self.up_error
        tell("starting Ray")
        self.kept.append(FakeKept(wish))
        return self.kept[-1]

    def _pause(self, seconds: float) -> None:
        self.pauses += 1
        assert self.pauses < 100, "the command waits for ever"
        self.at_pause.get(self.pauses, lambda: None)()


NOT_BEGUN = UnknownId("attempt", "x 0")
