"""The master's log, and nothing else of its disk."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from http_rig import call, site

from raymesos.http.app import make_app
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json

TEXT = "one line\nanother\n"


@pytest.fixture
def app(tmp_path: Path) -> Any:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "master.log").write_text(TEXT)
    (tmp_path / "logs" / "allocator.log").write_text("other")
    return make_app(site(work_dir=str(tmp_path)))


def v1(app: Any, kind: str, **asked: Any) -> Any:
    return call(app, "POST", "/api/v1", json={"type": kind, kind.lower(): asked})


@pytest.mark.parametrize("prefix", ["", "/master"])
def test_the_log_is_listed_read_and_downloaded(app: Any, prefix: str) -> None:
    path = {"path": "/master/log"}
    [row] = call(app, "GET", f"{prefix}/files/browse", params=path).json()
    assert (row["path"], row["size"]) == ("/master/log", len(TEXT))
    part = call(app, "GET", f"{prefix}/files/read", params=path | {"offset": "4", "length": "4"})
    assert part.json() == {"offset": 4, "data": "line"}
    assert call(app, "GET", f"{prefix}/files/download", params=path).text == TEXT
    assert list(call(app, "GET", f"{prefix}/files/debug").json()) == ["/master/log"]


def test_the_v1_calls_tell_the_same(app: Any) -> None:
    [info] = v1(app, "LIST_FILES", path="/master/log").json()["list_files"]["file_infos"]
    assert (info["path"], info["size"]) == ("/master/log", len(TEXT))
    part = v1(app, "READ_FILE", path="/master/log", offset=4, length=4).json()["read_file"]
    assert part == {"size": len(TEXT), "data": base64.b64encode(b"line").decode()}


@pytest.mark.parametrize("path", ["/master", "/", "/master/log/../allocator.log", "/etc/passwd", "master.log"])
def test_nothing_else_is_there(app: Any, path: str) -> None:
    assert call(app, "GET", "/files/read", params={"path": path}).status_code == 404
    assert v1(app, "READ_FILE", path=path, offset=0).status_code == 404


def test_where_there_is_no_log_there_is_no_file(tmp_path: Path) -> None:
    app = make_app(site(work_dir=str(tmp_path)))
    assert call(app, "GET", "/files/browse", params={"path": "/master/log"}).status_code == 404
    assert call(app, "GET", "/files/debug").json() == {}


def test_who_may_not_see_it_is_refused(tmp_path: Path) -> None:
    access = Access(acls_from_json({"permissive": False}))
    app = make_app(site(work_dir=str(tmp_path), access=access))
    assert call(app, "GET", "/files/debug").status_code == 403
    assert v1(app, "LIST_FILES", path="/master/log").status_code == 403
