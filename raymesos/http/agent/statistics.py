"""What the containers of an agent use: measured when somebody asks. (Mesos: `/containers`, `/monitor/statistics`)"""

from __future__ import annotations

import time

import psutil

from raymesos.http.agent.containers import Container
from raymesos.http.mesos.values import Row, id_json


def container_row(container: Container) -> Row:
    return monitor_row(container) | {"container_id": container.container_id, "status": _status(container)}


def container_json(container: Container) -> Row:
    return {
        "framework_id": id_json(container.framework_id),
        "executor_id": id_json(container.executor_id),
        "executor_name": container.name,
        "container_id": id_json(container.container_id),
        "container_status": _status(container),
        "resource_statistics": statistics(container),
    }


def monitor_row(container: Container) -> Row:
    return {
        "executor_id": container.executor_id,
        "executor_name": container.name,
        "framework_id": container.framework_id,
        "source": container.source,
        "statistics": statistics(container),
    }


def statistics(container: Container) -> Row:
    """Of the process and its descendants; those that have just ended count as nothing."""
    user = system = 0.0
    rss = 0
    for process in _family(container.pid):
        try:
            with process.oneshot():
                times = process.cpu_times()
                rss += process.memory_info().rss
        except psutil.Error:
            continue
        user, system = user + times.user, system + times.system
    row: Row = {
        "cpus_soft_limit": container.cpus_milli / 1000,
        "cpus_system_time_secs": round(system, 2),
        "cpus_user_time_secs": round(user, 2),
    }
    if container.mem_kb:
        row |= {"mem_limit_bytes": container.mem_kb * 1024, "mem_soft_limit_bytes": container.mem_kb * 1024}
    return row | {"mem_rss_bytes": rss, "timestamp": time.time()}


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid) if pid else None
        return [first, *first.children(recursive=True)] if first is not None else []
    except psutil.Error:
        return []


def _status(container: Container) -> Row:
    row: Row = {"container_id": id_json(container.container_id)}
    if container.pid:
        row["executor_pid"] = container.pid
    return row
