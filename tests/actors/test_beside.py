"""Commands beside a task, as doors ask for them, in a real shim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesos.actors.beside import MOST_BYTES, Executed, run_beside
from raymesos.errors import ClusterUnavailable, InvalidValue, UnknownId
from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress, start_shim


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[ShimAddress]:
    """A shim that runs task `t`."""
    started = start_shim(tmp_path / "shim")
    owner = ShimClient.connect(started.socket, "owner")
    owner.send("run_resident", id="t", argv=["sleep", "600"], env={"COLOR": "red"}, dir="", mem_kb=0)
    assert owner.receive()[0] == "started"
    yield started
    owner.close()
    started.shutdown()


def test_a_command_beside_a_task_is_waited_for(shim: ShimAddress) -> None:
    done = run_beside(shim.socket, "t", ["/bin/sh", "-c", 'echo "$COLOR $X"; echo oops >&2; exit 3'], env={"X": "x"})
    assert done == Executed(3, None, b"red x\n", b"oops\n", truncated=False, timed_out=False)


def test_one_that_takes_too_long_is_killed(shim: ShimAddress) -> None:
    done = run_beside(shim.socket, "t", ["sleep", "600"], timeout_s=0.1)
    assert (done.exit_code, done.signal, done.timed_out) == (None, 9, True)


def test_what_cannot_be_run_says_why(shim: ShimAddress) -> None:
    with pytest.raises(UnknownId, match="other"):
        run_beside(shim.socket, "other", ["true"])
    with pytest.raises(InvalidValue, match="'no-such' could not be started"):
        run_beside(shim.socket, "t", ["no-such"])
    with pytest.raises(InvalidValue, match="no command was given"):
        run_beside(shim.socket, "t", [])
    with pytest.raises(InvalidValue, match="timeout_s"):
        run_beside(shim.socket, "t", ["true"], timeout_s=0)
    with pytest.raises(InvalidValue, match="max_bytes"):
        run_beside(shim.socket, "t", ["true"], max_bytes=MOST_BYTES + 1)
    with pytest.raises(ClusterUnavailable, match="does not answer"):
        run_beside(f"{shim.socket}.other", "t", ["true"])
