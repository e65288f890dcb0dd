"""Quotas of a tree of roles: who is still owed what of its guarantee, and how much a role may still get.

A node for each role that has a quota and for each of its ancestors. A node's consumption is what is reserved to its subtree, allocated or not, and what its subtree holds of
what is open. It is owed what its guarantee lacks, or what its children together are owed, whichever is more; what the top roles are owed together is the headroom
that nobody else may eat into. A limit holds for the whole subtree, and within it what is owed to others is held back.

Mesos knows quotas of top roles only; there these rules are its own. (Mesos: hierarchical.cpp; docs/quota.md)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import add, le

from raymesos.kernel.allocator.pool import Pool, Vector, filled, minus, plus
from raymesos.model.quota import Quantities, Quota

UNLIMITED = 1 << 62


class Node:
    """A role of the tree. Vectors are by the pool's index of names; `limit` has UNLIMITED where nothing is said.

    `consumed` is what is reserved and what is held of what is open. What it `lacks` of its own guarantee follows from it; passes ask for that far more often than it changes.
    """

    __slots__ = (
        "children", "children_owed", "consumed", "guarantee", "lacks", "limit", "over_promised", "owed", "parent",
        "path", "reserved",
    )  # fmt: skip

    def __init__(self, path: str, parent: Node | None) -> None:
        self.path = path
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.guarantee: Vector = ()
        self.limit: Vector | None = None
        self.over_promised = False
        """The guarantee is more than the limit."""
        self.reserved: Vector = ()
        self.consumed: Vector = ()
        self.lacks: Vector = ()
        self.owed: Vector = ()
        self.children_owed: Vector = ()

    @property
    def left(self) -> Vector | None:
        """How much more it may have under its own limit; None if it has none."""
        return None if self.limit is None else lacking(self.limit, self.consumed)

    def promise(self, guarantee: Vector, limit: Vector | None) -> None:
        self.guarantee, self.limit = guarantee, limit
        self.over_promised = limit is not None and least(guarantee, limit)[: len(guarantee)] != guarantee

    def recount(self) -> None:
        """Bring what follows in line."""
        self.lacks = lacking(self.guarantee, self.consumed)


Chain = tuple[Node, ...]
"""The nodes on a role's path, the top one first; empty for a role that no quota touches."""


