"""The shim itself: who may speak with it, clients that leave and come back, and that nothing is left when it goes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from shim_rig import PATIENCE_S, Owner, Pipe, alive, ended

from raymesos.shim import process
from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress, find_shim, start_shim
from raymesos.shim.protocol import Broken, Stream, pack
from raymesos.shim.sandboxes import REMOVED_AT_ONCE, SANDBOXES_KEPT, Sandboxes

SLEEP = ("/bin/sleep", "1000")


def running(owner: Owner, task_id: str, *argv: str) -> int:
    owner.command(task_id, *(argv or SLEEP))
    return int(owner.until("started", task_id)["pid"])


def raw(shim: ShimAddress) -> Stream:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE_S)
    sock.connect(shim.socket)
    return Stream(sock)


# ---------------------------------------------------------------- starting


def test_a_shim_is_found_again_and_not_started_twice(shim: ShimAddress, tmp_path: Path) -> None:
    assert shim.alive
    assert start_shim(tmp_path / "shim") == shim
    assert find_shim(tmp_path / "shim") == shim
    assert find_shim(tmp_path) is None


def test_a_shim_is_nobodys_child(shim: ShimAddress) -> None:
    assert os.getsid(shim.pid) == shim.pid
    assert shim.pid not in process.tree(os.getpid())


def test_a_shim_in_a_deep_directory_listens_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    shim = start_shim(deep)
    owner = Owner(shim)
    assert owner.run_command("t", "true")["exit"] == 0
    owner.close()
    shim.shutdown()
    assert not Path(shim.socket).exists()


def test_only_the_user_may_connect(shim: ShimAddress) -> None:
    assert Path(shim.socket).stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- speaking


def test_another_version_is_refused_by_name(shim: ShimAddress, owner: Owner) -> None:
    stream = raw(shim)
    stream.send_now("hello", {"owner": "x", "version": 99})
    kind, fields = stream.receive()
    assert (kind, fields["why"]) == ("refused", "the shim speaks version 1, not 99")
    with pytest.raises(Broken):
        stream.receive()
    stream.close()
    assert owner.run_command("t", "true")["exit"] == 0


@pytest.mark.parametrize(
    "blob",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pack("run_command", {"id": "t"}),
        pack("hello", {"version": 1}),
        b"\x03\x00\x00\x00\x93\x01\x02",
    ],
    ids=["no frame", "no hello", "no owner", "no pair"],
)
def test_who_does_not_say_hello_is_cut_off_and_nobody_else(shim: ShimAddress, owner: Owner, blob: bytes) -> None:
    stream = raw(shim)
    stream.sock.sendall(blob)
    with pytest.raises(Broken):
        while stream.receive()[0] == "refused":
            pass
    stream.close()
    assert owner.run_command("t", "true")["exit"] == 0


def test_a_request_that_does_not_fit_is_refused_and_others_are_served(shim: ShimAddress, owner: Owner) -> None:
    other = Owner(shim, "other")
    other.client.send("stop", id="t")
    kind, fields = other.client.receive()
    assert kind == "refused"
    assert "grace_ms" in fields["why"]
    with pytest.raises(Broken):
        other.client.receive()
    other.close()
    assert owner.run_command("t", "true")["exit"] == 0


def test_owners_hear_of_their_own_tasks_only(shim: ShimAddress, owner: Owner) -> None:
    other = Owner(shim, "other")
    owner.run_command("mine", "true")
    other.command("theirs", "true")
    assert [other.client.receive()[1]["id"] for _ in range(2)] == ["theirs", "theirs"]
    other.close()


# ---------------------------------------------------------------- leaving and coming back


def test_a_client_that_comes_back_finds_what_runs(shim: ShimAddress, owner: Owner) -> None:
    pid = running(owner, "t")
    owner.close()
    again = Owner(shim)
    assert again.client.running == ["t"]
    assert alive(pid)
    again.client.send("stop", id="t", grace_ms=60_000)
    assert again.until("ended", "t")["signal"] == 15
    again.close()


def test_a_client_that_comes_back_hears_what_ended_meanwhile(shim: ShimAddress, owner: Owner, pipe: Pipe) -> None:
    owner.command("t", "/bin/sh", "-c", f"cat {pipe}; exit 5")
    pid = owner.until("started", "t")["pid"]
    owner.close()
    # A greeting is answered by a later turn of the loop than the one that notices the loss.
    other = Owner(shim, "other")
    pipe.write()
    assert ended(pid)
    other.run_command("later", "true")
    again = Owner(shim)
    assert again.client.running == []
    assert again.until("ended", "t")["exit"] == 5
    assert again.run_command("u", "true")["exit"] == 0
    again.close()
    other.close()


def test_a_second_connection_of_an_owner_replaces_the_first(shim: ShimAddress, owner: Owner, pipe: Pipe) -> None:
    owner.command("t", "/bin/sh", "-c", f"cat {pipe}; exit 5")
    owner.until("started", "t")
    second = Owner(shim)
    assert second.client.running == ["t"]
    with pytest.raises(Broken):
        owner.client.receive()
    pipe.write()
    assert second.until("ended", "t")["exit"] == 5
    second.close()


@pytest.mark.slow
def test_what_an_owner_left_behind_is_killed_after_the_grace(shim: ShimAddress, owner: Owner) -> None:
    other = Owner(shim, "other")
    kept = running(other, "u")
    pid = running(owner, "t")
    owner.close()
    assert ended(pid)
    assert alive(kept)
    again = Owner(shim)
    assert again.client.running == []
    again.close()
    other.close()


# ---------------------------------------------------------------- going


def family(owner: Owner, pipe: Pipe) -> list[int]:
    """Processes of every kind: a command, its child, a daemon in a session of its own, a worker and its daemon."""
    pids = [
        running(owner, "plain"),
        running(owner, "stubborn", "/bin/sh", "-c", "trap '' TERM; while :; do sleep 1000; done"),
    ]
    script = f"sleep 1000 & setsid sh -c 'echo $$ > {pipe}; exec sleep 1000' & wait"
    pids.append(running(owner, "parent", "/bin/sh", "-c", script))
    pids.append(int(pipe.read()))
    path = str(pipe)

    def fn(_: object) -> None:
        import subprocess

        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        Path(path).write_text(f"{os.getpid()} {os.getppid()} {child.pid}")
        child.wait()

    owner.chunk("chunk", fn, [0])
    pids += map(int, pipe.read().split())
    return [*pids, *(p for pid in pids for p in process.tree(pid))]


def test_shutdown_leaves_no_process_and_no_socket(shim: ShimAddress, owner: Owner, pipe: Pipe) -> None:
    pids = family(owner, pipe)
    shim.shutdown()
    assert not shim.alive
    assert [pid for pid in pids if alive(pid)] == []
    assert not Path(shim.socket).exists()
    shim.shutdown()


def test_sigterm_is_a_shutdown(shim: ShimAddress, owner: Owner, pipe: Pipe) -> None:
    pids = family(owner, pipe)
    os.kill(shim.pid, 15)
    assert ended(shim.pid)
    assert [pid for pid in pids if alive(pid)] == []
    assert not Path(shim.socket).exists()


def test_an_idle_shim_shuts_down_at_once(shim: ShimAddress) -> None:
    os.kill(shim.pid, 15)
    assert ended(shim.pid)
    assert not shim.alive, "a process that has ended is not alive, whether its parent looked after it or not"


def test_a_shim_that_nobody_needs_leaves_by_itself(tmp_path: Path) -> None:
    shim = start_shim(tmp_path / "shim", orphan_grace_s=0.1)
    assert ended(shim.pid)
    assert not Path(shim.socket).exists()


def test_a_shim_with_a_client_stays(tmp_path: Path) -> None:
    shim = start_shim(tmp_path / "shim", orphan_grace_s=0.2)
    owner = Owner(shim)
    assert owner.run_command("t", "sleep", "0.5")["exit"] == 0
    owner.close()
    assert ended(shim.pid)


def test_the_successor_of_a_killed_shim_ends_what_it_left(shim: ShimAddress, owner: Owner, tmp_path: Path) -> None:
    pid = running(owner, "t")
    os.kill(shim.pid, 9)
    assert ended(shim.pid)
    with pytest.raises(Broken):
        owner.client.receive()
    successor = start_shim(tmp_path / "shim")
    assert successor != shim
    assert ended(pid)
    client = ShimClient.connect(successor.socket, "owner")
    assert client.running == []
    client.close()
    successor.shutdown()


# ---------------------------------------------------------------- sandboxes


def test_old_sandboxes_are_removed_and_new_ones_kept(tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"former{n}").mkdir()
        os.utime(tmp_path / f"former{n}", (n, n))
    sandboxes = Sandboxes(f"{tmp_path}/")
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "stdout").write_text("x")
    (tmp_path / "last").mkdir()
    sandboxes.ended(f"{tmp_path}/first/")
    for n in range(SANDBOXES_KEPT + REMOVED_AT_ONCE - 5):
        sandboxes.ended(f"{tmp_path}/never-there-{n}/")
    assert len(list(tmp_path.iterdir())) == 5
    sandboxes.ended(f"{tmp_path}/last/")
    assert os.waitpid(-1, 0)[1] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["last"]
