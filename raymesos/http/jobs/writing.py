"""Calls of the jobs API that change something: what they become on their way to the batch framework."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Any

from raymesos.errors import InvalidJob
from raymesos.http.jobs.descriptor import JobDescriptor, budget_text, job_of, kept_of
from raymesos.model.job_files import parse_batch
from raymesos.operating.jobs import spec_of
from raymesos.wire.jobs import JobSpec


def spec_of_descriptor(described: JobDescriptor, key: str) -> JobSpec:
    """Titus' descriptor: each index is a task of its own, the job's name is its id. Raises InvalidJob."""
    job_id = _id(described.applicationName, key)
    job = job_of(described, job_id)
    budget = budget_text(described.disruptionBudget) if described.disruptionBudget else ""
    spec = spec_of(job, job_id, total=job.size or 1, digest="")
    return _digested(replace(spec, alone=True, descriptor=kept_of(described), budget=budget))


def spec_of_file(fields: dict[str, Any], key: str) -> JobSpec:
    """Our own form, that of a job file. Raises InvalidJob."""
    for field in ("fn", "inputs"):
        if field in fields:
            raise InvalidJob(field, "functions are submitted from Python; here a job gives a command")
    job = parse_batch(fields)
    if not all(isinstance(after, str) for after in job.after):
        raise InvalidJob("after", "must be ids of jobs")
    spec = spec_of(job, _id(job.name, key), total=job.size or 1, digest="")
    return _digested(replace(spec, after=tuple(job.after)))


def _id(name: str, key: str) -> str:
    """With a key of the client's the same for each repeat."""
    tail = hashlib.blake2b(key.encode(), digest_size=8).hexdigest() if key else secrets.token_hex(4)
    return f"{name}-{tail}"


def _digested(spec: JobSpec) -> JobSpec:
    return replace(spec, digest=hashlib.blake2b(repr(spec).encode(), digest_size=16).hexdigest())
