"""From an operation to what it converts: the one place where an operation of the wire meets the rules of the model."""

from __future__ import annotations

from typing import assert_never

from raymesos.model import conversions
from raymesos.model.conversions import Conversion, Maker
from raymesos.model.resources import Resources
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, ResourceOperation, Shrink, Unreserve


def conversion_of(
    operation: ResourceOperation, available: Resources, total: Resources, maker: Maker
) -> Conversion | str:
    """What the operation makes of `available`, on an agent that has `total`; or why it cannot be."""
    match operation:
        case Reserve(resources):
            return conversions.reserve(available, resources, maker)
        case Unreserve(resources):
            return conversions.unreserve(available, resources)
        case Create(volumes):
            return conversions.create(available, volumes, total, maker)
        case Destroy(volumes):
            return conversions.destroy(available, volumes)
        case Grow(volume, addition):
            return conversions.grow(available, volume, addition)
        case Shrink(volume, subtract_milli):
            return conversions.shrink(available, volume, subtract_milli)
        case _:
            assert_never(operation)
