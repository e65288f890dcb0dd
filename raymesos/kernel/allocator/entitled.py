"""The share that each role is entitled to: what its weight makes of its parent's, among those siblings that hold or want something."""

from __future__ import annotations

from math import lcm

from raymesos.kernel.allocator.sorter import VIRTUAL, Node, Sorter

Share = tuple[int, int]
"""(part, whole), not reduced."""


def entitled_shares(order: Sorter) -> dict[str, Share]:
    """By path, internal ones too; none for those that neither hold nor want anything."""
    found: dict[str, Share] = {}
    _descend(order.root, (1, 1), found)
    return found


def _descend(node: Node, share: Share, found: dict[str, Share]) -> None:
    playing = [child for child in (node.children or {}).values() if child.live or any(child.held)]
    common = lcm(*(child.weight[1] for child in playing))
    weights = [child.weight[0] * (common // child.weight[1]) for child in playing]
    part, whole = share[0], share[1] * sum(weights)
    for child, weight in zip(playing, weights, strict=True):
        own = (part * weight, whole)
        if child.path.rpartition("/")[2] != VIRTUAL:
            found[child.path] = own
        if child.children:
            _descend(child, own, found)
