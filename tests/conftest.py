"""One local cluster for all tests that need Ray; what a test leaves behind fails the session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import raymesos as rm

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
    """Two agents of one CPU each, and HTTP. Tests share it: they use roles and job names of their own, and leave it idle."""
    with rm.start(agents=2, cpus=1, mem=2048, quiet=True, port=0) as started:
        yield started


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
