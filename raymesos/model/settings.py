"""Every bound, time-out and default in one place, each with its unit and reason. Two profiles: Mesos' own numbers (the simulator's), and Ray's.

A setting exists when two callers need two values, or when it bounds something that would otherwise grow.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.errors import InvalidValue
from raymesos.model.rate_limits import UNLIMITED, RateLimits
from raymesos.model.resources import Resources

# Mesos' default; longer than any use, short of overflowing anything.
MAX_REFUSE_MS = 365 * 24 * 3600 * 1000
DEFAULT_REFUSE_MS = 5_000
# Offers of one framework that its observers are told of; whoever hoards more is shown with these.
OFFERS_SHOWN = 10_000


@dataclass(frozen=True, slots=True)
class AllocatorSettings:
    """How the allocator shares."""

    allocation_interval_ms: int = 1_000
    """The periodic pass. Declined resources wait up to this long."""
    min_allocatable: tuple[Resources, ...] = (Resources.parse("cpus:0.01"), Resources.parse("mem:32"))
    """An offer holds at least one of these: crumbs are not worth a message."""
    fairness_excluded: tuple[str, ...] = ()
    """Resource names that do not count in a dominant share (typically gpus)."""
    role_sorter: str = "drf"
    """`drf` or `random`."""
    framework_sorter: str = "drf"
    scoring: str = "shuffle"
    """Which agent first: `shuffle` (as Mesos), `pack` (the fullest) or `spread` (the emptiest)."""
    preemption: str = "off"
    """Who gets resources back from tasks that run: nobody (`off`, as Mesos), roles below their guarantee (`guarantee`), or below their fair share too (`fair`)."""
    preempt_after_ms: int = 1_000
    """A role is below its fair share for so long before anything is taken for it."""
    hold_ms: int = 5_000
    """An agent is kept so long for a task that does not fit yet, and then not for as long again. 0: never."""
    holds_per_role: int = 64
    """Agents kept for one framework in one role: they are idle in part."""
    home_region: str = ""
    """The master's region: frameworks without REGION_AWARE see its agents, and those without a region. Empty: that of the first agent that has one."""
    filters_per_agent: int = 64
    """Most filters of one framework in one role for one agent; one more ends the one that would end soonest. Keeps a framework that declines for a year
    from filling the allocator's memory."""


@dataclass(frozen=True, slots=True)
class MasterSettings:
    """How the master waits and what it keeps."""

    offer_timeout_ms: int | None = None
    """An offer older than this is rescinded. None, as in Mesos, lets a framework hoard."""
    agent_ping_ms: int = 15_000
    agent_ping_misses: int = 5
    """So many pings without an answer and the agent is unreachable (75 s as in Mesos)."""
    agent_reregister_ms: int = 600_000
    """After a master restart an admitted agent has so long to come back before it is unreachable."""
    heartbeat_ms: int = 15_000
    """Schedulers over HTTP are told so often that their stream lives (Mesos: DEFAULT_HEARTBEAT_INTERVAL)."""
    gone_agents: int = 102_400
    """Ids of removed agents that may never come back; the oldest are forgotten (Mesos: registry_max_agent_count). Of more unreachable agents
    than this, those that were lost first are removed."""
    unreachable_tasks_per_framework: int = 1_000
    burnt_framework_ids: int = 10_000
    """Removed framework ids that are refused by name; older ones are refused as unknown."""
    rate_limits: RateLimits = UNLIMITED
    """How fast the messages of each principal's frameworks are handled. None are limited, as in Mesos, unless an operator says so."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How the agent resends and waits."""

    update_retry_ms: int = 10_000
    """First resend of an unacknowledged update; doubles up to `update_retry_max_ms` (Mesos: 10 s to 10 min)."""
    update_retry_max_ms: int = 600_000
    executor_registration_ms: int = 60_000
    executor_shutdown_ms: int = 5_000
    """Grace between asking an executor to leave and killing it."""
    register_retry_ms: int = 1_000
    register_retry_max_ms: int = 60_000
    kill_grace_ms: int = 3_000
    """Between SIGTERM and SIGKILL where the task names no grace of its own (Mesos' default kill policy: 3 s)."""
    pending_updates_per_task: int = 1_000
    """An executor that reports faster than updates are acknowledged loses the oldest non-terminal ones."""
    executor_reregistration_ms: int = 2_000
    """A restarted agent waits so long for the executors of its former life (Mesos: 2 s, and at most 15 s). Those that are silent lose their tasks."""
    estimate_ms: int = 15_000
    """How often an agent's host says anew what it can lend out (Mesos: oversubscribed_resources_interval, 15 s)."""
    ended_tasks: int = 10_000
    """Ids of ended tasks that are remembered, so that a late kill or a repeated update of one of them is recognized."""


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """How an executor resends and how much it keeps for frameworks that do not fetch."""

    subscribe_retry_ms: int = 1_000
    subscribe_retry_max_ms: int = 30_000
    report_retry_ms: int = 2_000
    """First resend of a work report that was not taken; doubles up to `report_retry_max_ms`."""
    report_retry_max_ms: int = 60_000
    reports_per_resend: int = 1_000
    """A framework that is slow to take reports is not buried under all of them each time."""
    untold_ms: int = 0
    """That a task starts or runs is told after so long, and not at all if it has ended by then; that a single command runs, always. (Mesos' executors tell all at once)"""
    kill_grace_ms: int = 3_000
    """Between SIGTERM and SIGKILL for a task that ends with its group and names no grace of its own (Mesos' default kill policy: 3 s)."""
    probe_slack_ms: int = 5_000
    """So long after its timeout a probe that the prober has not answered counts as failed, so that no check waits for ever."""
    ready_interval_ms: int = 1_000
    """Who is ready is asked at most so often whether it still is."""
    kept_report_bytes: int = 64 * 2**20
    """With more than this in reports that were not taken, work that would report more does not start."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How a framework of jobs starts and ends their tasks, which a service calls instances. Defaults are Titus'."""

    not_started_per_job: int = 300
    """At most so many tasks of one job between launched and started (Titus' activation limit)."""
    kills_per_cycle: int = 300
    """At most so many kills of one job begun in one cycle (Titus: concurrent store updates)."""
    cycle_ms: int = 1_000
    """How often what is late, or to be tried again, is looked at."""
    launch_stuck_ms: int = 300_000
    """A task that is launched and not started for so long is killed and tried again as a system failure."""
    kill_stuck_ms: int = 600_000
    kill_attempts: int = 2
    """A kill that nobody confirms is repeated so often; then the task is closed as stuckInKillingState."""


