"""One gateway for a module's tests: each uses services of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateway_rig import Instance, Rig, Servers


@pytest.fixture(scope="module")
def serving() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.stop()


@pytest.fixture
def instance(serving: Servers) -> Callable[[str], Instance]:
    """Makes one, by name."""
    return lambda name: Instance(serving, name)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("gateway"))
    yield made
    made.close()


@pytest.fixture
def own_rig(tmp_path: Path) -> Iterator[Rig]:
    """One that a test may break."""
    made = Rig(tmp_path)
    yield made
    made.close()
