"""Commands and residents in a real shim."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from shim_rig import Owner, Pipe, alive, ended

from raymesos.shim.limits import OUTPUT_BYTES
from raymesos.shim.protocol import LAUNCH_FAILED, MEMORY


def test_a_command_that_exits_0_has_ended_well(owner: Owner) -> None:
    owner.command("t", "true")
    started = owner.until("started", "t")
    assert started["pid"] > 0
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"], end["reason"], end["message"]) == (0, None, "", "")
    assert end["usage"]["peak_rss_kb"] > 0


def test_an_exit_code_is_told(owner: Owner) -> None:
    end = owner.run_shell("t", "exit 7")
    assert (end["exit"], end["signal"], end["reason"], end["message"]) == (7, None, "", "exit 7")


def test_the_signal_that_killed_a_command_is_told(owner: Owner) -> None:
    end = owner.run_shell("t", "kill -SEGV $$")
    assert (end["exit"], end["signal"], end["message"]) == (None, 11, "killed by SIGSEGV (11)")


def test_stdout_and_stderr_are_kept_in_the_sandbox_where_it_starts(owner: Owner) -> None:
    owner.run_shell("t", "pwd; echo oops >&2; echo kept > file; cat")
    assert owner.output("t") == f"{owner.sandbox('t')}\n"
    assert owner.output("t", "stderr") == "oops\n"
    assert owner.output("t", "file") == "kept\n"


def test_a_command_has_its_environment_and_that_of_the_shim(owner: Owner) -> None:
    owner.run_shell("t/1", 'echo "$COLOR|$RAYMESOS_TASK_ID|$RAYMESOS_SANDBOX|${PATH:+path}"', env={"COLOR": "a b"})
    assert owner.output("t/1") == f"a b|t/1|{owner.sandbox('t/1')}/|path\n"


def test_a_command_is_found_on_its_own_path(owner: Owner, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho found\n")
    tool.chmod(0o755)
    owner.run_command("t", "tool", env={"PATH": f"/nowhere:{tool.parent}:/bin:/usr/bin"})
    assert owner.output("t") == "found\n"


def test_a_command_starts_in_the_directory_it_asks_for(owner: Owner, tmp_path: Path) -> None:
    script = tmp_path / "here.sh"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(0o755)
    end = owner.run_command("t", "./here.sh", dir=str(tmp_path))
    assert (end["exit"], owner.output("t")) == (0, f"{tmp_path}\n")


@pytest.mark.parametrize(
    ("argv", "more", "words"),
    [
        (["no-such-command"], {}, "'no-such-command' could not be started: No such file or directory"),
        (["/bin"], {}, "'/bin' could not be started: Permission denied"),
        (["true"], {"dir": "/no/such/place"}, "No such file or directory: '/no/such/place'"),
        (["true"], {"env": {"A": "\0"}}, "'true' could not be started: embedded null byte"),
        (["true"], {"env": {"A=B": "c"}}, "'true' could not be started: illegal environment variable name"),
        (["true", "\0"], {}, "'true' could not be started: embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_started_says_why(
    owner: Owner, argv: list[str], more: dict[str, Any], words: str
) -> None:
    end = owner.run_command("t", *argv, **more)
    assert (end["exit"], end["signal"], end["reason"]) == (None, None, LAUNCH_FAILED)
    assert words in end["message"]
    assert owner.run_command("next", "true")["exit"] == 0


def test_a_resident_that_cannot_be_started_leaves_no_channel(owner: Owner) -> None:
    fds = Path(f"/proc/{owner.shim.pid}/fd")
    owner.run_command("t0", "no-such-command", kind="run_resident")
    before = len(list(fds.iterdir()))
    for n in range(5):
        assert owner.run_command(f"t{n}", "no-such-command", kind="run_resident")["reason"] == LAUNCH_FAILED
    assert len(list(fds.iterdir())) == before


def test_the_same_request_again_runs_once(owner: Owner, pipe: Pipe) -> None:
    script = f"echo ran; cat {pipe}"
    owner.command("t", "/bin/sh", "-c", script)
    owner.until("started", "t")
    owner.command("t", "/bin/sh", "-c", script)
    owner.run_command("other", "true")
    pipe.write()
    owner.until("ended", "t")
    assert owner.output("t") == "ran\ngo"


# ---------------------------------------------------------------- stopping


def test_a_command_that_heeds_the_request_ends_in_its_own_way(owner: Owner, pipe: Pipe) -> None:
    owner.command("t", "/bin/sh", "-c", f"trap 'exit 9' TERM; echo ready > {pipe}; while :; do sleep 1000 & wait; done")
    assert pipe.read() == "ready"
    owner.client.send("stop", id="t", grace_ms=60_000)
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"]) == (9, None)


def test_a_command_that_does_not_heed_it_is_killed_after_the_grace(owner: Owner, pipe: Pipe) -> None:
    owner.command("t", "/bin/sh", "-c", f"trap '' TERM; echo ready > {pipe}; while :; do sleep 1000; done")
    assert pipe.read() == "ready"
    owner.client.send("stop", id="t", grace_ms=50)
    owner.client.send("stop", id="t", grace_ms=600_000)
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"]) == (None, 9)


def test_to_stop_what_does_not_run_does_nothing(owner: Owner) -> None:
    owner.client.send("stop", id="never", grace_ms=0)
    assert owner.run_command("t", "true")["exit"] == 0


def test_what_a_command_started_dies_with_it(owner: Owner, pipe: Pipe) -> None:
    owner.command("t", "/bin/sh", "-c", f"sleep 1000 & echo $! > {pipe}; wait")
    child = int(pipe.read())
    assert alive(child)
    owner.client.send("stop", id="t", grace_ms=60_000)
    owner.until("ended", "t")
    assert ended(child)


def test_what_a_command_leaves_behind_dies_at_its_end(owner: Owner) -> None:
    assert owner.run_shell("t", "sleep 1000 & echo $!")["exit"] == 0
    assert ended(int(owner.output("t")))


@pytest.mark.slow
def test_a_daemon_that_left_the_session_does_not_outlive_its_task(owner: Owner, pipe: Pipe) -> None:
    assert owner.run_shell("t", f"setsid sh -c 'echo $$ > {pipe}; exec sleep 1000' & cat {pipe}")["exit"] == 0
    assert ended(int(owner.output("t")))


# ---------------------------------------------------------------- several in turn


def test_several_commands_have_each_their_sandbox_output_and_number(owner: Owner) -> None:
    report = owner.run_commands("t", 3, "echo $RAYMESOS_JOB_ID $RAYMESOS_INDEX $RAYMESOS_ATTEMPT; pwd", attempt=2)
    assert (report["lo"], report["hi"], report["failed"]) == (0, 3, [])
    for index in range(3):
        assert owner.output("t", f"{index}/stdout") == f"j {index} 2\n{owner.sandbox('t')}/{index}\n"


def test_one_that_fails_does_not_stop_the_next(owner: Owner) -> None:
    report = owner.run_commands("t", 4, "case $RAYMESOS_INDEX in 1) exit 3;; 2) kill -9 $$;; esac")
    assert (report["lo"], report["hi"]) == (0, 4)
    assert report["failed"] == [[1, "exit 3", 3, None], [2, "killed by SIGKILL (9)", None, 9]]


def test_thousands_that_cannot_be_started_are_that_many_failures(owner: Owner) -> None:
    report = owner.run_commands("t", 3_000, "", argv=("no-such-command",))
    assert (report["lo"], report["hi"]) == (0, 3_000)
    assert [row[0] for row in report["failed"]] == list(range(3_000))
    assert {(row[2], row[3]) for row in report["failed"]} == {(127, None)}
    assert owner.run_command("next", "true")["exit"] == 0


def test_what_no_process_can_be_given_fails_each_command_and_not_the_shim(owner: Owner) -> None:
    report = owner.run_commands("t", 3, "true", env={"A": "\0"})
    assert [row[:2] for row in report["failed"]] == [
        [n, "'/bin/sh' could not be started: embedded null byte"] for n in range(3)
    ]
    assert owner.run_command("next", "true")["exit"] == 0


def test_after_its_time_the_rest_is_left_to_others(owner: Owner) -> None:
    report = owner.run_commands("t", 3, "exit 1", budget_ms=0)
    assert (report["lo"], report["hi"], report["failed"]) == (0, 1, [[0, "exit 1", 1, None]])


def test_to_stop_several_commands_ends_the_one_at_work_and_blames_none(owner: Owner, pipe: Pipe) -> None:
    fields = {"job": "j", "lo": 0, "hi": 9, "attempt": 1, "budget_ms": 60_000}
    script = f"[ $RAYMESOS_INDEX = 0 ] || {{ echo $$ > {pipe}; exec sleep 1000; }}"
    owner.command("t", "/bin/sh", "-c", script, kind="run_commands", **fields)
    pid = int(pipe.read())
    owner.client.send("stop", id="t", grace_ms=60_000)
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"]) == (None, 15)
    assert [(r["lo"], r["hi"], r["failed"]) for r in owner.reports] == [(0, 1, [])]
    assert not alive(pid)


# ---------------------------------------------------------------- bounds

HUNGRY = "import os, sys; block = bytearray(200 << 20); open(sys.argv[1]).read()"


def test_a_command_over_its_memory_is_killed_with_the_figures(owner: Owner, pipe: Pipe) -> None:
    end = owner.run_command("t", sys.executable, "-S", "-c", HUNGRY, str(pipe), mem_kb=64 * 1024)
    assert (end["signal"], end["reason"]) == (9, MEMORY)
    assert "of 64 MB" in end["message"]
    used = int(end["message"].split("used ")[1].split(" MB")[0])
    assert 64 <= used < 400
    assert end["usage"]["peak_rss_kb"] > 64 * 1024


def test_the_memory_of_its_children_counts_too(owner: Owner, pipe: Pipe) -> None:
    end = owner.run_shell("t", f"{sys.executable} -S -c '{HUNGRY}' {pipe}; true", mem_kb=64 * 1024)
    assert (end["signal"], end["reason"]) == (9, MEMORY)


def test_one_of_several_over_its_memory_is_the_one_that_fails(owner: Owner, pipe: Pipe) -> None:
    script = f"[ $RAYMESOS_INDEX != 1 ] || exec {sys.executable} -S -c '{HUNGRY}' {pipe}"
    report = owner.run_commands("t", 3, script, mem_kb=64 * 1024)
    assert report["hi"] == 3
    [[index, why, exit_code, number]] = report["failed"]
    assert (index, exit_code, number) == (1, None, 9)
    assert "of 64 MB" in why


@pytest.mark.parametrize("several", [False, True])
def test_output_beyond_its_bound_is_dropped_and_the_file_says_so(owner: Owner, several: bool) -> None:
    script = "head -c 30000000 /dev/zero | tr '\\0' x; echo err >&2"
    if several:
        owner.run_commands("t", 1, script)
        kept = owner.sandbox("t") / "0" / "stdout"
    else:
        owner.run_shell("t", script)
        kept = owner.sandbox("t") / "stdout"
    assert kept.stat().st_size < OUTPUT_BYTES + 100
    assert kept.read_bytes().endswith(b"[output truncated: more than %d bytes]\n" % OUTPUT_BYTES)
    assert kept.with_name("stderr").read_text() == "err\n"


# ---------------------------------------------------------------- residents

ECHO = """
import os, socket
from raymesos.shim.protocol import Stream
stream = Stream(socket.socket(fileno=int(os.environ["RAYMESOS_CONTROL_FD"])))
stream.send_now("data", {"data": b"ready"})
while True:
    _, fields = stream.receive()
    stream.send_now("data", {"data": b"echo " + fields["data"]})
    if fields["data"] == b"bye":
        raise SystemExit(4)
