"""What is served at an agent's address: as Mesos was recorded to answer, from views and from a disk with a sandbox on it, of which nothing else is seen."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_rig import NoHost, call, site, views_of

from raymesos.http.agent.app import ExecutorsOnly, make_agent_app
from raymesos.http.agent.containers import Container, sandbox_of, write_containers
from raymesos.http.agent.site import AgentSite
from raymesos.http.app import make_app
from raymesos.http.desk import Desk
from raymesos.http.security.access import CALLER, Caller
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.messages import ExecutorInfo, FrameworkInfo, TaskStatus
from raymesos.wire.notes import AgentNote, ExecutorNote, FrameworkNote, TaskNote
from raymesos.wire.work import CommandWork

SAMPLES = Path(__file__).parents[1] / "data" / "mesos"
FRAMEWORK, AGENT = "c-0001", "c-S2"
CONTAINER = Container(FRAMEWORK, "ex1", "4bd541b5", "v1exec", "", 200, 65_536, 1_000, os.getpid())
OURS_ONLY = ("limits",)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def notes() -> list[Any]:
    """A cluster like the recorded one: a command that has ended, and a custom executor with a task that runs and one that has ended."""
    info = FrameworkInfo("sampler", ("dev",), id=FRAMEWORK, user="root", failover_timeout_ms=30_000, checkpoint=True)
    executor = ExecutorInfo(
        "ex1", CommandWork(("true",)), Resources.parse("cpus:0.1;mem:32"), name="v1exec", role="dev"
    )
    total = Resources.parse("cpus:8;mem:16384;disk:100000;ports:[31000-32000]")
    return [
        AgentNote(1_000, AGENT, "A1", "localhost", "active", total, Attributes(), endpoint="127.0.0.1:5150"),
        FrameworkNote(1_000, FRAMEWORK, "sampler", ("dev",), "active", info=info),
        ExecutorNote(1_000, FRAMEWORK, AGENT, executor, "active"),
        _task("t-hold", "TASK_RUNNING", "ex1"),
        _task("t-noop", "TASK_FINISHED", "ex1"),
        _task("t-cmd", "TASK_FINISHED", "", labels=(("a", "b"),)),
    ]


def _task(id: str, state: str, executor_id: str, **more: Any) -> TaskNote:
    shown = b'{"container_status":{"container_id":{"value":"4bd541b5"}}}'
    status = TaskStatus(id, state, AGENT, executor_id, timestamp_ms=1_000, uuid="0" * 32, v1=shown)  # type: ignore[arg-type]
    held = Resources.parse("cpus:0.1;mem:32")
    return TaskNote(
        1_000, FRAMEWORK, id, id, "dev", AGENT, state, "", "", held, executor_id=executor_id, statuses=(status,), **more
    )


@pytest.fixture
def agent(tmp_path: Path) -> AgentSite:
    directory = tmp_path / "agents" / "A1"
    sandbox_of(directory, CONTAINER.container_id).mkdir(parents=True)
    write_containers(directory, [CONTAINER])
    return AgentSite("A1", "127.0.0.1:5150", directory, views_of(*notes()), Desk(NoHost(), "http"), 1_000)


@pytest.fixture
def sandbox(agent: AgentSite) -> Path:
    return sandbox_of(agent.directory, CONTAINER.container_id)


def get(agent: AgentSite, endpoint: str, /, **query: Any) -> httpx.Response:
    return call(make_agent_app(agent), "GET", endpoint, params=query)


def post(agent: AgentSite, body: Any) -> httpx.Response:
    return call(make_agent_app(agent), "POST", "/slave(1)/api/v1", json=body)


def shape(value: Any) -> Any:
    """What it is made of, without the values; of lists the first."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name != "flags"}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


# ---------------------------------------------------------------- as Mesos was recorded


@pytest.mark.parametrize("name", ["agent-get-health", "agent-get-containers", "agent-operator-GET_CONTAINERS"])
@pytest.mark.parametrize("prefix", ["", "/slave(1)"])
def test_a_recorded_answer_has_our_fields(agent: AgentSite, name: str, prefix: str) -> None:
    recorded = sample(name)
    request, said = recorded["request"], recorded["answer"]
    path = prefix + request["path"].removeprefix("/slave(3)")
    answer = call(make_agent_app(agent), request["method"], path, json=request["body"])
    assert answer.status_code == int(said["status"].split()[0])
    assert answer.headers.get("content-type") == said["headers"].get("content-type")
    assert shape(answer.json() if answer.content else "") == shape(said["body"])


@pytest.mark.parametrize("name", ["agent-operator-GET_HEALTH", "agent-operator-GET_RESOURCE_PROVIDERS"])
def test_a_recorded_answer_is_ours_to_the_letter(agent: AgentSite, name: str) -> None:
    recorded = sample(name)
    assert post(agent, recorded["request"]["body"]).json() == recorded["answer"]["body"]


