"""The desk between machines and streams: in order, to whom it is for, and to nobody who has left."""

from __future__ import annotations

from typing import Any

from raymesos.http.desk import Desk


class Calls:
    """A host that writes down what it is asked for."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []

    def seat(self, address: str, machine: Any) -> None:
        self.made.append(("seat", address, machine))

    def unseat(self, address: str) -> None:
        self.made.append(("unseat", address))

    def post(self, to: str, sender: str, message: Any) -> None:
        self.made.append(("post", to, sender, message))


class Quiet:
    """A machine that says nothing by itself."""

    def handle(self, now_ms: int, sender: str, message: Any, out: Any) -> None: ...

    def check(self) -> None: ...


def test_what_a_machine_says_goes_to_its_stream_and_what_the_client_wants_to_the_machine() -> None:
    host, heard, machine = Calls(), [], Quiet()
    desk = Desk(host, "http")
    address = desk.address("framework/v1", "s1")
    assert address == "framework/v1/s1@http"
    desk.open(address, machine, heard.append)
    desk.tell(address, "call")
    desk.told += [(address, 1), ("framework/v1/gone@http", 2), (address, 3)]
    kept = desk.told
    desk.hand_out(desk.take_told())
    assert heard == [1, 3]
    assert desk.take_told() == [] and desk.told is kept
    assert host.made == [("seat", address, machine), ("post", address, address, "call")]


def test_who_has_left_is_told_nothing_and_leaves_once() -> None:
    host, heard = Calls(), []
    desk = Desk(host, "http")
    desk.open("a@http", Quiet(), heard.append)
    desk.close("a@http")
    desk.close("a@http")
    desk.hand_out([("a@http", 1)])
    assert heard == []
    assert [made[0] for made in host.made] == ["seat", "unseat"]
