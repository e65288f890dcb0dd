"""Residents of every kind, their logs, and commands beside them, in a real shim."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from shim_rig import Owner, Pipe, ended

from raymesos.shim import process
from raymesos.shim.limits import OUTPUT_BYTES
from raymesos.shim.protocol import MEMORY

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if os.environ.get("BROKEN"):
            await send({"type": "lifespan.startup.failed"})
            return
        await send({"type": "lifespan.startup.complete"})
        open(os.environ["UP"], "w").write("up")
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": os.getcwd().encode()})
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def resident(owner: Owner, task_id: str, **more: Any) -> None:
    owner.client.send(
        "run_resident", id=task_id, **{"env": {}, "dir": "", "mem_kb": 0, "path": [], "python": ""} | more
    )


def exec_in(owner: Owner, task_id: str, *argv: str, key: str = "k", timeout_ms: int = 30_000, **more: Any) -> None:
    owner.client.send("exec", key=key, id=task_id, argv=list(argv), timeout_ms=timeout_ms, **more)


def executed(owner: Owner) -> dict[str, Any]:
    while True:
        kind, fields = owner.client.receive()
        if kind == "executed":
            return fields
        if kind == "ended":
            owner._ended[fields["id"]] = fields


# ---------------------------------------------------------------- apps


def test_an_app_is_served_on_its_port_in_its_directory_until_it_is_stopped(
    owner: Owner, tmp_path: Path, pipe: Pipe
) -> None:
    (tmp_path / "lib" / "shop").mkdir(parents=True)
    (tmp_path / "lib" / "shop" / "api.py").write_text(APP)
    (tmp_path / "here").mkdir()
    port = free_port()
    env = {"PORT0": str(port), "UP": str(pipe)}
    where = str(tmp_path / "here")
    resident(owner, "t", app="shop.api:app", env=env, dir=where, path=[str(tmp_path / "lib")])
    owner.until("started", "t")
    assert pipe.read() == "up"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.read().decode()) == (200, where)
    connection.close()
    owner.client.send("stop", id="t", grace_ms=30_000)
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"]) in ((0, None), (None, signal.SIGTERM))
    assert "Application shutdown complete" in owner.output("t", "stderr")


@pytest.mark.parametrize(
    ("app", "source", "why"),
    [
        ("nowhere:app", "", "app 'nowhere:app' cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("mine:app", "", "app 'mine:app' cannot be imported: AttributeError: module 'mine' has no attribute 'app'"),
        ("mine:app", "1 / 0", "app 'mine:app' cannot be imported: ZeroDivisionError: division by zero"),
        ("mine:app", "raise SystemExit(0)", "app 'mine:app' cannot be imported: SystemExit: 0"),
        ("mine:app", "app = 3", "an app needs a port, and this task has none: ask for ports=1"),
    ],
)
def test_an_app_that_cannot_be_run_says_why_in_one_line(
    owner: Owner, tmp_path: Path, app: str, source: str, why: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    resident(owner, "t", app=app, path=[str(tmp_path)])
    end = owner.until("ended", "t")
    assert (end["exit"], end["reason"], end["message"]) == (78, "", why)
    assert owner.output("t", "stderr").splitlines()[-1] == why


def test_an_app_whose_port_is_taken_or_that_does_not_start_says_why(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        resident(owner, "t1", app="mine:app", env={"PORT0": str(port)}, path=[str(tmp_path)])
        assert owner.until("ended", "t1")["message"] == f"port {port} cannot be listened on: Address already in use"
    resident(owner, "t2", app="mine:app", env={"PORT0": str(free_port()), "BROKEN": "1"}, path=[str(tmp_path)])
    end = owner.until("ended", "t2")
    assert (end["exit"], end["message"]) == (3, "app 'mine:app' did not start: its lifespan's startup failed")


# ---------------------------------------------------------------- functions


def run_fn(owner: Owner, fn: Callable[[], Any], **more: Any) -> dict[str, Any]:
    resident(owner, "t", fn={"inline": cloudpickle.dumps(fn)}, **more)
    return owner.until("ended", "t")


def test_a_function_runs_in_a_process_of_its_own_and_its_return_ends_it(owner: Owner) -> None:
    def serve() -> None:
        print(os.environ["COLOR"], Path.cwd())

    end = run_fn(owner, serve, env={"COLOR": "red"})
    assert (end["exit"], end["message"]) == (0, "")
    assert owner.output("t") == f"red {owner.sandbox('t')}\n"


def test_a_function_that_raises_says_what(owner: Owner) -> None:
    def serve() -> None:
        raise ValueError("no such shop")

    end = run_fn(owner, serve)
    assert (end["exit"], end["message"]) == (1, "ValueError: no such shop")
    assert "Traceback" in owner.output("t", "stderr")


def test_a_function_that_exits_has_its_own_exit_code(owner: Owner) -> None:
    assert run_fn(owner, lambda: sys.exit(4))["message"] == "exit 4"


def test_a_function_of_a_file_is_run_and_one_of_another_python_is_not(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "fn").write_bytes(cloudpickle.dumps(lambda: print("here")))
    resident(owner, "t", fn={"path": str(tmp_path / "fn")})
    assert owner.until("ended", "t")["exit"] == 0
    assert owner.output("t") == "here\n"
    end = run_fn(owner, lambda: None, python="2.7")
    assert (end["exit"], "pickled by Python 2.7" in end["message"]) == (78, True)


def test_bytes_that_are_no_function_are_refused(owner: Owner) -> None:
    resident(owner, "t", fn={"inline": b"nonsense"})
    assert owner.until("ended", "t")["message"].startswith("the function could not be loaded: ")


# ---------------------------------------------------------------- logs and cost


def test_of_what_a_resident_prints_the_last_is_kept(owner: Owner, pipe: Pipe) -> None:
    script = f"head -c {OUTPUT_BYTES + 100} /dev/zero; while [ $(stat -c %s stdout) -gt 1000 ]; do :; done; echo last"
    resident(owner, "t", argv=["/bin/sh", "-c", script])
    assert owner.until("ended", "t")["exit"] == 0
    assert owner.output("t") == "last\n"
    assert (owner.sandbox("t") / "stdout.1").stat().st_size == OUTPUT_BYTES + 100


def test_fifty_idle_residents_cost_the_shim_next_to_nothing(owner: Owner) -> None:
    pid = owner.client.pid
    before = process.rss_kb(pid)
    for n in range(50):
        resident(owner, f"t{n}", argv=["sleep", "600"])
    for n in range(50):
        owner.until("started", f"t{n}")
    assert process.rss_kb(pid) - before < 10 * 1024


# ---------------------------------------------------------------- commands beside a task


@pytest.fixture
def task(owner: Owner) -> str:
    resident(owner, "t", argv=["sleep", "600"], env={"COLOR": "red"})
    owner.until("started", "t")
    return "t"


def test_a_command_beside_a_task_has_its_sandbox_and_environment(owner: Owner, task: str) -> None:
    exec_in(
        owner,
        task,
        "/bin/sh",
        "-c",
        'pwd; echo "$COLOR $RAYMESOS_TASK_ID $MORE"; echo oops >&2; exit 3',
        env={"MORE": "m"},
    )
    answer = executed(owner)
    assert answer == {
        "key": "k",
        "exit": 3,
        "signal": None,
        "stdout": f"{owner.sandbox(task)}\nred t m\n".encode(),
        "stderr": b"oops\n",
        "truncated": False,
        "timed_out": False,
        "why": "",
        "unknown": False,
    }


def test_of_much_output_the_first_is_answered(owner: Owner, task: str) -> None:
    exec_in(owner, task, "/bin/sh", "-c", "yes | head -c 1000000; echo end >&2", max_bytes=1000)
    answer = executed(owner)
    assert (answer["exit"], answer["stdout"], answer["stderr"]) == (0, b"y\n" * 500, b"end\n")
    assert answer["truncated"]


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(owner: Owner, task: str, pipe: Pipe) -> None:
    exec_in(owner, task, "/bin/sh", "-c", f"sleep 600 & echo $! > {pipe}; echo begun; wait", timeout_ms=200)
    child = int(pipe.read())
    answer = executed(owner)
    assert (answer["exit"], answer["signal"], answer["timed_out"]) == (None, 9, True)
    assert answer["stdout"] == b"begun\n"
    assert ended(child)


@pytest.mark.parametrize(
    ("task_id", "argv", "why"),
    [
        ("other", ["true"], "task 'other' does not run here"),
        ("t", [], "no command was given"),
        ("t", ["no-such"], "'no-such' could not be started: "),
        ("t", ["true", "\0"], "'true' could not be started: embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_begun_says_why(
    owner: Owner, task: str, task_id: str, argv: list[str], why: str
) -> None:
    exec_in(owner, task_id, *argv)
    answer = executed(owner)
    assert (answer["exit"], answer["signal"]) == (None, None)
    assert answer["why"].startswith(why)
    assert answer["unknown"] is (task_id == "other")
    exec_in(owner, task, "true")
    assert executed(owner)["exit"] == 0


def test_what_runs_beside_a_task_ends_with_it(owner: Owner, task: str, pipe: Pipe) -> None:
    exec_in(owner, task, "/bin/sh", "-c", f"echo $$ > {pipe}; exec sleep 600")
    pid = int(pipe.read())
    owner.client.send("stop", id=task, grace_ms=0)
    assert executed(owner)["signal"] == 9
    assert ended(pid)


def test_what_runs_beside_a_task_ends_when_nobody_waits_for_it(owner: Owner, task: str, pipe: Pipe) -> None:
    other = Owner(owner.shim, "other")
    exec_in(other, task, "/bin/sh", "-c", f"echo $$ > {pipe}; exec sleep 600")
    pid = int(pipe.read())
    other.close()
    assert ended(pid)
    exec_in(owner, task, "true")
    assert executed(owner)["exit"] == 0


def test_the_memory_of_what_runs_beside_a_task_is_counted_to_it(owner: Owner, task: str) -> None:
    owner.client.send("limit", id=task, mem_kb=40 * 1024)
    exec_in(owner, task, sys.executable, "-c", "x = bytearray(80 * 2**20); import time; time.sleep(600)")
    assert owner.until("ended", task)["reason"] == MEMORY


def test_many_commands_beside_a_task_are_answered_each_to_its_key(owner: Owner, task: str) -> None:
    for n in range(40):
        exec_in(owner, task, "echo", str(n), key=str(n))
    answers = {a["key"]: a["stdout"] for a in [executed(owner) for _ in range(40)]}
    assert answers == {str(n): f"{n}\n".encode() for n in range(40)}
