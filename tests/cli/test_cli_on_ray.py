"""The command line against a real cluster, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.ray, pytest.mark.slow]

FAILING = "kind: batch\nname: three\ncommand: 'echo hello $RAYMESOS_INDEX; exit $(($RAYMESOS_INDEX / 2))'\nsize: 3\nrole: ads\ncpus: 0.5\nmem: 64MB\n"
ENDLESS = "kind: batch\nname: endless\ncommand: 'echo begun; sleep 600'\ncpus: 0.5\nmem: 64MB\n"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    environment = {**os.environ, "RAYMESOS_HOME": str(tmp_path / "home")}

    def command(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "raymesos.cli.main", *argv],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
        )

    yield command
    command("down")


def test_a_cluster_from_up_to_down(run: Run, tmp_path: Path) -> None:
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "endless.yaml").write_text(ENDLESS)

    started = run("up", "--agents", "2", "--cpus", "0.5", "--mem", "256", "--port", "0", "--json")
    assert started.returncode == 0, started.stderr
    info = json.loads(started.stdout)
    assert [agent["name"] for agent in info["agents"]] == ["agent1", "agent2"]
    noted = json.loads((tmp_path / "home" / "run" / "raymesos.json").read_text())
    assert noted["pid"] == info["pid"] and os.getsid(info["pid"]) == info["pid"]

    again = run("up")
    assert again.returncode == 5 and "raymesos down" in again.stderr

    submitted = run("submit", "failing.yaml", "--json")
    assert submitted.returncode == 1, submitted.stderr
    result = json.loads(submitted.stdout)
    assert (result["succeeded"], [f["index"] for f in result["failures"]]) == (2, [2])

    assert run("submit", "-d", "endless.yaml").returncode == 0
    followed = run("logs", "three", "1", "-f")
    assert (followed.returncode, followed.stdout) == (0, "hello 1\n")
    rows = {row["name"]: row for row in json.loads(run("ps", "--all", "--json").stdout)}
    assert (rows["three"]["state"], rows["three"]["failed"]) == ("Finished", 1)
    assert rows["endless"]["state"] == "Accepted"
    assert "job three" in run("explain", "three").stdout
    assert run("explain", "nothing").returncode == 3

    family = _family(noted)
    assert any("sleep" in " ".join(p.cmdline()) for p in family)
    assert _open_to_others(family) == []

    ended = run("down", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"name": "raymesos", "ended": True})
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert _family(noted) == [] and not Path(noted["own_dir"]).exists()
    assert run("ps").returncode == 4


def _family(noted: dict[str, Any]) -> list[psutil.Process]:
    """The keeper and every process that names the cluster's directory, with all their children."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if process.pid == noted["pid"] or noted["own_dir"] in words:
            found |= {p.pid: p for p in (process, *process.children(recursive=True))}
    return list(found.values())


def _open_to_others(family: list[psutil.Process]) -> list[str]:
    """Addresses that the processes listen at and that other machines can reach."""
    pids = {p.pid for p in family}
    listening = [c for c in psutil.net_connections("tcp") if c.pid in pids and c.status == psutil.CONN_LISTEN]
    assert listening
    return [c.laddr.ip for c in listening if not c.laddr.ip.endswith("127.0.0.1") and c.laddr.ip != "::1"]
