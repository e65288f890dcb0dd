"""Strategies: resources that the text form can say, and resources of every kind."""

from __future__ import annotations

from hypothesis import strategies as st

from raymesos.model.resources import Disk, Items, Key, Quantity, Reservation, Resources, Shared, build, make_ranges

NAMES = st.sampled_from(["cpus", "mem", "disk", "gpus", "ports", "x-1", "a.b"])
ROLES = st.sampled_from(["a", "a/b", "ads", "foo-bar"])
# A JSON number is a double: beyond 15 digits it is no longer exact.
SCALARS = st.integers(1, 10**14) | st.sampled_from([1, 999, 1_000, 1_001, 1_500])
RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=4).map(
    lambda pairs: make_ranges([(begin, begin + size) for begin, size in pairs])
)
SETS = st.lists(st.sampled_from("abcdef"), min_size=1).map(lambda names: Items(sorted(set(names))))
QUANTITIES: st.SearchStrategy[Quantity] = SCALARS | RANGES | SETS

STATIC = st.lists(ROLES.map(Reservation), max_size=1).map(tuple)
LABELS = st.sampled_from([(), (("k", "v"), ("k", "")), (("owner", "x"),)])
STACKS = st.lists(
    st.tuples(ROLES, st.booleans(), st.sampled_from(["", "ops"]), LABELS).map(lambda row: Reservation(*row)), max_size=3
).map(tuple)
DISKS = st.sampled_from(
    [
        Disk(persistence_id="v1", container_path="data", mode="RW"),
        Disk(source="MOUNT", root="/mnt/a"),
        Disk(source="PATH", root="/d", id="i", profile="p", persistence_id="v2", persistence_principal="ops"),
        Disk(source="BLOCK"),
    ]
)
# Of one shared thing there is one size, however many hold it.
VOLUME = Key("disk", (Reservation("ads"),), Disk(persistence_id="shared"), shared=True)
SHARED = st.integers(1, 3).map(lambda holders: (VOLUME, Shared(2_048_000, holders)))

TEXTUAL = st.lists(st.tuples(st.tuples(NAMES, STATIC).map(lambda row: Key(*row)), QUANTITIES), max_size=5).map(build)
"""What Mesos' text form can say."""

_KEYS = st.tuples(NAMES, STACKS, st.none() | DISKS, st.just(False), st.booleans()).map(lambda row: Key(*row))
ANY: st.SearchStrategy[Resources] = st.lists(st.tuples(_KEYS, QUANTITIES) | SHARED, max_size=5).map(build)
"""Everything that a resource can be."""


@st.composite
def parts(draw: st.DrawFn, whole: Resources) -> Resources:
    """Something that `whole` contains, kind by kind."""
    taken = []
    for key, quantity in whole:
        if not draw(st.booleans()):
            continue
        if isinstance(quantity, Shared):
            part: Quantity = Shared(quantity.value, draw(st.integers(1, quantity.holders)))
        elif isinstance(quantity, int):
            part = draw(st.integers(0, quantity))
        elif isinstance(quantity, Items):
            part = Items(sorted(draw(st.sets(st.sampled_from(quantity)))))
        else:
            points = [n for begin, end in quantity for n in range(begin, end + 1)]
            part = make_ranges([(n, n) for n in draw(st.sets(st.sampled_from(points)))])
        taken.append((key, part))
    return build(taken)
