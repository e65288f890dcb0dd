"""An agent's shim is there as long as the agent: also while nobody uses it, and after it was killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesos.actors.shim_keep import ShimKeeper
from raymesos.shim import process
from raymesos.shim.launch import find_shim

PATIENCE_S = 20.0


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[ShimKeeper]:
    made = ShimKeeper(tmp_path / "shim", orphan_grace_s=0.1)
    yield made
    made.shutdown()
    assert not made.address.alive


def _wait_for(done: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_shim_that_nobody_uses_stays(keeper: ShimKeeper) -> None:
    first = keeper.address
    # Several times what it waits for a client.
    deadline = time.monotonic() + 0.5
    _wait_for(lambda: time.monotonic() > deadline)
    assert first.alive and keeper.address == first


def test_a_shim_that_died_is_followed_by_another(keeper: ShimKeeper, tmp_path: Path) -> None:
    first = keeper.address
    process.send_signal(first.pid, 9)
    _wait_for(lambda: keeper.address.pid != first.pid and keeper.address.alive)
    assert find_shim(tmp_path / "shim") == keeper.address
