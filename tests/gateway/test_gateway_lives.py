"""Gateways and their HAProxy end and come back, each without the other; and a gateway that is ended leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_rig import Background, Instance, Rig, client, route, wait_for

from raymesos.actors.opening import check_gateway
from raymesos.actors.plan import GatewayPlan
from raymesos.errors import Conflict, InvalidValue
from raymesos.gateway.orders import AddServer, SetRoute
from raymesos.http.listening import listen
from raymesos.shim import process

Make = Callable[[str], Instance]


def test_what_a_killed_controller_had_set_goes_on_and_the_next_one_takes_it_over(
    tmp_path: Path, instance: Make
) -> None:
    made = instance("kept")
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway_child", str(tmp_path), "kept", str(made.endpoint.port)],
        env={"PYTHONPATH": ":".join(process.import_path())},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout, client() as http:
        url = child.stdout.readline().strip()
        slow = Background(lambda: http.get(f"{url}/kept/slow").text)
        wait_for(lambda: made.open)
        child.kill()
        child.wait()
        assert http.get(f"{url}/kept/x").text == "kept"
        rig = Rig(tmp_path, known=(route("kept", made),))
        try:
            rig.followed()
            assert rig.url == url
            made.release()
            assert slow.result() == "done"
            assert not [c for c in rig.commands if isinstance(c, AddServer | SetRoute)]
            rig.set(route("new", made))
            assert http.get(f"{url}/new/x").text == "kept"
        finally:
            rig.close()


def test_a_haproxy_that_is_killed_is_back_at_its_address_with_its_routes(own_rig: Rig, instance: Make) -> None:
    own_rig.set(route("web", instance("w1")))
    url, pid = own_rig.url, own_rig.haproxy_pid()
    process.send_signal(pid, 9)
    wait_for(lambda: not own_rig.machine.address)
    wait_for(lambda: own_rig.machine.settled)
    assert own_rig.haproxy_pid() != pid
    with client() as http:
        assert http.get(f"{url}/web/x").text == "w1"


def test_a_haproxy_whose_shim_is_killed_ends_with_it_and_another_comes(own_rig: Rig, instance: Make) -> None:
    own_rig.set(route("web", instance("w1")))
    pid = own_rig.haproxy_pid()
    process.send_signal(own_rig.side._keeper.address.pid, 9)
    wait_for(lambda: not own_rig.machine.address)
    wait_for(lambda: own_rig.machine.settled)
    assert process.start_time(pid) == 0
    with client() as http:
        assert http.get(f"{own_rig.url}/web/x").text == "w1"


def test_a_gateway_that_is_closed_leaves_no_process_and_files_that_only_its_user_reads(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    pid, shim = rig.haproxy_pid(), rig.side._keeper.address
    assert {p.name for p in tmp_path.iterdir() if p.is_file() or p.is_socket()} == {
        "admin.sock",
        "haproxy.cfg",
        "port",
        "routes.map",
    }
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir() if not p.is_dir()} == {0o600}
    rig.close()
    assert process.start_time(pid) == 0 and not shim.alive


def test_a_port_that_is_taken_and_an_address_that_others_reach_are_refused_before_anything_starts() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} of"):
            check_gateway(GatewayPlan(port=port))
    with pytest.raises(InvalidValue, match=r"gateway host: '0\.0\.0\.0'"):
        check_gateway(GatewayPlan(host="0.0.0.0", port=0))
    check_gateway(GatewayPlan(port=0))


def test_before_the_framework_has_spoken_nothing_is_said_to_be_unknown(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mute=True)
    with client() as http:
        got = http.get(f"{rig.url}/web/x")
    rig.close()
    assert (got.status_code, got.json()["error"]) == (503, "NotReady")
