"""pymesos, which works with Python 3.8 and 3.9 only, unchanged, against a cluster on Ray. Where there is no such Python it is skipped, and says so."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from pathlib import Path

import pytest

import raymesos as rm

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

FRAMEWORK = Path(__file__).with_name("pymesos_framework.py")
PYMESOS = "pymesos==0.3.15"
TASKS = 20


def old_python() -> str | None:
    """One that runs: a name in the path may be a shim for nothing."""
    versions = sorted(Path.home().glob(".pyenv/versions/3.[89].*/bin/python"))
    for candidate in ("python3.9", "python3.8", *map(str, versions)):
        try:
            if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    return None


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A Python, and the directory of packages that has pymesos for it."""
    found = old_python()
    if found is None:
        warnings.warn("pymesos was NOT tried: there is no Python 3.8 or 3.9 here", stacklevel=1)
        pytest.skip("no Python 3.8 or 3.9")
    home = tmp_path_factory.mktemp("pymesos")
    install = [found, "-m", "pip", "install", "-q", "--no-compile", "--target", str(home), PYMESOS]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if installed.returncode:
        warnings.warn(f"pymesos was NOT tried: it cannot be installed: {installed.stderr[-300:]}", stacklevel=1)
        pytest.skip("pymesos cannot be installed")
    return found, home


def test_a_framework_of_pymesos_launches_tasks_and_sees_each_run_and_finish(
    cluster: rm.Cluster, python: tuple[str, Path]
) -> None:
    program, packages = python
    ran = subprocess.run(
        [program, str(FRAMEWORK), cluster.url.removeprefix("http://"), str(TASKS)],
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    heard = json.loads(ran.stdout)
    assert sorted(heard) == sorted(f"pymesos-{i}" for i in range(TASKS))
    assert all(states[-2:] == ["TASK_RUNNING", "TASK_FINISHED"] for states in heard.values()), heard
