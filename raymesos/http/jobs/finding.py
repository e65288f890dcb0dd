"""Which jobs and tasks a query is about, and which page of them. (Titus: query criteria, cursor paging, field projection)

Pages go from old to new, so what comes in between moves nothing: the cursor names the last one that was seen, also where it has left since.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from raymesos.errors import InvalidValue
from raymesos.http.jobs import shapes
from raymesos.observe.state import View
from raymesos.wire.notes import AttemptNote, JobNote

PAGE = 100
MAX_PAGE = 5_000

_List = Annotated[str, Field(description="Values with commas between them: any of these.")]


class Criteria(BaseModel):
    """All that are given must hold."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    jobIds: _List = ""
    taskIds: _List = ""
    owner: str = ""
    applicationName: str = ""
    appName: str = ""
    """Titus' other name for it."""
    imageName: str = ""
    imageTag: str = ""
    capacityGroup: str = ""
    jobGroupStack: str = ""
    jobGroupDetail: str = ""
    jobGroupSequence: str = ""
    jobType: Annotated[str, Field(description="batch or service")] = ""
    attributes: Annotated[str, Field(description="`key` or `key:value`, with commas between them")] = ""
    attributesOp: Annotated[str, Field(alias="attributes.op", description="`and` (of all attributes) or `or`")] = "and"
    jobState: Annotated[str, Field(description=f"any of {', '.join(shapes.JOB_STATES)}, with commas")] = ""
    taskStates: Annotated[str, Field(description=f"any of {', '.join(shapes.TASK_STATES)}, with commas")] = ""
    taskStateReasons: _List = ""
    needsMigration: bool = False
    skipSystemFailures: bool = False


class Query(Criteria):
    fields: Annotated[
        str, Field(description="Only these, as paths with dots, commas between them; `id` is always there.")
    ] = ""
    pageSize: Annotated[int, Field(ge=0, le=MAX_PAGE)] = PAGE
    page: Annotated[int, Field(ge=0, le=2**31, description="Which page, from 0, where no cursor is given.")] = 0
    cursor: Annotated[str, Field(description="`pagination.cursor` of the page before.")] = ""


class Wanted:
    """Criteria, read once. Raises InvalidValue for values that there are not."""

    def __init__(self, criteria: Criteria) -> None:
        self._c = criteria
        self._jobs, self._tasks = listed(criteria.jobIds), listed(criteria.taskIds)
        self._job_states = _known("jobState", criteria.jobState, shapes.JOB_STATES)
        self._task_states = _known("taskStates", criteria.taskStates, shapes.TASK_STATES)
        self._reasons = listed(criteria.taskStateReasons)
        _known("jobType", criteria.jobType, ("batch", "service"))
        _known("attributes.op", criteria.attributesOp, ("and", "or"))
        self._attributes = [a.partition(":") for a in listed(criteria.attributes)]
        self._plain = {
            ("owner", "teamEmail"): criteria.owner,
            ("applicationName",): criteria.applicationName or criteria.appName,
            ("container", "image", "name"): criteria.imageName,
            ("container", "image", "tag"): criteria.imageTag,
            ("capacityGroup",): criteria.capacityGroup,
            ("jobGroupInfo", "stack"): criteria.jobGroupStack,
            ("jobGroupInfo", "detail"): criteria.jobGroupDetail,
            ("jobGroupInfo", "sequence"): criteria.jobGroupSequence,
        }
        self._described = any(self._plain.values()) or bool(self._attributes)
        self._of_tasks = bool(
            self._tasks or self._task_states or self._reasons or criteria.needsMigration or criteria.skipSystemFailures
        )

    def jobs(self, view: View) -> list[JobNote]:
        """What is asked of tasks holds for a job if it does for one of them."""
        named = [view.jobs[j] for j in self._jobs if j in view.jobs] if self._jobs else view.jobs.values()
        found = [note for note in named if self.has_job(view, note)]
        if not self._of_tasks:
            return found
        return [
            n for n in found if any(self.has_task(view, t) for t in view.attempts.of_job.get(n.job_id, {}).values())
        ]

    def tasks(self, view: View) -> list[AttemptNote]:
        of_job = view.attempts.of_job
        jobs = [view.jobs[j] for j in self._jobs or of_job if j in view.jobs]
        fit = [note for note in jobs if self.has_job(view, note)]
        return [t for note in fit for t in of_job.get(note.job_id, {}).values() if self.has_task(view, t)]

    def has_job(self, view: View, note: JobNote) -> bool:
        if self._jobs and note.job_id not in self._jobs:
            return False
        if self._job_states and note.state not in self._job_states:
            return False
        if self._c.jobType == "service":
            return False
        return not self._described or self._descriptor(view, note)

    def _descriptor(self, view: View, note: JobNote) -> bool:
        spec = view.specs.get(note.job_id)
        if spec is None:
            return False
        described = shapes.descriptor_shape(spec, note)
        if not all(at(described, path) == wish for path, wish in self._plain.items() if wish):
            return False
        has = [
            k in described["attributes"] and (not c or described["attributes"][k] == v) for k, c, v in self._attributes
        ]
        return (all if self._c.attributesOp == "and" else any)(has) if has else True

    def has_task(self, view: View, note: AttemptNote) -> bool:
        if self._tasks and note.task_id not in self._tasks:
            return False
        if self._task_states and shapes.task_state(note) not in self._task_states:
            return False
        if self._reasons and shapes.task_reason(note) not in self._reasons:
            return False
        if self._c.skipSystemFailures and note.ended and shapes.task_reason(note) in shapes.SYSTEM_CODES:
            return False
        return not self._c.needsMigration or shapes.agent_leaves(view, note)


