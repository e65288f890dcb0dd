"""What an agent offers is claimed from Ray, so that plain Ray programs on the same cluster and raymesos never count one CPU twice.

A claim is a detached placement group of 1-CPU bundles (and one for the rest) on the agent's node. Ray's books, `ray status` and its autoscaler then agree
with ours.
"""

from __future__ import annotations

from typing import Any

import ray
from ray._raylet import PlacementGroupID
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from raymesos.errors import ClusterUnavailable
from raymesos.model.resources import Resources

# Ray places a bundle that fits at once; longer means that the resources are not there.
CLAIM_TIMEOUT_S = 20.0


def bundles_of(resources: Resources) -> list[dict[str, float]]:
    """1-CPU bundles and one for the fraction; GPUs one by one in the first bundles. Empty if there is nothing that Ray counts."""
    cpus = resources.scalar("cpus")
    gpus = resources.scalar("gpus") // 1000
    bundles: list[dict[str, float]] = [{"CPU": 1.0} for _ in range(cpus // 1000)]
    if cpus % 1000:
        bundles.append({"CPU": (cpus % 1000) / 1000})
    for i in range(gpus):
        if i < len(bundles):
            bundles[i]["GPU"] = 1.0
        else:
            bundles.append({"GPU": 1.0})
    return bundles


def claim(name: str, node_id: str, resources: Resources) -> PlacementGroup | None:
    """Claim `resources` on the node under `name`, or find the claim of that name again.

    Raises ClusterUnavailable when Ray has not got them free there.
    """
    bundles = bundles_of(resources)
    if not bundles:
        return None
    found = _find(name)
    if found is not None:
        return found
    group = placement_group(
        bundles,
        strategy="PACK",
        name=name,
        lifetime="detached",
        bundle_label_selector=[{"ray.io/node-id": node_id}] * len(bundles),
    )
    if not group.wait(CLAIM_TIMEOUT_S):
        remove_placement_group(group)
        raise ClusterUnavailable(f"Ray node {node_id[:12]} has not got {resources} free to claim for {name}")
    return group


def release(name: str) -> None:
    """Give the claim back, if it is there."""
    found = _find(name)
    if found is not None:
        remove_placement_group(found)


def _find(name: str) -> PlacementGroup | None:
    """By its name in any Ray namespace: whoever ends a cluster need not be in the namespace of who started it."""
    for group_id, row in ray.util.placement_group_table().items():
        if row["name"] == name and row["state"] != "REMOVED":
            return PlacementGroup(PlacementGroupID(bytes.fromhex(group_id)))
    return None


def free_on(node_id: str) -> dict[str, float]:
    """What Ray has free on the node now."""
    from ray._private.state import available_resources_per_node

    per_node: dict[str, dict[str, Any]] = available_resources_per_node()
    return dict(per_node.get(node_id, {}))
