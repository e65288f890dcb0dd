"""Reservations and volumes through the client, against the real master in the simulator; each refusal says how much, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated_door import Client

from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.sim import Simulation


@pytest.fixture
def sim() -> Simulation:
    made = Simulation()
    made.add_agent("A1", "cpus:4;mem:1024;disk:1000;cpus(eng):1")
    made.settle()
    return made


@pytest.fixture
def client(sim: Simulation) -> Client:
    return Client(sim)


def reserved(client: Client) -> dict[str, str]:
    found: dict[str, str] = client.agents["A1"].row["reserved"]
    return found


def test_what_is_reserved_is_offered_to_its_role_only_until_it_is_unreserved(sim: Simulation, client: Client) -> None:
    client.reserve("A1", "cpus(ads):3;mem(ads):1024")
    assert reserved(client)["ads"] == "cpus(ads):3;mem(ads):1024"
    ads, other = sim.add_framework("F1", roles=["ads"]), sim.add_framework("F2", roles=["other"])
    sim.advance(1)
    assert sum(o.resources.scalar("mem") for o in ads.offers) == 1_024_000
    assert all(not o.resources.scalar("mem") for o in other.offers)
    client.unreserve("A1", "cpus(ads):1;mem(ads):1024")
    assert reserved(client)["ads"] == "cpus(ads):2"
    sim.check()


def test_volumes_are_made_resized_and_destroyed(sim: Simulation, client: Client) -> None:
    client.reserve("A1", "disk(ads):500")
    client.volumes.create("A1", "v1", "disk(ads):100", path="data")
    client.volumes.grow("A1", "v1", "0.25GB")
    client.volumes.shrink("A1", "v1", 56)
    row = client.volumes[0]
    assert (row.id, row.agent, row.role, row.size_mb, row.path, row.shared) == ("v1", "A1", "ads", 300.0, "data", False)
    assert client.agents["A1"].total.scalar("disk") == 1_000_000
    client.volumes.destroy("A1", "v1")
    assert list(client.volumes) == [] and reserved(client)["ads"] == "disk(ads):500"
    sim.check()


REFUSED: list[tuple[str, Callable[[Client], None], type[Exception], list[str]]] = [
    ("more than is there", lambda c: c.reserve("A1", "cpus(ads):5"), Conflict, ["cpus:5", "cpus:4"]),
    ("no role", lambda c: c.reserve("A1", "cpus:1"), InvalidValue, ["cpus(ads)"]),
    ("nothing", lambda c: c.reserve("A1", ""), InvalidValue, ["role"]),
    ("no resources", lambda c: c.reserve("A1", "cpus(ads)"), InvalidValue, ["cpus(ads)"]),
    ("unknown agent", lambda c: c.reserve("A9", "cpus(ads):1"), UnknownId, ["A9"]),
    ("more than is reserved", lambda c: c.unreserve("A1", "disk(ads):600"), Conflict, ["disk(ads):600"]),
    ("static", lambda c: c.unreserve("A1", "cpus(eng):1"), Conflict, ["cpus(eng):1"]),
    ("under a volume", lambda c: c.unreserve("A1", "disk(ads):500"), Conflict, ["disk(ads):500", "disk(ads):400"]),
    (
        "a volume of too much",
        lambda c: c.volumes.create("A1", "v2", "disk(ads):401", path="d"),
        Conflict,
        ["disk(ads):401", "disk(ads):400"],
    ),
    ("a taken id", lambda c: c.volumes.create("A1", "v1", "disk(ads):1", path="d"), Conflict, ["'v1'", "ads"]),
    ("an absolute path", lambda c: c.volumes.create("A1", "v2", "disk(ads):1", path="/d"), Conflict, ["'/d'"]),
    ("an unknown volume", lambda c: c.volumes.destroy("A1", "v9"), UnknownId, ["v9"]),
    ("another role's volume", lambda c: c.volumes.destroy("A1", "v1", role="eng"), UnknownId, ["v1"]),
    ("grown by too much", lambda c: c.volumes.grow("A1", "v1", 401), Conflict, ["401", "400"]),
    ("shrunk to nothing", lambda c: c.volumes.shrink("A1", "v1", 100), Conflict, ["100"]),
    ("no size", lambda c: c.volumes.grow("A1", "v1", "much"), InvalidValue, ["by", "much"]),
]


@pytest.mark.parametrize(("call", "error", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_is_refused_with_its_numbers_and_changes_nothing(
    sim: Simulation, client: Client, call: Callable[[Client], None], error: type[Exception], words: list[str]
) -> None:
    client.reserve("A1", "disk(ads):500")
    client.volumes.create("A1", "v1", "disk(ads):100", path="data")
    before = str(client.agents["A1"].total)
    with pytest.raises(error) as caught:
        call(client)
    assert [word for word in words if word not in str(caught.value)] == []
    sim.settle()
    assert str(client.agents["A1"].total) == before
    sim.check()


def test_a_volume_in_use_is_not_destroyed(sim: Simulation, client: Client) -> None:
    client.reserve("A1", "disk(ads):500")
    client.volumes.create("A1", "v1", "disk(ads):100", path="data")
    f = sim.add_framework("F1", roles=["ads"])
    sim.settle()
    f.launch(f.offers[0], f.offers[0].resources)
    sim.settle()
    with pytest.raises(Conflict, match="v1"):
        client.volumes.destroy("A1", "v1")
    assert [v.id for v in client.volumes] == ["v1"]
    sim.check()
