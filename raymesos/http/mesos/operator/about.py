"""What the server says of itself: version, flags, the master."""

from __future__ import annotations

import os
from typing import Any

import psutil

from raymesos import __version__
from raymesos.http.mesos.master_info import CAPABILITIES, MESOS_VERSION, master_info_json
from raymesos.http.mesos.values import Row, seconds_json
from raymesos.http.site import Site
from raymesos.wire.notes import MasterNote

BUILD_USER = "raymesos"


def version_json() -> Row:
    """`version` is that of the API: clients compare it. The tag says what answers."""
    return {
        "version": MESOS_VERSION,
        "git_sha": "",
        "git_tag": f"raymesos-{__version__}",
        "build_date": "",
        "build_time": 0.0,
        "build_user": BUILD_USER,
    }


def flags(site: Site) -> dict[str, str]:
    """By Mesos' names: what of Mesos' flags there is here, in Mesos' form."""
    settings = site.settings
    master, allocator = settings.master, settings.allocator
    found = {
        "agent_ping_timeout": duration(master.agent_ping_ms),
        "agent_reregister_timeout": duration(master.agent_reregister_ms),
        "allocation_interval": duration(allocator.allocation_interval_ms),
        "allocator": "hierarchical",
        "authenticate_agents": "false",
        "authenticate_frameworks": "false",
        "authenticate_http_frameworks": _bool(site.keyring is not None),
        "authenticate_http_readonly": _bool(site.keyring is not None),
        "authenticate_http_readwrite": _bool(site.keyring is not None),
        "cluster": site.name,
        "filter_gpu_resources": "true",
        "framework_sorter": allocator.framework_sorter,
        "hostname": site.host,
        "logging_level": "INFO",
        "max_agent_ping_timeouts": str(master.agent_ping_misses),
        "max_completed_frameworks": "50",
        "max_completed_tasks_per_framework": "1000",
        "max_operator_event_stream_subscribers": "1000",
        "max_unreachable_tasks_per_framework": str(master.unreachable_tasks_per_framework),
        "min_allocatable_resources": "|".join(str(each) for each in allocator.min_allocatable),
        "offer_constraints_re2_max_mem": "4KB",
        "offer_constraints_re2_max_program_size": "100",
        "port": str(site.port),
        "publish_per_framework_metrics": "true",
        "registry": "replicated_log",
        "registry_max_agent_count": str(master.gone_agents),
        "require_agent_domain": "false",
        "role_sorter": allocator.role_sorter,
        "root_submissions": "true",
        "version": "false",
        "work_dir": site.work_dir,
    }
    if master.offer_timeout_ms is not None:
        found["offer_timeout"] = duration(master.offer_timeout_ms)
    return dict(sorted(found.items()))


def duration(ms: int) -> str:
    """As Mesos writes it: in the largest unit of which it is a whole number."""
    for size, unit in (
        (604_800_000, "weeks"),
        (86_400_000, "days"),
        (3_600_000, "hrs"),
        (60_000, "mins"),
        (1000, "secs"),
    ):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def leader(site: Site, master: MasterNote | None) -> Row:
    """What `/state` has of the master."""
    info = master_info_json(site, master_id(master))
    started = started_ms(site, master)
    return {
        **version_json(),
        "start_time": seconds_json(started),
        "elected_time": seconds_json(started),
        "id": info["id"],
        "pid": info["pid"],
        "hostname": info["hostname"],
        "capabilities": list(CAPABILITIES),
        "leader": info["pid"],
        "leader_info": {name: info[name] for name in ("id", "pid", "port", "hostname")},
        "cluster": site.name,
    }


def master_id(master: MasterNote | None) -> str:
    return master.master_id if master is not None else ""


def started_ms(site: Site, master: MasterNote | None) -> int:
    return master.started_ms if master is not None else site.started_ms


def system_stats() -> dict[str, Any]:
    """Of the machine that this server is on."""
    one, five, fifteen = os.getloadavg()
    memory = psutil.virtual_memory()
    return {
        "avg_load_1min": one,
        "avg_load_5min": five,
        "avg_load_15min": fifteen,
        "cpus_total": os.cpu_count() or 0,
        "mem_free_bytes": memory.free,
        "mem_total_bytes": memory.total,
    }


def _bool(value: bool) -> str:
    return "true" if value else "false"
