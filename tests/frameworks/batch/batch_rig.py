"""The master, the executors and a client of the batch framework, played by messages. Records go through the codec, as on disk.

The master answers by itself what it is asked (subscribe, reconcile); everything else happens when the test says so. `drop` makes it deaf, as in a cut link.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raymesos.frameworks.base import SENTINEL
from raymesos.frameworks.batch.machine import BatchMachine
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import Reason, Source, TaskState, is_terminal
from raymesos.wire.codec import decode, encode
from raymesos.wire.jobs import CancelJob, InputSegment, JobSpec, Part, Submit
from raymesos.wire.messages import (
    Accept,
    Acknowledge,
    Decline,
    Kill,
    Offer,
    Offers,
    Reconcile,
    Revive,
    Subscribe,
    Subscribed,
    Suppress,
    TaskInfo,
    TaskStatus,
    Update,
)
from raymesos.wire.work import Blob, ChunkWork, CommandsWork, Failed, WorkReport, WorkReportTaken

BATCH = "framework/batch"
CLIENT = "client/1"
EXECUTOR = "executor/A1/e"
BIG = "cpus:4;mem:4096"


@dataclass(slots=True)
class Task:
    """A task as master and executor see it."""

    info: TaskInfo
    agent: str
    state: TaskState = TaskState.STAGING
    killed: bool = False

    @property
    def id(self) -> str:
        return self.info.task_id

    @property
    def work(self) -> ChunkWork | CommandsWork:
        assert isinstance(self.info.work, ChunkWork | CommandsWork)
        return self.info.work

    @property
    def span(self) -> tuple[int, int]:
        return self.work.lo, self.work.hi


@dataclass(slots=True)
class Client:
    """Reads a job as users' code does: each part once, by its own cursor. Holds on to what it has read."""

    job_id: str
    parts: list[Part] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    """By input: the results' bytes, or the error after `!`."""

    def read(self, machine: BatchMachine) -> None:
        """Take what is new. Fails if anything contradicts what was read before."""
        before = machine.results_after(self.job_id, 0)[: len(self.parts)]
        assert before == self.parts
        for part in machine.results_after(self.job_id, len(self.parts)):
            self.parts.append(part)
            for index, outcome in outcomes(part):
                assert index not in self.outcomes, f"input {index} is delivered twice"
                self.outcomes[index] = outcome


def outcomes(part: Part) -> list[tuple[int, str]]:
    """(index, outcome) of what the part decides."""
    failed = {f.index: f.error for f in part.failed}
    decided = [i for i in range(part.lo, part.hi) if i not in part.skipped]
    assert decided, "a part that decides nothing"
    if part.error:
        return [(i, f"!{part.error}") for i in decided]
    return [(i, f"!{failed[i]}" if i in failed else part.results.inline.decode()) for i in decided]


