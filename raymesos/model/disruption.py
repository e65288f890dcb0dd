"""Disruption budgets, as users write them: how much of a service may be moved away from where it runs, how fast, and when. (Titus: JobDisruptionBudget)"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raymesos.model.descriptors import ByOne, Count, Descriptor, Quantity, Refused, Seconds, Text

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS, WEEKEND = DAYS[:5], DAYS[5:]


class SelfManaged(ByOne):
    """Whoever runs the service moves its instances: it has `relocation_time` after a plan was made, then they are moved (90 % available, 20 % an hour)."""

    first: ClassVar[str] = "relocation_time"
    kind: Literal["self-managed"] = "self-managed"
    relocation_time: Seconds = Field(le=864_000.0)


class AvailabilityPercentageLimit(ByOne):
    """At least so many percent of the desired instances are well, or all but one of them."""

    first: ClassVar[str] = "percentage"
    kind: Literal["availability"] = "availability"
    percentage: Quantity = Field(le=100)


class UnhealthyTasksLimit(ByOne):
    """At most so many of the desired instances are not well."""

    first: ClassVar[str] = "limit"
    kind: Literal["unhealthy"] = "unhealthy"
    limit: Count = Field(ge=0)


class RelocationLimit(ByOne):
    """Each index is moved at most so often."""

    first: ClassVar[str] = "limit"
    kind: Literal["relocations"] = "relocations"
    limit: Count = Field(ge=0)


class Unlimited(Descriptor):
    """As fast as the policy allows."""

    kind: Literal["unlimited"] = "unlimited"


class PercentagePerHour(ByOne):
    """So many percent of the desired instances in any hour, but one at least."""

    first: ClassVar[str] = "percentage"
    kind: Literal["percentage-per-hour"] = "percentage-per-hour"
    percentage: Quantity = Field(le=100)


class PerInterval(ByOne):
    """At most `limit` instances in any `interval`."""

    first: ClassVar[str] = "limit"
    kind: Literal["per-interval"] = "per-interval"
    limit: Count = Field(ge=1)
    interval: Seconds = Field(gt=0, le=864_000.0)


class PercentagePerInterval(ByOne):
    """So many percent of the desired instances in any `interval`, but one at least."""

    first: ClassVar[str] = "percentage"
    kind: Literal["percentage-per-interval"] = "percentage-per-interval"
    percentage: Quantity = Field(le=100)
    interval: Seconds = Field(gt=0, le=864_000.0)


class TimeWindow(Descriptor):
    """When instances may be moved: on these `days`, in these `hours` (from, to) of the `timezone`; no hours: all day. `weekdays` and `weekend` stand for their days."""

    days: list[Text] = Field(default_factory=lambda: list(DAYS))
    hours: list[tuple[Count, Count]] = Field(default_factory=list)
    timezone: Text = "UTC"

    @model_validator(mode="after")
    def _of_a_week(self) -> TimeWindow:
        wrong = [day for day in self.days if day.lower() not in (*DAYS, "weekdays", "weekend")]
        if wrong or not self.days:
            raise Refused("days", f"{wrong[0]!r}: must be a day of the week" if wrong else "must not be empty")
        bad = [(a, b) for a, b in self.hours if not 0 <= a < b <= 24]
        if bad:
            raise Refused("hours", f"{list(bad[0])}: must be two hours from 0 to 24, the earlier first")
        return self

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its days, Monday is 0."""
        named = {"weekdays": WEEKDAYS, "weekend": WEEKEND}
        days = [each for day in self.days for each in named.get(day.lower(), (day.lower(),))]
        return tuple(sorted({DAYS.index(day) for day in days}))


Policy = Annotated[
    SelfManaged | AvailabilityPercentageLimit | UnhealthyTasksLimit | RelocationLimit, Field(discriminator="kind")
]
Rate = Annotated[Unlimited | PercentagePerHour | PerInterval | PercentagePerInterval, Field(discriminator="kind")]


class DisruptionBudget(ByOne):
    """One policy, one rate, when, and what counts as well: `checks` (started, healthy and ready) or `started`."""

    first: ClassVar[str] = "policy"
    policy: Policy
    rate: Rate = Field(default_factory=Unlimited)
    windows: list[TimeWindow] = Field(default_factory=list, max_length=20)
    """None: always."""
    health: Literal["checks", "started"] = "checks"
