"""`GET /api/views/<name>`: the views as JSON, their arguments from the query. The page, scripts and remote clients read these."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, get_type_hints

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.errors import InvalidValue, UnknownId
from raymesos.http.answers import Json
from raymesos.http.site import Site
from raymesos.http.views import Readable
from raymesos.observe.views import VIEWS

# Pairs of a view and its arguments that are kept as text until the next revision.
SHOWN_KEPT = 256
_BOOLS = {"true": True, "1": True, "false": False, "0": False}


def routes(site: Site) -> list[BaseRoute]:
    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        shown = site.views_for(request).once(Shown)
        return Json(shown.text(name, arguments(name, request.query_params.multi_items())))

    async def names(request: Request) -> Response:
        return Json(
            {
                name: {p: t.__name__ if isinstance(t, type) else str(t) for p, t in _parameters(name).items()}
                for name in VIEWS
            }
        )

    return [Route("/api/views", names), Route("/api/views/{name}", one)]


class Shown:
    """Views as JSON, made once a revision however many ask for the same."""

    def __init__(self, views: Readable) -> None:
        self.views = views
        self._revision = -1
        self._texts: dict[tuple[str, tuple[tuple[str, Any], ...]], bytes] = {}

    def text(self, name: str, given: dict[str, Any]) -> bytes:
        """Raises UnknownId, InvalidValue, ClusterUnavailable."""
        if self._revision != self.views.revision or len(self._texts) >= SHOWN_KEPT:
            self._revision, self._texts = self.views.revision, {}
        key = name, tuple(sorted(given.items()))
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = orjson.dumps(self.views.view(name, given))
        return found


def arguments(name: str, query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The arguments of the view called `name`, as its function takes them. Raises UnknownId, InvalidValue for one that it does not take, is given twice, missing, or no value of its kind."""
    known = _parameters(name)
    found: dict[str, Any] = {}
    for key, text in query:
        if key not in known:
            raise InvalidValue(key, text, f"is no argument of view {name}; it takes {', '.join(known) or 'none'}")
        if key in found:
            raise InvalidValue(key, text, "is given twice")
        found[key] = _value(key, text, str(known[key]))
    for key in _signature(VIEWS[name])[1]:
        if key not in found:
            raise InvalidValue(key, "", f"is missing: view {name} needs it")
    return found


def _parameters(name: str) -> dict[str, Any]:
    """Those that a reader may give, with their types. Raises UnknownId."""
    if name not in VIEWS:
        raise UnknownId("view", name)
    return _signature(VIEWS[name])[0]


@cache
def _signature(make: Callable[..., Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(what a reader may give, with its type; what of it has to be given). Working it out takes longer than most views."""
    hints = get_type_hints(make)
    given = [p for p in inspect.signature(make).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return {p.name: hints[p.name] for p in given}, tuple(p.name for p in given if p.default is p.empty)


def whole_number(key: str, text: str) -> int:
    """Of a query. Raises InvalidValue."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidValue(key, text, "must be a whole number, 0 or more")
    return int(text)


def _value(key: str, text: str, kind: str) -> Any:
    if "int" in kind:
        return whole_number(key, text)
    if "bool" in kind:
        if text not in _BOOLS:
            raise InvalidValue(key, text, "must be true or false")
        return _BOOLS[text]
    return text