class Rig:
    def __init__(self, settings: BatchSettings | None = None, *, begin: bool = True) -> None:
        self.settings = settings or BatchSettings()
        self.now = 1_000_000
        self.journal: list[bytes] = []
        self.wakes: dict[str, int] = {}
        self.sent: list[tuple[str, Any]] = []
        """Everything the framework has sent, oldest first."""
        self.tasks: dict[str, Task] = {}
        self.held: dict[str, Offer] = {}
        """Offers that it has not answered."""
        self.declined: list[Decline] = []
        self.awake: dict[str, None] = {}
        self.acked: list[str] = []
        self.drop = False
        self._offers = self._uuids = 0
        self.machine = BatchMachine(self.settings, BATCH)
        if begin:
            self.tell(Wake("start"), BATCH)

    # ------------------------------------------------------------ messages

    def tell(self, message: Any, sender: str = MASTER) -> list[Any]:
        """Hand over one message; returns what it sent at once, what the master's answers caused included."""
        out = Outbox()
        at = len(self.sent)
        self.machine.handle(self.now, sender, message, out)
        self.machine.check()
        self.journal += [encode(record) for record in out.records]
        for key, after_ms in out.wakes:
            if after_ms is None:
                self.wakes.pop(key, None)
            else:
                self.wakes[key] = self.now + max(0, after_ms)
        self.sent += out.sends
        if not self.drop:
            for to, each in out.sends:
                if to == MASTER:
                    self._as_master(each)
        return [m for _, m in self.sent[at:]]

    def advance(self, ms: int) -> None:
        """Let time pass, wakes and all."""
        end = self.now + ms
        while self.wakes and min(self.wakes.values()) <= end:
            key = min(self.wakes, key=lambda k: self.wakes[k])
            self.now = max(self.now, self.wakes.pop(key))
            self.tell(Wake(key), BATCH)
        self.now = end

    def take(self, kind: type[Any]) -> list[Any]:
        """What it has sent of a kind since the last time."""
        found = [m for _, m in self.sent if isinstance(m, kind)]
        self.sent = [(to, m) for to, m in self.sent if not isinstance(m, kind)]
        return found

    # ------------------------------------------------------------ as client

    def submit(self, job: str = "j", total: int = 1, **fields: Any) -> Any:
        """Submit a job of a function; returns the answer."""
        self.tell(Submit(spec(job, total, **fields)), CLIENT)
        return next(m for to, m in reversed(self.sent) if to == CLIENT)

    def cancel(self, job: str = "j") -> Any:
        return self.tell(CancelJob(job), CLIENT)

    def status(self, job: str = "j") -> dict[str, Any]:
        return self.machine.status(job)

    def counts(self, job: str = "j") -> tuple[int, int, int, int]:
        """(waiting, running, succeeded, failed)"""
        s = self.status(job)
        return s["waiting"], s["running"], s["succeeded"], s["failed"]

    def outcomes(self, job: str = "j") -> dict[int, str]:
        client = Client(job)
        client.read(self.machine)
        return client.outcomes

    # ------------------------------------------------------------ as master

    def offer(self, resources: str = BIG, agent: str = "A1", role: str = "*") -> list[Task]:
        """Offer so much; returns the tasks that came of it."""
        return self.offers((agent, resources), role=role)

    def offers(self, *offers: tuple[str, str], role: str = "*") -> list[Task]:
        before = dict(self.tasks)
        made = []
        for agent, resources in offers:
            self._offers += 1
            parsed = Resources.parse(resources)
            offer = Offer(f"o{self._offers}", "fw", agent, agent, role, parsed, Attributes())
            self.held[offer.id] = offer
            made.append(offer)
        self.tell(Offers(tuple(made)))
        return [t for t in self.tasks.values() if t.id not in before]

    def update(self, task: Task, state: TaskState, reason: Reason = Reason.NONE, message: str = "") -> None:
        task.state = state
        self._uuids += 1
        source = Source.EXECUTOR
        self.tell(
            Update(TaskStatus(task.id, state, task.agent, "", source, reason, message, self.now, f"u{self._uuids}"))
        )

    def run(self, *tasks: Task) -> None:
        for task in tasks:
            self.update(task, TaskState.RUNNING)

    def fail_over(self) -> None:
        """Another master, which knows nothing of offers."""
        self.tell(LinkDown(MASTER))
        self.held.clear()
        self.awake.clear()
        self.tell(LinkUp(MASTER, restarted=True))

    def _as_master(self, message: Any) -> None:
        match message:
            case Subscribe(info, suppressed):
                self.awake = {r: None for r in info.roles if r not in suppressed}
                self.tell(Subscribed("fw", "m"))
            case Reconcile(_, refs):
                self._reconcile([r.task_id for r in refs])
            case Revive(_, roles):
                self.awake |= dict.fromkeys(roles)
            case Suppress(_, roles):
                for role in roles:
                    self.awake.pop(role, None)
            case Accept(_, ids, operations, _):
                agents = [self.held.pop(i).agent_id for i in ids]
                for launch in operations:
                    for each in launch.tasks:
                        assert each.task_id not in self.tasks, "an id used twice"
                        self.tasks[each.task_id] = Task(each, agents[0])
            case Decline(_, ids, _):
                self.declined.append(message)
                for i in ids:
                    del self.held[i]
            case Kill(_, task_id):
                if task_id in self.tasks:
                    self.tasks[task_id].killed = True
            case Acknowledge(_, _, _, uuid):
                self.acked.append(uuid)

    def _reconcile(self, ids: list[str]) -> None:
        asked = ids or [t.id for t in self.tasks.values() if not is_terminal(t.state)]
        for task_id in asked:
            task = self.tasks.get(task_id)
            gone = TaskState.UNKNOWN if task_id == SENTINEL else TaskState.GONE
            state = task.state if task is not None else gone
            agent = task.agent if task is not None else ""
            self.tell(Update(TaskStatus(task_id, state, agent, reason=Reason.RECONCILIATION)))

    # ------------------------------------------------------------ as executor

    def report(self, task: Task, done: int | None = None, **fields: Any) -> WorkReport:
        """Report the first `done` inputs (all without it) of the task; `failed` are indexes."""
        report = report_of(task, done, **fields)
        self.tell(report, EXECUTOR)
        return report

    def finish(self, *tasks: Task, **fields: Any) -> None:
        """Each is reported and ends."""
        for task in tasks:
            self.report(task, **fields)
            self.update(task, TaskState.FINISHED)

    def taken(self) -> list[tuple[str, int]]:
        return [(m.task_id, m.part) for m in self.take(WorkReportTaken)]

    # ------------------------------------------------------------ crashes

    def restart(self, *, answer: bool = True) -> None:
        """A new life of the framework from its journal."""
        self.machine = BatchMachine(self.settings, BATCH)
        self.machine.restore([decode(record) for record in self.journal])
        self.machine.check()
        self.wakes.clear()
        self.held.clear()
        self.drop = not answer
        self.tell(Wake("start"), BATCH)

    def snapshot(self) -> None:
        """The journal is cut short."""
        self.journal = [encode(record) for record in self.machine.snapshot()]


def report_of(
    task: Task,
    done: int | None = None,
    *,
    failed: dict[int, str] | None = None,
    culprit: int | None = None,
    elapsed_us: int = 0,
    part: int = 1,
    last: bool = True,
) -> WorkReport:
    lo, hi = task.span
    return WorkReport(
        task.id,
        task.work.job_id,
        part,
        lo,
        hi if done is None else lo + done,
        Blob(inline=task.id.encode()),
        tuple(Failed(i, text) for i, text in sorted((failed or {}).items())),
        culprit,
        "" if culprit is None else "it died",
        elapsed_us,
        last,
    )


def spec(job: str, total: int = 1, **fields: Any) -> JobSpec:
    """A job of a function; `argv` makes it one of a command. `retries=n` is short for a policy."""
    if "retries" in fields:
        fields["retry"] = RetryPolicy(fields.pop("retries"))
    resources = Resources.parse(fields.pop("resources", "cpus:1;mem:128"))
    inputs = () if "argv" in fields or not total else (InputSegment(0, total, Blob(key=f"{job}/inputs")),)
    base: dict[str, Any] = {"name": job, "role": "*", "digest": f"{job} {total}", "inputs": inputs}
    return JobSpec(job_id=job, resources=resources, total=total, **(base | fields))
