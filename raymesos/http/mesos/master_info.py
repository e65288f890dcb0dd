"""How the master shows itself in the v1 API: MasterInfo."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, ip_address

from raymesos.http.mesos.values import Row, types_json
from raymesos.http.site import Site

MESOS_VERSION = "1.11.0"
"""Whose API this is. Clients compare it to know what they may ask for."""
CAPABILITIES = ("AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2")


def master_info_json(site: Site, master_id: str) -> Row:
    ip = host_ip(site.host)
    hostname = hostname_of(site.host)
    return {
        "id": master_id,
        # Mesos keeps the address in network order, in an integer of the machine's own.
        "ip": int.from_bytes(IPv4Address(ip).packed, "little"),
        "port": site.port,
        "pid": f"master@{ip}:{site.port}",
        "hostname": hostname,
        "version": MESOS_VERSION,
        "address": address_json(hostname, ip, site.port),
        "capabilities": types_json(CAPABILITIES),
    }


def address_json(hostname: str, ip: str, port: int) -> Row:
    return {"hostname": hostname, "ip": ip, "port": port}


@lru_cache(maxsize=4_096)
def host_ip(host: str) -> str:
    """The IPv4 address that `host` is, or stands for on this machine; 0.0.0.0 of what is none."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        found = ip_address(host)
    except ValueError:
        return "0.0.0.0"
    if found.is_loopback:
        return "127.0.0.1"
    return str(found) if isinstance(found, IPv4Address) else "0.0.0.0"


def hostname_of(host: str) -> str:
    return "localhost" if host_ip(host) == "127.0.0.1" else host
