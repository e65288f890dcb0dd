"""Each scenario begins with `make_sim`: the simulations it makes are audited, and checked when the test has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from raymesos.sim import Simulation


@pytest.fixture
def make_sim() -> Iterator[Callable[..., Simulation]]:
    made: list[Simulation] = []

    def make(**options: object) -> Simulation:
        sim = Simulation(**options)  # type: ignore[arg-type]
        made.append(sim)
        return sim

    yield make
    for sim in made:
        sim.check()


@pytest.fixture
def sim(make_sim: Callable[..., Simulation]) -> Simulation:
    return make_sim()
