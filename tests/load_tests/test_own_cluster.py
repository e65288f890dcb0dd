"""What a load test finds of its cluster after its end."""

from __future__ import annotations

import os
import subprocess
from uuid import uuid4

from load_tests.over_http.own_cluster import MARK, left_behind


def test_a_process_that_lives_on_is_named_until_it_is_gone_and_those_of_others_are_not() -> None:
    mine, other = uuid4().hex, uuid4().hex
    command = ["/bin/sleep", "60"]
    left = subprocess.Popen(command, env=os.environ | {MARK: mine}, start_new_session=True)
    others = subprocess.Popen(command, env=os.environ | {MARK: other})
    try:
        assert left_behind(mine, 0) == [f"{left.pid} /bin/sleep 60"]
    finally:
        for process in (left, others):
            process.kill()
            process.wait()
    assert left_behind(mine, 0) == []
