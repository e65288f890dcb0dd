"""The allocator's dice: fair, and the same for everybody who has the seed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from raymesos.kernel.allocator.dice import Dice

RUN = """
from allocator_driver import Driver, brief
for sorter in ("drf", "random"):
    d = Driver(seed=11, role_sorter=sorter, framework_sorter=sorter)
    for n in range(12):
        d.framework(f"F{n}", f"a/role{n % 5}", f"role{n % 3}")
    for n in range(30):
        d.agent(f"A{n}", f"cpus:{1 + n % 4};mem:{512 + n};ports:[1-{n + 1}]")
    for _ in range(5):
        d.give_back(*d.held[::3], refuse_ms=1500)
        d.tick()
    print(brief(d.held), [g.role for g in d.held], d.notes)
"""


def test_equal_seeds_give_equal_grants_and_notes_under_any_hash_seed() -> None:
    path = ":".join(p for p in sys.path if p)
    outputs = {
        subprocess.run(
            [sys.executable, "-c", RUN],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "F3" in outputs.pop()


def test_every_order_is_as_likely_as_any_other() -> None:
    dice = Dice(3)
    orders = Counter("".join(dice.shuffled("abc")) for _ in range(6_000))
    assert {o: n / 6_000 for o, n in orders.items()} == pytest.approx(
        dict.fromkeys(("abc", "acb", "bac", "bca", "cab", "cba"), 1 / 6), abs=0.03
    )


@pytest.mark.parametrize("bound", [1, 2, 3, 256, 257, 2**96 + 1])
def test_numbers_below_a_bound_stay_below_it_and_reach_all_over_it(bound: int) -> None:
    dice = Dice(1)
    drawn = [dice.below(bound) for _ in range(2_000)]
    assert min(drawn) >= 0
    assert max(drawn) < bound
    assert sum(drawn) / 2_000 == pytest.approx((bound - 1) / 2, rel=0.1, abs=0.01)


def test_another_seed_gives_another_stream_and_a_negative_one_is_a_seed_too() -> None:
    streams = [[dice.below(1_000) for _ in range(5)] for dice in (Dice(1), Dice(1), Dice(2), Dice(-1))]
    assert streams[0] == streams[1]
    assert len({tuple(s) for s in streams}) == 3
