"""Files of a command, on a real cluster: copied, fetched over HTTP and from the agent's cache, there before the command starts."""

from __future__ import annotations

import http.server
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_custom_executors_on_ray import Framework, _resources
from v1_sockets import value

import raymesos as rm

pytestmark = pytest.mark.ray

SCRIPT = "set -e; test $(cat copied.txt) = copied; test $(cat inner/packed.txt) = packed; test $(./run.sh) = ran"


class Server:
    """Serves a directory, and remembers what was asked for."""

    def __init__(self, directory: Path) -> None:
        asked = self.asked = list[str]()

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *more: Any) -> None:
                super().__init__(*more, directory=str(directory))

            def log_request(self, *_: Any) -> None:
                asked.append(self.path)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "copied.txt").write_text("copied")
    (tmp_path / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "packed.txt").write_text("packed")
    with tarfile.open(tmp_path / "files.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "packed.txt", "inner/packed.txt")
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def framework(cluster: rm.Cluster) -> Iterator[Framework]:
    made = Framework((cluster.url or "").removeprefix("http://"), "uris")
    yield made
    made.close()


def launch(framework: Framework, uris: list[dict[str, Any]], *task_ids: str) -> None:
    [offer, *_] = framework.until("OFFERS")["offers"]
    infos = [
        {
            "name": task_id,
            "task_id": value(task_id),
            "agent_id": offer["agent_id"],
            "command": {"value": SCRIPT, "uris": uris},
            "resources": _resources(0.1, 32),
        }
        for task_id in task_ids
    ]
    operation = {"type": "LAUNCH", "launch": {"task_infos": infos}}
    framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation], filters={"refuse_seconds": 0})


def test_files_are_there_before_their_command_starts_and_a_cached_one_is_fetched_once(
    framework: Framework, server: Server, tmp_path: Path
) -> None:
    uris = [
        {"value": f"file://{tmp_path}/copied.txt"},
        {"value": f"{server.url}/files.tar.gz", "cache": True},
        {"value": f"{server.url}/run.sh", "executable": True},
    ]
    launch(framework, uris, "u1", "u2")
    for _ in range(2):
        framework.until("UPDATE", state="TASK_FINISHED")
    assert sorted(server.asked) == ["/files.tar.gz", "/run.sh", "/run.sh"]


def test_a_file_that_cannot_be_had_fails_the_task_and_is_named(framework: Framework, server: Server) -> None:
    launch(framework, [{"value": f"{server.url}/nowhere"}], "u3")
    told = framework.until("UPDATE", task_id=value("u3"), state="TASK_FAILED")
    assert told["reason"] == "REASON_CONTAINER_LAUNCH_FAILED" and "/nowhere" in told["message"]
