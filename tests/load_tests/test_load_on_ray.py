"""A short load test of the shared cluster, as `make load-test` runs it on one of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

import raymesos as rm
from load_tests.over_http.thresholds import ENDS, RATIOS

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


def load(url: str, reports: Path) -> subprocess.CompletedProcess[str]:
    words = ["--seconds", "8", "--most", "10", "--shape", "soak", "--url", url, "--reports", str(reports)]
    return subprocess.run(
        [sys.executable, "-m", "load_tests.over_http.run", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Of what does not depend on how busy the machine is."""
    return [line for line in done.stdout.splitlines() if line.startswith("FAILED") and ": p99 is " not in line]


def test_a_short_run_prints_its_table_writes_its_report_and_leaves_the_cluster_idle(
    cluster: rm.Cluster, tmp_path: Path
) -> None:
    done = load(cluster.url, tmp_path)
    assert (complaints(done), done.stderr.count("Traceback")) == ([], 0), done.stdout
    assert done.returncode == (1 if "FAILED" in done.stdout else 0)
    rows = {line.split("  ")[0] for line in done.stdout.splitlines()}
    assert RATIOS.keys() <= rows
    counts = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines() if line.startswith(("jobs ", "tasks ")))
    assert counts.keys() >= {*ENDS, *ENDS.values()}
    (report,) = tmp_path.glob("*.html")
    assert "/api/v1/scheduler SUBSCRIBE" in report.read_text()
    while any(f["name"] == "load-test" and f["state"] != "completed" for f in cluster.view("frameworks")):
        pass  # Views are a tenth of a second late.


def test_an_endpoint_that_is_broken_fails_the_run_and_is_named(cluster: rm.Cluster, tmp_path: Path) -> None:
    with misdirected(cluster.url, b"GET /metrics ", b"GET /metricz ") as url:
        done = load(url, tmp_path)
    assert done.returncode == 1
    failed = [line.split(":")[0] for line in complaints(done)]
    assert "FAILED  /metrics" in failed
    assert {each for each in failed if not each.startswith(("FAILED  /metrics", "FAILED  said"))} == set()


@contextmanager
def misdirected(url: str, asked: bytes, sent: bytes) -> Iterator[str]:
    """The server behind another port, which it reaches as it is, but that one request for another. Both must have the same length."""
    server = urlsplit(url)
    assert server.hostname is not None
    there = (server.hostname, server.port or 80)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_forward_all, args=(listener, there, asked, sent), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _forward_all(listener: socket.socket, there: tuple[str, int], asked: bytes, sent: bytes) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(there)
        Thread(target=_forward, args=(client, server, asked, sent), daemon=True).start()
        Thread(target=_forward, args=(server, client, b"", b""), daemon=True).start()


def _forward(source: socket.socket, to: socket.socket, asked: bytes, sent: bytes) -> None:
    try:
        while data := source.recv(65_536):
            to.sendall(data.replace(asked, sent) if asked else data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        to.close()
