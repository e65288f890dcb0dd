"""The stream of the operator's events: what there is, then each change once, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from http_rig import site
from recorded_world import AGENTS, NOW_MS, SAMPLER, agent, framework, renamed, task, world
from streaming_rig import Stream, kinds, running
from test_operator_replay import assert_same_shape, sample

from raymesos.http.app import make_app
from raymesos.http.mesos.operator import events
from raymesos.http.security.access import CALLER, Access, Caller
from raymesos.http.security.acls import acls_from_json
from raymesos.http.site import Site
from raymesos.model.tasks import TaskState
from raymesos.observe.relay import snapshot
from raymesos.observe.state import View
from raymesos.wire.notes import EventNote

NEW = agent("m-S9")
Work = Callable[[Site, Stream], Awaitable[None]]


def reading(work: Work, *notes: Any, **fields: Any) -> None:
    """`work` with a reader that has been shown what there is."""

    async def inside() -> None:
        made = site(*(notes or world()), **fields)
        stream = Stream(make_app(made))
        await stream.until(lambda told: len(told) >= 2)
        await work(made, stream)
        await stream.close()
        assert made.event_streams == 0

    running(inside)


def test_a_reader_is_shown_all_first_and_then_that_the_server_lives() -> None:
    async def work(made: Site, stream: Stream) -> None:
        assert kinds(stream.events) == ["SUBSCRIBED", "HEARTBEAT"]
        assert stream.headers == {"content-type": "application/json"}
        assert_same_shape(stream.events[0], sample("operator-event-SUBSCRIBED.json")["answer"]["body"])
        assert made.event_streams == 1

    reading(work)


def test_an_empty_cluster_is_shown_as_mesos_shows_it() -> None:
    async def work(made: Site, stream: Stream) -> None:
        sequence: Any = sample("operator-event-sequence.json")
        assert stream.events[:2] == sequence[:2]

    reading(work, EventNote(0, "nothing", ""))


CHANGES = {
    "AGENT_ADDED": NEW,
    "FRAMEWORK_ADDED": framework(replace(SAMPLER, id="F9", name="watched", labels=())),
    "FRAMEWORK_UPDATED": framework(replace(SAMPLER, labels=()), reregistered_ms=NOW_MS + 5_000),
    "FRAMEWORK_REMOVED": framework(replace(SAMPLER, labels=()), "completed", unregistered_ms=NOW_MS),
    "TASK_ADDED": task("n1"),
    "TASK_UPDATED": replace(
        task("t-cmd", TaskState.FINISHED),
        statuses=(replace(task("t-cmd", TaskState.FINISHED).statuses[0], message="Command exited with status 0"),),
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_told_as_mesos_tells_it(kind: str) -> None:
    async def work(made: Site, stream: Stream) -> None:
        made.views.take([CHANGES[kind]])
        told = await stream.until(lambda events: len(events) > 2)
        assert kinds(told[2:]) == [kind]
        assert_same_shape(told[2], sample(f"operator-event-{kind}.json")["answer"]["body"])

    reading(work)


def test_the_life_of_a_task_is_told_in_order_and_each_state_once() -> None:
    staging, running_, again = task("n"), task("n", TaskState.RUNNING), task("n", TaskState.RUNNING)
    ended = task("n", TaskState.FINISHED)

    async def work(made: Site, stream: Stream) -> None:
        made.views.take([staging, running_, again])
        made.views.take([ended, ended, NEW])
        told = await stream.until(lambda events: "AGENT_ADDED" in kinds(events))
        assert kinds(told[2:]) == ["TASK_ADDED", "TASK_UPDATED", "TASK_UPDATED", "AGENT_ADDED"]
        assert [e["task_updated"]["state"] for e in told[3:5]] == ["TASK_RUNNING", "TASK_FINISHED"]

    reading(work)


def test_an_agent_that_is_lost_is_removed_and_added_when_it_is_back() -> None:
    lost, back = replace(agent(AGENTS[0]), state="unreachable"), agent(AGENTS[0])

    async def work(made: Site, stream: Stream) -> None:
        made.views.take([replace(back, state="disconnected"), lost, lost, back])
        told = await stream.until(lambda events: "AGENT_ADDED" in kinds(events))
        assert kinds(told[2:]) == ["AGENT_REMOVED", "AGENT_ADDED"]
        assert told[2]["agent_removed"] == {"agent_id": {"value": AGENTS[0]}}

    reading(work)


def test_what_changes_nothing_that_is_shown_is_no_event() -> None:
    async def work(made: Site, stream: Stream) -> None:
        made.views.take([framework(), agent(AGENTS[1]), EventNote(0, "x", "y"), framework(suppressed_roles=("dev",))])
        made.views.take([NEW])
        told = await stream.until(lambda events: len(events) > 2)
        assert kinds(told[2:]) == ["AGENT_ADDED"]

    reading(work)


def test_what_changed_before_a_reader_came_is_in_its_snapshot_and_not_told_again() -> None:
    async def inside() -> None:
        made = site(*world())
        app = make_app(made)
        first = Stream(app)
        await first.until(lambda told: len(told) >= 2)
        made.views.take([NEW])
        second = Stream(app)
        shown = (await second.until(lambda told: len(told) >= 2))[0]["subscribed"]["get_state"]
        assert "m-S9" in [a["agent_info"]["id"]["value"] for a in shown["get_agents"]["agents"]]
        made.views.take([framework(state="completed")])
        await second.until(lambda told: len(told) > 2)
        await first.until(lambda told: len(told) > 3)
        assert kinds(second.events[2:]) == ["FRAMEWORK_REMOVED"]
        assert kinds(first.events[2:]) == ["AGENT_ADDED", "FRAMEWORK_REMOVED"]
        await first.close()
        await second.close()

    running(inside)


def test_of_too_many_readers_the_one_that_came_first_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_STREAMS", 2)

    async def inside() -> None:
        made = site(*world())
        app = make_app(made)
        streams = []
        for _ in range(3):
            streams.append(Stream(app))
            await streams[-1].until(lambda told: len(told) >= 2)
        await streams[0].ended()
        assert streams[0].over and not streams[1].over and made.event_streams == 2
        for stream in streams[1:]:
            await stream.close()

    running(inside)


def test_when_the_views_begin_anew_readers_have_to_come_back_and_can() -> None:
    async def inside() -> None:
        made = site(*world())
        app = make_app(made)
        stream = Stream(app)
        await stream.until(lambda told: len(told) >= 2)
        made.views.take(snapshot(View(), 0))
        await stream.ended()
        again = Stream(app)
        shown = (await again.until(lambda told: len(told) >= 2))[0]["subscribed"]["get_state"]
        assert shown["get_agents"]["agents"] == []
        made.views.take([NEW])
        await again.until(lambda told: len(told) > 2)
        assert kinds(again.events[2:]) == ["AGENT_ADDED"]
        await again.close()

    running(inside)


def test_a_reader_hears_only_of_frameworks_and_tasks_that_it_may_see() -> None:
    rules = {"view_frameworks": [{"principals": {"values": ["ops"]}, "users": {"type": "ANY"}}], "permissive": False}
    rules |= {
        n: [{"principals": {"type": "ANY"}, o: {"type": "ANY"}}]
        for n, o in (("view_roles", "roles"), ("view_tasks", "users"))
    }

    async def inside() -> None:
        made = site(*world(), access=Access(acls_from_json(rules)))
        app = make_app(made)
        ops, guest = (Stream(app, {CALLER: Caller(name)}) for name in ("ops", "guest"))
        for stream in (ops, guest):
            await stream.until(lambda told: len(told) >= 2)
        assert guest.events[0]["subscribed"]["get_state"]["get_frameworks"]["frameworks"] == []
        assert len(ops.events[0]["subscribed"]["get_state"]["get_tasks"]["tasks"]) == 2
        made.views.take([task("n1"), renamed(framework(), hostname="h"), NEW])
        await guest.until(lambda told: len(told) > 2)
        await ops.until(lambda told: len(told) > 4)
        assert kinds(guest.events[2:]) == ["AGENT_ADDED"]
        assert kinds(ops.events[2:]) == ["TASK_ADDED", "FRAMEWORK_UPDATED", "AGENT_ADDED"]
        await ops.close()
        await guest.close()

    running(inside)
