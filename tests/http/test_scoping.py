"""What a caller sees of the cluster: its roles, and nothing of the others', in no view."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from typing import Any

import pytest
from http_rig import call, site, views_of
from small_world import NOW_MS, agent, job, share, small_world, task
from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.http.app import make_app
from raymesos.http.security import seeing as module
from raymesos.http.security.access import CALLER, NOBODY, Access, Caller
from raymesos.http.security.acls import acls_from_json
from raymesos.http.security.scoping import _RULES, FIELDS, Lens, narrowed
from raymesos.http.security.seeing import Seeing
from raymesos.model.quota import Quota
from raymesos.model.resources import EMPTY, Resources
from raymesos.observe.state import View
from raymesos.observe.views import VIEWS
from raymesos.wire import notes as wire_notes
from raymesos.wire.jobs import JobSpec
from raymesos.wire.notes import (
    AttemptNote,
    CallsNote,
    EventNote,
    ExecutorNote,
    FrameworkNote,
    InstanceNote,
    JobSpecNote,
    MaintenanceNote,
    MasterNote,
    MetricsNote,
    OutstandingNote,
    PassNote,
    ServiceNote,
    WaitNote,
    WaitReason,
)
from raymesos.wire.registry import registered
from raymesos.wire.values import ExecutorInfo, FrameworkInfo, Offer

ADS = Caller("ana", roles=("ads",))
# In everything that is the other role's, and only there.
HIDDEN = "hush"


def world() -> list[Any]:
    """The small world, its role `search` called `hush`, and what else there can be to see, each of `ads` and of `hush`."""
    told: list[Any] = [
        agent("agent1", total=f"cpus:4;mem:4096;cpus({HIDDEN}):2;cpus(ads):1"),
        agent("agent2"),
        FrameworkNote(
            NOW_MS, "F1", "batch", ("ads", HIDDEN), "active", info=FrameworkInfo("batch", ("ads", HIDDEN), user="svc")
        ),
        FrameworkNote(NOW_MS, "Fads", "both", ("ads",), "active", info=FrameworkInfo("both", ("ads",), user="root")),
        FrameworkNote(
            NOW_MS, f"F{HIDDEN}", HIDDEN, (HIDDEN,), "active", info=FrameworkInfo(HIDDEN, (HIDDEN,), user="root")
        ),
        MasterNote(
            NOW_MS, "m", 0, (("ads", "3"), (HIDDEN, "1")), (Quota("ads", (("cpus", 1),)), Quota(HIDDEN, (("cpus", 1),)))
        ),
        PassNote(NOW_MS, 2, 1, (("ads", 4), (HIDDEN, 4))),
        MetricsNote(
            NOW_MS,
            (
                ("master/uptime_secs", 1),
                (f"allocator/mesos/roles/{HIDDEN}/shares/dominant", 1),
                (f"frameworks/{HIDDEN}/x", 1),
            ),
        ),
        MaintenanceNote(NOW_MS, (), (), (("h", f"F{HIDDEN}", "ACCEPT"), ("h", "Fads", "ACCEPT"))),
        WaitNote(
            NOW_MS, "F1", "ads", "limit", f"of {HIDDEN}", reasons=(WaitReason("limit", f"of {HIDDEN}", role=HIDDEN),)
        ),
        WaitNote(NOW_MS, "F1", HIDDEN, "nothing_free", reasons=(WaitReason("nothing_free"),)),
        EventNote(NOW_MS, "agent registered", "agent1-id", f"agent1: cpus({HIDDEN}):2"),
        EventNote(NOW_MS, "framework refused", HIDDEN, HIDDEN),
    ]
    for role in ("ads", HIDDEN):
        framework = f"F{role}"
        told += [
            share(role, "1", (1, 8), (1, 4), f"cpus({role}):1"),
            task(f"t.{role}", role, "agent1", framework_id=framework),
            task(f"old.{role}", role, "agent1", "TASK_FINISHED", framework_id=framework),
            job(f"job-{role}", role, total=1, running=1),
            JobSpecNote(NOW_MS, JobSpec(f"job-{role}", f"job-{role}", role, Resources.parse("cpus:1"), 1)),
            AttemptNote(
                NOW_MS,
                f"job-{role}",
                f"job-{role}.0.0",
                0,
                1,
                "",
                "",
                0,
                0,
                0,
                "agent1-id",
                "",
                (("TASK_RUNNING", NOW_MS, ""),),
                False,
            ),
            ServiceNote(
                NOW_MS, f"web-{role}", f"web-{role}", role, framework, "Accepted", 1, 1, 1, 1, 1, 0, 1, True, EMPTY
            ),
            InstanceNote(
                NOW_MS, f"web-{role}", f"web-{role}.0.0-1", 0, 1, 1, "", "", 0, 0, 0, "", "h", (), "", (), False
            ),
            EventNote(NOW_MS, "instance evicted", f"web-{role}.0.0-1", role),
            WaitNote(NOW_MS, framework, role, "nothing_free", reasons=(WaitReason("nothing_free"),)),
            CallsNote(NOW_MS, framework, (("calls", 1),)),
            OutstandingNote(NOW_MS, framework, (offer(framework, role),)),
            ExecutorNote(NOW_MS, framework, "agent1-id", ExecutorInfo(f"x-{role}", role=role), "active"),
            EventNote(NOW_MS, "job submitted", f"job-{role}", f"in role {role}"),
            EventNote(NOW_MS, "quota set", role, "cpus:1"),
        ]
    told.append(OutstandingNote(NOW_MS, "F1", (offer("F1", "ads"), offer("F1", HIDDEN))))
    return told


def offer(framework: str, role: str) -> Offer:
    return Offer(
        f"o-{framework}-{role}", framework, "agent1-id", "h", role, Resources.parse("cpus:1"), agent("a").attributes
    )


def seen_by(caller: Caller, acls: Any = None, told: list[Any] | None = None) -> View:
    whole = views_of(*(told or world())).state
    return narrowed(whole, Lens(Access(acls_from_json(acls or {})), caller, whole))


# ---------------------------------------------------------------- nothing is forgotten


def test_every_field_of_a_view_and_every_note_has_its_rule() -> None:
    """One that is added must be thought of: until then nobody but who sees all sees it."""
    assert sorted(FIELDS) == sorted(f.name for f in fields(View))
    written = [kind for kind in registered() if kind.__module__ == wire_notes.__name__]
    assert len(written) > 15 and sorted(k.__name__ for k in written) == sorted(k.__name__ for k in _RULES)


def test_nothing_of_the_other_role_is_left_anywhere_in_the_view() -> None:
    assert HIDDEN in repr(views_of(*world()).state)
    assert HIDDEN not in repr(seen_by(ADS))


def test_its_own_is_all_there() -> None:
    view = seen_by(ADS)
    assert list(view.roles) == ["ads"] and list(view.history.points) == ["ads"]
    assert list(view.tasks) == [("Fads", "t.ads")] and list(view.ended_tasks) == [("Fads", "old.ads")]
    assert list(view.services) == list(view.instances) == ["web-ads"] and len(view.instances["web-ads"]) == 1
    assert list(view.jobs) == list(view.specs) == list(view.attempts.of_job) == ["job-ads"] and view.attempts.count == 1
    assert sorted(view.frameworks) == ["F1", "Fads"] and view.frameworks["F1"].roles == ("ads",)
    assert [e.info.executor_id for e in view.executors.values()] == ["x-ads"]
    assert {f: [o.role for o in n.offers] for f, n in view.outstanding.items()} == {"F1": ["ads"], "Fads": ["ads"]}
    assert sorted(view.waits) == [("F1", "ads"), ("Fads", "ads")]
    assert view.waits["F1", "ads"].reasons[0].kind == "limit"
    assert view.master and [q.role for q in view.master.quotas] == ["ads"] and view.master.weights == (("ads", "3"),)
    assert view.last_pass and view.last_pass.filters == (("ads", 4),)
    assert view.maintenance and [row[1] for row in view.maintenance.answers] == ["Fads"]
    assert view.metrics == {"master/uptime_secs": 1}


def test_agents_keep_their_size_without_telling_for_whom_it_is_kept() -> None:
    whole, view = views_of(*world()).state.agents["agent1-id"], seen_by(ADS).agents["agent1-id"]
    assert view.total.quantities() == whole.total.quantities()
    assert view.total.reserved_roles() == ["ads"]


def test_events_keep_their_numbers() -> None:
    told = views_of(*world()).view("events", {})["events"]
    view = seen_by(ADS)
    rows = VIEWS["events"](view, NOW_MS)["events"]
    numbers = {row["n"]: row for row in told}
    assert [r["subject"] for r in rows] == ["agent1-id", "web-ads.0.0-1", "job-ads", "ads"]
    assert all(numbers[row["n"]]["subject"] == row["subject"] for row in rows)


# ---------------------------------------------------------------- by the rules of the ACLs


def only(action: str, objects: str, *values: str) -> dict[str, Any]:
    return {
        action: [
            {"principals": {"values": ["ana"]}, objects: {"values": list(values)}},
            {"principals": {"type": "NONE"}, objects: {"type": "ANY"}},
        ]
    }


def test_roles_by_acl_are_seen_as_by_token() -> None:
    view = seen_by(Caller("ana"), only("view_roles", "roles", "ads"))
    assert HIDDEN not in repr(view) and list(view.roles) == ["ads"]
    assert seen_by(Caller("bob"), only("view_roles", "roles", "ads")).roles == {}


@pytest.mark.parametrize(
    ("action", "field", "left"),
    [
        ("view_tasks", "tasks", [("Fads", "t.ads"), (f"F{HIDDEN}", f"t.{HIDDEN}")]),
        ("view_executors", "executors", [("Fads", "agent1-id", "x-ads"), (f"F{HIDDEN}", "agent1-id", f"x-{HIDDEN}")]),
        ("view_frameworks", "frameworks", ["Fads", f"F{HIDDEN}"]),
    ],
)
def test_users_by_acl(action: str, field: str, left: list[Any]) -> None:
    """`root` may be seen, `svc` not; each action is about its own."""
    whole = views_of(*world(), task("t.svc", "ads", "agent1", framework_id="F1")).state
    lens = Lens(Access(acls_from_json(only(action, "users", "root"))), Caller("ana"), whole)
    view = narrowed(whole, lens)
    assert sorted(getattr(view, field)) == sorted(left)
    assert len(view.jobs) == len(whole.jobs) and len(view.roles) == len(whole.roles)


def test_a_task_of_a_framework_that_is_not_seen_or_not_known_is_not_seen() -> None:
    hidden = FrameworkNote(NOW_MS, "F9", "n", ("ads",), "active", info=FrameworkInfo("n", ("ads",), user="svc"))
    told = [hidden, task("t", "ads", "agent1", framework_id="F9"), task("u", "ads", "agent1", framework_id="Fgone")]
    assert list(seen_by(ADS, told=told).tasks) == [("F9", "t")]
    assert seen_by(Caller("ana"), only("view_frameworks", "users", "root"), told).tasks == {}


# ---------------------------------------------------------------- made once


def test_who_sees_all_has_the_views_themselves_and_others_theirs_once_a_revision() -> None:
    views = views_of(*world())
    sees = Seeing(views, Access())
    assert sees.of(NOBODY) is views and sees.of(Caller("root")) is views
    mine = sees.of(ADS)
    assert mine is sees.of(Caller("ana", roles=("ads",))) and mine.once(list_of) is mine.once(list_of)
    before = mine.state
    assert mine.state is before
    views.take([job("job2", "ads"), job("job3", HIDDEN)])
    assert mine.revision == views.revision and sorted(mine.state.jobs) == ["job-ads", "job2"]
    assert "job2" not in before.jobs


def list_of(views: Any) -> list[str]:
    return []


def test_a_view_that_began_anew_is_narrowed_anew() -> None:
    views = views_of(*world())
    mine = Seeing(views, Access()).of(ADS)
    assert mine.state.jobs
    views.state = View()
    assert mine.state.jobs == {}


def test_the_callers_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    sees = Seeing(views_of(), Access())
    first = sees.of(Caller("p0", roles=("ads",)))
    for n in range(1, 5):
        sees.of(Caller(f"p{n}", roles=("ads",)))
    assert len(sees._kept) == 2 and sees.of(Caller("p0", roles=("ads",))) is not first


# ---------------------------------------------------------------- over HTTP


def as_caller(app: ASGIApp, caller: Caller) -> ASGIApp:
    """What the gate does once it knows a token."""

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, CALLER: caller}, receive, send)

    return inside


READ = [
    "/metrics",
    *(f"/api/views/{name}" for name in VIEWS if name not in ("agent", "job", "service", "instances", "explain")),
    "/api/views/agent?agent=agent1",
    "/api/views/explain?subject=ads",
    "/api/v3/jobs",
    "/api/v3/tasks",
    "/state",
    "/state-summary",
    "/frameworks",
    "/tasks",
    "/roles",
    "/weights",
    "/quota",
    "/slaves",
    "/metrics/snapshot",
    "/maintenance/status",
]
OPERATOR = ["STATE", "AGENTS", "FRAMEWORKS", "TASKS", "ROLES", "WEIGHTS", "QUOTA", "EXECUTORS", "OPERATIONS", "METRICS"]


@pytest.mark.parametrize("path", READ)
def test_no_answer_tells_of_a_role_that_the_caller_does_not_see(path: str) -> None:
    app = make_app(site(*world()))
    everything = call(app, "GET", path)
    mine = call(as_caller(app, ADS), "GET", path)
    assert everything.status_code == mine.status_code == 200, mine.text
    assert HIDDEN not in mine.text
    if path.startswith("/api/v3") or path.endswith(("/tasks", "/jobs", "/roles")):
        assert HIDDEN in everything.text and "ads" in mine.text


@pytest.mark.parametrize("what", OPERATOR)
def test_no_answer_of_the_operators_api_does_either(what: str) -> None:
    app = as_caller(make_app(site(*world())), ADS)
    answer = call(app, "POST", "/api/v1", json={"type": f"GET_{what}", "get_metrics": {}})
    assert answer.status_code == 200 and answer.json()["type"] == f"GET_{what}"
    assert HIDDEN not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        f"/api/views/job?job=job-{HIDDEN}",
        f"/api/views/service?service=web-{HIDDEN}",
        f"/api/views/instances?service=web-{HIDDEN}",
        f"/api/views/explain?subject={HIDDEN}",
        f"/api/v3/jobs/job-{HIDDEN}",
    ],
)
def test_what_the_caller_does_not_see_is_not_there(path: str) -> None:
    app = make_app(site(*world()))
    assert call(app, "GET", path).status_code == 200
    assert call(as_caller(app, ADS), "GET", path).status_code == 404


@pytest.mark.parametrize("path", ["/api/events?last=100", "/api/live?view=events&view=roles&view=agents&view=jobs"])
def test_no_stream_tells_of_a_role_that_the_caller_does_not_see(path: str) -> None:
    made = site(*world())
    app = make_app(made)
    assert HIDDEN in first_piece(app, path, ["live", "event: jobs"])
    mine = first_piece(as_caller(app, ADS), path, ["live", "event: jobs"])
    assert HIDDEN not in mine and "job-ads" in mine and '"kind":""' not in mine


def first_piece(app: ASGIApp, path: str, ends: list[str]) -> str:
    """What a stream tells until one of `ends` has come."""

    async def inside() -> str:
        told, over = [], asyncio.Event()

        async def send(message: Any) -> None:
            told.append(message.get("body", b"").decode())
            if any(end in told[-1] for end in ends):
                over.set()

        async def receive() -> Any:
            await over.wait()
            return {"type": "http.disconnect"}

        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": route,
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost")],
        }
        running = asyncio.ensure_future(app(scope, receive, send))  # type: ignore[arg-type]
        await asyncio.wait_for(over.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return "".join(told)

    return asyncio.run(inside())


def test_the_endpoints_of_metrics_can_be_closed() -> None:
    closed = Access(acls_from_json(only("get_endpoints", "paths", "/metrics")))
    app = make_app(site(*small_world(), access=closed))
    assert call(as_caller(app, Caller("ana")), "GET", "/metrics").status_code == 200
    refused = call(as_caller(app, Caller("bob")), "GET", "/metrics")
    assert refused.status_code == 403 and json.loads(refused.text)["error"] == "Unauthorized"
