"""The gateway's machine against a model of HAProxy: whatever comes in whatever order, HAProxy ends with what is wanted, and no open request loses its server."""

from __future__ import annotations

from typing import Any

import pytest
from haproxy_model import SLOTS, World
from hypothesis import given
from hypothesis import strategies as st

from raymesos.gateway.orders import DRAIN, READY, AddServer, DropRoute, RemoveServer, SetMode, SetRoute
from raymesos.gateway.speech import rules_text
from raymesos.machine import SERVICE
from raymesos.wire.notes import EventNote
from raymesos.wire.routes import Drained, Endpoint, Route, RouteRules, Routes, RoutesSet, TrafficSeen, WatchRoutes

LONG_MS = 10_000


def at(task_id: str, **fields: Any) -> Endpoint:
    return Endpoint(task_id, "127.0.0.1", 31000 + int(task_id[1:]), **fields)


def test_a_gateway_asks_for_routes_sets_them_and_says_so() -> None:
    world = World()
    assert world.of(WatchRoutes) == [WatchRoutes("", "127.0.0.1:8080")]
    assert world.of(RoutesSet) == [RoutesSet(0)]
    world.set(Route("web", (at("t1"),)))
    assert world.of(RoutesSet) == [RoutesSet(0), RoutesSet(1)]
    assert world.haproxy.routes == {"web": ("s1", rules_text(RouteRules()))}
    assert [(s, t, m.mode) for (s, t), m in world.haproxy.servers.items()] == [("s1", "t1", READY)]


def test_a_server_is_there_before_its_route_and_the_route_goes_before_its_servers() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    world.set(gone=("web",))
    world.pass_ms(LONG_MS)
    kinds = [type(command) for command in world.haproxy.commands[1:]]
    assert kinds == [AddServer, SetRoute, DropRoute, SetMode, RemoveServer]


def test_an_instance_with_a_request_is_not_drained_and_not_removed_before_it_ends() -> None:
    world = World()
    world.set(Route("web", (at("t1"), at("t2"))))
    assert world.haproxy.request("web") == "t1"
    world.set(Route("web", (at("t1", draining=True), at("t2"))))
    world.pass_ms(LONG_MS)
    assert world.of(Drained) == []
    assert world.haproxy.request("web") == "t2"
    world.set(Route("web", (at("t2"),)))
    world.pass_ms(LONG_MS)
    assert ("s1", "t1") in world.haproxy.servers
    world.haproxy.finish()
    world.pass_ms(LONG_MS)
    assert list(world.haproxy.servers) == [("s1", "t2")]


def test_an_instance_is_said_to_be_drained_once_and_again_to_a_framework_that_has_begun_anew() -> None:
    world = World()
    world.set(Route("web", (at("t1", draining=True), at("t2"))))
    world.set(Route("web", (at("t2"),)))
    world.set(Route("web", (at("t1"), at("t2"))))
    world.set(Route("web", (at("t1", draining=True), at("t2"))))
    world.pass_ms(LONG_MS)
    assert world.of(Drained) == [Drained(("t1",))] * 2
    world.restart_framework()
    world.pass_ms(LONG_MS)
    assert world.of(Drained) == [Drained(("t1",))] * 3


def test_a_drain_that_is_called_off_gives_the_instance_requests_again() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    world.set(Route("web", (at("t1", draining=True),)))
    assert world.haproxy.servers["s1", "t1"].mode == DRAIN
    world.set(Route("web", (at("t1"),)))
    assert world.haproxy.request("web") == "t1"
    world.pass_ms(LONG_MS)
    assert ("s1", "t1") in world.haproxy.servers


def test_a_haproxy_that_has_begun_anew_has_all_routes_again_at_once() -> None:
    world = World()
    world.set(Route("a", (at("t1"), at("t2", draining=True))), Route("b", (at("t3"),)))
    world.restart_haproxy()
    assert (world.haproxy.request("a"), world.haproxy.request("b")) == ("t1", "t3")


def test_what_was_quiet_in_a_drain_that_was_called_off_may_be_busy_when_it_leaves() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    world.set(Route("web", (at("t1", draining=True),)))
    world.pass_ms(LONG_MS)
    world.set(Route("web", (at("t1"),)))
    world.haproxy.request("web")
    world.set(Route("web"))
    world.pass_ms(LONG_MS)
    assert ("s1", "t1") in world.haproxy.servers


@pytest.mark.parametrize("between", ["nothing", "time", "controller", "refusal"])
def test_a_slot_is_no_other_services_before_its_last_request_has_ended(between: str) -> None:
    world = World()
    world.set(Route("a"))
    world.haproxy.request("a")
    world.set(gone=("a",))
    match between:
        case "time":
            world.pass_ms(LONG_MS)
        case "controller":
            world.restart_controller()
        case "refusal":
            world.set(Route("b", (Endpoint("t9", "nowhere", 1),)))
    world.set(Route("b"), Route("c"), Route("d", (at("t4"),)))
    assert "d" not in world.haproxy.routes
    world.haproxy.finish()
    world.pass_ms(LONG_MS)
    assert world.haproxy.request("d") == "t4"


