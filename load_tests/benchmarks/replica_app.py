"""What each replica serves, ours and Ray Serve's alike: who it is. `REPLICA_VERSION` is its version."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def who(request: Request) -> Response:
    return JSONResponse({"pid": os.getpid(), "version": os.environ.get("REPLICA_VERSION", "")})


app = Starlette(routes=[Route("/who", who), Route("/", who)])
