"""`cluster.executor` keeps the contract of `concurrent.futures`."""

from __future__ import annotations

import concurrent.futures
import time

import pytest
import ray_functions as functions

import raymesos as rm
from raymesos.errors import InvalidJob

pytestmark = pytest.mark.ray


def test_submit_map_and_exceptions(cluster: rm.Cluster) -> None:
    with cluster.executor(role="ads") as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        assert executor.submit(functions.square, 3).result(30) == 9
        assert executor.submit(pow, 2, exp=5).result(30) == 32
        assert list(executor.map(functions.square, range(300))) == [x * x for x in range(300)]
        assert list(executor.map(pow, [2, 3], [3, 2], chunksize=10)) == [8, 9]
        failed = executor.submit(functions.odd_fails, 1)
        with pytest.raises(ValueError, match="1 is odd"):
            failed.result(30)
        assert isinstance(failed.exception(), ValueError)
        futures = [executor.submit(functions.square, x) for x in range(20)]
        done, left = concurrent.futures.wait(futures, timeout=30)
        assert (len(done), len(left)) == (20, 0)


def test_what_cannot_be_pickled_fails_its_own_future(cluster: rm.Cluster) -> None:
    lock = __import__("threading").Lock()
    with cluster.executor(role="ads") as executor:
        bad = executor.submit(functions.square, lock)
        worse = executor.submit(lambda: lock)
        good = executor.submit(functions.square, 2)
        assert isinstance(bad.exception(30), TypeError)
        assert isinstance(worse.exception(30), InvalidJob)
        assert good.result(30) == 4


def test_calls_that_were_not_handed_over_can_be_cancelled(cluster: rm.Cluster) -> None:
    with cluster.executor(role="ads") as executor:
        futures = [executor.submit(time.sleep, 0.01) for _ in range(500)]
        cancelled = [f for f in futures if f.cancel()]
        assert cancelled
        assert all(f.cancelled() for f in cancelled)
        assert all(f.result(30) is None for f in futures if f not in cancelled)


def test_a_map_that_takes_too_long_raises_a_timeout(cluster: rm.Cluster) -> None:
    executor = cluster.executor(role="ads")
    results = executor.map(time.sleep, [2, 0], timeout=0.05)
    with pytest.raises(concurrent.futures.TimeoutError):
        next(results)
    executor.shutdown(cancel_futures=True)


def test_after_shutdown_nothing_is_taken_and_what_was_taken_ends(cluster: rm.Cluster) -> None:
    executor = cluster.executor(role="ads")
    future = executor.submit(functions.square, 4)
    executor.shutdown(wait=True)
    assert future.done()
    assert future.result() == 16
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(functions.square, 1)
    executor.shutdown()


def test_fields_that_are_none_are_refused_at_once(cluster: rm.Cluster) -> None:
    with pytest.raises(InvalidJob, match="cpus"):
        cluster.executor(role="ads", cpus=-1)
    with pytest.raises(InvalidJob, match="chunk"):
        cluster.executor(role="ads", chunk=3)
    with cluster.executor(role="ads") as executor, pytest.raises(ValueError, match="chunksize"):
        executor.map(functions.square, [1], chunksize=0)
