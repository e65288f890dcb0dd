"""Operations whose outcome is not acknowledged, as the v1 API shows them. (Mesos: mesos.proto, Operation)"""

from __future__ import annotations

from typing import assert_never

from raymesos.http.mesos.amounts import resources_json
from raymesos.http.mesos.infos import operation_status_json
from raymesos.http.mesos.values import Row, id_json
from raymesos.wire.notes import OpenOperation
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, ResourceOperation, Shrink, Unreserve


def operation_json(agent_id: str, operation: OpenOperation) -> Row:
    status = operation_status_json(operation.status)
    info: Row = {"type": "UNKNOWN"} if operation.asked is None else _info(operation.asked)
    return {
        "framework_id": id_json(operation.framework_id),
        "agent_id": id_json(agent_id),
        "info": {"id": id_json(operation.status.operation_id)} | info,
        "latest_status": status,
        "statuses": [status],
    }


def _info(operation: ResourceOperation) -> Row:
    match operation:
        case Reserve(resources):
            return {"type": "RESERVE", "reserve": {"resources": resources_json(resources)}}
        case Unreserve(resources):
            return {"type": "UNRESERVE", "unreserve": {"resources": resources_json(resources)}}
        case Create(volumes):
            return {"type": "CREATE", "create": {"volumes": resources_json(volumes)}}
        case Destroy(volumes):
            return {"type": "DESTROY", "destroy": {"volumes": resources_json(volumes)}}
        case Grow(volume, addition):
            [before], [more] = resources_json(volume), resources_json(addition)
            return {"type": "GROW_VOLUME", "grow_volume": {"volume": before, "addition": more}}
        case Shrink(volume, subtract_milli):
            [before] = resources_json(volume)
            less = {"value": subtract_milli / 1000}
            return {"type": "SHRINK_VOLUME", "shrink_volume": {"volume": before, "subtract": less}}
        case _:
            assert_never(operation)
