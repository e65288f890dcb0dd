"""What a test hands to the harness, read: each function gives the value, or raises InvalidValue with the name of what was wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from raymesos.errors import InvalidValue
from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quantities, parse_quantities
from raymesos.model.resources import Disk, Key, Resources, build
from raymesos.model.settings import DEFAULT_REFUSE_MS, MAX_REFUSE_MS
from raymesos.model.tasks import ALL_CAPABILITIES, Reason

Row = TypeVar("Row")
DiskRow = Mapping[str, Any]
DISK_SOURCES = ("ROOT", "PATH", "MOUNT", "BLOCK", "RAW")


class OnAgent(Protocol):
    """Anything with the id of a task and the name of its agent."""

    @property
    def id(self) -> str: ...

    @property
    def agent(self) -> str | None: ...


class HasId(Protocol):
    """Anything with the id of an offer."""

    @property
    def id(self) -> str: ...


def text_of(field: str, text: str) -> str:
    if not isinstance(text, str):
        raise InvalidValue(field, text, "must be text")
    return text


def attributes_of(attributes: str) -> Attributes:
    if not isinstance(attributes, str):
        raise InvalidValue("attributes", attributes, "must be text like rack:r1;n:5")
    return Attributes.parse(attributes)


def estimate_of(revocable: str | Resources) -> Resources:
    """What an agent can lend out: unreserved scalars."""
    found = Resources.of(revocable)
    if not found.is_plain:
        raise InvalidValue("revocable", str(found), "must be unreserved scalars like cpus:2")
    return found


def disks_of(disks: Iterable[DiskRow]) -> Resources:
    """The disks as resources named `disk`, in MB; a ROOT disk adds to the agent's plain one."""
    return build([_disk(row) for row in rows("disks", disks)])


def _disk(row: DiskRow) -> tuple[Key, int]:
    if not isinstance(row, Mapping) or not {"type", "size_mb"} <= row.keys() <= {
        "type",
        "root",
        "size_mb",
        "id",
        "profile",
    }:
        raise InvalidValue("disks", row, "must have type and size_mb, and may have root, id and profile")
    source, size_mb = row["type"], row["size_mb"]
    if source not in DISK_SOURCES:
        raise InvalidValue("disks", source, f"must be one of {', '.join(DISK_SOURCES)}")
    if not isinstance(size_mb, int | float) or not math.isfinite(size_mb) or size_mb <= 0:
        raise InvalidValue("disks", size_mb, "must be a size_mb above 0")
    more = {field: text_of("disks", row.get(field, "")) for field in ("root", "id", "profile")}
    key = Key("disk") if source == "ROOT" else Key("disk", disk=Disk(source, **more))
    return key, round(size_mb * 1000)


def name_of(name: str) -> str:
    """The name of an agent or a framework: it becomes part of addresses."""
    if not isinstance(name, str) or not name or "/" in name or "@" in name:
        raise InvalidValue("name", name, "must be text without / and @")
    return name


def whole(field: str, number: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidValue(field, number, "must be a whole number")
    return number


def flag(field: str, value: bool) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue(field, value, "must be True or False")
    return value


def milliseconds(field: str, seconds: float) -> int:
    """`seconds` in ms, rounded."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        raise InvalidValue(field, seconds, "must be a number of seconds, 0 or more")
    return round(seconds * 1000)


def positive_ms(field: str, seconds: float) -> int:
    ms = milliseconds(field, seconds)
    if ms == 0:
        raise InvalidValue(field, seconds, "must be at least a millisecond")
    return ms


def refusal_ms(seconds: float) -> int:
    """As Mesos reads refuse_seconds: what is no time counts as the default, more than a year as a year."""
    if not isinstance(seconds, int | float):
        raise InvalidValue("refuse_seconds", seconds, "must be a number of seconds")
    if math.isnan(seconds) or seconds < 0:
        return DEFAULT_REFUSE_MS
    return min(MAX_REFUSE_MS, round(min(seconds, MAX_REFUSE_MS / 1000) * 1000))


def moment_ms(field: str, text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidValue(field, text, "must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def texts(field: str, listed: Iterable[str]) -> tuple[str, ...]:
    """A list of texts. One text is none: its letters would be taken for the list."""
    found = rows(field, listed)
    for text in found:
        if not isinstance(text, str):
            raise InvalidValue(field, text, "must be text")
    return tuple(found)


def rows(field: str, listed: Iterable[Row]) -> list[Row]:
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise InvalidValue(field, listed, "must be a list")
    return list(listed)


def capabilities_of(names: Iterable[str] | None) -> tuple[str, ...]:
    """By their names in Mesos; None stands for all."""
    if names is None:
        return ALL_CAPABILITIES
    found = texts("capabilities", names)
    for name in found:
        if name not in ALL_CAPABILITIES:
            raise InvalidValue("capabilities", name, f"must be one of {', '.join(ALL_CAPABILITIES)}")
    return tuple(str(name) for name in found)


def offer_filters_of(rows_by_role: Mapping[str, Iterable[str]]) -> tuple[tuple[str, tuple[Quantities, ...]], ...]:
    """By role: the least that an offer has to hold, one of these."""
    if not isinstance(rows_by_role, Mapping):
        raise InvalidValue("min_allocatable", rows_by_role, "must be {role: [quantities, ...]}")
    return tuple(
        (role, tuple(parse_quantities(text, "min_allocatable") for text in rows("min_allocatable", least)))
        for role, least in rows_by_role.items()
    )


def one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidValue(field, value, f"must be one of {', '.join(known)}")
    return value


def offer_id(offer: HasId | str) -> str:
    found = offer if isinstance(offer, str) else getattr(offer, "id", None)
    if not isinstance(found, str):
        raise InvalidValue("offer", offer, "must be an offer or its id")
    return found


def on_agent(task: OnAgent) -> OnAgent:
    if not isinstance(getattr(task, "id", None), str) or not isinstance(getattr(task, "agent", ""), str | None):
        raise InvalidValue("task", task, "must have an id and the name of an agent")
    return task


def task_on_agent(row: tuple[str, str | None]) -> tuple[str, str | None]:
    if not isinstance(row, tuple | list) or len(row) != 2:
        raise InvalidValue("tasks", row, "must be (task id, agent)")
    task_id, agent = row
    if not isinstance(task_id, str) or not isinstance(agent, str | None):
        raise InvalidValue("tasks", row, "must be (task id, agent)")
    return task_id, agent


def reason_of(name: str | None) -> Reason:
    try:
        return Reason(name or "")
    except ValueError:
        raise InvalidValue("reason", name, "must be a v1 name such as REASON_CONTAINER_LIMITATION_MEMORY") from None
