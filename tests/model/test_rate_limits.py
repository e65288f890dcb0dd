"""Rate limits as operators write them: Mesos' JSON."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.errors import InvalidValue
from raymesos.model.rate_limits import MOST_QUEUED, UNLIMITED, RateLimit, RateLimits, rate_limits_from_json


def test_limits_are_by_principal_and_the_default_is_for_all_others() -> None:
    found = rate_limits_from_json(
        {
            "limits": [
                {"principal": "a", "qps": 50, "capacity": 10},
                {"principal": "b"},
                {"principal": "c", "qps": 0.5},
            ],
            "aggregate_default_qps": 33.3,
            "aggregate_default_capacity": 7,
        }
    )
    assert found == RateLimits(
        (("a", RateLimit(20_000, 10)), ("b", None), ("c", RateLimit(2_000_000, MOST_QUEUED))), RateLimit(30_030, 7)
    )
    assert found.of("a") == ("a", RateLimit(20_000, 10))
    assert found.of("b") == ("b", None)
    assert found.of("x") == found.of("") == ("", RateLimit(30_030, 7))
    assert rate_limits_from_json({}) == UNLIMITED


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "rate_limits"),
        ({"limits": {}}, "rate_limits.limits"),
        ({"limits": [{"qps": 1}]}, "limits[0]"),
        ({"limits": [{"principal": "a", "qps": 0}]}, "limits[0].qps"),
        ({"limits": [{"principal": "a", "qps": True}]}, "limits[0].qps"),
        ({"limits": [{"principal": "a", "qps": "fast"}]}, "limits[0].qps"),
        ({"limits": [{"principal": "a", "capacity": 1}]}, "limits[0].capacity"),
        ({"limits": [{"principal": "a", "qps": 1, "capacity": 0}]}, "limits[0].capacity"),
        ({"limits": [{"principal": "a"}, {"principal": "a"}]}, "limits[1].principal"),
        ({"aggregate_default_qps": -1}, "aggregate_default_qps"),
    ],
)
def test_what_is_no_limit_is_refused_by_its_name(document: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        rate_limits_from_json(document)
    assert field in caught.value.field