Place = tuple[int, str]
"""(when it was made, id): what pages are in the order of."""


def place_of(note: JobNote | AttemptNote) -> Place:
    return (note.submitted_ms, note.job_id) if isinstance(note, JobNote) else (note.steps[0][1], note.task_id)


def page_of(notes: Sequence[Any], query: Query) -> tuple[list[Any], dict[str, Any]]:
    """(the notes of the page, `pagination`). Raises InvalidValue for a cursor that was none."""
    ordered = sorted(notes, key=place_of)
    if query.cursor:
        begin = bisect_right(ordered, read_cursor(query.cursor), key=place_of)
    else:
        begin = query.page * query.pageSize
    taken = ordered[begin : begin + query.pageSize]
    last = begin + len(taken)
    return taken, {
        "currentPage": {"pageNumber": query.page, "pageSize": query.pageSize},
        "hasMore": last < len(ordered),
        "totalPages": -(-len(ordered) // query.pageSize) if query.pageSize else 0,
        "totalItems": len(ordered),
        "cursor": write_cursor(place_of(taken[-1])) if taken else "",
        "cursorPosition": max(0, last - 1),
    }


def write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place[1]}@{place[0]}".encode()).decode()


def read_cursor(text: str) -> Place:
    """Raises InvalidValue."""
    try:
        id, _, at_ms = base64.b64decode(text, altchars=b"-_", validate=True).decode().rpartition("@")
        if not (at_ms.isascii() and at_ms.isdigit() and id and len(at_ms) < 20):
            raise ValueError
        return int(at_ms), id
    except (ValueError, binascii.Error):
        raise InvalidValue("cursor", text, "is none that was given out") from None


def projected(value: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Only what the paths name, and the id; of a list each member so."""
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        *heads, leaf = path.split(".")
        for head in heads:
            branch = branch.setdefault(head, {})
            if branch is _ALL:
                break
        else:
            branch[leaf] = _ALL
    return {"id": value["id"], **_pruned(value, tree)} if tree else value


def listed(text: str) -> dict[str, None]:
    return {part: None for each in text.split(",") if (part := each.strip())}


def at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


_ALL: dict[str, Any] = {"*": None}
"""Where a path ends: all that is below it."""


def _pruned(value: Any, tree: dict[str, Any]) -> Any:
    if tree is _ALL:
        return value
    if isinstance(value, list):
        return [_pruned(each, tree) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _pruned(value[name], branch) for name, branch in tree.items() if name in value}


def _known(field: str, text: str, known: Sequence[str]) -> dict[str, None]:
    values = listed(text)
    for value in values:
        if value not in known:
            raise InvalidValue(field, value, f"must be of {', '.join(known)}")
    return values
