"""Bodies and answers of the jobs API, as its OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag

from raymesos.http.jobs.descriptor import JobDescriptor


class JobFile(RootModel[dict[str, Any]]):
    """Our own form: a job file of `kind: batch`, as `raymesos schema` describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["kind", "name", "command"],
            "properties": {
                "kind": {"const": "batch"},
                "name": {"type": "string"},
                "command": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                "size": {"type": "integer", "minimum": 1},
                "role": {"type": "string"},
                "cpus": {"type": "number"},
            },
        }
    )


def _form(value: Any) -> str:
    return "native" if isinstance(value, dict) and "kind" in value else "titus"


Submission = Annotated[Annotated[JobDescriptor, Tag("titus")] | Annotated[JobFile, Tag("native")], Discriminator(_form)]


class JobId(BaseModel):
    id: str


class Status(BaseModel):
    state: str
    reasonCode: str
    reasonMessage: str
    timestamp: int


class JobShape(BaseModel):
    model_config = ConfigDict(extra="allow", title="Job")
    id: str
    jobDescriptor: dict[str, Any]
    status: Status
    statusHistory: list[Status]


class TaskShape(BaseModel):
    model_config = ConfigDict(extra="allow", title="Task")
    id: str
    jobId: str
    status: Status
    statusHistory: list[Status]
    taskContext: dict[str, str]
    attributes: dict[str, str]


class Pagination(BaseModel):
    model_config = ConfigDict(extra="allow")
    hasMore: bool
    totalItems: int
    cursor: str
    cursorPosition: int


class JobPage(BaseModel):
    """Items have only what `fields` asks for, where that is given."""

    items: list[dict[str, Any]]
    pagination: Pagination


class TaskPage(JobPage):
    pass


class Problem(BaseModel):
    model_config = ConfigDict(extra="allow")
    statusCode: int
    message: str
    error: str


class Attributes(BaseModel):
    attributes: dict[Annotated[str, Field(max_length=1_000)], str]


class Capacity(BaseModel):
    model_config = ConfigDict(extra="forbid")
    min: int | None = Field(None, ge=0, le=10_000)
    desired: int | None = Field(None, ge=0, le=10_000)
    max: int | None = Field(None, ge=0, le=10_000)


class Processes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    disableIncreaseDesired: bool = False
    disableDecreaseDesired: bool = False


class Move(BaseModel):
    sourceJobId: str
    targetJobId: str
    taskId: str
