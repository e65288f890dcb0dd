"""Time zones for those who may not look at a clock or a file: when a zone's clock changes, as numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from raymesos.errors import InvalidJob

# As far as rules are known to anybody; a service that runs longer is submitted again before that.
FIRST_YEAR, LAST_YEAR = 2020, 2050
# Names of zones that Titus' users write. (Java: ZoneId.SHORT_IDS)
SHORT = {"PST": "America/Los_Angeles", "CST": "America/Chicago", "EST": "America/New_York", "MST": "America/Denver"}


@cache
def offsets(zone: str) -> tuple[tuple[int, int], ...]:
    """(from when, ms that its clock is ahead of UTC), by time, from 2020 to 2050. Raises InvalidJob for a zone that is not known."""
    try:
        info = ZoneInfo(SHORT.get(zone, zone))
    except (KeyError, OSError, ValueError):
        raise InvalidJob("timezone", f"{zone!r}: there is no such time zone") from None
    hour = timedelta(hours=1)
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    found = [(0, _ahead(info, at))]
    while at < end:
        later = at + timedelta(days=1)
        if _ahead(info, later) != found[-1][1]:
            change = next(t for i in range(1, 25) if _ahead(info, t := at + i * hour) != found[-1][1])
            found.append((round(change.timestamp() * 1000), _ahead(info, change)))
        at = later
    return tuple(found)


def _ahead(info: ZoneInfo, at: datetime) -> int:
    ahead = at.astimezone(info).utcoffset()
    return round((ahead or timedelta()).total_seconds() * 1000)