class Quotas:
    """`version` grows whenever chains that were asked for before may be others now."""

    __slots__ = ("_pool", "quotas", "root", "version")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.root = Node("", None)
        self.quotas: dict[str, Quota] = {}
        """By role, as they were told; none that is default."""
        self.version = 0

    def __bool__(self) -> bool:
        return bool(self.quotas)

    @property
    def required(self) -> Vector:
        """What all roles together are still owed."""
        return self.root.children_owed

    def set(self, quotas: Iterable[Quota]) -> None:
        """Replace the quotas of these roles. What is consumed is forgotten: it has to be booked anew."""
        for quota in quotas:
            if quota.is_default:
                self.quotas.pop(quota.role, None)
            else:
                self.quotas[quota.role] = quota
        self.version += 1
        self.root = Node("", None)
        for each in self.quotas.values():
            node = self._grow(each.role)
            node.promise(self._vector(each.guarantee, 0), self._vector(each.limit, UNLIMITED) if each.limit else None)
        self._owe_all(self.root)

    def chain(self, role: str) -> Chain:
        """The nodes of the role's path, as far as there are any."""
        found: list[Node] = []
        node = self.root
        for name in role.split("/"):
            child = node.children.get(name)
            if child is None:
                break
            found.append(child)
            node = child
        return tuple(found)

    # ------------------------------------------------------------ what is consumed

    def allocate(self, chain: Chain, open_vector: Vector) -> None:
        """A role of this chain holds so much more of what is open."""
        lacked = False
        for node in chain:
            node.consumed = plus(node.consumed, open_vector)
            lacked = lacked or any(node.lacks)
        if lacked:  # Who lacked nothing lacks nothing now.
            self._recount(chain)

    def unallocate(self, chain: Chain, open_vector: Vector) -> None:
        for node in chain:
            node.consumed = minus(node.consumed, open_vector)
        self._recount(chain)

    def reserve(self, chain: Chain, vector: Vector) -> None:
        """So much more is reserved to a role of this chain."""
        for node in chain:
            node.reserved, node.consumed = plus(node.reserved, vector), plus(node.consumed, vector)
        self._recount(chain)

    def unreserve(self, chain: Chain, vector: Vector) -> None:
        for node in chain:
            node.reserved, node.consumed = minus(node.reserved, vector), minus(node.consumed, vector)
        self._recount(chain)

    # ------------------------------------------------------------ what follows from it

    def has_room(self, chain: Chain, wanted: Vector) -> bool:
        """Whether `wanted` is within the `room` of the chain: for a role of its own without working that out."""
        if len(chain) == 1 and not chain[0].children:
            limit, consumed = chain[0].limit, chain[0].consumed
            if limit is None:
                return True
            if len(limit) == len(consumed) == len(wanted) and all(map(le, map(add, consumed, wanted), limit)):
                return True
        room = self.room(chain) if chain else None
        return room is None or all(map(le, wanted, room))

    def room(self, chain: Chain) -> Vector | None:
        """How much more of what is open the role may get under all limits on its path, what is owed to others within them held back. None: as much as there is."""
        if len(chain) == 1 and not chain[0].children:
            return chain[0].left
        room: Vector | None = None
        for node, outside in self._upwards(chain):
            left = node.left
            if left is not None:
                left = lacking(left, outside) if any(outside) else left
                room = left if room is None else least(room, left)
        return room

    def guaranteed(self, chain: Chain) -> Vector:
        """How much of what it, or a role above it, is owed may go to the role: not what is owed to other roles below the same, and within all limits on its path."""
        if len(chain) == 1 and not chain[0].children and not chain[0].over_promised:
            return chain[0].lacks
        found: Vector = ()
        room: Vector = ()
        for node, outside in self._upwards(chain):
            others, left = any(outside), node.left
            if any(node.lacks):
                found = most(found, lacking(node.lacks, outside) if others else node.lacks)
            if left is not None:
                room = least(room, lacking(left, outside) if others else left)
        return least(found, room)[: len(found)] if room else found

    def nodes(self) -> list[Node]:
        found: list[Node] = []
        self._walk(self.root, found.append)
        return found

    # ------------------------------------------------------------ inside

    def _upwards(self, chain: Chain) -> list[tuple[Node, Vector]]:
        """(node, what is owed below it to others than the role of the chain), the lowest node first."""
        found = []
        outside: Vector = ()
        below: Node | None = None
        for node in reversed(chain):
            outside = plus(outside, node.children_owed if below is None else minus(node.children_owed, below.owed))
            found.append((node, outside))
            below = node
        return found

    def _recount(self, chain: Chain) -> None:
        for node in reversed(chain):
            node.recount()
            owed = most(node.lacks, node.children_owed) if node.children else node.lacks
            parent = node.parent
            if owed != node.owed and parent is not None:
                parent.children_owed = plus(parent.children_owed, minus(owed, node.owed))
                node.owed = owed

    def _owe_all(self, node: Node) -> None:
        node.children_owed = ()
        for child in node.children.values():
            self._owe_all(child)
            node.children_owed = plus(node.children_owed, child.owed)
        if node.parent is not None:
            node.recount()
            node.owed = most(node.lacks, node.children_owed)

    def _grow(self, role: str) -> Node:
        node = self.root
        for name in role.split("/"):
            child = node.children.get(name)
            if child is None:
                path = f"{node.path}/{name}" if node.path else name
                child = node.children[name] = Node(path, node)
            node = child
        return node

    def _vector(self, quantities: Quantities, missing: int) -> Vector:
        known = dict(quantities)
        index = self._pool.vector(known)
        return tuple(known.get(name, missing) for name in self._pool.names[: len(index)])

    def _walk(self, node: Node, visit: Callable[[Node], object]) -> None:
        for child in node.children.values():
            visit(child)
            self._walk(child, visit)


def lacking(whole: Vector, part: Vector) -> Vector:
    """What `part` lacks of `whole`, nothing where it lacks nothing; what is unlimited stays so. Names beyond the end of `whole` are not in it."""
    if len(part) != len(whole):
        part = part[: len(whole)] + (0,) * (len(whole) - len(part))
    return tuple([a if a >= UNLIMITED else a - b if a > b else 0 for a, b in zip(whole, part, strict=True)])


def least(one: Vector, other: Vector) -> Vector:
    """The smaller of each, names beyond the end counting as unlimited."""
    if len(one) == len(other):
        return tuple(map(min, one, other))
    return tuple(map(min, filled(one, len(other), UNLIMITED), filled(other, len(one), UNLIMITED)))


def most(one: Vector, other: Vector) -> Vector:
    """The larger of each, names beyond the end counting as 0."""
    if len(one) == len(other):
        return tuple(map(max, one, other))
    return tuple(map(max, filled(one, len(other)), filled(other, len(one))))
