"""The files that say which clusters run here."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from raymesos.actors.running import (
    Running,
    check_name,
    find_running,
    refuse_if_running,
    remove_run_file,
    run_dir,
    running_clusters,
    write_run_file,
)
from raymesos.errors import ClusterUnavailable, Conflict, InvalidValue
from raymesos.shim.process import start_time

OURS = Running("one", "127.0.0.1:1", "/w", pid=os.getpid(), pid_start=start_time(os.getpid()))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMESOS_HOME", str(tmp_path))


def test_a_running_cluster_is_found_by_name_or_because_it_is_the_only_one() -> None:
    write_run_file(OURS)
    assert find_running() == find_running("one") == OURS
    with pytest.raises(ClusterUnavailable, match="named 'two'"):
        find_running("two")


def test_among_several_one_must_be_named() -> None:
    two = replace(OURS, namespace="two")
    write_run_file(OURS)
    write_run_file(two)
    with pytest.raises(ClusterUnavailable, match=r"\(one, two\)"):
        find_running()
    assert find_running("two") == two


def test_a_removed_file_is_a_cluster_that_is_not_there() -> None:
    write_run_file(OURS)
    remove_run_file("one")
    remove_run_file("one")
    assert running_clusters() == []


def test_a_cluster_whose_process_has_ended_is_forgotten() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_run_file(replace(OURS, pid=process.pid, pid_start=start_time(process.pid)))
    assert find_running("one").pid == process.pid
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # Ended, but its parent has not taken note.
    assert running_clusters() == []
    assert list(run_dir().glob("*.json")) == []
    process.communicate()


@pytest.mark.parametrize(("name", "stays"), [("raymesos-abc", False), ("of-the-user", True)])
def test_the_directory_of_a_killed_cluster_goes_with_it_but_no_other(tmp_path: Path, name: str, stays: bool) -> None:
    own = tmp_path / name
    own.mkdir()
    write_run_file(replace(OURS, pid_start=OURS.pid_start + 1, own_dir=str(own)))
    assert running_clusters() == [] and own.exists() is stays


def test_a_pid_that_is_somebody_elses_by_now_is_not_the_cluster() -> None:
    write_run_file(replace(OURS, pid_start=OURS.pid_start + 1))
    assert running_clusters() == []


def test_a_cluster_on_somebodys_ray_has_no_process_to_ask() -> None:
    write_run_file(replace(OURS, pid=0, pid_start=0))
    assert find_running().pid == 0


def test_a_file_that_cannot_be_read_hides_no_other() -> None:
    write_run_file(OURS)
    (run_dir() / "broken.json").write_text("{")
    (run_dir() / "other.json").write_text('{"namespace": "x"}')
    assert running_clusters() == [OURS]


def test_a_name_that_runs_is_refused_with_the_way_to_end_it() -> None:
    write_run_file(OURS)
    refuse_if_running("two")
    with pytest.raises(Conflict, match="raymesos down --name one"):
        refuse_if_running("one")


@pytest.mark.parametrize("name", ["", ".x", "-x", "../x", "a/b", "a b", "x" * 64])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"^name: "):
        check_name(name)
