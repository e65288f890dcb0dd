"""Whether a call of the scheduler API can be taken at all, in Mesos' words. (Mesos: validation.cpp, scheduler::call and framework)"""

from __future__ import annotations

import base64

from raymesos.http.mesos.values import Row
from raymesos.model.tasks import Capability

# Calls that say all by their type.
_BARE = ("TEARDOWN", "REVIVE", "SUPPRESS", "UNKNOWN")
_UUID_BYTES = 16
# Mesos counts durations in nanoseconds in 64 bits.
_MAX_SECONDS = 2**63 / 1e9


def call_error(call: Row, principal: str = "") -> str | None:
    """What is wrong with a call that fits its message; None if it can be taken. `principal` is who sent it, if that is known."""
    kind = call.get("type")
    if kind is None:
        return "Expecting 'type' to be present"
    name = kind.lower()
    if kind == "SUBSCRIBE":
        return _subscribe_error(call, principal)
    if "framework_id" not in call:
        return "Expecting 'framework_id' to be present"
    if kind not in _BARE and name not in call:
        return f"Expecting '{name}' to be present"
    match kind:
        case "ACKNOWLEDGE":
            return _uuid_error(call[name]["uuid"])
        case "ACKNOWLEDGE_OPERATION_STATUS":
            missing = None if "agent_id" in call[name] else "Expecting 'agent_id' to be present"
            return _uuid_error(call[name]["uuid"]) or missing
        case "UPDATE_FRAMEWORK":
            return _id_error(call, name)
    return None


def subscription_error(info: Row) -> str | None:
    """What is wrong with a FrameworkInfo and cannot be seen any more once it is read; the rest is for the master to say."""
    multi_role = any(each.get("type") == Capability.MULTI_ROLE for each in info.get("capabilities", ()))
    if multi_role and "role" in info:
        return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    if not multi_role and info.get("roles"):
        return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
    timeout = info.get("failover_timeout", 0)
    if not -_MAX_SECONDS < timeout < _MAX_SECONDS:
        return f"The framework failover_timeout ({timeout:g}) is invalid"
    return None


def _subscribe_error(call: Row, principal: str) -> str | None:
    if "subscribe" not in call:
        return "Expecting 'subscribe' to be present"
    error = _id_error(call, "subscribe")
    if error is not None:
        return error
    said = call["subscribe"]["framework_info"].get("principal", "")
    if principal and said and said != principal:
        return principal_mismatch(principal, said)
    return None


def principal_mismatch(principal: str, said: str) -> str:
    return f"Authenticated principal '{principal}' does not match principal '{said}' set in `FrameworkInfo`"


def _id_error(call: Row, name: str) -> str | None:
    said = call.get("framework_id", {}).get("value", "")
    if call[name]["framework_info"].get("id", {}).get("value", "") != said:
        return f"'framework_id' differs from '{name}.framework_info.id'"
    return None


def _uuid_error(text: str) -> str | None:
    return None if len(base64.b64decode(text)) == _UUID_BYTES else "Not a valid UUID"
