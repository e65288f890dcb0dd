"""One local cluster for all tests that need Ray; what a test leaves behind fails the session."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import raymesos as rm
from raymesos.model.settings import on_ray

# How long an example takes says something of the machine, not of the code.
settings.register_profile("raymesos", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raymesos")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory that running clusters are noted in: the tests' own, not the user's."""
    directory = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("RAYMESOS_HOME", str(directory))
    yield directory
    patch.undo()


@pytest.fixture(scope="session")
def cluster(home: Path) -> Iterator[rm.Cluster]:
    """Two agents of one CPU each, and HTTP. Tests share it: they use roles and job names of their own, and leave it idle.

    As `rm.start` would start it, but for heartbeats: clients that others wrote see an event when the next comes.
    """
    from raymesos.actors.cluster import start_local
    from raymesos.actors.plan import GatewayPlan, HttpPlan
    from raymesos.client import _on_ray

    quick = on_ray()
    quick = replace(quick, master=replace(quick.master, heartbeat_ms=200))
    started = start_local(
        agents=2,
        cpus=1,
        mem_mb=2048,
        name=f"tests-{os.getpid()}",
        work_dir=None,
        progress=lambda text: None,
        settings=quick,
        http=HttpPlan(port=0),
        gateway=GatewayPlan(port=0),
    )
    with _on_ray(started.running, started) as shared:
        yield shared


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, for one module of tests at a time: while it runs no other event loop can begin on this thread."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("THE PAGE IS NOT TESTED: no chromium here (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Only root needs to go without the sandbox, as in a container.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


def pytest_collection_finish() -> None:
    """The cyclic collector need not look at thousands of tests again and again while they run."""
    gc.collect()
    gc.freeze()
