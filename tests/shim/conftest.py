from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shim_rig import Owner, Pipe

from raymesos.shim.launch import ShimAddress, start_shim


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[ShimAddress]:
    started = start_shim(tmp_path / "shim")
    yield started
    started.shutdown()


@pytest.fixture
def owner(shim: ShimAddress) -> Iterator[Owner]:
    connected = Owner(shim)
    yield connected
    connected.close()


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path, "pipe")
