"""Revocable resources on a real cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

SCRIPT = Path(__file__).with_name("lending.py")


def test_a_task_runs_on_what_an_agent_lends_out(home: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=120, check=True)
    lent, *states = done.stdout.split()
    assert lent == "cpus{REV}:0.5"
    assert states[-1] == "TASK_FINISHED"
