"""Volumes on disk: made, kept, removed; a real task in a real shim finds them in its sandbox."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from shim_rig import Owner

from raymesos.actors.volumes import change, disk_for_agent, path_of
from raymesos.wire.messages import ChangeVolumes, Volume

DATA = Volume("eng/prod", "id1", "data")


def test_a_volume_is_a_directory_of_its_role_below_that_of_its_agent_or_its_disk(tmp_path: Path) -> None:
    assert path_of(DATA, tmp_path) == tmp_path / "volumes/roles/eng%2Fprod/id1"
    assert path_of(Volume("r", "v", "d", "PATH", "/disk"), tmp_path) == Path("/disk/volumes/roles/r/v")
    assert path_of(Volume("r", "v", "d", "MOUNT", "/disk"), tmp_path) == Path("/disk")
    assert path_of(Volume("r", "v", "d", "PATH", "disk"), tmp_path) == tmp_path / "disk/volumes/roles/r/v"


def test_a_new_volume_is_empty_a_kept_one_is_not_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    change(ChangeVolumes(make=(DATA,)), tmp_path)
    file = path_of(DATA, tmp_path) / "file"
    file.write_text("kept")
    change(ChangeVolumes(keep=(DATA,)), tmp_path)
    assert file.read_text() == "kept"
    change(ChangeVolumes(make=(DATA,)), tmp_path)
    assert list(path_of(DATA, tmp_path).iterdir()) == []
    change(ChangeVolumes(remove=(DATA,)), tmp_path)
    assert not path_of(DATA, tmp_path).exists()
    change(ChangeVolumes(remove=(DATA,)), tmp_path)


def test_a_disk_that_is_a_volume_is_emptied_and_stays(tmp_path: Path) -> None:
    disk = Volume("r", "v", "d", "MOUNT", str(tmp_path / "mnt"))
    change(ChangeVolumes(make=(disk,)), tmp_path)
    (tmp_path / "mnt" / "file").write_text("x")
    change(ChangeVolumes(remove=(disk,)), tmp_path)
    assert (tmp_path / "mnt").is_dir()
    assert not (tmp_path / "mnt" / "file").exists()


@pytest.mark.parametrize("container_path", ["data", "deep/down/data", "data/"])
def test_what_one_task_writes_into_a_volume_the_next_one_reads(
    owner: Owner, tmp_path: Path, container_path: str
) -> None:
    change(ChangeVolumes(make=(DATA,)), tmp_path)
    volumes = [[container_path, str(path_of(DATA, tmp_path))]]
    assert owner.run_shell("w", f"echo hello > {container_path}/file", volumes=volumes)["exit"] == 0
    assert owner.run_shell("r", f'test "$(cat {container_path}/file)" = hello', volumes=volumes)["exit"] == 0
    assert (path_of(DATA, tmp_path) / "file").read_text() == "hello\n"


def test_a_task_without_the_volume_does_not_see_it(owner: Owner) -> None:
    assert owner.run_shell("t", "test -e data")["exit"] == 1


def test_each_of_several_commands_finds_the_volume(owner: Owner, tmp_path: Path) -> None:
    change(ChangeVolumes(make=(DATA,)), tmp_path)
    volumes = [["data", str(path_of(DATA, tmp_path))]]
    assert owner.run_commands("c", 3, "echo $RAYMESOS_INDEX >> data/log", volumes=volumes)["failed"] == []
    assert (path_of(DATA, tmp_path) / "log").read_text() == "0\n1\n2\n"


def test_a_task_whose_volume_is_not_there_is_not_started(owner: Owner, tmp_path: Path) -> None:
    ended = owner.run_shell("t", "true", volumes=[["data", str(tmp_path / "nowhere")]])
    assert (ended["exit"], ended["reason"]) == (None, "REASON_CONTAINER_LAUNCH_FAILED")
    assert "there is no such volume" in ended["message"]


def test_agents_of_one_node_share_its_disk_and_some_of_it_stays_free(tmp_path: Path) -> None:
    whole_mb = shutil.disk_usage(tmp_path).total // 2**20
    alone, one_of_two = disk_for_agent(tmp_path, 1).scalar("disk"), disk_for_agent(tmp_path, 2).scalar("disk")
    assert 0 < alone <= 1000 * max(whole_mb - 5 * 1024, whole_mb // 2)
    assert 0 <= alone - 2 * one_of_two <= 1000
