"""Whatever is killed, lost, doubled or late: each input is decided once, what a client has read stands, and nobody pays for what another did."""

from __future__ import annotations

from batch_rig import EXECUTOR, Client, Rig, Task, report_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from raymesos.machine import MASTER, LinkDown, LinkUp
from raymesos.model.retries import RetryPolicy
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.jobs import JobSpec
from raymesos.wire.messages import TaskStatus, Update
from raymesos.wire.work import WorkReport, WorkReportTaken

SMALL = BatchSettings(
    not_started_per_job=4, kills_per_cycle=3, launch_stuck_ms=5_000, kill_stuck_ms=3_000, result_wait_ms=2_000
)
JOBS = ("a", "b", "c", "d", "e")
LOST = (TaskState.UNREACHABLE, TaskState.GONE, TaskState.DROPPED, TaskState.KILLED)
SYSTEM = (Reason.EXECUTOR_TERMINATED, Reason.AGENT_RESTARTED)


class Deliveries(RuleBasedStateMachine):
    """The framework in its rig, with a model of what really happened: which attempt succeeded at which input, and which failed by the user's fault."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(SMALL)
        self.specs: dict[str, JobSpec] = {}
        self.clients: dict[str, Client] = {}
        self.reports: list[WorkReport] = []
        """All that executors have sent; any may be sent again until it is taken, and once more after."""
        self.statuses: list[TaskStatus] = []
        self.over: dict[str, TaskState] = {}
        """Tasks whose work is over, and how they end."""
        self.succeeded: dict[tuple[str, int], dict[str, None]] = {}
        """By (job, input): the attempts in which it succeeded."""
        self.blamed: dict[tuple[str, int], dict[str, None]] = {}
        """By (job, input): the attempts in which it failed by the user's fault."""

    # ------------------------------------------------------------ what happens

    @initialize(total=st.integers(5, 20), retries=st.integers(0, 2), delay=st.sampled_from([0, 700]))
    def first(self, total: int, retries: int, delay: int) -> None:
        self.submit("a", total, retries, delay, None)

    @precondition(lambda self: len(self.rig.machine.state.open) < 2 and len(self.specs) < len(JOBS))
    @rule(total=st.integers(0, 20), retries=st.integers(0, 2), limit=st.sampled_from([None, None, 4_000]))
    def another(self, total: int, retries: int, limit: int | None) -> None:
        self.submit(JOBS[len(self.specs)], total, retries, 0, limit)

    def submit(self, job: str, total: int, retries: int, delay: int, limit: int | None) -> None:
        self.rig.submit(job, total, retry=RetryPolicy(retries, delay), runtime_limit_ms=limit, role="ads")
        self.specs[job] = self.rig.machine.state.jobs[job].spec
        self.clients[job] = Client(job)

    @rule(agent=st.sampled_from(["A1", "A2"]), cpus=st.integers(1, 4))
    def offer(self, agent: str, cpus: int) -> None:
        if not self.rig.drop:
            self.rig.offer(f"cpus:{cpus};mem:4096", agent, role="ads")

    def live(self) -> list[Task]:
        return [t for t in self.rig.tasks.values() if not is_terminal(t.state)]

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.live()))
        if task.state is not TaskState.RUNNING:
            self.say(task, TaskState.RUNNING)

    def at_work(self) -> list[Task]:
        return [t for t in self.live() if t.id not in self.over]

    @precondition(lambda self: self.at_work())
    @rule(data=st.data(), order=st.sampled_from(["report, end", "end, report", "report", "end", ""]))
    def work(self, data: st.DataObject, order: str) -> None:
        self.work_on(data.draw(st.sampled_from(self.at_work())), order, data)

    @precondition(lambda self: self.at_work() and not self.rig.drop)
    @rule(data=st.data(), others=st.booleans())
    def come_late(self, data: st.DataObject, others: bool) -> None:
        """A task that was given up, and perhaps started again elsewhere, reports after all."""
        task = data.draw(st.sampled_from(self.at_work()))
        self.give_up(task)
        if others:
            self.rig.offer(role="ads")
        self.work_on(task, "report", data)

    @precondition(lambda self: self.at_work())
    @rule(data=st.data(), between=st.sampled_from(["", "crash", "snapshot", "give up"]))
    def report_twice(self, data: st.DataObject, between: str) -> None:
        """A report comes, something happens, it comes again: the framework's answer was lost on the way."""
        task = data.draw(st.sampled_from(self.at_work()))
        self.work_on(task, "report", data)
        if between == "give up" and not self.rig.drop:
            self.give_up(task)
        if between == "snapshot":
            self.rig.snapshot()
        if between in ("crash", "snapshot"):
            self.rig.restart()
        self.deliver(self.reports[-1])

    def give_up(self, task: Task) -> None:
        was = task.state
        self.say(task, TaskState.UNREACHABLE)
        task.state = was

    def work_on(self, task: Task, order: str, data: st.DataObject) -> None:
        """The task works through some of its inputs, reports them and ends; of both the framework may hear in either order, or later."""
        lo, hi = task.span
        done = data.draw(st.sampled_from([hi - lo, *range(hi - lo)]))
        bad = data.draw(st.lists(st.sampled_from(range(lo, lo + done)), unique=True)) if done else []
        culprit = lo + done if lo + done < hi and data.draw(st.booleans()) else None
        report = report_of(task, done, failed=dict.fromkeys(bad, "no"), culprit=culprit, elapsed_us=10 * done)
        self.over[task.id] = end = TaskState.FINISHED if culprit is None and done else TaskState.FAILED
        self.happened(report)
        if end is TaskState.FAILED and hi - lo == 1:
            self.blamed.setdefault((report.job_id, lo), {})[task.id] = None
        for each in order.split(", ") if order else []:
            if each == "end":
                self.say(task, end)
            else:
                self.deliver(report)

    @precondition(lambda self: any(t.id in self.over for t in self.live()))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from([t for t in self.live() if t.id in self.over]))
        self.say(task, self.over[task.id])

    @precondition(lambda self: self.live())
    @rule(data=st.data(), new=st.sampled_from(LOST))
    def lose(self, data: st.DataObject, new: TaskState) -> None:
        """The master gives the task up. One that is unreachable goes on all the same."""
        task = data.draw(st.sampled_from(self.live()))
        if new is TaskState.UNREACHABLE:
            self.give_up(task)
        else:
            self.say(task, new)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), reason=st.sampled_from(SYSTEM))
    def break_down(self, data: st.DataObject, reason: Reason) -> None:
        self.say(data.draw(st.sampled_from(self.live())), TaskState.FAILED, reason)

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def report_again(self, data: st.DataObject) -> None:
        self.deliver(data.draw(st.sampled_from(self.reports)))

    @precondition(lambda self: self.statuses)
    @rule(data=st.data())
    def update_again(self, data: st.DataObject) -> None:
        self.rig.tell(Update(data.draw(st.sampled_from(self.statuses[-6:]))))

    @rule(ms=st.sampled_from([50, 1_000, 4_000, 12_000]))
    def wait(self, ms: int) -> None:
        self.rig.advance(ms)

    @rule()
    def crash(self) -> None:
        self.rig.restart()

    @rule()
    def cut_journal_and_crash(self) -> None:
        self.rig.snapshot()
        self.rig.restart()

    @rule()
    def fail_over(self) -> None:
        self.heal()
        self.rig.fail_over()

    @precondition(lambda self: not self.rig.drop)
    @rule()
    def part(self) -> None:
        """The link to the master breaks: what is sent is lost."""
        self.rig.tell(LinkDown(MASTER))
        self.rig.drop = True

    @precondition(lambda self: self.rig.drop)
    @rule()
    def heal(self) -> None:
        if self.rig.drop:
            self.rig.drop = False
            self.rig.held.clear()
            self.rig.tell(LinkUp(MASTER, restarted=False))

    # ------------------------------------------------------------ what it is made of

    def say(self, task: Task, state: TaskState, reason: Reason = Reason.NONE) -> None:
        if not self.rig.drop:
            self.rig.update(task, state, reason, "exit 1" if state is TaskState.FAILED else "")
        else:
            task.state = state
        self.statuses.append(
            TaskStatus(task.id, state, task.agent, reason=reason, message="exit 1", uuid=f"again-{task.id}-{state}")
        )

    def deliver(self, report: WorkReport) -> None:
        self.rig.tell(report, EXECUTOR)
        assert self.rig.take(WorkReportTaken)[-1] == WorkReportTaken(report.task_id, report.part)

    def happened(self, report: WorkReport) -> None:
        self.reports.append(report)
        bad = [f.index for f in report.failed] + ([] if report.culprit is None else [report.culprit])
        for index in range(report.lo, report.hi):
            if index not in bad:
                self.succeeded.setdefault((report.job_id, index), {})[report.task_id] = None
        for index in bad:
            self.blamed.setdefault((report.job_id, index), {})[report.task_id] = None

    # ------------------------------------------------------------ what must hold

    @invariant()
    def nothing_read_is_contradicted(self) -> None:
        for job, client in self.clients.items():
            client.read(self.rig.machine)
            status = self.rig.machine.status(job)
            good = sum(not o.startswith("!") for o in client.outcomes.values())
            assert (status["succeeded"], status["failed"]) == (good, len(client.outcomes) - good)
            assert sum(self.rig.counts(job)) == status["total"]

    def teardown(self) -> None:
        """Once everything heals and works, every job ends with every input decided, each as its attempts deserve."""
        self.heal()
        for _ in range(60):
            if all(self.rig.status(job)["state"] == "Finished" for job in self.specs):
                break
            for report in self.reports:
                self.deliver(report)
            self.rig.offer("cpus:40;mem:40960", role="ads")
            for task in self.live():
                self.say(task, TaskState.RUNNING)
                if not task.killed and task.id not in self.over:
                    report = report_of(task)
                    self.happened(report)
                    self.deliver(report)
                self.say(task, self.over.get(task.id, TaskState.KILLED if task.killed else TaskState.FINISHED))
            self.rig.advance(1_500)
        for job, spec in self.specs.items():
            self.clients[job].read(self.rig.machine)
            outcomes = self.clients[job].outcomes
            assert sorted(outcomes) == list(range(spec.total)), self.rig.status(job)
            for index, outcome in outcomes.items():
                self.check_outcome(spec, index, outcome)

    def check_outcome(self, spec: JobSpec, index: int, outcome: str) -> None:
        key = spec.job_id, index
        if not outcome.startswith("!"):
            assert outcome in self.succeeded.get(key, {}), "a result of an attempt that did not succeed"
        elif outcome == "!runtime limit exceeded":
            assert spec.runtime_limit_ms is not None
        else:
            limit = spec.runtime_limit_ms is not None
            out_of_time = {t.id: None for t in self.rig.tasks.values() if limit and t.killed and covers(t, *key)}
            assert len(self.blamed.get(key, {}) | out_of_time) > spec.retry.retries, "paid for more than it did"


def covers(task: Task, job: str, index: int) -> bool:
    return task.work.job_id == job and task.work.lo <= index < task.work.hi


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
