"""What an operator may ask for in the harness. Each call is answered before it returns; what the master refuses is raised."""

from __future__ import annotations

from collections.abc import Mapping

from raymesos.errors import InvalidValue
from raymesos.model.quota import Quota, parse_quantities
from raymesos.model.roles import validate_role
from raymesos.sim.operator import Operator
from raymesos.wire.messages import SetQuotas

QuotaText = tuple[str | None, str | None]
"""(guarantee, limit): None for none."""


class SharingCalls:
    """Weights and quotas, as a part of `Simulation`."""

    _operator: Operator

    def set_weight(self, role: str, weight: float | str) -> None:
        """Give the role a weight, from the next pass on. Raises InvalidValue."""
        validate_role(role)
        self._operator.set_weights([(role, weight)])

    def set_quota(
        self,
        role: str | Mapping[str, QuotaText],
        guarantee: str | None = None,
        limit: str | None = None,
        *,
        force: bool = False,
    ) -> None:
        """Replace the quota of a role, or of several, {role: (guarantee, limit)}: all of them or none. They count from the next pass on.

        A guarantee is 0 for what it does not name, a limit endless; None is none. Raises QuotaRefused with the numbers, InvalidValue.
        """
        rows = role if isinstance(role, Mapping) else {role: (guarantee, limit)}
        if isinstance(role, Mapping) and (guarantee is not None or limit is not None):
            raise InvalidValue("guarantee", guarantee, "goes into the rows where several roles are named")
        self._operator.call(SetQuotas(tuple(_quota(name, row) for name, row in rows.items()), force))

    def legacy_quota(self, role: str, guarantee: str, *, force: bool = False) -> None:
        """Mesos' old SET_QUOTA: the guarantee is the limit too, and offers are rescinded agent by agent to make room at once."""
        quota = _quota(role, (guarantee, guarantee))
        self._operator.call(SetQuotas((quota,), force, legacy=True))


def _quota(role: str, row: QuotaText) -> Quota:
    validate_role(role)
    if not isinstance(row, tuple | list) or len(row) != 2:
        raise InvalidValue("quota", row, "must be (guarantee, limit)")
    guarantee, limit = row
    return Quota(role, parse_quantities(guarantee, "guarantee"), parse_quantities(limit, "limit"))
