"""uvicorn on its thread."""

from __future__ import annotations

import socket

import httpx
import pytest
from http_rig import site

from raymesos.errors import Conflict, InvalidValue
from raymesos.http.app import make_app
from raymesos.http.listening import listen
from raymesos.http.serving import Serving


def test_it_serves_on_a_free_port_until_it_is_stopped() -> None:
    serving = Serving()
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    serving.serve(make_app(site()), listening)
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    serving.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health")


def test_two_sockets_are_served_by_one_loop() -> None:
    serving = Serving()
    ports = []
    for _ in range(2):
        listening = listen("127.0.0.1", 0)
        ports.append(listening.getsockname()[1])
        serving.serve(make_app(site()), listening)
    assert [httpx.get(f"http://127.0.0.1:{port}/health").status_code for port in ports] == [200, 200]
    serving.stop()


def test_a_port_in_use_is_refused_by_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} of 127.0.0.1 is in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "field"),
    [("127.0.0.1", 70_000, "port"), ("no.such.host.invalid", 0, "host"), ("192.0.2.1", 0, "host")],
)
def test_what_cannot_be_listened_at_is_refused_by_name(host: str, port: int, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        listen(host, port)
    assert refused.value.field == field
