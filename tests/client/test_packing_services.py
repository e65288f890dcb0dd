"""What of a service travels, and what an update sends again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from raymesos.errors import InvalidJob
from raymesos.machine import MASTER, SERVICE
from raymesos.model.services import Capacity, ServiceJob
from raymesos.packing_services import submit_service, update_service
from raymesos.wire.services import ScaleService, ServiceAnswer, ServiceSpec, Size, SubmitService, UpdateService


def serve() -> None:
    return


class Cluster:
    """Stands for the door: keeps the service as the framework would."""

    def __init__(self) -> None:
        self.spec: ServiceSpec | None = None
        self.asked: list[Any] = []

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 0.0) -> Any:
        assert (actor, method) in ((MASTER, "open_services"), (SERVICE, "spec"))
        return self.spec

    def ask(self, actor: str, message: Any, timeout_s: float = 0.0) -> ServiceAnswer:
        self.asked.append(message)
        if isinstance(message, SubmitService | UpdateService):
            self.spec = message.spec
        return ServiceAnswer("id", number=len(self.asked))


def submitted(**fields: Any) -> Cluster:
    cluster = Cluster()
    submit_service(cluster, ServiceJob("web", **fields), job_id="id")  # type: ignore[arg-type]
    return cluster


def test_an_update_of_something_else_keeps_the_function_that_the_framework_has() -> None:
    cluster = submitted(fn=serve, env={"A": "1"})
    before = cluster.spec
    assert before is not None and before.template.fn.inline
    update_service(cluster, "id", {"env": {"A": "2"}})  # type: ignore[arg-type]
    assert cluster.spec is not None
    assert cluster.spec.template == replace(before.template, env=(("A", "2"),))
    update_service(cluster, "id", {"mem": 64})  # type: ignore[arg-type]
    assert cluster.spec.template.fn == before.template.fn


def test_an_update_may_run_something_else_instead() -> None:
    cluster = submitted(fn=serve)
    update_service(cluster, "id", {"command": "sleep 1"})  # type: ignore[arg-type]
    assert cluster.spec is not None
    assert (cluster.spec.template.argv, cluster.spec.template.fn.inline) == (("/bin/sh", "-c", "sleep 1"), b"")
    update_service(cluster, "id", {"env": {"A": "2"}})  # type: ignore[arg-type]
    assert cluster.spec.template.argv == ("/bin/sh", "-c", "sleep 1")


def test_another_capacity_is_a_change_of_size_and_of_no_template() -> None:
    cluster = submitted(command="sleep 1", capacity=Capacity(1, 2, 3))
    before = cluster.spec
    update_service(cluster, "id", {"capacity": 5})  # type: ignore[arg-type]
    assert cluster.spec is not None and before is not None
    assert cluster.spec.template == before.template
    assert (before.size, cluster.asked[-1]) == (Size(1, 2, 3), ScaleService("id", 5, 5, 5))


@pytest.mark.parametrize(
    ("changes", "field"), [({"name": "x"}, "name"), ({"role": "ads"}, "role"), ({"cpu": 1}, "cpu")]
)
def test_what_cannot_be_changed_is_refused_before_anything_is_sent(changes: dict[str, Any], field: str) -> None:
    cluster = submitted(command="sleep 1")
    with pytest.raises(InvalidJob) as refused:
        update_service(cluster, "id", changes)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert len(cluster.asked) == 1


def test_the_same_service_has_the_same_digest_and_another_function_another() -> None:
    one, same, other = submitted(fn=serve).spec, submitted(fn=serve).spec, submitted(fn=print).spec
    assert one is not None and same is not None and other is not None
    assert one.digest == same.digest != other.digest
