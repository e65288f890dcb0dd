"""Read a job file: YAML (so JSON too) to a BatchJob."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from raymesos.errors import InvalidJob, InvalidValue
from raymesos.model.job_files import parse_batch
from raymesos.model.jobs import BatchJob

STDIN = "-"


def read_job(file: str) -> BatchJob:
    """The job that the file (or `-`, stdin) describes. Raises InvalidValue for the file, InvalidJob for what is in it."""
    fields = _parsed(file, _text(file))
    if isinstance(fields, dict):
        for key in fields:
            if not isinstance(key, str):
                raise InvalidJob(str(key), "there is no such field: a field's name is text")
        for key in ("fn", "inputs"):
            if key in fields:
                raise InvalidJob(
                    key,
                    "functions are submitted from Python, with cluster.submit(rm.BatchJob(...)); a file gives a command",
                )
        if not isinstance(fields.get("name", ""), str):
            raise InvalidJob("name", f"{fields['name']!r}: must be text; put it in quotes")
    return parse_batch(fields)


def _text(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise InvalidValue("file", file, (error.strerror or str(error)).lower()) from None
    except UnicodeDecodeError:
        raise InvalidValue("file", file, "is not UTF-8 text") from None


def _parsed(file: str, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InvalidValue("file", file, f"is not YAML: {where}{error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidValue("file", file, f"is not YAML: {error}") from None