@dataclass(frozen=True, slots=True)
class BatchSettings(JobSettings):
    """How the batch framework packs, retries and remembers. Defaults are Titus'."""

    chunk_ms: int = 100
    """Aim for the run time of one chunk of tiny functions."""
    chunk_inputs: int = 100_000
    """Most inputs in one chunk: bounds what one lost worker repeats."""
    jobs_open: int = 20_000
    """Jobs that have not finished; beyond this a submit is refused (Titus' bound on active jobs)."""
    jobs_kept: int = 1_000
    """Finished jobs whose status and results can still be asked for; those that ended first leave first."""
    ended_parts_kept: int = 1_000_000
    """Parts of results of all finished jobs together, each about 200 bytes here; the oldest jobs leave first, the newest never for this."""
    rows_kept: int = 20_000
    """Attempts of one job that `tasks` and `logs` can still speak of; the oldest leave first."""
    ended_rows_kept: int = 200_000
    """Attempts of all finished jobs together, each about 400 bytes here; the jobs that ended first lose theirs."""
    result_wait_ms: int = 10_000
    """A finished task whose results did not arrive in this time is run again at the system's cost."""


@dataclass(frozen=True, slots=True)
class ServiceSettings(JobSettings):
    """How the service framework moves, replaces and remembers. Defaults are Titus' where Titus has them."""

    stable_ms: int = 300_000
    """Who ran so long starts with a clean sheet: its failure is the first in a row (Titus: 5 min in Started)."""
    attempts_apart_ms: int = 1_000
    """Where the retry policy has no wait of its own, attempts at an index begin so far apart (Titus: 1 s)."""
    unreachable_ms: int = 60_000
    """An instance on an agent that is out of reach is replaced after so long (Marathon: inactiveAfterSeconds 300)."""
    services_open: int = 20_000
    """Services that have not finished; beyond this a submit is refused (Titus' bound on active jobs)."""
    services_kept: int = 1_000
    """Finished services that can still be asked for; those that ended first leave first."""
    versions_kept: int = 20
    """Of one service, besides those in use: what `rollback` can go back to."""
    rows_kept: int = 2_000
    """Ended instances of one service that can still be asked for, at least one for each of ten thousand indexes aside."""
    gateways: int = 1_000
    """That are told of routes; one more is not heard."""
    evictions_per_s: int = 50
    """Of all services together, on average (Titus' system-wide token bucket)."""
    evictions_burst: int = 500
    """That may come at once after a while without any."""
    relocation_ms: int = 1_000
    """How often a plan that the budgets did not allow is tried again (Titus: 30 s, with a store to ask each time)."""
    metric_fresh_ms: int = 30_000
    """An instance that has not been measured for so long does not count in a mean."""
    metrics_per_instance: int = 100
    """Names of metrics of one instance; further ones are not heard."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What one caller, and all of them together, may take of the HTTP server."""

    body_bytes: int = 2**20
    """Of an ordinary call."""
    call_body_bytes: int = 32 * 2**20
    """Of the scheduler's and the executor's API: an ACCEPT of thousands of tasks has a few MB."""
    job_body_bytes: int = 64 * 2**20
    """Of the jobs API: a function with what it closes over, and a segment of its inputs (16 MB)."""
    header_bytes: int = 64 * 2**10
    """Of a request's line and headers."""
    header_ms: int = 20_000
    """A request's headers have come within so long of the connection, or of the first byte of a later request."""
    body_stall_ms: int = 20_000
    """Between two pieces of a body, and for the last pieces of a response to be taken."""
    body_bytes_per_s: int = 1_024
    """A body comes at least so fast, `body_stall_ms` aside: else one byte now and then would hold a connection for ever."""
    connections: int = 8_192
    """At one listener. Each costs a descriptor and some ten KB."""
    connections_per_address: int = 1_024
    """Of another machine; this one's own are bound by `connections` alone."""
    requests_per_caller: int = 4_096
    """At the same time, open streams among them: a thousand watchers and a thousand schedulers of one principal have room."""
    rate: int | None = None
    """Requests a second of one caller; None: as many as it likes."""
    rate_burst_ms: int = 2_000
    """Who was idle so long may send the requests of that time at once."""
    rate_queue_ms: int = 1_000
    """A request that is early waits at most so long for its turn; one that would wait longer is refused."""
    callers_known: int = 10_000
    """Callers whose rate is remembered; of more than these, who called longest ago is forgotten, and may start with a full burst."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How a gateway looks after its HAProxy."""

    slots: int = 1_000
    """Services that can be reached at the same time. HAProxy takes 8 KB for each from its start on; one beyond them is refused by name."""
    connections: int = 8_192
    """Of clients; as many more to instances. Bounded further by the descriptors that the process may have."""
    threads: int = 4
    """Of HAProxy, and never more than the machine has CPUs."""
    count_ms: int = 1_000
    """Traffic is told of so often."""
    drain_ms: int = 100
    """While an instance ends its last requests, they are looked at so often."""
    waiting_ms: int = 100
    """While a service has no instance, it is asked so often whether somebody waits for one."""
    retry_ms: int = 1_000
    """What HAProxy did not take, and a framework that does not answer, are asked again after so long."""


