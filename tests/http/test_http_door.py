"""The cluster's door over HTTP: what a client calls, and what the server refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
from door_rig import AppTransport, DoorWorld
from http_rig import call

import raymesos as rm
from raymesos.client import Cluster
from raymesos.errors import (
    ClusterUnavailable,
    Conflict,
    InvalidJob,
    InvalidValue,
    ProtocolError,
    QuotaRefused,
    RaymesosError,
    Unauthorized,
    UnknownId,
)
from raymesos.frameworks.batch.state import Part
from raymesos.http.door import client as client_module
from raymesos.http.door import server as server_module
from raymesos.http.door.client import HttpDoor
from raymesos.http.door.errors import packed_error, unpacked_error
from raymesos.http.door.names import MEDIA_TYPE, PREFIX
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json
from raymesos.http.security.audit import AuditLog
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.tokens import create_token
from raymesos.machine import BATCH
from raymesos.wire.codec import decode, encode
from raymesos.wire.jobs import CancelJob, EndTask, ForgetJobs, JobAccepted, JobsForgotten, JobSpec, Submit
from raymesos.wire.operating import DrainAgent, SetWeights
from raymesos.wire.work import Blob


@pytest.fixture
def world(tmp_path: Path) -> DoorWorld:
    return DoorWorld(tmp_path)


def cluster(world: DoorWorld) -> Cluster:
    return Cluster(world.client, name="test", work_dir="", url=world.client.url)


def spec(job: str = "j", **fields: Any) -> JobSpec:
    base = {"name": job, "role": "ads", "total": 2, "argv": ("true",), "digest": "d"}
    return JobSpec(job_id=job, resources=rm.Resources.parse("cpus:1;mem:64"), **{**base, **fields})


# ---------------------------------------------------------------- without Ray


def test_a_client_of_a_url_imports_no_ray_and_neither_do_the_package_and_the_command_line() -> None:
    program = (
        "import sys, raymesos as rm, raymesos.cli.main, raymesos.executor, raymesos.http.door.client\n"
        "try:\n    rm.connect('http://127.0.0.1:9')\n"
        "except rm.errors.ClusterUnavailable as error:\n    print(error)\n"
        "print([m for m in sys.modules if m == 'ray' or m.startswith('ray.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    said, loaded = done.stdout.splitlines()
    assert said.startswith("no raymesos cluster answers at http://127.0.0.1:9: ") and loaded == "[]", done.stderr


@pytest.mark.parametrize("url", ["ftp://x", "http://", "5050", "http://[::1"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="url"):
        HttpDoor(url)


def test_what_is_no_cluster_says_so() -> None:
    door = HttpDoor("http://x", transport=httpx.MockTransport(lambda request: httpx.Response(200, text="hello")))
    with pytest.raises(ClusterUnavailable, match="is no raymesos cluster"):
        door.cluster()
    door = HttpDoor("http://x", transport=httpx.MockTransport(lambda request: httpx.Response(404, text="nothing here")))
    with pytest.raises(ClusterUnavailable, match="answered 404: nothing here"):
        door.cluster()


def test_the_token_is_sent_as_bearer_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("authorization"))
        return httpx.Response(401, text="who are you?")

    monkeypatch.setenv("RAYMESOS_TOKEN", "t1")
    for token in (None, "t2", ""):
        with pytest.raises(Unauthorized, match="who are you"):
            HttpDoor("http://x", token=token, transport=httpx.MockTransport(answer)).cluster()
    assert sent == ["Bearer t1", "Bearer t2", None]


# ---------------------------------------------------------------- jobs


def test_a_cluster_says_what_it_is(world: DoorWorld) -> None:
    told = world.client.cluster()
    assert (told["name"], told["cluster_id"], told["version"]) == ("test", "c1", rm.__version__)


def test_a_command_is_submitted_watched_and_its_outcome_read(world: DoorWorld) -> None:
    job = cluster(world).submit(rm.BatchJob("render", command="true", size=2, role="ads"), detach=True)
    assert job.status().waiting == 2
    for task in world.offer():
        world.run(task)
        world.finish(task, failed={1: "exit 3"} if task.span == (1, 2) else {})
    assert {i: getattr(o, "message", o) for i, o in job.as_completed(errors="return")} == {0: 0, 1: "exit 3"}
    assert job.wait().done and [t["index"] for t in job.tasks()] == [0, 1]
    assert cluster(world).job("render").id == job.id


def test_a_function_and_its_inputs_arrive_as_they_were_sent(world: DoorWorld) -> None:
    big = b"x" * 100_000
    job = cluster(world).submit(rm.BatchJob("f", fn=len, inputs=[big, big], role="ads"), detach=True)
    kept = world.rig.machine.state.jobs[job.id].spec
    (segment,) = kept.inputs
    assert kept.total == segment.count == 2 and segment.blob.key == f"{job.id}/inputs.0"
    assert (world.server.directory / segment.blob.key).stat().st_size == segment.blob.size > 200_000


def test_what_the_framework_refuses_is_the_same_error_here(world: DoorWorld) -> None:
    cluster(world).submit(rm.BatchJob("n", command="true", role="ads"), detach=True)
    with pytest.raises(Conflict, match="a job named 'n' is running"):
        cluster(world).submit(rm.BatchJob("n", command="true", role="ads"), detach=True)
    with pytest.raises(UnknownId) as found:
        cluster(world).job("nosuch")
    assert (found.value.kind, found.value.id) == ("job", "nosuch")


def test_jobs_are_cancelled_and_forgotten(world: DoorWorld) -> None:
    assert world.client.ask(BATCH, Submit(spec())) == JobAccepted("j")
    cluster(world).job("j").cancel()
    assert cluster(world).job("j").status().why == "cancelled"
    assert world.client.ask(BATCH, ForgetJobs(("j",))) == JobsForgotten(("j",))


def test_logs_are_read_through_the_server(world: DoorWorld) -> None:
    job = cluster(world).submit(rm.BatchJob("render", command="true", size=1, role="ads"), detach=True)
    (task,) = world.offer()
    world.server.logs[task.id, 0, "stderr"] = b"0123456789"
    assert job.logs(0, "stderr") == "0123456789"
    assert job.log_piece(0, "stderr", task_id=task.id, offset=7).data == b"789"
    with pytest.raises(UnknownId):
        world.client.call("agent/agent1", "read_log", "nosuch.0-1.1-1", 0, "stdout", 0)


def test_a_long_log_comes_in_pieces_and_is_whole(world: DoorWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PIECE_BYTES", 4)
    monkeypatch.setattr(server_module, "PIECE_BYTES", 4)
    job = cluster(world).submit(rm.BatchJob("render", command="true", size=1, role="ads"), detach=True)
    (task,) = world.offer()
    world.server.logs[task.id, 0, "stdout"] = b"0123456789"
    assert job.logs() == "0123456789"
    assert len([r for r in world.transport.requests if r.endswith("tasks/log")]) == 3


def test_the_executor_works_over_it(world: DoorWorld) -> None:
    from concurrent.futures import wait

    with cluster(world).executor("ads") as executor:
        future = executor.submit(len, "abc")
        while not (tasks := world.offer()):
            pass
        world.finish(tasks[0], failed={0: "it broke"})
        wait([future], timeout=30)
    assert "it broke" in str(future.exception())


# ---------------------------------------------------------------- views and operators


def test_views_are_the_servers_own(world: DoorWorld) -> None:
    assert [a["name"] for a in cluster(world).view("agents")] == ["agent1"]
    with pytest.raises(UnknownId, match="nosuch"):
        cluster(world).view("nosuch")
    with pytest.raises(InvalidValue, match="nosuch"):
        cluster(world).view("agents", nosuch=1)


def test_operators_calls_reach_the_master_as_they_are(world: DoorWorld) -> None:
    cluster(world).set_weight("ads", 2)
    cluster(world).quota.set("ads", guarantee="cpus:1")
    (weights, quotas) = world.server.operated
    assert weights == SetWeights((("ads", "2"),))
    assert quotas.quotas[0].role == "ads"


def test_what_the_master_refuses_is_the_same_error_here(world: DoorWorld) -> None:
    for error in (QuotaRefused("too much"), Conflict("taken"), InvalidValue("role", 7, "must be text")):
        world.server.refuses = error
        with pytest.raises(type(error)) as found:
            cluster(world).set_weight("ads", 2)
        assert str(found.value) == str(error)


@pytest.mark.parametrize(
    "error", [UnknownId("job", "j"), InvalidJob("fn", "no"), InvalidValue("x", [1], "y"), ProtocolError("p")]
)
def test_an_error_is_the_same_on_the_other_side(error: RaymesosError) -> None:
    again = unpacked_error(packed_error(error))
    assert type(again) is type(error) and getattr(again, "field", None) == getattr(error, "field", None)


def test_only_errors_of_ours_are_made_of_what_a_server_says() -> None:
    for body in (
        b"",
        b"x",
        msgpack.packb({"error": "SystemExit", "args": []}),
        msgpack.packb({"error": "UnknownId", "args": [1]}),
    ):
        assert unpacked_error(body) is None


# ---------------------------------------------------------------- data


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 35])
def test_data_travel_in_pieces_and_are_the_same_again(
    world: DoorWorld, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PIECE_BYTES", 10)
    monkeypatch.setattr(server_module, "PIECE_BYTES", 10)
    world.client.ask(BATCH, Submit(spec()))
    data = bytes(range(size))
    blob = world.client.put("j/fn", data)
    assert blob.size == size and world.client.read(blob) == data
    pieces = [r for r in world.transport.requests if r.startswith("PUT")]
    assert len(pieces) == max(1, -(-size // 10))


def test_a_piece_that_was_lost_is_sent_again_and_the_data_are_whole(
    world: DoorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PIECE_BYTES", 10)
    monkeypatch.setattr(client_module, "RETRY_S", 0.0)
    lost = iter(["before", "after", "", "before", ""])

    def lose(when: str) -> Any:
        def act(request: httpx.Request) -> None:
            if act.now == when:  # type: ignore[attr-defined]
                raise httpx.ReadError("the line is cut")

        return act

    before, after = lose("before"), lose("after")

    def begin(request: httpx.Request) -> None:
        before.now = after.now = next(lost, "")
        before(request)

    world.transport.before, world.transport.after = begin, after
    blob = world.client.put("j/fn", b"0123456789abcdef")
    assert (world.server.directory / blob.key).read_bytes() == b"0123456789abcdef"


def test_pieces_that_a_former_life_of_the_server_had_are_sent_again(
    world: DoorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PIECE_BYTES", 10)
    uploads = world.site.work_dir

    def forget(request: httpx.Request) -> None:
        if "offset=10" in str(request.url) and len(world.transport.requests) == 2:
            for path in (Path(uploads) / "http" / "uploads").iterdir():
                path.unlink()

    world.transport.before = forget
    assert world.client.put("j/fn", b"0123456789abcdef").size == 16
    assert len(world.transport.requests) == 4


@pytest.mark.parametrize("key", ["j/../x", "../x/y", "j", "j/a/b", "j/%2e%2e"])
def test_no_key_leaves_the_directory(world: DoorWorld, key: str) -> None:
    with pytest.raises((InvalidValue, ClusterUnavailable)):
        world.client.put(key, b"x")
    assert not world.server.directory.exists()


# ---------------------------------------------------------------- away


def test_calls_are_repeated_while_the_server_is_away(world: DoorWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_S", 0.0)
    failures = iter([httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.RemoteProtocolError("closed")])

    def fail(request: httpx.Request) -> None:
        if (error := next(failures, None)) is not None:
            raise error

    world.transport.before = fail
    assert world.client.ask(BATCH, Submit(spec())) == JobAccepted("j")
    assert len(world.transport.requests) == 4


def test_a_server_that_stays_away_is_told_once_patience_is_over(world: DoorWorld) -> None:
    world.client._away_s = 0.0

    def fail(request: httpx.Request) -> None:
        raise httpx.ConnectError("refused")

    world.transport.before = fail
    with pytest.raises(ClusterUnavailable, match="does not answer: refused"):
        world.client.view("agents", {})


def test_a_server_whose_views_are_not_ready_is_asked_again(world: DoorWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_S", 0.0)
    world.views.ready = False

    def ready(request: httpx.Request) -> None:
        world.views.ready = len(world.transport.requests) > 2

    world.transport.before = ready
    assert world.client.view("agents", {}) and len(world.transport.requests) == 3


@pytest.mark.parametrize("repeats", [True, False])
def test_what_must_not_be_done_twice_is_not_repeated_once_it_was_sent(world: DoorWorld, repeats: bool) -> None:
    lost = iter([True])

    def lose(request: httpx.Request) -> None:
        if next(lost, False):
            raise httpx.ReadError("cut")

    world.transport.after = lose
    message = SetWeights((("ads", "2"),))
    if repeats:
        world.client.operate(message, repeats=True, done_if=())
        assert len(world.server.operated) == 2
    else:
        with pytest.raises(ClusterUnavailable, match="may have carried the call out or not"):
            world.client.operate(message, repeats=False, done_if=())
        assert len(world.server.operated) == 1


@pytest.mark.parametrize("cut", [True, False])
def test_a_refusal_means_done_after_a_repeat_and_only_then(world: DoorWorld, cut: bool) -> None:
    lost = iter([cut])

    def lose(request: httpx.Request) -> None:
        world.server.refuses = Conflict("it drains already")
        if next(lost, False):
            raise httpx.ReadError("cut")

    if cut:
        world.transport.after = lose
        world.client.operate(DrainAgent("agent1"), repeats=True, done_if=("conflict",))
    else:
        world.server.refuses = Conflict("it drains already")
        with pytest.raises(Conflict):
            world.client.operate(DrainAgent("agent1"), repeats=True, done_if=("conflict",))


def test_after_close_nothing_is_sent(world: DoorWorld) -> None:
    world.client.close()
    with pytest.raises(ClusterUnavailable, match="closed"):
        world.client.view("agents", {})
    assert world.transport.requests == []


# ---------------------------------------------------------------- polls


def test_polls_beyond_a_few_wait_for_the_views_and_hear_all_the_same(
    world: DoorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "POLLS", 0)
    world.client.ask(BATCH, Submit(spec(total=1)))
    (news,) = world.client.call(BATCH, "poll", [("j", 0, -1)], 5.0)
    parts, cursor, status = news
    assert (parts, cursor, status["waiting"]) == ([], 0, 1)
    (task,) = world.offer()
    world.finish(task)
    ((parts, cursor, status),) = world.client.call(BATCH, "poll", [("j", 0, status["version"])], 5.0)
    assert [type(p) for p in parts] == [Part] and cursor == 1 and status["state"] == "Finished"


def test_a_poll_without_news_ends_in_its_time(world: DoorWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "POLLS", 0)
    world.client.ask(BATCH, Submit(spec()))
    version = world.client.call(BATCH, "status", "j")["version"]
    ((parts, cursor, status),) = world.client.call(BATCH, "poll", [("j", 0, version)], 0.05)
    assert (parts, cursor, status["version"]) == ([], 0, version)


# ---------------------------------------------------------------- what is refused


def post(world: DoorWorld, path: str, body: bytes, kind: str = MEDIA_TYPE) -> tuple[int, RaymesosError | None]:
    answer = call(world.app, "POST", f"{PREFIX}/{path}", content=body, headers={"content-type": kind})
    assert answer.status_code != 500, answer.text
    return answer.status_code, unpacked_error(answer.content)


def test_only_what_is_listed_can_be_called(world: DoorWorld) -> None:
    for actor, method in ((BATCH, "put"), (BATCH, "read"), (BATCH, "call"), ("master", "close"), ("agent/a", "close")):
        with pytest.raises(ProtocolError, match="cannot be called over HTTP"):
            world.client.call(actor, method, "x", "y")
    with pytest.raises(ProtocolError, match="cannot be sent SetWeights"):
        world.client.ask("master", SetWeights(()))
    assert call(world.app, "POST", f"{PREFIX}/jobs/close", content=b"").status_code == 404
    assert world.transport.requests == []


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_calls_are_taken_under_our_own_type_only(world: DoorWorld, kind: str) -> None:
    body = msgpack.packb(encode(Submit(spec())))
    assert post(world, "jobs/submit", body, kind)[0] in (400, 415)
    assert not world.rig.machine.state.jobs


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("jobs/submit", b""),
        ("jobs/submit", b"\xc1"),
        ("jobs/submit", msgpack.packb({"a": 1})),
        ("jobs/submit", msgpack.packb(b"")),
        ("jobs/submit", msgpack.packb(encode(CancelJob("j")))),
        ("jobs/submit", msgpack.packb(encode(SetWeights(())))),
        ("operate", msgpack.packb(encode(CancelJob("j")))),
        ("operate", msgpack.packb(7)),
        ("jobs/status", msgpack.packb({})),
        ("jobs/status", msgpack.packb({"job": 7})),
        ("jobs/where", msgpack.packb({"job": "j", "index": "0"})),
        ("jobs/poll", msgpack.packb({"seen": "all", "wait_ms": 1})),
        ("jobs/poll", msgpack.packb({"seen": [["j", -1, 0]], "wait_ms": 1})),
        ("jobs/poll", msgpack.packb({"seen": [], "wait_ms": -1})),
        ("tasks/log", msgpack.packb({"agent": "../a", "task": "t", "stream": "stdout", "index": 0, "offset": 0})),
        ("tasks/log", msgpack.packb({"agent": "a", "task": "t", "stream": "/etc", "index": 0, "offset": 0})),
        ("views/agents", msgpack.packb([])),
        ("views/agents", msgpack.packb({1: 2})),
    ],
)
def test_what_is_no_call_is_refused_with_an_error_of_ours(world: DoorWorld, path: str, body: bytes) -> None:
    status, error = post(world, path, body)
    assert status in (400, 404) and error is not None


@pytest.mark.parametrize(
    "bad",
    [
        {"name": 7},
        {"name": "a b"},
        {"total": "2"},
        {"total": True},
        {"total": 2**70},
        {"argv": ("echo", 1)},
        {"argv": ("echo", "\0")},
        {"env": (("A", "1", "2"),)},
        {"env": (("A=B", "1"),)},
        {"retry": None},
        {"runtime_limit_ms": 0},
        {"runtime_limit_ms": 1.5},
        {"working_dir": "\0"},
        {"role": "a b"},
        {"fn": Blob(path="/etc/passwd", key="j/fn")},
        {"fn": Blob(path="/data/other/fn", key="other/fn")},
        {"fn": Blob(inline=b"x"), "argv": ("true",)},
        {"ports": -1},
        {"attributes": (("a", None),)},
    ],
)
def test_a_job_that_no_client_of_ours_could_have_made_is_refused(world: DoorWorld, bad: dict[str, Any]) -> None:
    fields = {"argv": (), **bad} if "fn" in bad and "argv" not in bad else bad
    try:
        message = encode(Submit(spec(**fields)))
    except ProtocolError:
        return
    except (TypeError, ValueError, AttributeError, OverflowError):
        return
    status, error = post(world, "jobs/submit", msgpack.packb(message))
    assert status == 400 and isinstance(error, ProtocolError | InvalidJob), (status, error)
    assert not world.rig.machine.state.jobs


def test_functions_are_refused_from_who_is_not_known_where_others_can_reach_the_server(tmp_path: Path) -> None:
    world = DoorWorld(tmp_path, host="10.0.0.1")
    with pytest.raises(Unauthorized, match="functions are code"):
        cluster(world).submit(rm.BatchJob("f", fn=len, inputs=["a"], role="ads"), detach=True)
    cluster(world).submit(rm.BatchJob("c", command="true", role="ads"), detach=True)
    assert [j.spec.name for j in world.rig.machine.state.jobs.values()] == ["c"]


def test_a_caller_with_a_token_may_send_functions_from_anywhere_and_others_are_not_let_in(tmp_path: Path) -> None:
    path = tmp_path / "tokens" / "test.json"
    _, secret = create_token(path, "ana", 1, lasts_ms=None, roles=("ads",), reads_only=False)
    world = DoorWorld(tmp_path, host="10.0.0.1", keyring=Keyring(path))
    with pytest.raises(Unauthorized):
        world.client.cluster()
    known = HttpDoor("http://127.0.0.1:5050", token=secret, transport=world.transport)
    Cluster(known, name="test", work_dir="").submit(rm.BatchJob("f", fn=len, inputs=["a"], role="ads"), detach=True)
    with pytest.raises(Unauthorized):
        Cluster(known, name="test", work_dir="").submit(rm.BatchJob("g", fn=len, inputs=["a"], role="b"), detach=True)
    assert [j.spec.name for j in world.rig.machine.state.jobs.values()] == ["f"]


def test_rights_are_asked_for_each_call(world: DoorWorld) -> None:
    nobody = [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]
    agents = [{"principals": {"type": "ANY"}, "agents": {"type": "NONE"}}]
    world.client.ask(BATCH, Submit(spec()))
    rules = {"permissive": True, "update_weights": nobody, "register_frameworks": nobody, "drain_agents": agents}
    world.site.access = Access(acls_from_json(rules))
    for act in (
        lambda: cluster(world).set_weight("ads", 2),
        lambda: cluster(world).submit(rm.BatchJob("x", command="true", role="ads"), detach=True),
        lambda: world.client.ask(BATCH, CancelJob("j")),
        lambda: world.client.operate(DrainAgent("agent1"), repeats=False, done_if=()),
    ):
        with pytest.raises(Unauthorized):
            act()
    assert world.client.call(BATCH, "status", "j")["state"] == "Accepted" and world.server.operated == []


def test_a_token_that_reads_only_ends_no_job_and_what_was_tried_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / "tokens" / "test.json"
    secrets = [
        create_token(path, who, 1, lasts_ms=None, roles=(), reads_only=who == "eve")[1] for who in ("ana", "eve")
    ]
    world = DoorWorld(tmp_path, keyring=Keyring(path), audit=AuditLog(tmp_path / "audit.jsonl"))
    ana, eve = [HttpDoor("http://127.0.0.1:5050", token=each, transport=world.transport) for each in secrets]
    ana.ask(BATCH, Submit(spec()))
    for message in (CancelJob("j"), ForgetJobs(("j",)), EndTask("j.0.0")):
        with pytest.raises(Unauthorized):
            eve.ask(BATCH, message)
    assert eve.call(BATCH, "status", "j")["state"] == "Accepted"
    ana.ask(BATCH, CancelJob("j"))
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["principal"], line["call"], line["subject"], line["status"]) for line in lines] == [
        ("ana", "Submit", "j ads", 200),
        ("eve", "CancelJob", "j", 403),
        ("eve", "ForgetJobs", "j", 403),
        ("eve", "EndTask", "j.0.0", 403),
        ("ana", "CancelJob", "j", 200),
    ]


def test_jobs_of_roles_that_one_does_not_see_are_not_there(world: DoorWorld) -> None:
    world.client.ask(BATCH, Submit(spec()))
    hidden = {"permissive": True, "view_roles": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}
    world.site.access = Access(acls_from_json(hidden))
    for method, arguments in (("status", ("j",)), ("find", ("j",)), ("tasks", ("j",)), ("poll", ([("j", 0, -1)], 0.0))):
        with pytest.raises(UnknownId):
            world.client.call(BATCH, method, *arguments)
    assert cluster(world).view("jobs") == [] and [a["name"] for a in cluster(world).view("agents")] == ["agent1"]


def test_the_transport_of_these_tests_is_the_app_itself(world: DoorWorld) -> None:
    assert isinstance(world.client._client._transport, AppTransport)
    assert decode(encode(Submit(spec()))) == Submit(spec())
