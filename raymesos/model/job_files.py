"""Job files: the fields of one, as YAML or JSON gave them, to a job; and the schema that says which there are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from raymesos.errors import InvalidJob
from raymesos.model.descriptors import Count, Descriptor, Text
from raymesos.model.jobs import MAX_INPUTS, BatchJob
from raymesos.model.services import ServiceJob

KINDS = ("batch", "service")


def parse_job(fields: Any, kinds: tuple[str, ...] = KINDS) -> BatchJob | ServiceJob:
    """A job of one of the `kinds` from a file's fields. Raises InvalidJob."""
    known = " or ".join(kinds)
    if not isinstance(fields, dict):
        raise InvalidJob("job", f"the file must hold one mapping, with kind: {known}")
    kind = fields.get("kind")
    if kind not in kinds:
        raise InvalidJob("kind", f"{kind!r}: must be {known}")
    if not isinstance(fields.get("name"), str):
        raise InvalidJob("name", "is required")
    for field in fields:
        if not isinstance(field, str):
            raise InvalidJob(str(field), "there is no such field")
    return BatchJob(**fields) if kind == "batch" else ServiceJob(**fields)


def parse_batch(fields: Any) -> BatchJob:
    """A batch job from a file's fields (`kind: batch`). Raises InvalidJob."""
    job = parse_job(fields, ("batch",))
    assert isinstance(job, BatchJob)
    return job


def job_schema() -> dict[str, Any]:
    """The JSON schema of a job file: of one kind or the other."""
    schemas = [batch_schema(), service_schema()]
    parts: dict[str, Any] = {}
    for schema in schemas:
        parts |= schema.pop("$defs", {})
    return {"title": "raymesos job file", "oneOf": schemas, "$defs": parts}


def batch_schema() -> dict[str, Any]:
    """The JSON schema of a batch job's file."""

    class JobFile(Descriptor):
        kind: Literal["batch"]
        name: str
        command: Text | list[Text]
        size: int = Field(1, ge=1, le=MAX_INPUTS)

    own = JobFile.model_json_schema()
    schema = BatchJob.model_json_schema(mode="serialization")
    schema["properties"] |= own["properties"]
    schema["required"] = ["kind", "name", "command"]
    schema["title"] = "batch job"
    return schema


def service_schema() -> dict[str, Any]:
    """The JSON schema of a service's file."""

    class ServiceFile(Descriptor):
        kind: Literal["service"]
        name: str
        ports: Count = Field(0, ge=0, le=1_000)

    own = ServiceFile.model_json_schema()
    schema = ServiceJob.model_json_schema(mode="serialization")
    schema["properties"] |= own["properties"]
    schema["required"] = ["kind", "name"]
    schema["title"] = "service"
    return schema
