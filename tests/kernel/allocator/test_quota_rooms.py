"""The short way to ask whether something fits under a role's limits says what the long one says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raymesos.kernel.allocator.pool import Pool, covers
from raymesos.kernel.allocator.quotas import Quotas
from raymesos.model.quota import Quota

NAMES = ("cpus", "mem")
amounts = st.tuples(*[st.integers(0, 9)] * len(NAMES))


def quotas(limits: dict[str, tuple[int, ...]]) -> Quotas:
    pool = Pool()
    pool.vector(dict.fromkeys(NAMES, 0))
    made = Quotas(pool)
    made.set([Quota(role, (), tuple(zip(NAMES, limit, strict=True))) for role, limit in limits.items()])
    return made


@given(
    limits=st.dictionaries(st.sampled_from(("a", "a/b", "c")), amounts),
    role=st.sampled_from(("a", "a/b", "c", "d")),
    held=st.lists(amounts | st.tuples(st.integers(0, 9)), max_size=3),
    wanted=amounts | st.tuples(st.integers(0, 9)),
)
def test_there_is_room_exactly_if_the_room_covers_what_is_wanted(
    limits: dict[str, tuple[int, ...]], role: str, held: list[tuple[int, ...]], wanted: tuple[int, ...]
) -> None:
    tree = quotas(limits)
    chain = tree.chain(role)
    for vector in held:  # Possibly more than the limit: a quota may be forced.
        tree.allocate(chain, vector)
    room = tree.room(chain) if chain else None
    assert tree.has_room(chain, wanted) == (room is None or covers(room, wanted))


def test_a_limit_that_is_exceeded_bars_only_what_it_names() -> None:
    tree = quotas({"a": (2, 5)})
    chain = tree.chain("a")
    tree.allocate(chain, (3, 0))
    assert tree.has_room(chain, (0, 5))
    assert not tree.has_room(chain, (1, 5))
