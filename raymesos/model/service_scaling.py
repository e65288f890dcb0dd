"""Scaling policies of services, as users write them. (AWS Application Auto Scaling, as Titus used it)"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from raymesos.model.descriptors import Count, Descriptor, Quantity, Refused, Seconds, Text

# What every service has; any other name is a metric that the service exposes itself.
METRICS = ("cpu", "memory", "requests", "queue")


class TargetTracking(Descriptor):
    """As many instances as bring the mean of a metric to its target: exactly one of `cpu` and `memory` (percent of what an instance asked for), `requests` (a second, for
    each instance), `queue` (waiting requests or items, for each instance), or `metric` with `target`."""

    kind: Literal["target"] = "target"
    cpu: Quantity | None = Field(default=None, gt=0)
    memory: Quantity | None = Field(default=None, gt=0)
    requests: Quantity | None = Field(default=None, gt=0)
    queue: Quantity | None = Field(default=None, gt=0)
    metric: Text | None = None
    target: Quantity | None = Field(default=None, gt=0)
    scale_out_cooldown: Seconds = Field(default=60.0, le=86_400.0)
    """After a change of size it grows again only so much later."""
    scale_in_cooldown: Seconds = Field(default=300.0, le=86_400.0)
    """It shrinks only so long after a change, and only if fewer were enough all that time."""
    disable_scale_in: bool = False

    @model_validator(mode="after")
    def _one_metric(self) -> TargetTracking:
        given = [name for name in (*METRICS, "metric") if getattr(self, name) is not None]
        if len(given) != 1:
            raise Refused("scaling", f"give exactly one of cpu, memory, requests, queue, metric; not {given or 'none'}")
        if (self.metric is None) != (self.target is None):
            raise Refused("target", "belongs to metric, and metric to it")
        return self

    @property
    def measured(self) -> tuple[str, float]:
        """(name of the metric, its target)."""
        named = next(((n, v) for n in METRICS if (v := getattr(self, n)) is not None), None)
        return named or (self.metric or "", self.target or 0.0)


class Step(Descriptor):
    """Where the metric is at least `above` over the threshold (or `below` under it), and no other step is nearer: change the size by `change`."""

    above: Quantity = 0.0
    """Distance from the threshold."""
    change: float

    def __init__(self, above: Any = None, change: Any = None, /, **fields: Any) -> None:
        given = {name: value for name, value in (("above", above), ("change", change)) if value is not None}
        super().__init__(**given, **fields)


class StepScaling(Descriptor):
    """When the mean of `metric` is beyond `threshold`, the size changes by the step that it has reached; one change in each `cooldown`."""

    kind: Literal["step"] = "step"
    metric: Text
    threshold: Quantity
    comparison: Literal["above", "below"] = "above"
    steps: list[Step] = Field(min_length=1, max_length=20)
    adjustment: Literal["change", "percent", "exact"] = "change"
    """What a step's `change` is: instances more (or fewer), percent of the size, or the size itself. (ChangeInCapacity, PercentChangeInCapacity, ExactCapacity)"""
    min_change: Count = Field(default=1, ge=0)
    """Of percent: at least so many instances. (minAdjustmentMagnitude)"""
    cooldown: Seconds = Field(default=60.0, le=86_400.0)


Scaling = Annotated[TargetTracking | StepScaling, Field(discriminator="kind")]
