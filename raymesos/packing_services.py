"""From a user's service to one that can travel, and from changes of one to all of it."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from raymesos.door import Door
from raymesos.errors import InvalidJob
from raymesos.machine import MASTER, SERVICE
from raymesos.model.services import Capacity, ServiceJob
from raymesos.operating.services import call, service_spec_of
from raymesos.packing import blob_of, pickled_function, search_path, working_dir_of
from raymesos.service import Service
from raymesos.wire.services import ScaleService, ServiceSpec, SubmitService, Template, UpdateService


def submit_service(door: Door, job: ServiceJob, *, job_id: str | None = None) -> Service:
    """The service is kept, and its instances are on their way. Raises InvalidJob, Conflict, QuotaRefused."""
    job_id = job_id or f"{job.name}-{secrets.token_hex(4)}"
    door.call(MASTER, "open_services")
    call(door, SubmitService(packed(door, job, job_id)))
    return Service(door, job_id, job.name)


def update_service(door: Door, job_id: str, changes: dict[str, Any]) -> int:
    """The service is as its descriptor says, with the `changes`; returns the version that it goes to. Raises InvalidJob, Conflict."""
    now: ServiceSpec = door.call(SERVICE, "spec", job_id)
    if not now.descriptor:
        raise InvalidJob("job", f"{now.name} was not made by a ServiceJob: only its client can change it")
    known = json.loads(now.descriptor)
    job = _changed(known, changes)
    if job.name != now.name or job.role != now.role:
        field = "name" if job.name != now.name else "role"
        raise InvalidJob(field, f"{getattr(job, field)!r}: stays what it is; submit another service")
    spec = packed(door, job, job_id, now.template)
    answer = call(door, UpdateService(spec))
    if "capacity" in changes:
        size = job.capacity
        call(door, ScaleService(job_id, size.min, size.desired, size.max))
    return answer.number


def packed(door: Door, job: ServiceJob, job_id: str, before: Template | None = None) -> ServiceSpec:
    """The service as it travels: its function pickled, its paths those of this machine. A function that stays what it was is that of `before`."""
    digest = hashlib.blake2b(repr(sorted(job.model_dump(exclude={"fn"}).items())).encode(), digest_size=16)
    spec = service_spec_of(job, job_id, digest="")
    template = replace(spec.template, working_dir=working_dir_of(job))
    if job.fn is _as_before and before is not None:
        template = replace(template, fn=before.fn, sys_path=before.sys_path, python=before.python)
    elif job.fn is not None:
        data = pickled_function(job.fn)
        digest.update(data)
        fn = blob_of(door, f"{job_id}/fn.{hashlib.blake2b(data, digest_size=8).hexdigest()}", data)
        template = replace(template, fn=fn, sys_path=search_path())
    elif job.app:
        template = replace(template, sys_path=(template.working_dir or str(Path.cwd()), *search_path()))
    return replace(spec, template=template, digest=digest.hexdigest(), descriptor=_descriptor(job))


def _changed(known: dict[str, Any], changes: dict[str, Any]) -> ServiceJob:
    """Raises InvalidJob."""
    fields = {name: value for name, value in known.items() if name not in ("fn", "kind")}
    if "capacity" in changes and isinstance(changes["capacity"], int):
        changes = changes | {"capacity": Capacity(*[changes["capacity"]] * 3)}
    runs = [name for name in ("command", "app", "fn") if changes.get(name) is not None]
    if runs:
        fields = {name: value for name, value in fields.items() if name not in ("command", "app")}
    elif known.get("fn"):
        fields["fn"] = _as_before
    return ServiceJob(**(fields | changes))


def _as_before() -> None:
    """Stands for a function that is with the framework already."""


def _descriptor(job: ServiceJob) -> str:
    """What was said of it, to be changed in part later. `fn` says only that it has one."""
    said = json.loads(job.model_dump_json(exclude={"fn"}, exclude_none=True))
    return json.dumps(said | {"name": job.name} | ({"fn": True} if job.fn is not None else {}), sort_keys=True)