@dataclass(frozen=True, slots=True)
class Settings:
    allocator: AllocatorSettings = AllocatorSettings()
    master: MasterSettings = MasterSettings()
    agent: AgentSettings = AgentSettings()
    executor: ExecutorSettings = ExecutorSettings()
    batch: BatchSettings = BatchSettings()
    service: ServiceSettings = ServiceSettings()
    http: HttpSettings = HttpSettings()
    gateway: GatewaySettings = GatewaySettings()


SCORING = ("shuffle", "pack", "spread")
PREEMPTION = ("off", "guarantee", "fair")


def on_ray(*, preemption: str = "guarantee", scoring: str = "shuffle", rate_limits: RateLimits = UNLIMITED) -> Settings:
    """The profile of a live cluster: quick suspicion and no hoarding, because peers are one millisecond away; who has a guarantee gets it back. Raises InvalidValue."""
    for field, value, known in (("preemption", preemption, PREEMPTION), ("scoring", scoring, SCORING)):
        if value not in known:
            raise InvalidValue(field, value, f"must be one of {', '.join(known)}")
    return Settings(
        allocator=AllocatorSettings(preemption=preemption, scoring=scoring),
        master=MasterSettings(
            offer_timeout_ms=30_000, agent_ping_ms=1_000, agent_ping_misses=10, rate_limits=rate_limits
        ),
        agent=AgentSettings(
            update_retry_ms=1_000,
            update_retry_max_ms=30_000,
            register_retry_ms=200,
            register_retry_max_ms=2_000,
            # Who speaks for executors may be slow on a busy machine; those that have ended the launcher names at once.
            executor_reregistration_ms=15_000,
        ),
        executor=ExecutorSettings(untold_ms=10),
        # Peers are near: who was out of reach for 10 s (the master's pings) is not waited for much longer.
        service=ServiceSettings(unreachable_ms=5_000),
    )


def simulated() -> Settings:
    """Mesos' own numbers, and for jobs those of Titus' own tests, so that published cases come out to the letter."""
    return Settings(
        batch=BatchSettings(
            not_started_per_job=5, kills_per_cycle=5, launch_stuck_ms=5_000, kill_stuck_ms=30_000, kill_attempts=2
        ),
        service=ServiceSettings(
            not_started_per_job=5, kills_per_cycle=5, launch_stuck_ms=5_000, kill_stuck_ms=30_000, kill_attempts=2
        ),
    )
