"""What the shop keeps: items with their stock, and orders, in one SQLite file that any number of processes may open."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

# Another process may be writing: so long a writer waits for its turn (s).
BUSY_S = 10.0

SCHEMA = """
create table if not exists items (id integer primary key, name text not null unique, price_cents integer not null, stock integer not null check (stock >= 0));
create table if not exists orders (key text primary key, item_id integer not null references items (id), count integer not null, total_cents integer not null);
"""
FIRST_ITEMS = (("tea", 450, 1_000_000), ("coffee", 720, 1_000_000), ("cup", 1_290, 10))


class NoSuchItem(Exception):
    """There is no item of that id."""


class SoldOut(Exception):
    """Not so many are left; `left` says how many are."""

    def __init__(self, left: int) -> None:
        super().__init__(f"only {left} left")
        self.left = left


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    name: str
    price_cents: int
    stock: int


@dataclass(frozen=True, slots=True)
class Order:
    key: str
    item_id: int
    count: int
    total_cents: int


class Store:
    """One connection for each thread. Every change is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self._path, self._local = path, threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._db() as db:
            db.execute("pragma journal_mode = wal")
            db.executescript(SCHEMA)
            db.executemany("insert or ignore into items (name, price_cents, stock) values (?, ?, ?)", FIRST_ITEMS)

    def items(self, limit: int = 100) -> list[Item]:
        return [Item(*row) for row in self._db().execute("select * from items order by id limit ?", (limit,))]

    def item(self, item_id: int) -> Item:
        """Raises NoSuchItem."""
        row = self._db().execute("select * from items where id = ?", (item_id,)).fetchone()
        if row is None:
            raise NoSuchItem(item_id)
        return Item(*row)

    def add(self, name: str, price_cents: int, stock: int) -> Item:
        """Raises sqlite3.IntegrityError for a name that is taken."""
        with self._db() as db:
            made = db.execute(
                "insert into items (name, price_cents, stock) values (?, ?, ?)", (name, price_cents, stock)
            )
        assert made.lastrowid is not None
        return self.item(made.lastrowid)

    def order(self, key: str, item_id: int, count: int) -> tuple[Order, bool]:
        """(the order of that key, whether it was made now): asked for twice it is made once. Raises NoSuchItem, SoldOut."""
        with self._db() as db:
            db.execute("begin immediate")
            known = db.execute("select * from orders where key = ?", (key,)).fetchone()
            if known is not None:
                return Order(*known), False
            item = self.item(item_id)
            if item.stock < count:
                raise SoldOut(item.stock)
            order = Order(key, item_id, count, count * item.price_cents)
            db.execute("update items set stock = stock - ? where id = ?", (count, item_id))
            db.execute("insert into orders values (?, ?, ?, ?)", (order.key, order.item_id, count, order.total_cents))
        return order, True

    def orders(self) -> int:
        """How many there are."""
        count: int = self._db().execute("select count(*) from orders").fetchone()[0]
        return count

    def is_well(self) -> bool:
        try:
            with closing(self._db().execute("select 1")) as found:
                return bool(found.fetchone())
        except sqlite3.Error:
            return False

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = sqlite3.connect(self._path, timeout=BUSY_S)
        return db
