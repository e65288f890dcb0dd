"""On a Ray cluster that others use: nothing is booked twice, each node has one agent, and nothing is left at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_plain_ray_and_raymesos_share_a_cluster_side_by_side(tmp_path: Path) -> None:
    program = Path(__file__).with_name("side_by_side.py")
    environment = {**os.environ, "RAYMESOS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=110, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {
        "free_for_ray": 1.0,
        "agents": {"active": "cpus:2"},
        "plain_at_once": 1,
        "ours_at_once": 2,
        "ours_done": 12,
        "after_join": ["cpus:1", "cpus:2"],
        "far_right": True,
        "far_nodes": 2,
        "said_done": 40,
        "said_right": True,
        "said_errors": True,
        "said_nodes": 2,
        "after_leave": ["active", "disconnected"],
        "again_done": 4,
        "free_at_the_end": 3.0,
        "actors_left": [],
    }
