"""Agents that operators drain, take down and give up, on Ray: what ran there ends, and goes on elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

SCRIPT = Path(__file__).with_name("draining.py")


def test_work_goes_on_elsewhere_when_its_agent_is_drained_down_or_gone(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "pids")], capture_output=True, text=True, timeout=110, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["done"]), done.stderr[-3000:]