def test_the_state_has_the_fields_of_mesos_state(agent: AgentSite) -> None:
    ours, theirs = get(agent, "/state").json(), sample("agent-get-state")["answer"]["body"]
    assert list(ours) == list(theirs)
    assert set(ours["flags"]) <= set(theirs["flags"])
    [framework] = ours["frameworks"]
    [recorded] = theirs["frameworks"]
    assert list(framework) == list(recorded)
    described = next(e for e in framework["executors"] if e["id"] == "ex1")
    assert set(described) == set(next(e for e in recorded["executors"] if e["id"] == "ex1"))
    assert described["directory"] == str(sandbox_of(agent.directory, CONTAINER.container_id))
    assert described["resources"]["cpus"] == 0.2
    assert [t["id"] for t in described["tasks"]] == ["t-hold"]
    assert [t["id"] for t in described["completed_tasks"]] == ["t-noop"]
    [command] = framework["completed_executors"]
    assert set(command) == set(next(e for e in recorded["executors"] if e["id"] == "t-cmd"))
    assert ours["pid"] == "slave(1)@127.0.0.1:5150"
    by_name = [sorted(rows["unreserved_resources_full"], key=lambda row: row["name"]) for rows in (ours, theirs)]
    assert by_name[0] == by_name[1]


def test_tasks_are_grouped_as_in_mesos(agent: AgentSite) -> None:
    ours = post(agent, {"type": "GET_TASKS"}).json()["get_tasks"]
    theirs = sample("agent-operator-GET_TASKS")["answer"]["body"]["get_tasks"]
    assert set(ours) == set(theirs)
    assert set(ours["launched_tasks"][0]) == set(theirs["launched_tasks"][0])
    assert [t["task_id"]["value"] for t in ours["completed_tasks"]] == ["t-noop", "t-cmd"]


@pytest.mark.parametrize(
    "kind",
    [
        "GET_FLAGS",
        "GET_VERSION",
        "GET_METRICS",
        "GET_STATE",
        "GET_FRAMEWORKS",
        "GET_EXECUTORS",
        "GET_AGENT",
        "GET_OPERATIONS",
    ],
)
def test_every_read_answers_under_its_name(agent: AgentSite, kind: str) -> None:
    answer = post(agent, {"type": kind})
    assert answer.status_code == 200
    assert list(answer.json()) == ["type", kind.lower()]


def test_what_there_is_nothing_of_is_not_implemented_and_what_is_none_is_refused(agent: AgentSite) -> None:
    assert post(agent, {"type": "PRUNE_IMAGES"}).status_code == 501
    assert post(agent, {"type": "NO_SUCH"}).status_code == 400
    assert post(agent, {"type": "READ_FILE"}).status_code == 400
    assert get(agent, "/api/v1").status_code == 405


def test_statistics_are_of_the_process_and_its_children(agent: AgentSite) -> None:
    [row] = get(agent, "/monitor/statistics").json()
    assert (row["executor_id"], row["framework_id"]) == ("ex1", FRAMEWORK)
    assert row["statistics"]["mem_rss_bytes"] > 2**20
    assert row["statistics"]["mem_limit_bytes"] == 64 * 2**20


def test_a_process_that_is_gone_uses_nothing(agent: AgentSite) -> None:
    write_containers(agent.directory, [Container(FRAMEWORK, "ex1", "x", pid=2**22 + 1)])
    [row] = get(agent, "/containers").json()
    assert row["statistics"]["mem_rss_bytes"] == 0


def test_metrics_have_mesos_names(agent: AgentSite) -> None:
    known = (SAMPLES / "metrics-keys.txt").read_text() if (SAMPLES / "metrics-keys.txt").exists() else ""
    found = get(agent, "/metrics/snapshot").json()
    assert found["slave/tasks_running"] == 1
    assert found["slave/cpus_used"] == 0.2
    assert not known or all(name in known for name in found)


# ---------------------------------------------------------------- files


def test_a_sandbox_is_browsed_read_and_downloaded(agent: AgentSite, sandbox: Path) -> None:
    (sandbox / "stdout").write_text("hello\n")
    (sandbox / "sub").mkdir()
    rows = get(agent, "/files/browse", path=str(sandbox)).json()
    assert [(r["path"], r["size"], r["mode"]) for r in rows if r["path"].endswith("stdout")] == [
        (f"{sandbox}/stdout", 6, "-rw-r--r--")
    ]
    assert {r["path"] for r in rows} == {f"{sandbox}/stdout", f"{sandbox}/sub"}
    path = f"{sandbox}/stdout"
    assert get(agent, "/files/read", path=path, offset=-1).json() == {"offset": 6, "data": ""}
    assert get(agent, "/files/read", path=path).json() == {"offset": 6, "data": ""}
    assert get(agent, "/files/read", path=path, offset=1, length=3).json() == {"offset": 1, "data": "ell"}
    assert get(agent, "/files/read", path=path, offset=99).json() == {"offset": 6, "data": ""}
    loaded = get(agent, "/files/download", path=path)
    assert loaded.content == b"hello\n"
    assert "stdout" in loaded.headers["content-disposition"]


