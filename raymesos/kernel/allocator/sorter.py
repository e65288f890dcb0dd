"""The tree that both sorters stand on: clients at the leaves, what they hold summed up the tree.

A client is a path (`eng/prod`). Every path component is a node. A client that is also a parent gets a virtual leaf `.` of weight 1 under its
node, so that its own weight counts among its siblings and never against its children. Only active clients are returned; inactive ones keep what they hold in
the sums. (Mesos: sorter/drf/sorter.cpp)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from operator import add

from raymesos.errors import Conflict, InvalidValue, InvariantBroken, UnknownId
from raymesos.kernel.allocator.pool import ONCE, Pool, Vector, minus, plus
from raymesos.model.portions import shared_part
from raymesos.model.resources import EMPTY, Resources

Weight = int | float | str | Fraction
"""Above 0. A float counts as its decimal text: 0.1 is one tenth."""

Entry = tuple[int, int, str, "Node"]
"""(weighted share, allocation count, path, node): what siblings are ordered by."""

VIRTUAL = "."

# Clients that come and go while nobody asks for the order must not pile up: beyond this many the order is given up and made anew when asked for.
MOVED_SLACK = 64


class Node:
    """One path component. A leaf is a client; `live` is how many active leaves there are in its subtree, itself included."""

    __slots__ = (
        "children", "client", "count", "entry", "held", "live", "moved", "order", "parent", "path", "served", "settled", "twice", "version", "weight",
    )  # fmt: skip

    def __init__(self, path: str, parent: Node | None, weight: tuple[int, int], *, settled: bool) -> None:
        self.path = path
        self.parent = parent
        self.weight = weight
        """(numerator, denominator)"""
        self.children: dict[str, Node] | None = None
        self.client: str | None = None
        self.live = 0
        self.held: Vector = ()
        self.twice: Vector = ()
        """What children hold that others of them hold too, shared things: it counts once."""
        self.count = 0
        """How many times something was allocated in this subtree, in thousandths; never lowered."""
        self.served = 0
        """The largest count of a child when it was last allocated to by size: who comes later has missed as much, and does not catch up."""
        self.entry: Entry | None = None
        """Where it stands in its parent's order, if it does."""
        self.settled = settled
        """Whether `entry` is up to date. If a sorter that keeps an order finds it so and changes it, the parent's `moved` gets the node."""
        self.order: list[Entry] = []
        self.moved: list[Node] = []
        self.version = -1


def exact(weight: Weight) -> Fraction:
    """`weight` as its decimal text says. Raises InvalidValue unless it is a finite number above 0."""
    try:
        value = Fraction(str(weight))
    except (ValueError, ZeroDivisionError):
        raise InvalidValue("weight", weight, "must be a finite number") from None
    if value <= 0:
        raise InvalidValue("weight", weight, "must be above 0")
    return value


