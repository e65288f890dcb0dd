"""The algebra of sizes: min ≤ desired ≤ max, always. (Titus: UpdateJobCapacityWithOptionalAttributes, KillTask with shrink)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.wire.services import ScaleService, ServiceSpec, Size


def changed(spec: ServiceSpec, message: ScaleService, most: int) -> Size | tuple[str, str]:
    """The size after the call; or (field, reason) of what is wrong with it. Where desired is not given it follows into the range."""
    size = spec.size
    low = size.min if message.min is None else message.min
    high = size.max if message.max is None else message.max
    if low < 0:
        return "capacity.min", f"{low}: must not be negative"
    if high > most:
        return "capacity.max", f"{high}: must not be above {most}"
    if low > high:
        field = "capacity.min" if message.min is not None else "capacity.max"
        return field, f"min {low} must not be above max {high}"
    desired = min(max(size.desired, low), high) if message.desired is None else message.desired
    if not low <= desired <= high:
        return "capacity.desired", f"{desired}: must be from min ({low}) to max ({high})"
    if desired > size.desired and spec.no_increase:
        return "capacity.desired", f"{desired}: to increase desired ({size.desired}) is disabled"
    if desired < size.desired and spec.no_decrease:
        return "capacity.desired", f"{desired}: to decrease desired ({size.desired}) is disabled"
    return Size(low, desired, high)


def shrunk(size: Size, *, keep_min: bool) -> Size | None:
    """One less; min goes along if it must, which `keep_min` forbids: None then."""
    if keep_min and size.desired <= size.min:
        return None
    desired = max(0, size.desired - 1)
    return replace(size, min=min(size.min, desired), desired=desired)


def moved(source: Size, target: Size) -> tuple[Size, Size] | str:
    """The sizes after one instance went from `source` to `target`; or why it may not."""
    if source.desired <= source.min:
        return f"the source would have fewer than its min ({source.min})"
    if target.desired >= target.max:
        return f"the target would have more than its max ({target.max})"
    return replace(source, desired=source.desired - 1), replace(target, desired=target.desired + 1)
