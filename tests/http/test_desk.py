"""The desk between machines and streams: in order, to whom it is for, and to nobody who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from raymesos.http.desk import Desk
from raymesos.machine import Envelope


class Calls:
    """A host that writes down what it is asked for."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []

    def seat(self, address: str, machine: Any) -> None:
        self.made.append(("seat", address, machine))

    def unseat(self, address: str) -> None:
        self.made.append(("unseat", address))

    def post_all(self, envelopes: list[Envelope]) -> None:
        self.made.append(("post", *envelopes))


class Quiet:
    """A machine that says nothing by itself."""

    def handle(self, now_ms: int, sender: str, message: Any, out: Any) -> None: ...

    def check(self) -> None: ...


def in_a_turn(act: Callable[[], None]) -> None:
    """Run `act` in one turn of an event loop, and the turn after it."""

    async def turns() -> None:
        act()
        await asyncio.sleep(0)

    asyncio.run(turns())


def test_what_a_machine_says_goes_to_its_stream_and_what_the_client_wants_to_the_machine() -> None:
    host, heard, machine = Calls(), [], Quiet()
    desk = Desk(host, "http")
    address = desk.address("framework/v1", "s1")
    assert address == "framework/v1/s1@http"
    desk.open(address, machine, heard.append)
    in_a_turn(lambda: desk.tell(address, "call"))
    desk.told += [(address, 1), ("framework/v1/gone@http", 2), (address, 3)]
    kept = desk.told
    desk.hand_out(desk.take_told())
    assert heard == [1, 3]
    assert desk.take_told() == [] and desk.told is kept
    assert host.made == [("seat", address, machine), ("post", (address, address, "call"))]


def test_what_is_told_in_one_turn_of_the_loop_is_posted_at_once_and_before_anybody_leaves() -> None:
    host = Calls()
    desk = Desk(host, "http")
    desk.open("a@http", Quiet(), lambda message: None)

    def turn() -> None:
        desk.tell("a@http", 1)
        desk.tell("b@http", 2)
        assert host.made[1:] == []
        desk.tell("a@http", 3)
        desk.close("a@http")
        desk.tell("b@http", 4)

    in_a_turn(turn)
    a, b = "a@http", "b@http"
    assert host.made[1:] == [("post", (a, a, 1), (b, b, 2), (a, a, 3)), ("unseat", a), ("post", (b, b, 4))]


def test_who_has_left_is_told_nothing_and_leaves_once() -> None:
    host, heard = Calls(), []
    desk = Desk(host, "http")
    desk.open("a@http", Quiet(), heard.append)
    desk.close("a@http")
    desk.close("a@http")
    desk.hand_out([("a@http", 1)])
    assert heard == []
    assert [made[0] for made in host.made] == ["seat", "unseat"]
