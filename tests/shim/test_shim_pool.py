"""Functions in the workers of a real shim. What they call is pickled by value: lambdas and functions in functions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shim_rig import PATIENCE_S, Owner, Pipe, alive, ended, values

from raymesos.shim.limits import OUTPUT_BYTES
from raymesos.shim.protocol import LAUNCH_FAILED, LOST, MEMORY
from raymesos.shim.tasks import Task, kill_task

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def good(end: dict[str, Any]) -> bool:
    return (end["exit"], end["signal"], end["reason"], end["message"]) == (0, None, "", "")


def test_each_input_has_its_result_in_order(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: x * x, range(5)))
    [report] = owner.reports
    assert (report["lo"], report["hi"], report["failed"]) == (0, 5, [])
    assert values(report) == [0, 1, 4, 9, 16]
    assert report["elapsed_us"] >= 0


def test_a_chunk_takes_its_inputs_out_of_a_larger_segment(owner: Owner) -> None:
    owner.run_chunk("t", lambda x: x, range(10), lo=103, hi=106, base=100)
    [report] = owner.reports
    assert (report["lo"], report["hi"], values(report)) == (103, 106, [3, 4, 5])


def test_what_an_input_raises_is_its_own_result_with_the_traceback(owner: Owner) -> None:
    def fn(x: int) -> int:
        if x == 1:
            raise ValueError("not one")
        return x

    assert good(owner.run_chunk("t", fn, range(3)))
    [report] = owner.reports
    assert report["failed"] == [[1, "ValueError: not one", None, None]]
    assert "culprit" not in report
    zero, (error, traceback), two = values(report)
    assert (zero, two) == (0, 2)
    assert isinstance(error, ValueError)
    assert 'raise ValueError("not one")' in traceback or "in fn" in traceback


def _raisers() -> list[tuple[Callable[[Any], Any], str]]:
    class Own(BaseException):
        pass

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Stuck(Exception):
        def __reduce__(self) -> Any:
            raise RuntimeError("stays here")

    def raises(error: Callable[[], BaseException]) -> Callable[[Any], Any]:
        def fn(_: Any) -> Any:
            raise error()

        return fn

    return [
        (lambda _: sys.exit("enough"), "SystemExit: enough"),
        (lambda _: sys.exit(0), "SystemExit: 0"),
        (raises(KeyboardInterrupt), "KeyboardInterrupt: "),
        (raises(lambda: Own("mine")), "Own: mine"),
        (raises(lambda: Mute()), "Mute"),
        (raises(lambda: Stuck("x")), "Stuck: x"),
        (raises(lambda: ValueError("a\nb")), "ValueError: a"),
        (raises(lambda: ValueError("\udc80")), "ValueError: ?"),
        (raises(lambda: ValueError("x" * 10_000)), "ValueError: " + "x" * 488),
        (lambda _: __import__("threading").Lock(), "TypeError: cannot pickle '_thread.lock' object"),
        (lambda _: (n for n in range(3)), "TypeError: cannot pickle 'generator' object"),
        (lambda _: [].append(1, 2), "TypeError: list.append() takes exactly one argument (2 given)"),  # type: ignore[call-arg]
    ]


@pytest.mark.parametrize("case", range(12))
def test_whatever_a_function_raises_fails_that_input_alone(owner: Owner, case: int) -> None:
    raiser, line = _raisers()[case]
    assert good(owner.run_chunk("t", lambda x: raiser(x) if x == 1 else x, range(3)))
    [report] = owner.reports
    assert report["failed"] == [[1, line, None, None]]
    zero, (error, traceback), two = values(report)
    assert (zero, two) == (0, 2)
    assert isinstance(error, BaseException)
    assert traceback.startswith("Traceback")


@pytest.mark.parametrize(
    ("death", "exit_code", "number", "message"),
    [
        (lambda: os._exit(3), 3, None, "exit 3"),
        (lambda: os.kill(os.getpid(), 9), None, 9, "killed by SIGKILL (9)"),
        (lambda: os.abort(), None, 6, "killed by SIGABRT (6)"),
    ],
    ids=["os._exit", "SIGKILL", "abort"],
)
def test_the_input_at_work_when_a_worker_dies_is_the_culprit(
    owner: Owner, death: Callable[[], Any], exit_code: int | None, number: int | None, message: str
) -> None:
    end = owner.run_chunk("t", lambda x: death() if x == 2 else x, range(5))
    assert (end["exit"], end["signal"], end["reason"]) == (exit_code, number, "")
    [report] = owner.reports
    assert (report["culprit"], report["culprit_error"]) == (2, message)
    assert (report["lo"], report["hi"], report["failed"]) == (0, 0, [])
    assert good(owner.run_chunk("next", lambda x: x, range(3)))
    assert values(owner.reports[1]) == [0, 1, 2]


def test_a_function_that_closes_every_file_is_the_culprit_and_hangs_nobody(owner: Owner) -> None:
    def fn(x: int) -> None:
        if x == 1:
            os.closerange(3, 1_000)
            __import__("threading").Event().wait()

    end = owner.run_chunk("t", fn, range(3))
    assert end["signal"] == 9
    assert owner.reports[0]["culprit"] == 1
    assert good(owner.run_chunk("next", lambda x: x, [1]))


def test_a_forked_child_that_comes_back_does_not_answer_in_place_of_its_parent(owner: Owner) -> None:
    def fn(_: Any) -> int:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return os.getpid()

    owner.chunk("t", fn, [0])
    worker = owner.until("started", "t")["pid"]
    assert good(owner.until("ended", "t"))
    assert good(owner.run_chunk("next", lambda _: os.getpid(), [0]))
    assert [values(report) for report in owner.reports] == [[worker], [worker]]


# ---------------------------------------------------------------- what cannot be run


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"python": "2.7"}, f"pickled by Python 2.7; the workers here run Python {HERE}"),
        ({"fn": {"inline": b"garbage"}}, "the function could not be loaded"),
        ({"fn": {"path": "/no/such/function"}}, "the function could not be loaded: FileNotFoundError"),
        ({"inputs": {"inline": b"garbage"}}, "the inputs could not be read"),
        ({"inputs": {"path": "/no/such/inputs"}}, "the inputs could not be read"),
        ({"dir": "/no/such/place"}, "the working directory cannot be entered"),
        ({"env": {"A": "\0"}}, "its environment cannot be set"),
    ],
)
def test_a_chunk_that_cannot_be_run_blames_no_input(owner: Owner, more: dict[str, Any], words: str) -> None:
    end = owner.run_chunk("t", lambda x: x, range(2), **more)
    assert (end["exit"], end["signal"], end["reason"]) == (None, None, LAUNCH_FAILED)
    assert words in end["message"]
    assert owner.reports == []
    assert good(owner.run_chunk("next", lambda x: x, range(2)))


def test_the_right_python_is_right(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: x, [1], python=HERE))


# ---------------------------------------------------------------- surroundings


def test_a_function_finds_its_numbers_in_the_environment_and_so_do_its_children(owner: Owner) -> None:
    def fn(_: Any) -> tuple[dict[str, str], str]:
        import subprocess

        own = {k: v for k, v in os.environ.items() if k.startswith("RAYMESOS_") and k != "RAYMESOS_SHIM"}
        return own, subprocess.check_output(["/bin/sh", "-c", "echo $RAYMESOS_INDEX $COLOR"], text=True)

    owner.run_chunk("t", fn, "ab", lo=5, hi=7, base=5, job="j", attempt=3, env={"COLOR": "red"})
    common = {"RAYMESOS_JOB_ID": "j", "RAYMESOS_TASK_ID": "t", "RAYMESOS_ATTEMPT": "3"}
    assert values(owner.reports[0]) == [
        (common | {"RAYMESOS_INDEX": "5"}, "5 red\n"),
        (common | {"RAYMESOS_INDEX": "6"}, "6 red\n"),
    ]


def test_modules_beside_the_script_can_be_imported(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "beside_the_script.py").write_text("def double(x):\n    return 2 * x\n")
    by_reference = b"cbeside_the_script\ndouble\n."
    end = owner.run_chunk("t", by_reference, [1, 2], path=[str(tmp_path)])
    assert good(end)
    assert values(owner.reports[0]) == [2, 4]
    refused = owner.run_chunk("u", by_reference, [1], pool="without the path")
    assert "No module named 'beside_the_script'" in refused["message"]


def test_a_function_runs_in_the_directory_it_asks_for(owner: Owner, tmp_path: Path) -> None:
    owner.run_chunk("t", lambda _: str(Path.cwd()), [0], dir=str(tmp_path))
    assert values(owner.reports[0]) == [str(tmp_path)]


def test_what_a_function_prints_is_kept_with_its_task(owner: Owner) -> None:
    def fn(x: int) -> None:
        sys.stdout.write(f"out {x}\n")
        sys.stderr.write(f"err {x}\n")
        os.system("echo child")

    owner.run_chunk("t", fn, range(2))
    owner.run_chunk("u", fn, [2])
    assert sorted(owner.output("t").split("\n")) == ["", "child", "child", "out 0", "out 1"]
    assert owner.output("t", "stderr") == "err 0\nerr 1\n"
    assert sorted(owner.output("u").split("\n")) == ["", "child", "out 2"]


def test_printing_a_lot_is_bounded_and_does_no_harm(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: (sys.stdout.write("x" * 1_000_000), x)[1], range(30)))
    kept = owner.sandbox("t") / "stdout"
    assert kept.stat().st_size < OUTPUT_BYTES + 100
    assert kept.read_bytes().endswith(b"[output truncated: more than %d bytes]\n" % OUTPUT_BYTES)
    assert values(owner.reports[0]) == list(range(30))


# ---------------------------------------------------------------- results


def test_large_results_go_to_a_file_until_they_are_forgotten(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: bytes(x), [100_000, 3]))
    where = owner.reports[0]["results"]
    assert where["size"] == Path(where["path"]).stat().st_size
    assert [len(v) for v in values(owner.reports[0])] == [100_000, 3]
    owner.client.send("forget", id="t")
    owner.client.send("forget", id="never")
    assert owner.run_command("after", "true")["exit"] == 0
    assert not Path(where["path"]).exists()


@pytest.mark.slow
def test_a_result_of_50_mb_works(owner: Owner) -> None:
    size = 50 * 2**20
    assert good(owner.run_chunk("t", lambda n: os.urandom(16) * (n // 16), [size]))
    [value] = values(owner.reports[0])
    assert len(value) == size
    assert value[:16] == value[-16:]


def test_a_request_larger_than_a_socket_takes_at_once_arrives(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: len(x), [bytes(300_000)] * 10))
    assert values(owner.reports[0]) == [300_000] * 10


@pytest.mark.slow
def test_many_long_errors_still_fit_one_frame(owner: Owner) -> None:
    def fn(_: Any) -> None:
        raise ValueError("\U0001f600" * 500)

    count = 20_000
    assert good(owner.run_chunk("t", fn, [None] * count))
    [report] = owner.reports
    assert (report["hi"], len(report["failed"])) == (count, count)
    assert sum(len(row[1]) for row in report["failed"]) < 10 * 2**20
    assert report["failed"][-1][1] == "ValueError"


def test_after_its_time_a_worker_stops_between_two_inputs(owner: Owner) -> None:
    assert good(owner.run_chunk("t", lambda x: x, range(5), budget_ms=0))
    [report] = owner.reports
    assert (report["lo"], report["hi"], values(report)) == (0, 1, [0])


# ---------------------------------------------------------------- workers


def pid_of(owner: Owner, task_id: str, **more: Any) -> int:
    assert good(owner.run_chunk(task_id, lambda _: os.getpid(), [0], **more))
    return int(values(owner.reports[-1])[0])


def test_a_pool_keeps_its_worker_warm_and_shares_it_with_no_other(owner: Owner) -> None:
    first = pid_of(owner, "t1", pool="ads")
    assert pid_of(owner, "t2", pool="ads") == first
    assert pid_of(owner, "t3", pool="web") != first
    assert pid_of(owner, "t4", pool="ads") == first


def test_a_chunk_alone_has_a_process_of_its_own_that_ends_with_it(owner: Owner) -> None:
    warm = pid_of(owner, "t1")
    own = pid_of(owner, "t2", alone=True)
    assert own != warm
    assert ended(own)
    assert pid_of(owner, "t3") == warm


def test_chunks_at_the_same_time_have_each_their_worker(owner: Owner, tmp_path: Path) -> None:
    pipes = [Pipe(tmp_path, f"p{n}") for n in range(3)]
    for n, each in enumerate(pipes):
        path = str(each)
        owner.chunk(f"t{n}", lambda _, path=path: (Path(path).read_text(), os.getpid())[1], [0])
    for each in reversed(pipes):
        each.write()
    for n in range(3):
        assert good(owner.until("ended", f"t{n}"))
    assert len({values(report)[0] for report in owner.reports}) == 3


@pytest.mark.slow
def test_hundreds_of_chunks_at_once_all_end(owner: Owner) -> None:
    for n in range(400):
        owner.chunk(f"t{n}", lambda x: x, [n], alone=True)
    for n in range(400):
        assert good(owner.until("ended", f"t{n}"))
    assert sorted(values(report)[0] for report in owner.reports) == list(range(400))


def test_a_worker_that_has_grown_does_not_spend_the_memory_of_the_next(owner: Owner) -> None:
    def grow(_: Any) -> int:
        sys.modules["kept"] = bytearray(80 << 20)  # type: ignore[assignment]
        return os.getpid()

    assert good(owner.run_chunk("t1", grow, [0]))
    grown = values(owner.reports[0])[0]
    assert pid_of(owner, "t2") == grown
    assert pid_of(owner, "t3", mem_kb=96 * 1024) != grown
    assert ended(grown)


def test_a_function_over_its_memory_is_killed_with_the_figures(owner: Owner, pipe: Pipe) -> None:
    path = str(pipe)

    def fn(x: int) -> Any:
        return (bytearray(200 << 20), Path(path).read_text()) if x == 1 else x

    end = owner.run_chunk("t", fn, range(3), mem_kb=96 * 1024)
    assert (end["signal"], end["reason"]) == (9, MEMORY)
    assert "of 96 MB" in end["message"]
    [report] = owner.reports
    assert (report["culprit"], report["culprit_error"]) == (1, end["message"])


def test_to_stop_a_chunk_ends_its_worker_and_blames_no_input(owner: Owner, pipe: Pipe) -> None:
    path = str(pipe)

    def fn(_: Any) -> None:
        Path(path).write_text(str(os.getpid()))
        __import__("threading").Event().wait()

    owner.chunk("t", fn, [0])
    pid = int(pipe.read())
    owner.client.send("stop", id="t", grace_ms=60_000)
    end = owner.until("ended", "t")
    assert (end["exit"], end["signal"], end["message"]) == (None, 15, "killed by SIGTERM (15)")
    assert end["reason"] == LOST, "who did not ask for it has lost it"
    assert [r for r in owner.reports if "culprit" in r] == []
    assert not alive(pid)


def test_a_worker_that_was_told_to_end_serves_no_other_chunk(owner: Owner, pipe: Pipe, tmp_path: Path) -> None:
    path, go = str(pipe), Pipe(tmp_path, "go")
    gate = str(go)

    def fn(_: Any) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Its answer crosses the signal.
        Path(path).write_text("deaf")
        Path(gate).read_text()
        return os.getpid()

    owner.chunk("t", fn, [0])
    assert pipe.read() == "deaf"
    owner.client.send("stop", id="t", grace_ms=60_000)
    assert owner.run_command("heard", "true")["exit"] == 0
    go.write()
    assert good(owner.until("ended", "t"))
    assert pid_of(owner, "next") != values(owner.reports[0])[0]


def test_what_users_code_makes_of_the_signal_fails_no_input(owner: Owner, pipe: Pipe) -> None:
    path = str(pipe)

    def fn(x: int) -> int:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
        if x == 1:
            Path(path).write_text("waits")
            __import__("threading").Event().wait()
        return x

    owner.chunk("t", fn, range(3))
    assert pipe.read() == "waits"
    owner.client.send("stop", id="t", grace_ms=60_000)
    owner.until("ended", "t")
    [report] = owner.reports
    assert (report["lo"], report["hi"], report["failed"]) == (0, 1, [])
    assert values(report)[0] == 0


def test_a_process_that_leads_no_group_yet_hears_of_its_end_too() -> None:
    child = subprocess.Popen(["sleep", "1000"])
    kill_task(Task("t", "owner", "chunk", {}, pid=child.pid), signal.SIGTERM)
    assert child.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_chunk_that_was_stopped_before_its_worker_came_does_not_run(owner: Owner, tmp_path: Path) -> None:
    mark = str(tmp_path / "ran")
    for n in range(40):
        owner.chunk(f"t{n}", lambda _: Path(mark).touch(), [0], alone=True)
        owner.client.send("stop", id=f"t{n}", grace_ms=60_000)
    ends = [owner.until("ended", f"t{n}") for n in range(40)]
    early = [end for end in ends if end["message"] == "stopped before it started"]
    assert all((end["exit"], end["reason"]) == (None, LOST) for end in early)
    assert early
    assert good(owner.run_chunk("next", lambda x: x, [1]))


def test_a_killed_zygote_takes_its_workers_along_and_another_takes_its_place(owner: Owner, pipe: Pipe) -> None:
    path = str(pipe)

    def fn(_: Any) -> None:
        Path(path).write_text(f"{os.getppid()} {os.getpid()}")
        __import__("threading").Event().wait()

    owner.chunk("t", fn, [0])
    zygote, worker = map(int, pipe.read().split())
    os.kill(zygote, 9)
    end = owner.until("ended", "t")
    assert (end["reason"], end["message"]) == (LOST, "the zygote was killed")
    assert ended(worker)
    assert good(owner.run_chunk("next", lambda x: x, [1]))
