"""Roles, weights and quotas, in both forms."""

from __future__ import annotations

from fractions import Fraction

from raymesos.http.mesos.amounts import quantities_json, resources_json
from raymesos.http.mesos.operator.older_rows import reserved
from raymesos.http.mesos.operator.picture import Picture
from raymesos.http.mesos.operator.tally import Tally, of_roles
from raymesos.http.mesos.values import Row, id_json
from raymesos.model.quantities import Shared
from raymesos.model.quota import Quantities, Quota
from raymesos.model.resources import EMPTY, Items, Resources
from raymesos.model.roles import ancestors


def weights(tally: Tally) -> list[Row]:
    """Of the roles that were given one."""
    return [{"role": role, "weight": weight} for role, weight in sorted(_weights(tally).items())]


def quotas(tally: Tally) -> list[Quota]:
    found = tally.master.quotas if tally.master is not None else ()
    return sorted(found, key=lambda quota: quota.role)


def quota_status(tally: Tally) -> Row:
    """Mesos' QuotaStatus: each role once in the older form, once in the newer. What is empty is left out."""
    found = quotas(tally)
    infos: list[Row] = []
    configs: list[Row] = []
    for quota in found:
        info: Row = {"role": quota.role}
        config: Row = {"role": quota.role}
        if any(milli for _, milli in quota.guarantee):
            info["guarantee"] = resources_json(Resources.of_milli(dict(quota.guarantee)))
            config["guarantees"] = quantities_json(quota.guarantee)
        if quota.limit:
            config["limits"] = quantities_json(quota.limit)
        infos.append(info)
        configs.append(config)
    return {"infos": infos, "configs": configs} if found else {}


def names(tally: Tally) -> list[str]:
    """The roles that frameworks are in, that were given weights or quotas, or that something is reserved for."""
    found: dict[str, None] = {}
    for framework in tally.frameworks.values():
        found |= dict.fromkeys(framework.roles)
    found |= dict.fromkeys(row["role"] for row in weights(tally))
    found |= dict.fromkeys(quota.role for quota in quotas(tally))
    for agent in tally.agents.values():
        if not agent.total.is_plain:
            found |= dict.fromkeys(agent.total.reserved_roles())
    return sorted(found)


def older_roles(picture: Picture) -> list[Row]:
    """With what each uses, is offered and has reserved, sub-roles not included, and what counts against its quota, sub-roles included."""
    tally = picture.tally
    used, offered, kept = of_roles(tally.used), of_roles(tally.offered), _reserved(tally)
    limits = {quota.role: quota for quota in quotas(tally)}
    weighed, members, consumed = _weights(tally), _members(tally), _consumed(used, kept)
    rows = []
    for role in names(tally):
        mine, theirs = used.get(role, EMPTY), offered.get(role, EMPTY)
        rows.append(
            {
                "name": role,
                "weight": weighed.get(role, 1.0),
                "quota": _quota_row(limits.get(role, Quota(role)), consumed.get(role, {})),
                "resources": amounts(mine + theirs),
                "allocated": amounts(mine),
                "offered": amounts(theirs),
                "reserved": amounts(kept.get(role, EMPTY)),
                "frameworks": members.get(role, []),
            }
        )
    return rows


def v1_roles(picture: Picture) -> list[Row]:
    tally = picture.tally
    used, offered = of_roles(tally.used), of_roles(tally.offered)
    weighed, members = _weights(tally), _members(tally)
    rows = []
    for role in names(tally):
        row: Row = {"name": role, "weight": weighed.get(role, 1.0)}
        if role in members:
            row["frameworks"] = [id_json(id) for id in members[role]]
        held = used.get(role, EMPTY) + offered.get(role, EMPTY)
        if held:
            row["resources"] = resources_json(held)
        rows.append(row)
    return rows


def amounts(resources: Resources) -> dict[str, float]:
    """Quantities by name: of ranges and sets, how many there are."""
    found: dict[str, float] = {}
    for key, quantity in resources:
        if isinstance(quantity, Shared):
            quantity = quantity.value
        if isinstance(quantity, int):
            amount = quantity / 1000
        elif isinstance(quantity, Items):
            amount = float(len(quantity))
        else:
            amount = float(sum(end - begin + 1 for begin, end in quantity))  # type: ignore[misc]
        found[key.name] = found.get(key.name, 0.0) + amount
    return found


def _quota_row(quota: Quota, consumed: dict[str, float]) -> Row:
    return {
        "role": quota.role,
        "guarantee": _plain(quota.guarantee),
        "limit": _plain(quota.limit),
        "consumed": consumed,
    }


def _consumed(used: dict[str, Resources], kept: dict[str, Resources]) -> dict[str, dict[str, float]]:
    """By role with its sub-roles: what is used unreserved, and what is reserved, used or not."""
    sums: dict[str, dict[str, float]] = {}
    parts = [(role, r.unreserved()) for role, r in used.items()]
    for role, resources in [*parts, *kept.items()]:
        for each in (role, *ancestors(role)):
            _sum_up(sums.setdefault(each, {}), amounts(resources))
    return sums


def _reserved(tally: Tally) -> dict[str, Resources]:
    found: dict[str, Resources] = {}
    for agent in tally.agents.values():
        if agent.total.is_plain:
            continue
        for role, resources in reserved(agent.total).items():
            found[role] = found.get(role, EMPTY) + resources
    return found


def _members(tally: Tally) -> dict[str, list[str]]:
    """Ids of the frameworks in each role."""
    found: dict[str, list[str]] = {}
    for framework in tally.frameworks.values():
        for role in framework.roles:
            found.setdefault(role, []).append(framework.framework_id)
    return found


def _weights(tally: Tally) -> dict[str, float]:
    return {role: float(Fraction(text)) for role, text in tally.master.weights} if tally.master is not None else {}


def _sum_up(sums: dict[str, float], more: dict[str, float]) -> None:
    for name, amount in more.items():
        sums[name] = round(sums.get(name, 0.0) + amount, 3)


def _plain(quantities: Quantities) -> dict[str, float]:
    return {name: milli / 1000 for name, milli in quantities}
