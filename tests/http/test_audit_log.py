"""Who changed what is written down; what is secret is nowhere."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from http_rig import call, site
from small_world import NOW_MS, job
from starlette.types import Receive, Scope, Send

from raymesos.http.app import make_app
from raymesos.http.security import audit as module
from raymesos.http.security.audit import AuditLog, note_call, note_read
from raymesos.http.security.gate import Gate
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.secrets import MASK, masked
from raymesos.http.security.tokens import create_token
from raymesos.model.resources import Resources
from raymesos.observe.views import VIEWS
from raymesos.wire.jobs import JobSpec
from raymesos.wire.notes import ExecutorNote, FrameworkNote, JobSpecNote, TaskNote
from raymesos.wire.values import ExecutorInfo, FrameworkInfo
from raymesos.wire.work import CommandWork

JSON = {"content-type": "application/json"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work" / "audit.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class App:
    """Says what a call is as a part of the API would, and answers 202."""

    def __init__(self, said: Any = None) -> None:
        self._said = said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self._said is not None:
            self._said(scope)
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def gate(path: Path, said: Any = None, **fields: Any) -> Gate:
    return Gate(App(said), loopback=True, audit=AuditLog(path), **fields)


def test_a_call_that_changes_something_is_a_line_without_its_body_or_query(path: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens" / "t.json"
    _, secret = create_token(tokens, "ana", 0, lasts_ms=None, roles=(), reads_only=False)
    app = gate(path, lambda scope: note_call(scope, "DRAIN_AGENT", "agent1"), keyring=Keyring(tokens))
    call(
        app, "POST", "/api/v1?token=hush", headers=JSON | {"authorization": f"Bearer {secret}"}, content=b'{"a":"hush"}'
    )
    [line] = lines(path)
    assert line.pop("at")[:2] == "20"
    assert line == {
        "principal": "ana",
        "remote": "127.0.0.1",
        "method": "POST",
        "path": "/api/v1",
        "call": "DRAIN_AGENT",
        "subject": "agent1",
        "status": 202,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in path.read_text() and "hush" not in path.read_text()


def test_reads_are_no_lines(path: Path) -> None:
    call(gate(path), "GET", "/state")
    call(gate(path, note_read), "POST", "/api/v1", headers=JSON, content=b"{}")
    call(gate(path), "POST", "/api/v1/executor", headers=JSON, content=b"{}")
    assert lines(path) == []


def test_what_is_refused_is_a_line_too(path: Path, tmp_path: Path) -> None:
    app = gate(path, keyring=Keyring(tmp_path / "none.json"))
    call(app, "POST", "/weights", headers=JSON, content=b"{}")
    call(app, "POST", "/weights", headers={"origin": "https://evil.example"})
    assert [(line["status"], line["principal"]) for line in lines(path)] == [(401, ""), (403, "")]


def test_who_may_do_nothing_cannot_push_out_the_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFUSALS", module.Rate(3600 * 10**9, 5, 0))
    app = gate(path)
    for _ in range(50):
        call(app, "POST", "/weights", headers={"origin": "https://evil.example"})
    assert len(lines(path)) == 5
    call(app, "POST", "/weights", headers=JSON, content=b"[]")
    assert (lines(path)[-1]["status"], lines(path)[-1]["refusals_left_out"]) == (202, 45)


def test_a_line_stays_a_line_and_short_whatever_is_called(path: Path) -> None:
    app = gate(path, lambda scope: note_call(scope, "X\n{}", "s" * 10_000 + "\ud800"))
    call(app, "DELETE", "/quota/a%0A%7B%22status%22:1%7D" + "x" * 500)
    [line] = lines(path)
    assert line["call"] == "X\n{}" and len(line["subject"]) == len(line["path"]) == module.TEXT_CHARS


def test_files_are_bounded_and_kept_by_a_later_life(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES", 1_000)
    monkeypatch.setattr(module, "FILES", 3)
    for life in range(2):
        app = gate(path, lambda scope, life=life: note_call(scope, f"life{life}"))
        for _ in range(2 if life else 30):
            call(app, "POST", "/weights", headers=JSON, content=b"[]")
    files = sorted(path.parent.iterdir())
    assert len(files) == 3 and all(file.stat().st_size <= 1_000 for file in files)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert lines(path)[-1]["call"] == "life1" and "life0" in files[1].read_text()


def test_a_call_that_our_own_bug_ends_is_a_line(path: Path) -> None:
    def broken(scope: Scope) -> None:
        raise RuntimeError("bug")

    call(gate(path, broken), "POST", "/weights", headers=JSON, content=b"[]")
    assert [line["status"] for line in lines(path)] == [500]


# ---------------------------------------------------------------- what the parts say


@pytest.mark.parametrize(
    ("method", "where", "body", "said"),
    [
        (
            "POST",
            "/api/v1",
            {"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": "A7"}}},
            ("DRAIN_AGENT", "A7"),
        ),
        ("POST", "/api/v1", {"type": "TEARDOWN", "teardown": {"framework_id": {"value": "F7"}}}, ("TEARDOWN", "F7")),
        (
            "PUT",
            "/weights",
            [{"role": "ads", "weight": 2}, {"role": "web", "weight": 3}],
            ("UPDATE_WEIGHTS", "ads web"),
        ),
        ("POST", "/machine/down", [{"hostname": "h1", "ip": "10.0.0.1"}], ("START_MAINTENANCE", "h1")),
        ("DELETE", "/quota/ads", None, ("REMOVE_QUOTA", "ads")),
    ],
)
def test_the_operators_calls_are_named(path: Path, method: str, where: str, body: Any, said: tuple[str, str]) -> None:
    app = make_app(site(audit=AuditLog(path)))
    call(app, method, where, headers=JSON, content=b"" if body is None else json.dumps(body).encode())
    assert [(line["call"], line["subject"]) for line in lines(path)] == [said]


def test_the_operators_reads_are_no_lines(path: Path) -> None:
    app = make_app(site(audit=AuditLog(path)))
    assert call(app, "POST", "/api/v1", headers=JSON, content=b'{"type":"GET_VERSION"}').status_code == 200
    assert lines(path) == []


# ---------------------------------------------------------------- secrets

SECRET = "hunter2-in-an-environment"


def test_what_a_task_is_given_to_know_is_in_no_answer_and_no_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environment = {"variables": [{"name": "PASSWORD", "type": "VALUE", "value": SECRET}]}
    v1 = json.dumps({"health_check": {"type": "COMMAND", "command": {"value": "true", "environment": environment}}})
    cpus = Resources.parse("cpus:1")
    told = [
        FrameworkNote(NOW_MS, "F1", "f", ("ads",), "active", info=FrameworkInfo("f", ("ads",))),
        job("j1", "ads"),
        JobSpecNote(NOW_MS, JobSpec("j1", "j1", "ads", cpus, 1, argv=("true",), env=(("PASSWORD", SECRET),))),
        TaskNote(NOW_MS, "F1", "t1", "t1", "ads", "A1", "TASK_RUNNING", "", "", cpus, v1=v1.encode()),
        ExecutorNote(
            NOW_MS,
            "F1",
            "A1",
            ExecutorInfo("e1", CommandWork(("x",), env=(("PASSWORD", SECRET),)), role="ads", v1=v1.encode()),
            "active",
        ),
    ]
    app = make_app(site(*told, audit=AuditLog(path)))
    paths = ["/state", "/tasks", "/frameworks", "/metrics", "/api/v3/jobs", "/api/v3/jobs/j1", "/api/v3/tasks"]
    paths += [f"/api/views/{name}" for name in VIEWS] + ["/api/views/job?job=j1"]
    with caplog.at_level(logging.DEBUG):
        shown = [call(app, "GET", where) for where in paths]
        shown += [
            call(app, "POST", "/api/v1", headers=JSON, content=b'{"type":"GET_%b"}' % kind)
            for kind in (b"STATE", b"TASKS", b"EXECUTORS", b"FRAMEWORKS")
        ]
        call(app, "POST", "/api/v3/jobs", headers=JSON, content=b'{"container":{"env":{"P":"%b"}}}' % SECRET.encode())
    assert all(answer.status_code in (200, 400, 404) for answer in shown)
    assert not [answer.url for answer in shown if SECRET in answer.text]
    assert any("PASSWORD" in answer.text for answer in shown)
    assert SECRET not in caplog.text and SECRET not in path.read_text()


def test_masking_leaves_names_and_everything_else() -> None:
    row = {
        "command": {"value": "x", "environment": {"variables": [{"name": "A", "value": "b"}]}},
        "n": [1, {"secret": {"x": 1}}],
    }
    assert masked(row) == {
        "command": {"value": "x", "environment": {"variables": [{"name": "A", "value": MASK}]}},
        "n": [1, {"secret": {"type": "VALUE", "value": {"data": ""}}}],
    }
    assert masked({"discovery": {"environment": "prod"}}) == {"discovery": {"environment": "prod"}}
