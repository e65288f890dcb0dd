"""Which socket listens for which agent, and how agents learn of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raymesos.http.agent.addresses import AddressTeller, Ports, ServeAgent
from raymesos.machine import LinkDown, LinkUp, Outbox, Wake
from raymesos.wire.messages import AgentServed


def told(teller: AddressTeller, message: Any) -> list[tuple[str, Any]]:
    out = Outbox()
    teller.handle(0, "x", message, out)
    return out.sends


def test_an_agent_is_told_its_address_and_again_when_it_has_begun_anew() -> None:
    teller = AddressTeller()
    assert told(teller, ServeAgent("A1", "h:1")) == [("agent/A1", AgentServed("h:1"))]
    assert told(teller, LinkUp("agent/A1", restarted=True)) == [("agent/A1", AgentServed("h:1"))]
    assert told(teller, LinkUp("agent/A2", restarted=True)) == []
    assert told(teller, LinkDown("agent/A1")) == []
    assert told(teller, Wake("tell")) == [("agent/A1", AgentServed("h:1"))]


def test_an_agent_keeps_its_port_over_lives_of_the_server(tmp_path: Path) -> None:
    kept = tmp_path / "http" / "agents.json"
    first, endpoint = Ports("127.0.0.1", kept).open("A1")
    first.close()
    second, again = Ports("127.0.0.1", kept).open("A1")
    assert endpoint == again == f"127.0.0.1:{second.getsockname()[1]}"
    second.close()


def test_a_port_that_was_taken_meanwhile_is_given_up(tmp_path: Path) -> None:
    kept = tmp_path / "agents.json"
    first, endpoint = Ports("127.0.0.1", kept).open("A1")
    second, other = Ports("127.0.0.1", kept).open("A1")
    assert endpoint != other
    third, same = Ports("127.0.0.1", kept).open("A2")
    assert same not in (endpoint, other)
    for each in (first, second, third):
        each.close()
