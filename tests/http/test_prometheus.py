"""`/metrics` in Prometheus' text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from http_rig import call, site
from prometheus_client.parser import text_string_to_metric_families
from small_world import agent, small_world

import raymesos
from raymesos.http.app import make_app
from raymesos.http.prometheus.families import FAMILIES, REQUEST_LABELS, REQUEST_SECONDS
from raymesos.http.prometheus.routes import MetricsPage
from raymesos.http.prometheus.snapshot import translated

DOCS = Path(raymesos.__file__).parent.parent / "docs" / "metrics.md"


def exposed(made: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Each sample's value by its name and labels."""
    text = call(make_app(made), "GET", "/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("raymesos_master_uptime_seconds", {}, 12.5),
        ("raymesos_tasks", {"state": "running"}, 2),
        ("raymesos_tasks_ended_total", {"state": "failed"}, 1),
        ("raymesos_cluster_capacity", {"resource": "cpus", "revocable": "false"}, 8),
        ("raymesos_cluster_used", {"resource": "cpus", "revocable": "true"}, 0),
        ("raymesos_allocator_passes_total", {}, 40),
        ("raymesos_allocator_pass_seconds", {"which": "p99"}, 0.012),
        ("raymesos_allocator_last_pass_grants", {}, 1),
        ("raymesos_agents", {"state": "draining"}, 1),
        ("raymesos_agent_capacity", {"agent": "agent1", "resource": "mem"}, 4096),
        ("raymesos_agent_used", {"agent": "agent1", "resource": "cpus"}, 2),
        ("raymesos_agent_used", {"agent": "agent1", "resource": "disk"}, 0),
        ("raymesos_agent_tasks", {"agent": "agent2"}, 1),
        ("raymesos_framework_tasks", {"framework": "crawler", "id": "F2"}, 1),
        ("raymesos_framework_offers_total", {"framework": "batch", "id": "F1", "fate": "declined"}, 3),
        ("raymesos_role_dominant_share", {"role": "ads"}, 0.375),
        ("raymesos_role_entitled_share", {"role": "ads"}, 0.75),
        ("raymesos_role_weight", {"role": "ads"}, 3),
        ("raymesos_role_held", {"role": "ads", "resource": "cpus"}, 3),
        ("raymesos_role_quota_guarantee", {"role": "ads", "resource": "cpus"}, 2),
        ("raymesos_role_quota_limit", {"role": "ads", "resource": "cpus"}, 6),
        ("raymesos_role_offer_filters", {"role": "ads"}, 4),
        ("raymesos_role_tasks", {"role": "ads"}, 2),
        ("raymesos_role_job_inputs", {"role": "ads", "state": "waiting"}, 6),
        ("raymesos_jobs", {"state": "Finished"}, 1),
        ("raymesos_events_total", {}, 2),
    ],
)
def test_what_the_views_know_is_exposed(name: str, labels: dict[str, str], value: float) -> None:
    assert exposed(site(*small_world()))[name, tuple(sorted(labels.items()))] == value


def test_an_agent_that_is_gone_and_a_framework_that_completed_are_counted_and_no_more_than_that() -> None:
    found = exposed(site(agent("a", "gone")))
    assert found["raymesos_agents", (("state", "gone"),)] == 1
    assert not [key for key in found if ("agent", "a") in key[1]]


def test_the_docs_list_what_is_exposed_with_its_labels_and_nothing_else() -> None:
    listed = re.findall(r"^\| `(raymesos_\w+)` \| (\w+) \| (.*?) \|", DOCS.read_text(), re.MULTILINE)
    known = [(f.exposed, f.kind, ", ".join(f.labels)) for f in FAMILIES]
    known.append((REQUEST_SECONDS, "histogram", ", ".join(REQUEST_LABELS)))
    assert sorted(listed) == sorted(known)
    types = re.findall(
        r"^# TYPE (\S+) (\S+)$", call(make_app(site(*small_world())), "GET", "/metrics").text, re.MULTILINE
    )
    assert sorted((n, k) for n, k in types if not n.endswith("_created")) == sorted((n, k) for n, k, _ in known)


def test_names_of_the_list_are_unique() -> None:
    assert len({f.name for f in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize(
    ("key", "name", "labels"),
    [
        ("master/messages_kill_task", "raymesos_master_messages", ("kill_task",)),
        ("master/task_failed/source_executor/reason_x", "raymesos_task_reasons", ("failed", "executor", "x")),
        ("allocator/mesos/resources/cpus/total", "raymesos_allocator_capacity", ("cpus",)),
        ("allocator/mesos/resources/a/b/offered_or_allocated", "raymesos_allocator_offered_or_used", ("a/b",)),
        ("something/new", "raymesos_mesos_metric", ("something/new",)),
    ],
)
def test_keys_of_mesos_become_labels(key: str, name: str, labels: tuple[str, ...]) -> None:
    found = translated(key)
    assert found is not None and (found[0].name, found[1]) == (name, labels)


def test_requests_are_counted_by_the_route_that_took_them_and_their_status() -> None:
    made = site()
    app = make_app(made)
    for path in ("/health", "/health", "/nosuch/1", "/nosuch/2"):
        call(app, "GET", path)
    found = exposed(made)
    assert found["raymesos_http_request_seconds_count", (("path", "/health"), ("status", "200"))] == 2
    assert found["raymesos_http_request_seconds_count", (("path", "none"), ("status", "404"))] == 2
    assert {dict(labels)["path"] for name, labels in found if name == "raymesos_http_request_seconds_count"} == {
        "/health",
        "none",
    }


def test_the_text_is_made_once_a_revision() -> None:
    made = site(*small_world())
    page = MetricsPage(made, made.views)
    first = page.text()
    assert page.text() is first
    made.views.take([agent("agent3")])
    assert b'agent="agent3"' in page.text()


def test_roles_with_odd_names_are_escaped() -> None:
    from small_world import share

    found = exposed(site(share('a"b\\c', "1", (1, 2), (1, 2), "cpus:1")))
    assert found["raymesos_role_dominant_share", (("role", 'a"b\\c'),)] == 0.5
