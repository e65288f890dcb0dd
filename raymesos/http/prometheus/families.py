"""The metrics that are exposed: their names, kinds, labels and meanings. docs/metrics.md lists the same, and a test compares the two.

Quantities are in Mesos' units (cpus, MB of memory and disk), shares parts of 1, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """`name` without the `_total` that a counter's samples end with."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()

    @property
    def exposed(self) -> str:
        """Its name as Prometheus stores it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def _counter(name: str, help: str, *labels: str) -> Family:
    return Family(f"raymesos_{name}", "counter", help, labels)


def _gauge(name: str, help: str, *labels: str) -> Family:
    return Family(f"raymesos_{name}", "gauge", help, labels)


# ---------------------------------------------------------------- what machines count themselves

MASTER_UPTIME = _gauge("master_uptime_seconds", "Since the master began its present life.")
MASTER_MESSAGES = _counter("master_messages", "Messages that the master has taken, by Mesos' name of each.", "message")
MASTER_DROPPED = _counter("master_messages_dropped", "Messages that the master could do nothing with.")
UPDATES = _counter(
    "status_updates", "Status updates of tasks, by whether the master knew the task (valid) or not.", "validity"
)
ACKNOWLEDGEMENTS = _counter(
    "status_update_acknowledgements", "Acknowledgements of updates, by whether one was awaited (valid).", "validity"
)
TO_EXECUTOR = _counter(
    "framework_to_executor_messages",
    "Frameworks' messages to executors, by whether the executor was there.",
    "validity",
)
TASKS = _gauge("tasks", "Live tasks by state.", "state")
TASKS_ENDED = _counter("tasks_ended", "Tasks that ended, by state, since the master began its present life.", "state")
TASK_REASONS = _counter("task_reasons", "Ends of tasks by state, source and reason.", "state", "source", "reason")
REGISTRATIONS = _counter("agent_registrations", "Agents that registered for the first time.")
REREGISTRATIONS = _counter("agent_reregistrations", "Agents that came back.")
REMOVALS = _counter("agent_removals", "Agents that were removed.")
REMOVAL_REASONS = _counter("agent_removal_reasons", "Agents that were removed, by reason.", "reason")
OUTSTANDING = _gauge("outstanding_offers", "Offers that frameworks hold.")
CAPACITY = _gauge("cluster_capacity", "What all agents have together.", "resource", "revocable")
USED = _gauge("cluster_used", "What tasks hold of it.", "resource", "revocable")
ALLOCATABLE = _gauge("allocator_capacity", "What the allocator has to give in all.", "resource")
ALLOCATED = _gauge("allocator_offered_or_used", "What of it is offered or used.", "resource")
PASSES = _counter("allocator_passes", "Passes of the allocator in its present life.")
PASS_SECONDS = _gauge(
    "allocator_pass_seconds",
    "How long its last 1,000 passes took: the last one, the shortest, the longest, and at most so long so many of them.",
    "which",
)
OTHER = _gauge("mesos_metric", "Other values of Mesos' /metrics/snapshot, under their own keys.", "key")

# ---------------------------------------------------------------- what the views know

AGENTS = _gauge("agents", "Agents by state.", "state")
AGENT_CAPACITY = _gauge("agent_capacity", "What an agent has in all.", "agent", "resource")
AGENT_USED = _gauge("agent_used", "What tasks hold of an agent.", "agent", "resource")
AGENT_TASKS = _gauge("agent_tasks", "Live tasks of an agent.", "agent")
FRAMEWORKS = _gauge("frameworks", "Frameworks by state.", "state")
FRAMEWORK_OUTSTANDING = _gauge("framework_outstanding_offers", "Offers that a framework holds.", "framework", "id")
FRAMEWORK_OFFERS = _counter(
    "framework_offers",
    "Offers to a framework, by what became of them: sent, accepted, declined, rescinded.",
    "framework",
    "id",
    "fate",
)
FRAMEWORK_TASKS = _gauge("framework_tasks", "Live tasks of a framework.", "framework", "id")
ROLE_SHARE = _gauge("role_dominant_share", "Dominant share of a role with its sub-roles, weight not applied.", "role")
ROLE_ENTITLED = _gauge("role_entitled_share", "The share that its weight entitles the role to now.", "role")
ROLE_WEIGHT = _gauge("role_weight", "The role's weight.", "role")
ROLE_HELD = _gauge("role_held", "What a role with its sub-roles is offered and uses.", "role", "resource")
ROLE_GUARANTEE = _gauge("role_quota_guarantee", "The role's quota: what it is guaranteed.", "role", "resource")
ROLE_LIMIT = _gauge("role_quota_limit", "The role's quota: the most that it may have.", "role", "resource")
ROLE_FILTERS = _gauge("role_offer_filters", "Filters in force of the role's frameworks.", "role")
ROLE_TASKS = _gauge("role_tasks", "Live tasks of a role, sub-roles not included.", "role")
ROLE_INPUTS = _gauge("role_job_inputs", "Inputs of the role's batch jobs that wait or run.", "role", "state")
JOBS = _gauge("jobs", "Batch jobs by state; of those that finished the last 1,000.", "state")
LAST_PASS_AGENTS = _gauge("allocator_last_pass_agents", "Agents that the allocator's last pass looked at.")
LAST_PASS_GRANTS = _gauge("allocator_last_pass_grants", "Grants that it made.")
EVENTS = _counter("events", "Events in the life of the present observer.")

# ---------------------------------------------------------------- the server

BUILD = _gauge("build_info", "1; the labels say what runs.", "version", "python", "cluster")
STARTED = _gauge("http_start_time_seconds", "When the HTTP server began its present life, as Unix time.")
WATCHERS = _gauge("http_watchers", "Readers that are told each change as it comes.")

REQUEST_SECONDS = "raymesos_http_request_seconds"
REQUEST_HELP = "From a request to the first byte of its answer; streams count once, as they begin."
REQUEST_LABELS = ("path", "status")

FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))
