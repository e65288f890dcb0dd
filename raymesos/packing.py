"""From a user's job to one that can travel: the function pickled, the inputs cut into segments, all of it left with the batch framework before the submit."""

from __future__ import annotations

import hashlib
import pickle
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cloudpickle

from raymesos.door import Door
from raymesos.errors import InvalidJob
from raymesos.job import Job
from raymesos.model.jobs import BatchJob
from raymesos.model.services import ServiceJob
from raymesos.operating.jobs import spec_of, submit
from raymesos.shim import segments
from raymesos.wire.jobs import InputSegment
from raymesos.wire.work import Blob

# Inputs below this travel inside the submit itself: no file, no second call.
INLINE_BYTES = 16 * 1024
# A segment holds at most so much; a worker maps it whole and touches its slice.
SEGMENT_BYTES = 16 * 1024 * 1024
SEGMENT_INPUTS = 200_000
_LOOK_EVERY = 1_000


def pack_job(
    door: Door, job: BatchJob, *, job_id: str | None = None, detach: bool, rows: Iterator[bytes] | None = None
) -> Job:
    """Submit the job. Raises InvalidJob, Conflict; nothing is kept then but files that the framework clears away.

    `rows` are its inputs where they are pickled already (`pickled_value`).
    """
    job_id = job_id or f"{job.name}-{secrets.token_hex(4)}"
    digest = hashlib.blake2b(digest_size=16)
    fn, total = Blob(), job.size or 1
    inputs: tuple[InputSegment, ...] = ()
    if job.fn is not None:
        pickled = pickled_function(job.fn)
        fn = blob_of(door, f"{job_id}/fn", pickled)
        digest.update(pickled)
        inputs, total = _put_inputs(door, job_id, rows or _pickled_inputs(job.inputs), digest)
    spec = replace(
        spec_of(job, job_id, total=total, digest=_digest(job, digest)),
        fn=fn,
        inputs=inputs,
        working_dir=working_dir_of(job),
        sys_path=search_path() if job.fn is not None else (),
        after=tuple(_id_of(a) for a in job.after),
    )
    submit(door, spec)
    return Job(door, job_id, total, name=job.name, detached=detach)


def pickled_value(value: Any) -> bytes:
    """The bytes of one input. What the script itself defines travels by value: the workers' `__main__` is another. Raises what pickling raises."""
    try:
        data = pickle.dumps(value, 5)
    except (pickle.PicklingError, AttributeError, TypeError):
        return _by_value(value)
    return _by_value(value) if b"__main__" in data else data


def _by_value(value: Any) -> bytes:
    data: bytes = cloudpickle.dumps(value, 5)
    return data


def _put_inputs(door: Door, job_id: str, pickled: Iterator[bytes], digest: Any) -> tuple[tuple[InputSegment, ...], int]:
    found: list[InputSegment] = []
    base = 0
    for rows in _segments(pickled):
        data = segments.encode(rows)
        digest.update(data)
        found.append(InputSegment(base, len(rows), blob_of(door, f"{job_id}/inputs.{len(found)}", data)))
        base += len(rows)
    return tuple(found), base


def _segments(rows: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Lists of rows, each within the bounds of a segment."""
    held: list[bytes] = []
    size = 0
    while block := list(islice(rows, _LOOK_EVERY)):
        held += block
        size += sum(map(len, block))
        if size >= SEGMENT_BYTES or len(held) >= SEGMENT_INPUTS:
            yield held
            held, size = [], 0
    if held:
        yield held


def _pickled_inputs(inputs: Iterable[Any]) -> Iterator[bytes]:
    """Each input by itself; references to Ray objects are resolved. Raises InvalidJob naming the input."""
    index = 0
    try:
        for index, value in enumerate(inputs):  # noqa: B007 - the error names it
            if type(value).__name__ == "ObjectRef":
                value = _resolved(value)
            yield pickled_value(value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidJob(f"inputs[{index}]", f"cannot be pickled: {error}") from error


def _resolved(reference: Any) -> Any:
    import ray

    return ray.get(reference)


def pickled_function(fn: Any) -> bytes:
    """Raises InvalidJob."""
    try:
        data: bytes = cloudpickle.dumps(fn)
    except Exception as error:
        name = getattr(fn, "__name__", type(fn).__name__)
        raise InvalidJob("fn", f"{name} cannot be pickled: {error}") from error
    return data


def blob_of(door: Door, key: str, data: bytes) -> Blob:
    """The data as they travel: little inside the message, more as a file of the batch framework's."""
    return Blob(inline=data) if len(data) <= INLINE_BYTES else door.put(key, data)


def search_path() -> tuple[str, ...]:
    """Where modules beside the script and in the working directory are found."""
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None)
    beside = [str(Path(script).resolve().parent)] if script else []
    added = [
        p
        for p in sys.path
        if p
        and Path(p).is_dir()
        and not p.startswith(sys.prefix)
        and "site-packages" not in p
        and not p.startswith(sys.base_prefix)
    ]
    return tuple(dict.fromkeys([*beside, *added, str(Path.cwd())]))


def working_dir_of(job: BatchJob | ServiceJob) -> str:
    """Empty if it names none. Raises InvalidJob."""
    if job.working_dir is None:
        return ""
    path = Path(job.working_dir).resolve()
    if not path.is_dir():
        raise InvalidJob("working_dir", f"{job.working_dir!r}: is not a directory")
    return str(path)


def _digest(job: BatchJob, digest: Any) -> str:
    digest.update(repr(sorted(job.model_dump(exclude={"fn", "inputs", "after"}).items())).encode())
    found: str = digest.hexdigest()
    return found


def _id_of(job: Any) -> str:
    if isinstance(job, str):
        return job
    if isinstance(job, Job):
        return job.id
    raise InvalidJob("after", f"{job!r}: must be a job or its id")