def test_the_latest_run_of_an_executor_has_a_path_that_stays(agent: AgentSite, sandbox: Path) -> None:
    (sandbox / "stdout").write_text("x")
    latest = f"/frameworks/{FRAMEWORK}/executors/ex1/runs/latest"
    assert get(agent, "/files/debug").json()[latest] == str(sandbox)
    assert get(agent, "/files/read", path=f"{latest}/stdout", offset=0).json()["data"] == "x"
    assert get(agent, "/files/browse", path=latest.replace("ex1", "ex2")).status_code == 404


def test_files_are_read_by_the_v1_api_too(agent: AgentSite, sandbox: Path) -> None:
    (sandbox / "out").write_bytes(b"\xff\x00")
    listed = post(agent, {"type": "LIST_FILES", "list_files": {"path": str(sandbox)}}).json()
    assert [i["path"] for i in listed["list_files"]["file_infos"]] == [f"{sandbox}/out"]
    read = {"path": f"{sandbox}/out", "offset": 0}
    found = post(agent, {"type": "READ_FILE", "read_file": read}).json()["read_file"]
    assert found == {"size": 2, "data": base64.b64encode(b"\xff\x00").decode()}
    assert post(agent, {"type": "LIST_FILES", "list_files": {"path": "/nope"}}).status_code == 404


def test_a_read_gives_a_bounded_part(agent: AgentSite, sandbox: Path) -> None:
    (sandbox / "big").write_bytes(b"x" * 100_000)
    assert len(get(agent, "/files/read", path=f"{sandbox}/big", offset=0).json()["data"]) == 65_536


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("/files/browse", {}, 400, "Expecting 'path=value' in query.\n"),
        ("/files/read", {"path": "{sandbox}", "offset": 0}, 400, "Cannot read a directory.\n"),
        ("/files/download", {"path": "{sandbox}"}, 400, "Cannot download a directory.\n"),
        ("/files/read", {"path": "{sandbox}/no"}, 404, ""),
        ("/files/read", {"path": "{sandbox}/f", "offset": -2}, 400, "Negative offset provided: -2"),
        ("/files/read", {"path": "{sandbox}/f", "offset": "x"}, 400, "Failed to parse offset: "),
    ],
)
def test_what_cannot_be_shown_is_refused(
    agent: AgentSite, sandbox: Path, path: str, query: dict[str, Any], status: int, said: str
) -> None:
    (sandbox / "f").write_text("x")
    asked = {n: v.format(sandbox=sandbox) if isinstance(v, str) else v for n, v in query.items()}
    answer = get(agent, path, **asked)
    assert answer.status_code == status
    assert answer.text.startswith(said)


def test_nothing_outside_of_the_sandbox_is_seen_whatever_path_or_link_says(agent: AgentSite, sandbox: Path) -> None:
    secret = agent.directory / "secret"
    secret.write_text("secret")
    other = sandbox_of(agent.directory, "other")
    other.mkdir()
    (other / "stdout").write_text("secret")
    (sandbox / "link").symlink_to(secret)
    (sandbox / "up").symlink_to(agent.directory)
    (sandbox / "others").symlink_to(other)
    (sandbox / "others-file").symlink_to(other / "stdout")
    os.mkfifo(sandbox / "pipe")
    tries = [
        str(secret),
        "/etc/passwd",
        f"{sandbox}/../../secret",
        f"{sandbox}/../other/stdout",
        f"{sandbox}/link",
        f"{sandbox}/up/secret",
        f"{sandbox}/others/stdout",
        f"{sandbox}/others-file",
        f"{sandbox}/pipe",
        f"/frameworks/{FRAMEWORK}/executors/ex1/runs/latest/link",
        f"/frameworks/{FRAMEWORK}/executors/ex1/runs/latest/../other/stdout",
        "a\0b",
        "",
        "/",
    ]
    for path in tries:
        for name in ("read", "download", "browse"):
            answer = get(agent, f"/files/{name}", path=path, offset=0)
            if path.endswith("/pipe") and name == "browse":
                continue  # That it is there may be seen.
            assert answer.status_code in (400, 404), (name, path)
            assert "secret" not in answer.text


