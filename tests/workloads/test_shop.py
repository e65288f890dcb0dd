"""The shop that services, load tests and benchmarks run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from workloads.shop.api import app
from workloads.shop.store import SoldOut, Store


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("SHOP_DB", str(tmp_path / "shop.db"))
    with TestClient(app) as client:
        yield client


def test_an_order_takes_from_the_stock_once_however_often_it_is_sent(shop: TestClient) -> None:
    before = shop.get("/items/1").json()
    first = shop.post("/orders", json={"item_id": 1, "count": 3}, headers={"Idempotency-Key": "k"})
    again = shop.post("/orders", json={"item_id": 1, "count": 3}, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"key": "k", "item_id": 1, "count": 3, "total_cents": 1350}
    assert shop.get("/items/1").json()["stock"] == before["stock"] - 3


def test_what_is_sold_out_is_refused_and_nothing_is_taken(shop: TestClient) -> None:
    refused = shop.post("/orders", json={"item_id": 3, "count": 11})
    assert (refused.status_code, refused.json()) == (409, {"error": "only 10 left"})
    assert shop.get("/items/3").json()["stock"] == 10


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", "the body must be JSON"),
        ("[]", "the body must be a JSON object"),
        ('{"item_id": 1, "count": 0}', "count: must be at least 1"),
        ('{"item_id": "x", "count": 1}', "item_id: 'x': must be a whole number from 0"),
    ],
)
def test_a_bad_order_is_refused_by_its_field(shop: TestClient, body: str, error: str) -> None:
    refused = shop.post("/orders", content=body)
    assert (refused.status_code, refused.json()) == (400, {"error": error})


def test_items_are_added_once_by_name(shop: TestClient) -> None:
    made = shop.post("/items", json={"name": "pot", "price_cents": 3000, "stock": 1})
    assert made.status_code == 201
    assert shop.get(f"/items/{made.json()['id']}").json()["name"] == "pot"
    taken = shop.post("/items", json={"name": "pot", "price_cents": 1, "stock": 1})
    assert (taken.status_code, taken.json()) == (409, {"error": "name: 'pot' is taken"})


def test_two_processes_that_share_the_file_sell_each_item_once(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "shop.db"), Store(tmp_path / "shop.db")
    for number in range(10):
        (one if number % 2 else other).order(f"k{number}", 3, 1)
    with pytest.raises(SoldOut, match="only 0 left"):
        one.order("k10", 3, 1)
    assert one.orders() == other.orders() == 10


def test_health_and_readiness_say_what_they_are_told_to(shop: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (shop.get("/health").status_code, shop.get("/ready").status_code) == (200, 200)
    monkeypatch.setenv("SHOP_BROKEN", "health")
    monkeypatch.setenv("SHOP_START_S", "3600")
    assert (shop.get("/health").status_code, shop.get("/ready").status_code) == (503, 503)


def test_it_begins_only_if_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_BROKEN", "start")
    with pytest.raises(RuntimeError, match="asked not to begin"), TestClient(app):
        pass


def test_bodies_events_and_sockets_pass(shop: TestClient) -> None:
    assert shop.post("/size", content=b"x" * 100_000).json() == {"bytes": 100_000}
    assert shop.get("/ticks?n=2&ms=0").text == "id: 0\ndata: tick 0\n\nid: 1\ndata: tick 1\n\n"
    with shop.websocket_connect("/echo") as socket:
        socket.send_text("hi")
        assert socket.receive_text() == "hi"


def test_it_is_slow_and_fails_as_asked_and_counts_both(shop: TestClient) -> None:
    assert shop.get("/slow?ms=1").text == "after 1 ms"
    assert shop.get("/fail?status=503").status_code == 503
    assert shop.get("/slow?ms=x").json() == {"error": "ms: 'x': must be a whole number from 0 to 60000"}
    assert 'shop_requests_total{status="503"}' in shop.get("/metrics").text