"""


def test_a_resident_is_spoken_with_over_its_channel(owner: Owner) -> None:
    owner.command("r", sys.executable, "-c", ECHO, kind="run_resident")
    assert owner.until("data", "r")["data"] == b"ready"
    owner.client.send("send", id="r", data=b"one")
    assert owner.until("data", "r")["data"] == b"echo one"
    owner.client.send("send", id="r", data=bytes(1_000_000))
    assert len(owner.until("data", "r")["data"]) == 1_000_005
    owner.client.send("send", id="r", data=b"bye")
    assert owner.until("data", "r")["data"] == b"echo bye"
    assert owner.until("ended", "r")["exit"] == 4
    owner.client.send("send", id="r", data=b"too late")
    assert owner.run_command("t", "true")["exit"] == 0


def test_a_limit_that_is_lowered_later_holds(owner: Owner) -> None:
    script = "x = bytearray(80 * 2**20); import time; time.sleep(60)"
    owner.command("t1", sys.executable, "-c", script, mem_kb=500 * 1024)
    owner.until("started", "t1")
    owner.client.send("limit", id="t1", mem_kb=20 * 1024)
    assert owner.until("ended", "t1")["reason"] == MEMORY


def test_the_program_may_be_another_than_the_first_argument(owner: Owner) -> None:
    end = owner.run_command("t1", "called-so", "-c", 'test "$0" = called-so', program="/bin/sh")
    assert end["exit"] == 0
