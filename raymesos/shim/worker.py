"""A process that calls users' functions: forked from the zygote, kept warm for one pool, or used once.

It reads one request at a time from its socket. Each input has its own result or error: what a function raises, `sys.exit`, and a result that cannot be pickled
fail that input and no other. The index at work stands in a shared page, so that whoever buries this process knows which input killed it.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import cloudpickle

from raymesos.shim import segments
from raymesos.shim.protocol import INLINE_BYTES, Broken, Stream

# Functions kept unpickled per worker; a job brings one.
FUNCTIONS_KEPT = 64
# What the errors of one chunk may say in all, beside the whole errors among the results: they travel in one frame.
ERROR_TEXT = 8 * 1024 * 1024
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Refused(Exception):
    """The chunk cannot be run here at all; no input is to blame."""


def serve(stream: Stream, page: memoryview) -> None:
    """Answer requests until the shim closes the socket. `page[0]` is the index at work, -1 between inputs."""
    functions: dict[str, Callable[[Any], Any]] = {}
    own = os.getpid()
    prepared = False
    while True:
        try:
            _, request = stream.receive()
        except Broken:
            return
        started = resource.getrusage(resource.RUSAGE_SELF)
        try:
            if not prepared:
                _prepare(request)
                prepared = True
            answer = _run(request, functions, page)
        except Refused as refusal:
            answer = {"refused": str(refusal)}
        if os.getpid() != own:
            os._exit(0)  # A function forked and its child came back here: the answer is the parent's.
        page[0] = -1
        ended = resource.getrusage(resource.RUSAGE_SELF)
        cpu = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
        answer["usage"] = {"cpu_ms": int(cpu * 1000), "peak_rss_kb": ended.ru_maxrss}
        stream.send_now("done", answer)


def _prepare(request: dict[str, Any]) -> None:
    """Once per process: a pool has one working directory and one path. Raises Refused."""
    for entry in reversed(request.get("path") or []):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    where = request.get("dir")
    if where:
        try:
            os.chdir(where)
        except (OSError, ValueError) as error:
            raise Refused(f"the working directory cannot be entered: {error}") from error


def _run(request: dict[str, Any], functions: dict[str, Callable[[Any], Any]], page: memoryview) -> dict[str, Any]:
    try:
        _redirect(request["log"])
    except OSError as error:
        raise Refused(f"its log cannot be written: {error}") from error
    own = {
        "RAYMESOS_JOB_ID": request["job"],
        "RAYMESOS_TASK_ID": request["id"],
        "RAYMESOS_ATTEMPT": str(request["attempt"]),
    }
    try:
        os.environ.update((request.get("env") or {}) | own)
    except ValueError as error:
        raise Refused(f"its environment cannot be set: {error}") from error
    try:
        function = _function(request, functions)
        with _segment(request["inputs"]) as inputs:
            return _call_all(function, inputs, request, page)
    finally:
        _flush()


def _call_all(
    function: Callable[[Any], Any], inputs: segments.Segment, request: dict[str, Any], page: memoryview
) -> dict[str, Any]:
    lo, hi, base = request["lo"], request["hi"], request["base"]
    results: list[bytes] = []
    failed: list[list[Any]] = []
    statuses = bytearray(hi - lo)
    room = ERROR_TEXT
    clock, loads, dumps, putenv = time.perf_counter, pickle.loads, pickle.dumps, os.putenv
    environ = os.environ._data  # type: ignore[attr-defined]
    began = clock()
    deadline = began + request["budget_ms"] / 1000
    index = lo
    for data in inputs.slice(lo - base, hi - base):
        page[0] = index
        # Both forms: os.environ for Python code, putenv for what it starts. Through os.environ[...] this would cost twice as much.
        environ[b"RAYMESOS_INDEX"] = text = b"%d" % index
        putenv(b"RAYMESOS_INDEX", text)
        try:
            value = function(loads(data))
            try:
                results.append(dumps(value, 5))
            except Exception:  # noqa: BLE001 - cloudpickle can what pickle cannot
                results.append(cloudpickle.dumps(value))
        except BaseException as error:  # noqa: BLE001 - it is the user's code
            statuses[index - lo] = segments.ERROR
            line, blob = _error(error)
            line = line if room > 0 else type(error).__name__[:80]
            room -= len(line)
            failed.append([index, line, None, None])
            results.append(blob)
        index += 1
        if clock() > deadline:
            break
    elapsed_us = int((clock() - began) * 1_000_000)
    blob = segments.encode(results, statuses[: index - lo])
    return {
        "lo": lo,
        "hi": index,
        "failed": failed,
        "elapsed_us": elapsed_us,
        "results": _place(blob, request["results"]),
    }


def _place(blob: bytes, path: str) -> dict[str, Any]:
    """Small results travel in the answer, large ones in a file."""
    if len(blob) <= INLINE_BYTES:
        return {"inline": blob}
    temporary = f"{path}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(blob)
        os.replace(temporary, path)
    except OSError as error:
        raise Refused(f"its results could not be written: {error}") from error
    return {"path": path, "size": len(blob)}


def _error(error: BaseException) -> tuple[str, bytes]:
    """(one line, pickled (exception, traceback text)) of what an input raised; an exception that cannot travel becomes its text."""
    text = "".join(traceback.format_exception(error))
    try:
        line = f"{type(error).__name__}: {error.code if isinstance(error, SystemExit) else error}"
    except Exception:  # noqa: BLE001 - whatever a user's exception does in __str__
        line = type(error).__name__
    line = line.splitlines()[0][:500].encode(errors="replace").decode()
    try:
        blob = cloudpickle.dumps((error, text))
        pickle.loads(blob)
    except Exception:  # noqa: BLE001 - whatever a user's exception does in __reduce__
        blob = cloudpickle.dumps((RuntimeError(line), text))
    return line, blob


def _function(request: dict[str, Any], functions: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    wanted = request.get("python") or PYTHON
    if wanted != PYTHON:
        raise Refused(f"the function was pickled by Python {wanted}; the workers here run Python {PYTHON}")
    key = request["job"]
    function = functions.get(key)
    if function is None:
        source = request["fn"]
        try:
            data = source.get("inline") or _read(source["path"])
            function = pickle.loads(data)
        except Exception as error:
            raise Refused(f"the function could not be loaded: {type(error).__name__}: {error}") from error
        if len(functions) >= FUNCTIONS_KEPT:
            del functions[next(iter(functions))]
        functions[key] = function
    return function


def _segment(source: dict[str, Any]) -> segments.Segment:
    try:
        return segments.Segment(source["inline"]) if source.get("inline") else segments.Segment.open(source["path"])
    except (OSError, segments.BadSegment) as error:
        raise Refused(f"the inputs could not be read: {error}") from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _redirect(prefix: str) -> None:
    """Send stdout and stderr of what runs now to `<prefix>stdout` and `<prefix>stderr`."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        fd = os.open(prefix + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(fd, number)
        os.close(fd)


def _flush() -> None:
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError):
            continue
