"""What a client's door does when the cluster behind it is gone."""

from __future__ import annotations

import pytest

from raymesos.actors.door import Door
from raymesos.errors import ClusterUnavailable


class Left:
    """A handle from the cluster's life: using it would have Ray start a cluster by itself."""

    def __getattr__(self, name: str) -> None:
        raise AssertionError("a handle of an ended cluster was used")


def test_an_ended_cluster_is_not_called() -> None:
    door = Door("ended")
    door._handles["master"] = Left()
    door.close()
    with pytest.raises(ClusterUnavailable, match="cluster ended has been shut down"):
        door.call("master", "census")
