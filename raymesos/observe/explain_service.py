"""Why a service is as it is: what waits, how far an update is, what its policies think."""

from __future__ import annotations

from typing import Any

from raymesos.observe.explain_job import Said, answered, why_it_waits
from raymesos.observe.state import View
from raymesos.wire.notes import ServiceNote


def explain_service(view: View, service: ServiceNote, now_ms: int) -> dict[str, Any]:
    """{subject, kind, role, verdict, reasons, data}, and the service's id, name and state. The verdict is one of done, running, waiting, blocked."""
    verdict, said = _said(view, service, now_ms)
    return answered("service", service, verdict, said)


def _said(view: View, service: ServiceNote, now_ms: int) -> tuple[str, Said]:
    if service.state == "Finished":
        return "done", [(f"ended: {service.why}", {"kind": "ended"})]
    verdict, said = "running", _of_itself(service)
    if not service.waiting:
        text = f"nothing waits: {service.running} running, {service.ready} ready, {service.desired} desired"
        numbers = {"running": service.running, "ready": service.ready, "desired": service.desired}
        return verdict, [(text, {"kind": "nothing_waits"} | numbers), *said]
    if service.why.startswith("next attempt"):
        return ("running" if service.running else "waiting"), [(service.why, {"kind": "backoff"}), *said]
    verdict, waits = why_it_waits(view, service, now_ms)
    return verdict, [*waits, *said]


def _of_itself(service: ServiceNote) -> Said:
    said: Said = []
    if not service.enabled:
        said.append(("it is disabled: no traffic, no scaling", {"kind": "disabled"}))
    if service.update:
        said.append((service.update, {"kind": "update"}))
    if service.scaling:
        said.append((service.scaling, {"kind": "scaling"}))
    return said