def test_a_link_within_the_sandbox_is_followed(agent: AgentSite, sandbox: Path) -> None:
    (sandbox / "real").write_text("mine")
    (sandbox / "link").symlink_to("real")
    assert get(agent, "/files/read", path=f"{sandbox}/link", offset=0).json()["data"] == "mine"


# ---------------------------------------------------------------- through the master's port, and closed


def test_an_agent_is_reached_through_the_masters_port(agent: AgentSite) -> None:
    app = make_app(site(*notes(), agent_apps={"A1": make_agent_app(agent)}))
    for head in ("agent", "slaves"):
        assert call(app, "GET", f"/{head}/{AGENT}/state").json()["id"] == AGENT
        assert call(app, "GET", f"/{head}/{AGENT}/slave(1)/containers").status_code == 200
    body = {"type": "GET_HEALTH"}
    assert call(app, "POST", f"/agent/{AGENT}/api/v1", json=body).json()["get_health"] == {"healthy": True}
    assert call(app, "POST", f"/agent/{AGENT}/api/v1/executor", json=body).status_code == 403
    assert call(app, "GET", "/agent/nope/state").status_code == 404


def test_an_agent_is_shown_in_whole_and_so_not_to_who_sees_some_roles_only(agent: AgentSite) -> None:
    app = make_app(site(*notes(), agent_apps={"A1": make_agent_app(agent)}))

    async def bound_to_a_role(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, CALLER: Caller("ana", roles=("ads",))}, receive, send)

    for path in ("state", "containers", "files/debug", "slave(1)/state"):
        assert call(bound_to_a_role, "GET", f"/agent/{AGENT}/{path}").status_code == 403


def test_who_sees_some_roles_only_sees_the_sandboxes_of_their_tasks_and_executors(
    agent: AgentSite, sandbox: Path
) -> None:
    ended = sandbox_of(agent.directory, "t-cmd")
    strange = sandbox_of(agent.directory, "t-of-nobody")
    for each in (sandbox, ended, strange):
        each.mkdir(parents=True, exist_ok=True)
        (each / "stdout").write_text("said")
    (ended / "out").symlink_to(strange / "stdout")
    app = make_app(site(*notes(), agent_apps={"A1": make_agent_app(agent)}))

    def status(role: str, path: Path | str, what: str = "read") -> int:
        async def bound(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, CALLER: Caller("ana", roles=(role,))}, receive, send)

        return call(bound, "GET", f"/agent/{AGENT}/files/{what}", params={"path": str(path)}).status_code

    latest = f"/frameworks/{FRAMEWORK}/executors/ex1/runs/latest/stdout"
    for path in (sandbox / "stdout", ended / "stdout", latest):
        assert [status(role, path) for role in ("dev", "ads")] == [200, 403]
        assert [status(role, path, "download") for role in ("dev", "ads")] == [200, 403]
    assert [status(role, ended, "browse") for role in ("dev", "ads")] == [200, 403]
    for path in (
        strange / "stdout",
        ended / "out",
        ended.parent,
        ended / ".." / "t-of-nobody" / "stdout",
        "/etc/passwd",
    ):
        assert status("dev", path) == 403


def test_a_name_that_tasks_of_two_roles_share_is_shown_to_neither(agent: AgentSite) -> None:
    other = replace(_task("t-cmd", "TASK_RUNNING", ""), framework_id="F2", role="ads")
    info = FrameworkInfo("other", ("ads",), id="F2", user="root")
    ended = sandbox_of(agent.directory, "t-cmd")
    ended.mkdir(parents=True)
    (ended / "stdout").write_text("whose?")
    told = [*notes(), FrameworkNote(1_000, "F2", "other", ("ads",), "active", info=info), other]
    app = make_app(site(*told, agent_apps={"A1": make_agent_app(agent)}))
    for role in ("dev", "ads"):

        async def bound(scope: Any, receive: Any, send: Any, role: str = role) -> None:
            await app({**scope, CALLER: Caller("ana", roles=(role,))}, receive, send)

        asked = {"path": f"{ended}/stdout"}
        assert call(bound, "GET", f"/agent/{AGENT}/files/read", params=asked).status_code == 403


def test_an_agent_of_another_node_is_said_to_be_there(agent: AgentSite) -> None:
    assert call(make_app(site(*notes())), "GET", f"/agent/{AGENT}/state").status_code == 503


def test_where_tokens_are_asked_for_only_executors_are_heard(agent: AgentSite) -> None:
    app = ExecutorsOnly(make_agent_app(agent))
    assert call(app, "GET", "/health").status_code == 200
    assert call(app, "GET", "/slave(1)/state").status_code == 403
    assert call(app, "GET", "/files/debug").status_code == 403
    assert call(app, "POST", "/slave(1)/api/v1/executor", json={}).status_code == 400