class Sorter(ABC):
    """Clients with what they hold. A subclass says in which order they come."""

    keeps_order = False
    """Whether nodes that change are to be noted for `walk`."""

    def __init__(self, total: Resources | str | Pool) -> None:
        """`total` is what shares are measured against; a Pool may be common to several sorters and is then changed by its owner."""
        self._pool = total if isinstance(total, Pool) else Pool()
        self._root = Node("", None, (1, 1), settled=False)
        self._root.children = {}
        self._flat = True
        """Nobody has ever been below another: paths are clients."""
        self._clients: dict[str, Node] = {}
        self._weights: dict[str, tuple[int, int]] = {}
        self._shared: dict[str, Resources] = {}
        """By client: what is shared of the resources that `allocated` named, with how often."""
        if not isinstance(total, Pool):
            self.set_total(total)

    @property
    def root(self) -> Node:
        """The tree, to be looked at."""
        return self._root

    # ------------------------------------------------------------ clients

    def add(self, path: str, weight: Weight = 1) -> None:
        """Make `path` an active client that holds nothing. A weight of 1 leaves what `update_weight` said. Raises Conflict if it is one."""
        if path in self._clients:
            raise Conflict(f"client {path!r} is in the sorter already")
        if weight != 1:
            self.update_weight(path, weight)
        node = self._grow(path)
        if node.children is not None:
            node = self._add_child(node, VIRTUAL)
        node.client = path
        self._clients[path] = node
        self.activate(path)

    def remove(self, path: str) -> None:
        """Forget the client, what it holds and its count. The weight of the path stays."""
        self.deactivate(path)
        node: Node | None = self._clients.pop(path)
        self._shared.pop(path, None)
        assert node is not None
        node.client = None
        held = node.held
        while node is not None and node.parent is not None:
            node.held = minus(node.held, held)
            self._moved(node)
            parent = node.parent
            if not node.children:
                self._drop(node)
            node = parent

    def activate(self, path: str, *, anew: bool = False) -> None:
        """`anew`: it did not want anything until now. What others were allocated by size meanwhile is then no reason, in ties, to come before them."""
        node = self._client(path)
        if not node.live:
            if anew:
                self._catch_up(node)
            self._enliven(node, 1)

    def deactivate(self, path: str) -> None:
        """Return the client no more; what it holds stays in the sums."""
        node = self._client(path)
        if node.live:
            self._enliven(node, -1)

    @property
    def count(self) -> int:
        """How many clients there are, inactive ones included."""
        return len(self._clients)

    @property
    def active(self) -> int:
        return self._root.live

    def is_active(self, client: str) -> bool:
        return bool(self._client(client).live)

    def clients_under(self, path: str) -> list[str]:
        """The clients at the path and below it, inactive ones included."""
        node = self._find(path)
        if node is None:
            return []
        return [each.client for each in (node, *_below(node)) if each.client is not None]

    def __contains__(self, path: str) -> bool:
        return path in self._clients

    # ------------------------------------------------------------ what they hold

    def set_total(self, total: Resources | str) -> None:
        """Measure shares against `total` from now on. Not for a Pool that others own."""
        self._pool.set_total(self._vector(total))

    def update_weight(self, path: str, weight: Weight) -> None:
        """Divide the share of the subtree at `path` by `weight` among its siblings. The path need not exist yet."""
        value = exact(weight)
        self._weights[path] = value.as_integer_ratio()
        node = self._find(path)
        if node is not None:
            node.weight = self._weights[path]
            self._moved(node)

    def allocated(self, path: str, resources: Resources | str) -> None:
        """The client holds `resources` more, and has been allocated to once more. What is shared counts once, however often it is allocated to the client."""
        self._client(path)
        value, before = _value(resources), self._shared.get(path, EMPTY)
        shared = shared_part(value)
        if shared:
            self._shared[path] = before + shared
        self.hold(path, self._vector(_not_among(value, before)))

    def unallocated(self, path: str, resources: Resources | str) -> None:
        """The client holds `resources` less. Raises InvariantBroken if it did not hold them."""
        self._client(path)
        value, before = _value(resources), self._shared.get(path, EMPTY)
        shared = shared_part(value)
        if not before.contains(shared):
            raise InvariantBroken("sorter.release", f"{path} holds {before} and gives back {shared}")
        left = before - shared
        self.release(path, self._vector(_not_among(value, left)))
        if shared:
            self._shared[path] = left

    def hold(self, client: str, held: Vector, *, count: int = ONCE, weighed: bool = False) -> None:
        """`count` is ONCE for an allocation, as Mesos counts; 0 if it is only another form of one. `weighed`: the larger a weight, the less it counts."""
        node = self._clients[client]
        while (parent := node.parent) is not None:
            # `plus` by hand where it can be: 44,000 of these in a pass over 20,000 agents.
            node.held = tuple(map(add, node.held, held)) if len(node.held) == len(held) else plus(node.held, held)
            if weighed:
                parent.served = max(parent.served, node.count)
                node.count += count * node.weight[1] // node.weight[0]
            else:
                node.count += count
            if node.settled:
                node.settled = False
                parent.moved.append(node)
            node = parent

    def release(self, client: str, held: Vector) -> None:
        node = self._clients[client]
        left = minus(node.held, held)
        if min(left, default=0) < 0:
            raise InvariantBroken("sorter.release", f"{client} holds {node.held} and gives back {held}")
        while (parent := node.parent) is not None:
            node.held = minus(node.held, held)
            if node.settled:
                node.settled = False
                parent.moved.append(node)
            node = parent

    def count_once(self, path: str, vector: Vector, *, by: int) -> None:
        """So much more (`by` 1) or less (-1) of what is held below `path` is held there by several, and counts once there and above."""
        node = self._find(path)
        if node is None:
            raise UnknownId("path", path)
        node.twice = plus(node.twice, vector) if by > 0 else minus(node.twice, vector)
        while node.parent is not None:
            node.held = minus(node.held, vector) if by > 0 else plus(node.held, vector)
            self._moved(node)
            node = node.parent

    def held(self, path: str) -> Vector:
        """What the subtree at `path` holds; nothing for an unknown path."""
        node = self._find(path)
        return node.held if node is not None else ()

    def held_by_all(self) -> Vector:
        held: Vector = ()
        for node in (self._root.children or {}).values():
            held = plus(held, node.held)
        return held

    def own(self, client: str) -> Vector:
        """What the client itself holds, without its sub-paths."""
        return self._client(client).held

    def weight(self, path: str) -> Fraction:
        return Fraction(*self._weights.get(path, (1, 1)))

    def share(self, path: str) -> Fraction:
        """The dominant share of the subtree at `path`, weight not applied."""
        return Fraction(self._pool.part(self.held(path)), self._pool.whole)

    def paths(self) -> Iterator[str]:
        """Every path in the tree, internal ones too, parents first."""
        return (node.path for node in _below(self._root) if node.path.rpartition("/")[2] != VIRTUAL)

    # ------------------------------------------------------------ order

    @abstractmethod
    def walk(self) -> Iterator[str]:
        """The active clients in order, lazily. What a returned client holds may change meanwhile, nothing else; one walk at a time."""

    def sort(self) -> list[str]:
        """The active clients in order."""
        return list(self.walk())

    def check(self) -> None:
        """Raises InvariantBroken if a node is not the sum of its children."""
        for node in (self._root, *_below(self._root)):
            if node.children is None:
                continue
            live = sum(child.live for child in node.children.values())
            held: Vector = ()
            for child in node.children.values():
                held = plus(held, child.held)
            once = minus(held, node.twice)
            if live != node.live or (node.parent is not None and any(minus(once, node.held))):
                raise InvariantBroken(
                    "sorter.sum", f"{node.path or 'root'}: {node.live} live of {live}, {node.held} held of {once}"
                )

    # ------------------------------------------------------------ the tree

    def _vector(self, resources: Resources | str) -> Vector:
        return self._pool.vector(_value(resources).quantities())

    def _client(self, path: str) -> Node:
        node = self._clients.get(path)
        if node is None:
            raise UnknownId("client", path)
        return node

    def _find(self, path: str) -> Node | None:
        node = self._root
        for name in path.split("/"):
            child = node.children.get(name) if node.children is not None else None
            if child is None:
                return None
            node = child
        return node

    def _grow(self, path: str) -> Node:
        """The node at `path`, made with its ancestors if need be."""
        node = self._root
        for name in path.split("/"):
            if node.client is not None:
                self._unfold(node)
            child = node.children.get(name) if node.children is not None else None
            node = child if child is not None else self._add_child(node, name)
        return node

    def _add_child(self, parent: Node, name: str) -> Node:
        path = f"{parent.path}/{name}" if parent.path else name
        self._flat = self._flat and parent is self._root
        node = Node(path, parent, self._weights.get(path, (1, 1)), settled=self.keeps_order)
        if parent.children is None:
            parent.children = {}
        parent.children[name] = node
        return node

    def _unfold(self, node: Node) -> None:
        """A client becomes a parent: a virtual leaf takes over what it is and holds; the node keeps the sum."""
        leaf = self._add_child(node, VIRTUAL)
        leaf.client, leaf.held, leaf.count, leaf.live = node.client, node.held, node.count, node.live
        node.client = None
        assert leaf.client is not None
        self._clients[leaf.client] = leaf
        self._moved(leaf)

    def _drop(self, node: Node) -> None:
        parent = node.parent
        assert parent is not None and parent.children is not None
        del parent.children[node.path.rpartition("/")[2]]
        if len(parent.moved) > 2 * len(parent.children) + MOVED_SLACK:
            parent.order, parent.moved, parent.version = [], [], -1

    def _enliven(self, leaf: Node, by: int) -> None:
        node: Node | None = leaf
        while node is not None:
            node.live += by
            self._moved(node)
            node = node.parent

    def _catch_up(self, leaf: Node) -> None:
        """It, and what it is the first to bring to life, counts as if it had had as much as the sibling that was served last."""
        node = leaf
        while node.parent is not None and not node.live:
            node.count = max(node.count, node.parent.served)
            node = node.parent

    def _moved(self, node: Node) -> None:
        """The node's place among its siblings, or whether it has one, is to be looked at again."""
        if node.settled and node.parent is not None:
            node.settled = False
            node.parent.moved.append(node)


def _value(resources: Resources | str) -> Resources:
    return Resources.parse(resources) if isinstance(resources, str) else resources


def _not_among(resources: Resources, others: Resources) -> Resources:
    """Those of which `others` have nothing of the same kind."""
    if not others:
        return resources
    kinds = {key: None for key, _ in others}
    return resources.filter(lambda key: key not in kinds)


def _below(node: Node) -> Iterator[Node]:
    for child in (node.children or {}).values():
        yield child
        yield from _below(child)
