"""What each role had over time, thin enough to keep: a plot of an hour, not a log."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.wire.notes import ShareNote

# A person sees no shorter step in a plot of an hour.
POINT_EVERY_MS = 5_000
# An hour of a role that never rests.
POINTS_KEPT = 720
# About 60 MB at worst; the role that was quiet longest leaves first.
ROLES_KEPT = 1_000

Part = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """From `at_ms` to the next point the role had `share` and was entitled to `entitled`, as (part, whole)."""

    at_ms: int
    share: Part
    entitled: Part


@dataclass(slots=True)
class History:
    """The points of each role, oldest first. The last one is always what the role has now; those before it are `POINT_EVERY_MS` apart or more."""

    points: dict[str, list[Point]] = field(default_factory=dict)


def remember(history: History, note: ShareNote) -> None:
    """Take one note in. What lasted less than `POINT_EVERY_MS` is overwritten by what came after it."""
    points = history.points.pop(note.role, [])
    history.points[note.role] = points  # The role that changed last stands last.
    if len(points) > 1 and points[-1].at_ms - points[-2].at_ms < POINT_EVERY_MS:
        points.pop()
    points.append(Point(note.at_ms, note.share, note.entitled))
    del points[:-POINTS_KEPT]
    if len(history.points) > ROLES_KEPT:
        del history.points[next(iter(history.points))]


def restore(history: History, role: str, points: list[Point]) -> None:
    """The role had these."""
    history.points.pop(role, None)
    history.points[role] = points
