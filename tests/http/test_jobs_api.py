"""The jobs API's calls: Titus' shapes, statuses and errors."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from http_rig import call
from jobs_rig import JobsWorld, descriptor

from raymesos.http.jobs import descriptor as limits
from raymesos.http.jobs import rights
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json
from raymesos.http.security.secrets import MASK
from raymesos.model.tasks import Reason, TaskState


def states(shape: dict[str, Any]) -> list[str]:
    return [s["state"] for s in [*shape["statusHistory"], shape["status"]]]


# ---------------------------------------------------------------- submit


def shown() -> dict[str, Any]:
    """The descriptor without what its tasks are given to know."""
    given = descriptor()
    return {**given, "container": {**given["container"], "env": {"A": MASK}}}


def test_a_submitted_descriptor_is_shown_as_it_was_given_without_the_values_of_its_environment() -> None:
    world = JobsWorld()
    job = world.submit()
    assert world.get(f"/jobs/{job}")["jobDescriptor"] == shown()


def test_a_descriptor_becomes_a_job_of_as_many_tasks_in_the_role_of_its_capacity_group() -> None:
    world = JobsWorld()
    job = world.submit()
    spec = world.rig.machine.state.jobs[job].spec
    assert (spec.role, spec.total, spec.alone, spec.argv) == ("ads", 3, True, ("/bin/echo", "hello"))
    assert (dict(spec.env), spec.runtime_limit_ms, spec.retry.retries) == ({"A": "1"}, 3_600_000, 2)
    assert str(spec.resources) == "cpus:1;disk:10;mem:512"


@pytest.mark.parametrize(("group", "role"), [("", "*"), ("DEFAULT", "*"), ("teams/ads", "teams/ads")])
def test_who_names_no_group_shares_the_default_one(group: str, role: str) -> None:
    world = JobsWorld()
    job = world.submit(capacityGroup=group)
    assert world.rig.machine.state.jobs[job].spec.role == role


def test_what_is_left_out_has_titus_defaults() -> None:
    world = JobsWorld()
    body = {"owner": {"teamEmail": "t@x"}, "applicationName": "a", "container": {"command": ["true"]}, "batch": {}}
    answer = call(world.app, "POST", "/api/v3/jobs", json=body)
    described = world.get(f"/jobs/{answer.json()['id']}")["jobDescriptor"]
    assert described["batch"] == {
        "size": 1,
        "runtimeLimitSec": 432_000,
        "retryPolicy": {},
        "retryOnRuntimeLimit": False,
    }
    assert (described["container"]["resources"]["memoryMB"], described["disruptionBudget"]) == (512, {})


@pytest.mark.parametrize(
    ("policy", "wish"),
    [
        ({"delayed": {"delayMs": 2000, "retries": 3}}, (3, 2000, 0, 1)),
        (
            {"exponentialBackOff": {"initialDelayMs": 500, "maxDelayIntervalMs": 3000, "retries": 5}},
            (5, 500, 3000, 2),
        ),
    ],
)
def test_each_retry_policy_is_ours(policy: dict[str, Any], wish: tuple[int, ...]) -> None:
    world = JobsWorld()
    retry = world.rig.machine.state.jobs[world.submit(batch__retryPolicy=policy)].spec.retry
    assert (retry.retries, retry.initial_ms, retry.max_ms, retry.factor) == wish


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("owner", {"owner": None}),
        ("owner.teamEmail", {"owner": {}}),
        ("applicationName", {"applicationName": None}),
        ("applicationName", {"applicationName": "no spaces"}),
        ("applicationName", {"applicationName": ""}),
        ("capacityGroup", {"capacityGroup": "a b"}),
        ("container", {"container": None}),
        ("container.resources.cpu", {"container__resources__cpu": 0}),
        ("container.resources.memoryMB", {"container__resources__memoryMB": -1}),
        ("container.resources.gpu", {"container__resources__gpu": "many"}),
        ("container.command", {"container__entryPoint": [], "container__command": []}),
        ("container.env", {"container__env": {"A": "x" * 33_000}}),
        ("container.env.A=B", {"container__env": {"A=B": "x"}}),
        ("batch", {"batch": None}),
        ("batch.size", {"batch__size": 1001}),
        ("batch.size", {"batch__size": 0}),
        ("batch.runtimeLimitSec", {"batch__runtimeLimitSec": 864_001}),
        ("batch.retryPolicy", {"batch__retryPolicy": {"immediate": {}, "delayed": {}}}),
        ("batch.retryPolicy.immediate.retries", {"batch__retryPolicy": {"immediate": {"retries": -1}}}),
        ("service", {"service": {"capacity": {"min": 1, "desired": 1, "max": 1}}}),
        ("service", {"batch": None, "service": {}}),
        ("attributes.titus.x", {"attributes": {"titus.x": "y"}}),
        ("attributes", {"attributes": {"": "y"}}),
        ("attributes", {"attributes": {"a": "x" * 66_000}}),
        ("disruptionBudget", {"disruptionBudget": {"selfManaged": {}, "relocationLimit": {"limit": 1}}}),
        ("disruptionBudget", {"disruptionBudget": {"rateUnlimited": {}, "ratePerInterval": {}}}),
        ("job", {"container__image": {"name": "x" * 100_000}}),
        ("job", {"container__image": {"size": 2**70}}),
        ("disruptionBudget", {"disruptionBudget": {"x": 2**70}}),
    ],
)
def test_what_does_not_fit_is_400_and_names_its_field_and_nothing_is_kept(field: str, changes: dict[str, Any]) -> None:
    world = JobsWorld()
    status, said = world.refusal("POST", "/jobs", json=descriptor(**changes))
    assert (status, said["field"]) == (400, field)
    assert said["reason"] and field in said["message"]
    assert not world.rig.machine.state.jobs


def test_parameters_for_the_agent_are_no_reserved_attributes() -> None:
    world = JobsWorld()
    job = world.submit(attributes={"titusParameter.agent.x": "y"})
    assert world.get(f"/jobs/{job}")["jobDescriptor"]["attributes"] == {"titusParameter.agent.x": "y"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"null", b"\xff"])
def test_a_body_that_is_no_descriptor_is_400(body: bytes) -> None:
    answer = call(JobsWorld().app, "POST", "/api/v3/jobs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["field"], answer.text


def test_half_a_surrogate_pair_is_no_text_to_keep() -> None:
    world = JobsWorld()
    body = json.dumps(descriptor(container__image={"name": "\ud800"}))
    answer = call(world.app, "POST", "/api/v3/jobs", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (400, "job")
    assert not world.rig.machine.state.jobs


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_a_job_is_never_taken_from_a_form(kind: str) -> None:
    world = JobsWorld()
    answer = call(world.app, "POST", "/api/v3/jobs", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415 and not world.rig.machine.state.jobs


def test_the_same_idempotency_key_is_the_same_job_and_for_another_one_a_conflict() -> None:
    world = JobsWorld()
    headers = {"Idempotency-Key": "k1"}
    first, again = (
        call(world.app, "POST", "/api/v3/jobs", json=descriptor(), headers=headers).json()["id"] for _ in range(2)
    )
    assert first == again and len(world.rig.machine.state.jobs) == 1
    status, said = world.refusal("POST", "/jobs", json=descriptor(batch__size=2), headers=headers)
    assert (status, said["error"]) == (409, "Conflict")


def test_our_own_form_is_taken_as_from_a_job_file() -> None:
    world = JobsWorld()
    body = {"kind": "batch", "name": "render", "command": "echo $RAYMESOS_INDEX", "size": 4, "role": "ads", "cpus": 0.5}
    job = call(world.app, "POST", "/api/v3/jobs", json=body).json()["id"]
    spec = world.rig.machine.state.jobs[job].spec
    assert (spec.name, spec.total, spec.alone, spec.argv[0]) == ("render", 4, False, "/bin/sh")
    shown = world.get(f"/jobs/{job}")
    assert (shown["name"], shown["jobDescriptor"]["batch"]["size"]) == ("render", 4)
    assert shown["jobDescriptor"]["container"]["resources"]["cpu"] == 0.5


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("kind", {"kind": "cron"}),
        ("fn", {"fn": "os.system"}),
        ("inputs", {"inputs": [1]}),
        ("cpuss", {"cpuss": 1}),
        ("after", {"after": [7]}),
    ],
)
def test_what_our_own_form_does_not_have_is_named(field: str, changes: dict[str, Any]) -> None:
    body = {"kind": "batch", "name": "n", "command": "true", **changes}
    status, said = JobsWorld().refusal("POST", "/jobs", json=body)
    assert (status, said["field"]) == (400, field)


def test_a_name_that_runs_already_is_409() -> None:
    world = JobsWorld()
    body = {"kind": "batch", "name": "n", "command": "true"}
    assert call(world.app, "POST", "/api/v3/jobs", json=body).status_code == 202
    assert world.refusal("POST", "/jobs", json=body)[0] == 409


def test_more_jobs_than_there_may_be_is_429() -> None:
    from raymesos.model.settings import BatchSettings

    world = JobsWorld()
    world.rig.machine.state.settings = BatchSettings(jobs_open=1)
    world.submit()
    status, said = world.refusal("POST", "/jobs", json=descriptor())
    assert (status, said["error"]) == (429, "QuotaRefused")


# ---------------------------------------------------------------- jobs and tasks as they go


def test_a_task_goes_through_titus_states_in_order_and_a_skipped_one_is_filled_in() -> None:
    world = JobsWorld()
    job = world.submit(batch__size=1)
    (task,) = world.offer()
    assert states(world.get(f"/tasks/{task.id}")) == ["Accepted", "Launched"]
    world.run(task)
    world.finish(task)
    shape = world.get(f"/tasks/{task.id}")
    assert states(shape) == ["Accepted", "Launched", "StartInitiated", "Started", "Finished"]
    assert [s["reasonCode"] for s in shape["statusHistory"]] == ["normal", "normal", "filledIn", "normal"]
    assert shape["status"]["reasonCode"] == "normal"
    times = [s["timestamp"] for s in [*shape["statusHistory"], shape["status"]]]
    assert times == sorted(set(times))
    assert (shape["jobId"], shape["index"], shape["originalId"]) == (job, 0, task.id)
    assert shape["taskContext"]["agent.host"] == "h1"


@pytest.mark.parametrize("failed", [None, {0: "exit 1"}])
def test_a_task_that_was_over_before_anybody_told_of_its_start_has_started_all_the_same(
    failed: dict[int, str] | None,
) -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (task,) = world.offer()
    world.finish(task, failed=failed)
    shape = world.get(f"/tasks/{task.id}")
    assert states(shape) == ["Accepted", "Launched", "StartInitiated", "Started", "Finished"]
    assert [s["reasonCode"] for s in shape["statusHistory"][2:]] == ["filledIn", "filledIn"]


def test_a_task_that_was_lost_on_its_way_has_not_started() -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (task,) = world.offer()
    world.rig.update(task, TaskState.LOST)
    world.show()
    assert states(world.get(f"/tasks/{task.id}")) == ["Accepted", "Launched", "Finished"]


def test_timestamps_grow_though_all_happened_in_one_millisecond() -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (task,) = world.rig.offer("cpus:4;mem:4096;disk:4096", role="ads")
    world.rig.run(task)
    world.rig.finish(task)
    world.show()
    shape = world.get(f"/tasks/{task.id}")
    times = [s["timestamp"] for s in [*shape["statusHistory"], shape["status"]]]
    assert len(times) == 5 and times == sorted(set(times))


def test_a_retry_is_of_the_same_index_and_names_the_one_before() -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (first,) = world.offer()
    world.run(first)
    world.finish(first, failed={0: "exit 3"})
    world.rig.advance(5_000)
    (second,) = world.offer()
    shape = world.get(f"/tasks/{second.id}")
    assert (shape["index"], shape["originalId"], shape["resubmitOf"]) == (0, first.id, first.id)
    assert (shape["resubmitNumber"], shape["systemResubmitNumber"], shape["evictionResubmitNumber"]) == (1, 0, 0)
    assert shape["taskContext"]["task.resubmitOf"] == first.id


def test_a_retry_at_the_systems_cost_is_counted_so() -> None:
    world = JobsWorld()
    world.submit(batch__size=1, batch__retryPolicy={"immediate": {"retries": 0}})
    (first,) = world.offer()
    world.run(first)
    world.rig.update(first, TaskState.FAILED, Reason.EXECUTOR_TERMINATED)
    (second,) = world.offer()
    assert world.get(f"/tasks/{first.id}")["status"]["reasonCode"] == "localSystemError"
    shape = world.get(f"/tasks/{second.id}")
    assert (shape["resubmitNumber"], shape["systemResubmitNumber"]) == (1, 1)


def test_a_job_ends_normally_or_says_that_it_failed() -> None:
    world = JobsWorld()
    good, bad = world.submit(batch__size=1), world.submit(batch__size=1, batch__retryPolicy={})
    for task in world.offer():
        world.run(task)
        world.finish(task, failed={0: "exit 1"} if task.work.job_id == bad else {})
    assert world.get(f"/jobs/{good}")["status"]["reasonCode"] == "normal"
    ended = world.get(f"/jobs/{bad}")
    assert (ended["status"]["state"], ended["status"]["reasonCode"]) == ("Finished", "failed")
    assert ended["progress"]["failed"] == 1


# ---------------------------------------------------------------- killing


def test_a_killed_job_is_kill_initiated_until_its_last_task_ends() -> None:
    world = JobsWorld()
    job = world.submit(batch__size=1)
    (task,) = world.offer()
    world.run(task)
    assert call(world.app, "DELETE", f"/api/v3/jobs/{job}").status_code == 204
    assert states(world.get(f"/jobs/{job}")) == ["Accepted", "KillInitiated"]
    assert world.get(f"/tasks/{task.id}")["status"]["reasonCode"] == "killed"
    world.rig.update(task, TaskState.KILLED)
    world.show()
    shape = world.get(f"/jobs/{job}")
    assert states(shape) == ["Accepted", "KillInitiated", "Finished"] and shape["status"]["reasonCode"] == "killed"
    assert call(world.app, "DELETE", f"/api/v3/jobs/{job}").status_code == 204
    assert world.offer() == []


def test_a_killed_task_is_at_the_users_cost_and_killed_again_is_over() -> None:
    world = JobsWorld()
    world.submit(batch__size=1, batch__retryPolicy={})
    (task,) = world.offer()
    world.run(task)
    assert call(world.app, "DELETE", f"/api/v3/tasks/{task.id}").status_code == 204
    assert world.get(f"/tasks/{task.id}")["status"]["state"] == "KillInitiated"
    world.rig.update(task, TaskState.KILLED)
    world.show()
    assert world.get(f"/tasks/{task.id}")["status"]["reasonCode"] == "killed"
    status, said = world.refusal("DELETE", f"/tasks/{task.id}")
    assert (status, said["error"]) == (412, "TaskTerminating")


# ---------------------------------------------------------------- changing


def test_attributes_and_the_budget_of_a_job_are_changed() -> None:
    world = JobsWorld()
    job = world.submit()
    changes = [
        call(world.app, "PUT", f"/api/v3/jobs/{job}/attributes", json={"attributes": {"a": "1", "b": "2"}}),
        call(world.app, "DELETE", f"/api/v3/jobs/{job}/attributes", params={"keys": "k,a"}),
        call(world.app, "PUT", f"/api/v3/jobs/{job}/disruptionBudget", json={"relocationLimit": {"limit": 2}}),
    ]
    assert [c.status_code for c in changes] == [204, 204, 204]
    described = world.get(f"/jobs/{job}")["jobDescriptor"]
    assert described["attributes"] == {"b": "2"} and described["disruptionBudget"] == {"relocationLimit": {"limit": 2}}
    assert {k: v for k, v in described.items() if k not in ("attributes", "disruptionBudget")} == {
        k: v for k, v in shown().items() if k not in ("attributes", "disruptionBudget")
    }


def test_attributes_of_a_task_are_changed() -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (task,) = world.offer()
    for method, fields in (
        ("PUT", {"json": {"attributes": {"a": "1", "b": "2"}}}),
        ("DELETE", {"params": {"keys": "a"}}),
    ):
        answer = call(world.app, method, f"/api/v3/tasks/{task.id}/attributes", **fields)
        assert answer.status_code == 204, answer.text
    assert world.get(f"/tasks/{task.id}")["attributes"] == {"b": "2"}


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("PUT", "/jobs/{job}/instances", {"json": {"min": 1, "desired": 2, "max": 5}}),
        ("PUT", "/jobs/{job}/capacityAttributes", {"json": {"desired": 2}}),
        ("PUT", "/jobs/{job}/jobprocesses", {"json": {"disableIncreaseDesired": True}}),
        ("POST", "/jobs/{job}/enable", {}),
        ("POST", "/jobs/{job}/disable", {}),
        ("DELETE", "/tasks/{task}?shrink=true", {}),
        ("DELETE", "/tasks/{task}?shrink=true&preventMinSizeUpdate=true", {}),
        ("POST", "/tasks/move", {"json": {"sourceJobId": "{job}", "targetJobId": "{job}", "taskId": "{task}"}}),
    ],
)
def test_what_is_for_service_jobs_is_refused_for_batch_jobs_in_titus_words(
    method: str, path: str, fields: dict[str, Any]
) -> None:
    world = JobsWorld()
    job = world.submit(batch__size=1)
    (task,) = world.offer()
    if "json" in fields:
        fields = {
            "json": {k: v.format(job=job, task=task.id) if isinstance(v, str) else v for k, v in fields["json"].items()}
        }
    status, said = world.refusal(method, path.format(job=job, task=task.id), **fields)
    assert (status, said["error"]) == (400, "NotServiceJob")
    assert said["message"] == f"Operation restricted to service jobs, and {job} is not a service job"
    assert not world.rig.tasks[task.id].killed


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/jobs/nosuch", {}),
        ("DELETE", "/jobs/nosuch", {}),
        ("GET", "/jobs/nosuch/stream", {}),
        ("PUT", "/jobs/nosuch/attributes", {"json": {"attributes": {}}}),
        ("DELETE", "/jobs/nosuch/attributes?keys=a", {}),
        ("PUT", "/jobs/nosuch/disruptionBudget", {"json": {}}),
        ("PUT", "/jobs/nosuch/instances", {"json": {}}),
        ("POST", "/jobs/nosuch/enable", {}),
        ("GET", "/tasks/nosuch", {}),
        ("DELETE", "/tasks/nosuch", {}),
        ("PUT", "/tasks/nosuch/attributes", {"json": {"attributes": {}}}),
        ("GET", "/tasks/nosuch/logs/stdout", {}),
        ("POST", "/tasks/move", {"json": {"sourceJobId": "a", "targetJobId": "b", "taskId": "nosuch"}}),
    ],
)
def test_what_is_not_there_is_404(
    method: str, path: str, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "SOON_S", 0.01)
    status, said = JobsWorld().refusal(method, path, **fields)
    assert (status, said["error"]) == (404, "UnknownId")


@pytest.mark.parametrize(
    ("method", "path", "fields", "field"),
    [
        ("PUT", "/jobs/{job}/attributes", {"json": {}}, "attributes"),
        ("PUT", "/jobs/{job}/attributes", {"json": {"attributes": {"titus.a": "b"}}}, "attributes.titus.a"),
        ("PUT", "/jobs/{job}/attributes", {"json": {"attributes": {"a": 1}}}, "attributes.a"),
        ("DELETE", "/jobs/{job}/attributes", {}, "keys"),
        ("DELETE", "/jobs/{job}/attributes?keys=,", {}, "keys"),
        ("PUT", "/jobs/{job}/instances", {"json": {"desired": -1}}, "desired"),
        ("DELETE", "/tasks/x?shrink=perhaps", {}, "shrink"),
        ("PUT", "/jobs/{job}/disruptionBudget", {"json": []}, "body"),
    ],
)
def test_a_change_that_is_none_is_400_and_names_its_field(
    method: str, path: str, fields: dict[str, Any], field: str
) -> None:
    world = JobsWorld()
    status, said = world.refusal(method, path.format(job=world.submit()), **fields)
    assert (status, said["field"]) == (400, field)


def test_a_job_that_is_over_is_not_changed_any_more() -> None:
    world = JobsWorld()
    job = world.submit(batch__size=1)
    world.finish(*world.offer())
    status, said = world.refusal("PUT", f"/jobs/{job}/attributes", json={"attributes": {"a": "b"}})
    assert (status, said["error"]) == (412, "JobTerminating")


# ---------------------------------------------------------------- logs, status, documentation


def test_what_a_task_has_printed_is_read_from_its_agent_as_text() -> None:
    world = JobsWorld()
    world.submit(batch__size=2)
    _, task = world.offer()
    world.door.logs[task.id, 1, "stdout"] = "grüße\n".encode()
    url = world.get(f"/tasks/{task.id}")["logLocation"]["liveStream"]["url"]
    answer = call(world.app, "GET", url)
    assert (answer.text, answer.headers["content-type"]) == ("grüße\n", "text/plain; charset=utf-8")
    assert call(world.app, "GET", url, params={"offset": 2}).content == "grüße\n".encode()[2:]
    assert call(world.app, "GET", url.replace("stdout", "secrets")).status_code == 404


def test_the_status_says_whether_the_views_are_there() -> None:
    world = JobsWorld()
    assert world.get("/status")["status"] == "Ready"
    world.views.ready = False
    assert call(world.app, "GET", "/api/v3/status").status_code == 503
    assert world.refusal("GET", "/jobs")[0] == 503


def test_the_documentation_needs_no_other_host() -> None:
    world = JobsWorld()
    page = call(world.app, "GET", "/docs")
    assert page.status_code == 200 and "https://" not in page.text
    for asset in ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/favicon.png"):
        assert asset in page.text and call(world.app, "GET", asset).status_code == 200
    script = re.findall("<script>(.*?)</script>", page.text, re.DOTALL)[0].encode()
    allowed = base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert f"script-src 'self' 'sha256-{allowed}';" in page.headers["content-security-policy"]
    document = call(world.app, "GET", "/api/v3/openapi.json").json()
    assert document["servers"] == [{"url": "/api/v3"}]
    assert set(document["paths"]["/jobs"]) == {"get", "post"}


def test_bounds_are_titus() -> None:
    assert (limits.MAX_SIZE, limits.RUNTIME_LIMIT_S, limits.MAX_RUNTIME_LIMIT_S) == (1_000, 432_000, 864_000)


# ---------------------------------------------------------------- rights


def test_who_may_not_run_in_a_role_changes_nothing_there_and_who_may_not_see_it_finds_nothing() -> None:
    rules = {
        "permissive": True,
        "register_frameworks": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}],
        "view_roles": [
            {"principals": {"type": "ANY"}, "roles": {"values": ["ads"]}},
            {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
        ],
    }
    world = JobsWorld()
    seen, hidden = world.submit(), world.submit(capacityGroup="secret")
    world.site.access = Access(acls_from_json(rules))
    for method, path, fields in (
        ("POST", "/jobs", {"json": descriptor()}),
        ("DELETE", f"/jobs/{seen}", {}),
        ("PUT", f"/jobs/{seen}/attributes", {"json": {"attributes": {}}}),
    ):
        assert world.refusal(method, path, **fields)[0] == 403
    assert [j["id"] for j in world.get("/jobs")["items"]] == [seen]
    assert world.refusal("GET", f"/jobs/{hidden}")[0] == 404
    assert len(world.rig.machine.state.jobs) == 2
