"""What the calls of the jobs API have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Path
from starlette.responses import Response

from raymesos.errors import InvalidValue
from raymesos.http.answers import Json
from raymesos.http.jobs.finding import Query, listed, page_of, projected
from raymesos.observe.state import View

Id = Annotated[str, Path(min_length=1, max_length=400)]


def page_answer(notes: list[Any], query: Query, shape: Callable[[View, Any], dict[str, Any]], view: View) -> Response:
    page, pagination = page_of(notes, query)
    paths = listed(query.fields)
    return Json({"items": [projected(shape(view, note), paths) for note in page], "pagination": pagination})


def keys_of(text: str) -> tuple[str, ...]:
    """Raises InvalidValue."""
    if not (found := tuple(listed(text))):
        raise InvalidValue("keys", text, "must name at least one")
    return found
