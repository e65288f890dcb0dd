"""The endpoints from before the v1 API that change something, each path also below `/master`. (Mesos: docs/endpoints)"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from raymesos.errors import ProtocolError
from raymesos.http.asgi import read_body
from raymesos.http.mesos.body import json_of
from raymesos.http.mesos.operator.asking import Writer
from raymesos.http.mesos.operator.endpoint import Refused, Serve, endpoints
from raymesos.http.mesos.operator.older_reads import OlderReads
from raymesos.http.mesos.operator.writes import WRITES, subject_of
from raymesos.http.mesos.schema import fit, fit_list
from raymesos.http.mesos.values import Row
from raymesos.http.security.access import caller_of
from raymesos.http.security.audit import note_call


def routes(reads: OlderReads, writer: Writer) -> list[BaseRoute]:
    older = OlderWrites(writer)
    by_path: dict[str, dict[str, Serve]] = {
        "/weights": {"GET": reads.weights, "PUT": older.weights},
        "/quota": {"GET": reads.quota, "POST": older.quota},
        "/quota/{role:path}": {"DELETE": older.remove_quota},
        "/reserve": {"POST": older.form("RESERVE_RESOURCES", "resources")},
        "/unreserve": {"POST": older.form("UNRESERVE_RESOURCES", "resources")},
        "/create-volumes": {"POST": older.form("CREATE_VOLUMES", "volumes")},
        "/destroy-volumes": {"POST": older.form("DESTROY_VOLUMES", "volumes")},
        "/teardown": {"POST": older.teardown},
        "/maintenance/schedule": {"GET": reads.maintenance_schedule, "POST": older.schedule},
        "/machine/down": {"POST": older.machines("START_MAINTENANCE")},
        "/machine/up": {"POST": older.machines("STOP_MAINTENANCE")},
    }
    return endpoints(by_path)


class OlderWrites:
    """Each reads its request into the row of the v1 call that does the same."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def weights(self, request: Request) -> Response:
        """`[{"role": r, "weight": w}, ...]`"""
        return await self._do(request, "UPDATE_WEIGHTS", {"weight_infos": await _rows(request, "WeightInfo")})

    async def quota(self, request: Request) -> Response:
        return await self._do(request, "SET_QUOTA", {"quota_request": await _row(request, "quota.QuotaRequest")})

    async def remove_quota(self, request: Request) -> Response:
        return await self._do(request, "REMOVE_QUOTA", {"role": request.path_params["role"]})

    async def teardown(self, request: Request) -> Response:
        """`frameworkId=...`"""
        [framework_id] = await _form(request, "frameworkId")
        return await self._do(request, "TEARDOWN", {"framework_id": {"value": framework_id}})

    async def schedule(self, request: Request) -> Response:
        row = {"schedule": await _row(request, "maintenance.Schedule")}
        return await self._do(request, "UPDATE_MAINTENANCE_SCHEDULE", row)

    def form(self, kind: str, name: str) -> Serve:
        """`slaveId=...&resources=[...]`"""

        async def serve(request: Request) -> Response:
            agent_id, rows = await _form(request, "slaveId", name)
            try:
                resources = fit_list("Resource", json_of(rows.encode()))
            except ProtocolError as error:
                raise Refused(f"Error in parsing '{name}' query parameter in the request body: {error}") from None
            return await self._do(request, kind, {"agent_id": {"value": agent_id}, name: resources})

        return serve

    def machines(self, kind: str) -> Serve:
        """`[{"hostname": h, "ip": i}, ...]`"""

        async def serve(request: Request) -> Response:
            return await self._do(request, kind, {"machines": await _rows(request, "MachineID")})

        return serve

    async def _do(self, request: Request, kind: str, row: Row) -> Response:
        note_call(request, kind, subject_of(row))
        return await self._writer.carry_out(WRITES[kind], row, caller_of(request))


# ---------------------------------------------------------------- bodies


async def _body(request: Request) -> bytes:
    return await read_body(request.receive) or b""


async def _row(request: Request, message: str) -> Row:
    try:
        return fit(message, json_of(await _body(request)))
    except ProtocolError as error:
        raise Refused(str(error)) from None


async def _rows(request: Request, message: str) -> list[Row]:
    try:
        return fit_list(message, json_of(await _body(request)))
    except ProtocolError as error:
        raise Refused(str(error)) from None


async def _form(request: Request, *names: str) -> list[str]:
    """The values of a form; each has to be there."""
    found = parse_qs((await _body(request)).decode(errors="replace"), keep_blank_values=True, max_num_fields=100)
    for name in names:
        if not found.get(name, [""])[0]:
            raise Refused(f"Missing '{name}' query parameter in the request body")
    return [found[name][0] for name in names]
