"""The persistent volumes in resources, as those who keep their directories know them."""

from __future__ import annotations

from raymesos.model.conversions import volumes_in
from raymesos.model.resources import Resources
from raymesos.wire.messages import Volume


def volumes_of(resources: Resources) -> tuple[Volume, ...]:
    """In the order of their ids."""
    found = []
    for key, _ in volumes_in(resources):
        disk = key.disk
        if disk is not None:
            found.append(Volume(key.role, disk.persistence_id, disk.container_path, disk.source, disk.root))
    return tuple(found)