def test_nothing_is_changed_while_the_framework_has_not_spoken() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    before = len(world.haproxy.commands)
    world.pump.remove(SERVICE)
    world.restart_controller()
    world.pass_ms(LONG_MS)
    assert len(world.haproxy.commands) == before
    assert world.haproxy.request("web") == "t1"


def test_a_request_that_waits_for_a_first_instance_is_told_at_once() -> None:
    world = World()
    world.set(Route("web"))
    world.pass_ms(5_000)
    world.haproxy.request("web")
    world.pass_ms(150)
    (seen,) = world.of(TrafficSeen)
    assert [(t.service, t.waiting, t.open, t.requests) for t in seen.services] == [("web", 1, 0, 1)]
    world.pass_ms(500)
    assert len(world.of(TrafficSeen)) == 1


def test_traffic_is_told_each_second_while_there_is_any_and_counts_each_request_once() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    world.pass_ms(2_000)
    for _ in range(3):
        for _ in range(5):
            world.haproxy.request("web")
        world.haproxy.finish()
        world.pass_ms(1_000)
    world.restart_controller()
    world.pass_ms(3_000)
    told = [t.requests for seen in world.of(TrafficSeen) for t in seen.services]
    assert told == [5, 5, 5]


def test_a_service_beyond_the_slots_waits_for_one() -> None:
    world = World()
    world.set(*(Route(f"n{i}", (at(f"t{i}"),)) for i in range(SLOTS + 1)))
    assert world.haproxy.request(f"n{SLOTS}") == ""
    world.set(gone=("n0",))
    world.pass_ms(LONG_MS)
    assert world.haproxy.request(f"n{SLOTS}") == f"t{SLOTS}"


def test_an_instance_whose_host_is_unknown_keeps_none_of_the_others_away() -> None:
    world = World()
    world.set(Route("web", (Endpoint("t9", "nowhere", 1), at("t1"))))
    world.pass_ms(LONG_MS)
    assert list(world.haproxy.servers) == [("s1", "t1")]
    world.set(Route("other", (at("t2"),)))
    assert list(world.haproxy.servers) == [("s1", "t1"), ("s2", "t2")]
    tries = [c for c in world.haproxy.commands if isinstance(c, AddServer) and c.task_id == "t9"]
    assert 2 <= len(tries) <= 12


def test_routes_of_others_old_ones_and_names_that_cannot_be_asked_for_are_not_taken() -> None:
    world = World()
    world.set(Route("web", (at("t1"),)))
    world.post("framework/other", Routes(9, (Route("evil"),)))
    world.post(SERVICE, Routes(1, (Route("old"),)))
    departure = world.pump.deliver(world.now_ms, [("gateway/model", SERVICE, Routes(2, (Route("a b; del map"),)))])
    assert list(world.haproxy.routes) == ["web"]
    assert [(n.kind, n.subject) for n in departure.notes if isinstance(n, EventNote)] == [
        ("route refused", "a b; del map")
    ]


ENDPOINTS = st.lists(st.integers(1, 5), max_size=4, unique=True).flatmap(
    lambda ids: st.tuples(*(st.booleans().map(lambda d, i=i: at(f"t{i}", draining=d)) for i in ids))
)
ROUTE = st.builds(
    lambda name, ends, hold: Route(name, ends, RouteRules(hold_ms=hold)),
    st.sampled_from("abcd"),
    ENDPOINTS,
    st.integers(1, 2),
)
STEP = st.one_of(
    st.tuples(st.just("set"), ROUTE),
    st.tuples(st.just("gone"), st.sampled_from("abcd")),
    st.tuples(st.just("request"), st.sampled_from("abcd")),
    st.tuples(st.sampled_from(["finish", "controller", "haproxy", "framework"]), st.none()),
    st.tuples(st.just("pass"), st.sampled_from([50, 250, 1_500])),
)


@given(st.lists(STEP, max_size=30))
def test_whatever_happens_haproxy_ends_with_what_is_wanted(steps: list[tuple[str, Any]]) -> None:
    world = World()
    for step in steps:
        match step:
            case "set", route:
                world.set(route)
            case "gone", service:
                world.set(gone=(service,))
            case "request", service:
                world.haproxy.request(service)
            case "finish", _:
                world.haproxy.finish()
            case "controller", _:
                world.restart_controller()
            case "haproxy", _:
                world.restart_haproxy()
            case "framework", _:
                world.restart_framework()
            case "pass", ms:
                world.pass_ms(ms)
    world.haproxy.finish()
    world.pass_ms(LONG_MS)
    wanted = world.framework.routes
    # Of four services three have room.
    assert len(world.haproxy.routes) == min(SLOTS, len(wanted))
    for service, (slot, rules) in world.haproxy.routes.items():
        assert rules == rules_text(wanted[service].rules)
        servers = {t: s.mode for (its, t), s in world.haproxy.servers.items() if its == slot}
        ready = {e.task_id: READY for e in wanted[service].endpoints if not e.draining}
        assert {t: m for t, m in servers.items() if m == READY} == ready
        assert all(
            m == DRAIN and any(e.task_id == t for e in wanted[service].endpoints)
            for t, m in servers.items()
            if m != READY
        )
    slots = {slot for slot, _ in world.haproxy.routes.values()}
    assert all(slot in slots for slot, _ in world.haproxy.servers)
    assert world.of(RoutesSet)[-1].version == world.framework.version
