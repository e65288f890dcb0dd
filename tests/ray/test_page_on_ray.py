"""The page on a real cluster."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect

import raymesos as rm

pytestmark = [pytest.mark.ray, pytest.mark.slow]
expect.set_options(timeout=30_000)


def test_a_job_is_seen_to_run_its_log_is_read_and_it_is_cancelled_at_the_page(
    cluster: rm.Cluster, browser: Any
) -> None:
    name = f"page-{uuid.uuid4().hex[:6]}"
    printing = 'i=0; while true; do i=$((i+1)); echo "line $i of $RAYMESOS_INDEX"; sleep 0.2; done'
    job = cluster.submit(rm.BatchJob(name, command=printing, size=1, role="page", cpus=1, mem=64), detach=True)
    page = browser.new_page()
    page.goto(f"{cluster.url}/#/jobs")
    page.get_by_role("link", name=name).click()
    log = page.get_by_label("stdout of the task")
    expect(log).to_contain_text("line 3 of 0")
    expect(page.locator("section.card").filter(has_text="Its tasks")).to_contain_text("running")
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.locator("dl.facts")).to_contain_text("cancelled")
    expect(page.get_by_text("that is all: the task has ended")).to_be_visible()
    assert job.status().done
    page.close()


def test_an_agent_is_deactivated_and_reactivated_at_the_page(cluster: rm.Cluster, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{cluster.url}/#/agents")
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("dialog").get_by_role("button", name="Deactivate it").click()
    expect(page.locator("dl.facts")).to_contain_text("deactivated")
    page.get_by_role("button", name="Reactivate").click()
    page.get_by_role("dialog").get_by_role("button", name="Reactivate it").click()
    expect(page.locator("dl.facts")).to_contain_text(re.compile("State ?active"))
    assert {agent.state for agent in cluster.agents} == {"active"}
    page.close()
