"""submit, ps, logs, cancel, explain, schema."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli_fakes import NOT_BEGUN, FakeCluster, Shell

from raymesos.model.job_files import job_schema

JOB = "kind: batch\nname: render\ncommand: ./render $RAYMESOS_INDEX\nsize: 3\nrole: ads\nmem: 512MB\n"


@pytest.fixture
def job_file(tmp_path: Path) -> str:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return str(path)


def test_submit_waits_and_tells_how_the_job_ended(shell: Shell, cluster: FakeCluster, job_file: str) -> None:
    code, out, err = shell.run("submit", job_file)
    assert code == 0 and err == "raymesos: job render-0: 3 commands in role ads\n"
    assert out.startswith("job render (render-0) succeeded: 3 of 3 succeeded, 0 failed, in ")
    job, detach = cluster.submitted[0]
    assert (job.command, job.size, job.role, job.mem, detach) == ("./render $RAYMESOS_INDEX", 3, "ads", 512, False)


def test_a_failed_job_is_exit_1_and_names_its_failures(shell: Shell, cluster: FakeCluster, job_file: str) -> None:
    cluster.bad = (0, 2)
    code, out, _ = shell.run("submit", job_file)
    assert code == 1
    assert "1 of 3 succeeded, 2 failed" in out and "  index 0: exit 0\n  index 2: exit 2\n" in out
    assert "raymesos logs render-0 0 --stderr" in out
    code, result = shell.json("submit", job_file)
    assert code == 1 and not result["ok"] and result["failed"] == 2
    assert result["failures"] == [{"index": 0, "error": "exit 0"}, {"index": 2, "error": "exit 2"}]


def test_of_many_failures_the_first_are_named_and_the_rest_counted(
    shell: Shell, cluster: FakeCluster, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB.replace("size: 3", "size: 30"))
    cluster.bad = tuple(range(30))
    out = shell.run("submit", str(file))[1]
    assert out.count("  index ") == 5 and "and 25 more" in out


def test_a_job_that_was_cancelled_from_elsewhere_is_exit_1(shell: Shell, cluster: FakeCluster, job_file: str) -> None:
    cluster.stopped = True
    code, out, _ = shell.run("submit", job_file)
    assert code == 1 and "cancelled: 0 of 3 succeeded" in out


def test_ctrl_c_in_submit_is_exit_130(shell: Shell, cluster: FakeCluster, job_file: str) -> None:
    cluster.interrupted = True
    assert shell.run("submit", job_file)[0] == 130
    assert shell.json("submit", job_file) == (130, {"error": "interrupted", "field": None})


def test_a_detached_submit_prints_the_id_once_the_views_know_it(
    shell: Shell, cluster: FakeCluster, job_file: str
) -> None:
    assert shell.run("submit", job_file, "--detach")[:2] == (0, "render-0\n")
    assert cluster.submitted[0][1]
    code, answer = shell.json("submit", "-d", job_file)
    assert code == 0 and answer == {"id": "render-1", "name": "render", "role": "ads", "total": 3}


def test_submit_reads_stdin_and_json(shell: Shell, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"kind": "batch", "name": "x", "command": ["a", "b"]})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert shell.run("submit", "-")[0] == 0 and cluster.submitted[0][0].argv == ("a", "b")


def test_what_a_job_comes_after_may_be_named(shell: Shell, cluster: FakeCluster, tmp_path: Path) -> None:
    before = cluster.add_job("build")
    file = tmp_path / "job.yaml"
    file.write_text(JOB + "after: [build]\n")
    assert shell.run("submit", str(file))[0] == 0 and cluster.submitted[0][0].after == [before.id]
    file.write_text(JOB + "after: [nothing]\n")
    assert shell.json("submit", str(file)) == (3, {"error": "no job 'nothing'", "field": "job"})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("kind: batch\nname: x\ncommand: [", "file"),
        ("a: 1\n---\nb: 2", "file"),
        ("\x00", "file"),
        ("", "job"),
        ("- 1", "job"),
        ("1: 2", "1"),
        ("name: x\ncommand: a", "kind"),
        ("kind: service\nname: x", "kind"),
        ("kind: batch\ncommand: a", "name"),
        ("kind: batch\nname: 12\ncommand: a", "name"),
        ("kind: batch\nname: x\nfn: a:b", "fn"),
        ("kind: batch\nname: x\ncommand: a\ninputs: [1]", "inputs"),
        ("kind: batch\nname: x\ncommand: a\ncpus: -1", "cpus"),
        ("kind: batch\nname: x\ncommand: a\ncpus: .nan", "cpus"),
        ("kind: batch\nname: x\ncommand: a\ncpu: 1", "cpu"),
        ("kind: batch\nname: x\ncommand: a\nrole: ../x", "role"),
        ("kind: batch\nname: x\ncommand: a\nenv: {A: 1}", "env.A"),
    ],
)
def test_a_bad_file_is_refused_by_field_without_asking_for_a_cluster(
    shell: Shell, tmp_path: Path, text: str, field: str
) -> None:
    shell.cluster = None
    file = tmp_path / "job.yaml"
    file.write_text(text)
    code, error = shell.json("submit", str(file))
    assert code == 2 and error["field"] == field and "\n" not in error["error"]


def test_a_file_that_cannot_be_read_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    for file in (tmp_path / "none", tmp_path, tmp_path / "latin"):
        code, error = shell.json("submit", str(file))
        assert code == 2 and error["field"] == "file" and str(file) in error["error"]


def test_ps_shows_jobs_under_way_and_all_when_asked(shell: Shell, cluster: FakeCluster) -> None:
    assert "raymesos ps --all" in shell.run("ps")[1] and "raymesos submit" in shell.run("ps", "--all")[1]
    old, new = cluster.add_job("old"), cluster.add_job("new", role="web")
    cluster.tell(replace(old.note, state="Finished", succeeded=3, waiting=0, ended_ms=old.note.submitted_ms + 61_000))
    head, *rows = shell.run("ps")[1].splitlines()
    assert head.split() == ["JOB", "ROLE", "STATE", "DONE", "FAILED", "RUN", "WAIT", "TIME", "WHY"]
    assert [row.split()[:4] for row in rows] == [["new-1", "web", "waiting", "0/3"]]
    rows = shell.run("ps", "--all")[1].splitlines()[1:]
    assert rows[0].split() == ["old-0", "ads", "succeeded", "3/3", "0", "0", "0", "1m01s", "-"]
    assert [row["id"] for row in shell.json("ps")[1]] == [new.id]
    assert [row["id"] for row in shell.json("ps", "--all", "--role", "ads")[1]] == [old.id]


def test_logs_prints_what_was_written_and_nothing_else(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_job("x", log=("one\ntwo",))
    assert shell.run("logs", "x", "1") == (0, "one\ntwo", "")
    assert shell.json("logs", "x", "1", "--stderr") == (
        0,
        {"job": "x-0", "index": 1, "stream": "stderr", "text": "one\ntwo"},
    )
    assert shell.json("logs", "y", "0") == (3, {"error": "no job 'y'", "field": "job"})


def test_a_followed_log_comes_in_pieces_to_its_end(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_job("x", log=(NOT_BEGUN, NOT_BEGUN, "a\n", "a\nb", "a\nb", "a\nbc\n"))
    code, out, err = shell.run("logs", "x", "0", "-f", "--json")
    assert code == 0 and [json.loads(line)["text"] for line in out.splitlines()] == ["a\n", "b", "c\n"]
    assert err == "raymesos: index 0 of job x-0 has not begun yet\n"


def test_a_character_cut_in_half_is_shown_whole(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_job("x", log=("aé".encode()[:2], "aé", "aé"))
    assert shell.run("logs", "x", "0", "-f", "--json")[1].count("text") == 2
    cluster.add_job("y", log=("aé".encode()[:2], "aé", "aé"))
    assert shell.run("logs", "y", "0", "-f")[1] == "aé"


def test_a_followed_log_is_read_once(shell: Shell, cluster: FakeCluster) -> None:
    job = cluster.add_job("x", log=("a" * 100, "a" * 100, "a" * 150, "a" * 150))
    assert shell.run("logs", "x", "0", "-f")[1] == "a" * 150
    assert job.read_bytes == 150


def test_a_followed_log_begins_again_with_a_retry(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_job("x", log=("first\n", "second\n", "second\n"))
    assert shell.run("logs", "x", "0", "-f") == (0, "first\nsecond\n", "raymesos: index 0 of job x-0 begins again\n")


def test_ctrl_c_ends_a_followed_log_well(shell: Shell, cluster: FakeCluster) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.add_job("x", log=("a", "ab", "abc", "abcd"))
    shell.at_pause = {2: interrupt}
    assert shell.run("logs", "x", "-f")[:2] == (0, "ab")


def test_cancel_cancels_what_has_not_ended(shell: Shell, cluster: FakeCluster) -> None:
    job, ended = cluster.add_job("x"), cluster.add_job("y", state="Finished")
    assert shell.run("cancel", "x")[0] == 0 and job.cancelled
    code, answer = shell.json("cancel", "y")
    assert (code, answer["cancelled"], ended.cancelled) == (0, False, False)
    assert shell.run("cancel", "z")[0] == 3


def test_explain_gives_the_verdict_and_each_reason(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    cluster.add_job("x")
    code, out, _ = shell.run("explain", "x")
    assert code == 0 and out.startswith("job x (x-0) in role ads: blocked\n  - no agent is large enough")
    assert shell.json("explain", "x-0") == (0, cluster.view("explain", job="x-0"))
    assert shell.json("explain", "x-0") == (0, cluster.view("explain", subject="x-0"))
    assert shell.run("explain", "y")[0] == 3


def test_schema_needs_no_cluster(shell: Shell) -> None:
    shell.cluster = None
    code, out, _ = shell.run("schema")
    assert code == 0 and json.loads(out) == job_schema() == shell.json("schema")[1]
